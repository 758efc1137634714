import { empty, enumOf, flagsOf, list, message, rest, struct, text, u32, u64, u8 } from '../schema.js'

export const MIGRATE_FLAG = { needFlush: 1, needDataTransfer: 2 } as const
export const NOTIFY_SEVERITY = { info: 0, warn: 1, error: 2 } as const
export const NOTIFY_VISIBILITY = { low: 0, medium: 1, high: 2 } as const

/** Migration data of one channel that travels through the client, bytes. */
export const MIGRATE_DATA_MAX = 1024 * 1024
/** Padding of a ping; the network test of the reference sends 256 000 bytes (`protocol-session.md` 2.4). */
export const PING_PAYLOAD_MAX = 1024 * 1024
/** Text of a notification, bytes of UTF-8. */
export const NOTIFY_TEXT_MAX = 4096
/** Sub-message list, bytes. */
export const LIST_MAX = 64 * 1024

/** A message serial of another channel that must have been handled first. */
export const channelWait = struct({ channelType: u8, channelId: u8, serial: u64 })

/** Messages 1 to 99 from the server, the same on every channel (`protocol-session.md` 2.2). */
export const commonServer = {
  migrate: message(1, { flags: flagsOf(u32, MIGRATE_FLAG) }),
  migrateData: message(2, { data: rest({ max: MIGRATE_DATA_MAX }) }),
  setAck: message(3, { generation: u32, window: u32 }),
  ping: message(4, { id: u32, timestamp: u64, payload: rest({ max: PING_PAYLOAD_MAX }) }),
  waitForChannels: message(5, { waits: list(u8, channelWait, { max: 255 }) }),
  disconnecting: message(6, { timestamp: u64, reason: u32 }),
  /** `timestamp` in nanoseconds. */
  notify: message(7, {
    timestamp: u64,
    severity: enumOf(u32, NOTIFY_SEVERITY),
    visibility: enumOf(u32, NOTIFY_VISIBILITY),
    what: u32,
    message: text(u32, 'behind', { max: NOTIFY_TEXT_MAX }),
  }),
  /** Sub-messages; `data` is the list and what it points to. */
  list: message(8, { data: rest({ max: LIST_MAX }) }),
} as const

/** Messages 1 to 99 from the client, the same on every channel. */
export const commonClient = {
  ackSync: message(1, { generation: u32 }),
  ack: message(2, empty),
  pong: message(3, { id: u32, timestamp: u64 }),
  migrateFlushMark: message(4, empty),
  migrateData: message(5, { data: rest({ max: MIGRATE_DATA_MAX }) }),
  disconnecting: message(6, { timestamp: u64, reason: u32 }),
} as const
