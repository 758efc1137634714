import { SidecarError, type ErrorContext } from '../../core/errors.js'

/** Why something from QEMU was refused: a closed set, label of a metric. */
export const REFUSALS = [
  'scanout-size',
  'pixel-format',
  'short-data',
  'update-outside',
  'map-descriptor',
  'map-short',
  'cursor',
  'dmabuf',
  'call',
  'listener',
  'console',
] as const

export type Refusal = (typeof REFUSALS)[number]

/** Refuses one message of QEMU; the last good frame and pointer stay. */
export const refuse = (reason: Refusal, text: string, context: ErrorContext = {}): never => {
  throw new SidecarError('SIDECAR_GUEST', text, { ...context, reason })
}

/** The reason of an error from {@link refuse}; what D-Bus itself refused is a bad call. */
export const refusalOf = (error: SidecarError): Refusal => {
  const reason = error.context['reason']
  return REFUSALS.find((known) => known === reason) ?? 'call'
}
