/** Bytes before the addresses of a PROXY protocol header, version 2. */
export const PROXY_START_SIZE = 16

/** Longest rest of a header: addresses of unix sockets, and some extension fields. */
export const MAX_PROXY_REST = 1024

const SIGNATURE = Uint8Array.of(0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a)

const VERSION_2 = 2
const COMMAND = { local: 0, proxy: 1 } as const
const FAMILY = { inet: 1, inet6: 2 } as const
const STREAM = 1

/** The first bytes of a header: what it is about and how long it is. */
export type ProxyStart =
  | { readonly kind: 'header'; readonly local: boolean; readonly family: number; readonly restSize: number }
  | { readonly kind: 'bad'; readonly problem: string }

/** Reads the first {@link PROXY_START_SIZE} bytes of a header. */
export const readProxyStart = (bytes: Uint8Array): ProxyStart => {
  if (bytes.length < PROXY_START_SIZE || SIGNATURE.some((byte, at) => bytes[at] !== byte)) {
    return { kind: 'bad', problem: 'there is no PROXY protocol version 2 header' }
  }
  const [versionAndCommand = 0, familyAndProtocol = 0, high = 0, low = 0] = bytes.subarray(12, 16)
  const command = versionAndCommand & 0xf
  const restSize = high * 256 + low
  if (versionAndCommand >> 4 !== VERSION_2 || (command !== COMMAND.local && command !== COMMAND.proxy)) {
    return { kind: 'bad', problem: 'the PROXY header has an unknown version or command' }
  }
  if (restSize > MAX_PROXY_REST) {
    return { kind: 'bad', problem: 'the PROXY header is too long' }
  }
  const local = command === COMMAND.local
  const family = (familyAndProtocol & 0xf) === STREAM ? familyAndProtocol >> 4 : 0
  if (!local && family !== FAMILY.inet && family !== FAMILY.inet6) {
    return { kind: 'bad', problem: 'the PROXY header names no TCP address' }
  }
  if (!local && restSize < (family === FAMILY.inet ? 12 : 36)) {
    return { kind: 'bad', problem: 'the PROXY header is too short for its addresses' }
  }
  return { kind: 'header', local, family, restSize }
}

/** The source address in the rest of a header whose start was good and not `local`. */
export const proxySource = (family: number, rest: Uint8Array): string => {
  if (family === FAMILY.inet) {
    return rest.subarray(0, 4).join('.')
  }
  const groups: string[] = []
  for (let at = 0; at < 16; at += 2) {
    groups.push((((rest[at] ?? 0) << 8) | (rest[at + 1] ?? 0)).toString(16))
  }
  const mapped = groups.slice(0, 6).join(':') === '0:0:0:0:0:ffff'
  return mapped ? rest.subarray(12, 16).join('.') : groups.join(':')
}
