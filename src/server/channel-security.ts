import { channelName, LINK_ERROR, type LinkErrorCode } from '../protocol/index.js'
import type { Transport } from './transport.js'

/** Names of channels, or `default` for all that are in no list (`protocol-session.md` 1.8). */
export interface SecurityLists {
  /** Only with TLS. */
  readonly tls: readonly string[]
  /** Only without. */
  readonly plain: readonly string[]
}

export const NO_SECURITY_LISTS: SecurityLists = { tls: [], plain: [] }

/** What a channel type may come over. */
export const securityOf = (
  name: string | undefined,
  { tls, plain }: SecurityLists,
): 'tls' | 'plain' | 'both' => {
  for (const key of [name ?? 'default', 'default']) {
    if (tls.includes(key)) {
      return 'tls'
    }
    if (plain.includes(key)) {
      return 'plain'
    }
  }
  return 'both'
}

/** Judges one connection; a unix socket is as good as either, since clients have no TLS there. */
export const judgeSecurity = (
  type: number,
  { secure, local }: Pick<Transport, 'secure' | 'local'>,
  lists: SecurityLists,
): LinkErrorCode => {
  const wanted = securityOf(channelName(type), lists)
  if (local || wanted === 'both' || (wanted === 'tls') === secure) {
    return LINK_ERROR.ok
  }
  return wanted === 'tls' ? LINK_ERROR.needSecured : LINK_ERROR.needUnsecured
}
