export * from './channel.js'
export type { PingRecord } from './pings.js'
