import { isIP } from 'node:net'
import { MAX_UNIX_PATH_BYTES, parseListenAddress, type UnixAddress } from './address.js'
import { quoted, type Kind } from './kinds.js'

/** A range of IP addresses; a single address is one with all bits fixed. */
export interface Cidr {
  readonly address: string
  /** Leading bits that count: 0 to 32, or to 128. */
  readonly prefix: number
  readonly family: 'ipv4' | 'ipv6'
}

const MAX_RANGES = 256
const WHAT = 'a list of addresses or ranges such as 10.0.0.0/8, 192.0.2.7 or fd00::/8'

/** Reads `ADDRESS` or `ADDRESS/BITS`; `undefined` when it is neither. */
export const parseCidr = (text: string): Cidr | undefined => {
  const [address = '', bits, ...more] = text.split('/')
  const version = isIP(address)
  if (version === 0 || more.length > 0 || address.includes('%')) {
    return undefined
  }
  const most = version === 4 ? 32 : 128
  const prefix = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : most + 1
  return prefix > most ? undefined : { address, prefix, family: version === 4 ? 'ipv4' : 'ipv6' }
}

export const cidrs: Kind<readonly Cidr[]> = {
  placeholder: 'ADDR/BITS',
  many: true,
  onOff: false,
  allowed: WHAT,
  read: (texts) => {
    const ranges: Cidr[] = []
    for (const text of texts) {
      const range = parseCidr(text)
      if (range === undefined) {
        return { problem: `has ${quoted(text)}, but must be ${WHAT}` }
      }
      ranges.push(range)
    }
    return ranges.length <= MAX_RANGES
      ? { value: ranges }
      : { problem: `has ${ranges.length} ranges, but at most ${MAX_RANGES} are allowed` }
  },
}

const UNIX = `unix:PATH with a path of at most ${MAX_UNIX_PATH_BYTES} bytes`

export const unixSocket: Kind<UnixAddress | undefined> = {
  placeholder: 'unix:PATH',
  many: false,
  onOff: false,
  allowed: UNIX,
  read: (texts) => {
    const [text = ''] = texts
    const address = parseListenAddress(text)
    return texts.length === 1 && address?.kind === 'unix'
      ? { value: address }
      : { problem: `is ${quoted(texts.join())}, but must be ${UNIX}` }
  },
}
