import type { FrontDoorRules } from '../../src/server/front-door.js'

/** Every test is a proxy, so that it may come from anywhere. */
export const ANYWHERE: FrontDoorRules = {
  allowFrom: [],
  trustedProxies: [{ address: '127.0.0.0', prefix: 8, family: 'ipv4' }],
}

/** A PROXY protocol version 2 header for TCP over IPv4. */
export const proxyHeader = (address: string, extra = 0): Buffer => {
  const addresses = Buffer.alloc(12 + extra)
  addresses.set(address.split('.').map(Number))
  const size = Buffer.alloc(2)
  size.writeUInt16BE(addresses.length)
  return Buffer.concat([Buffer.from('0d0a0d0a000d0a515549540a2111', 'hex'), size, addresses])
}
