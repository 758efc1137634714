import {
  empty,
  fixedBytes,
  flagsOf,
  list,
  message,
  messageOf,
  rest,
  struct,
  text,
  u16,
  u32,
  u64,
  u8,
} from '../schema.js'
import { migrateDestination, seamlessDestination } from './migrate.js'

/** Agent bytes in one message, either direction (`protocol-session.md` 3.7). */
export const AGENT_DATA_MAX = 2048
/** Entries of a channel list; one for each type and id would be 65 536. */
export const CHANNELS_MAX = 1024
/** Name of the VM, bytes of UTF-8. */
export const NAME_MAX = 1024

const MOUSE_MODE_BITS = { server: 1, client: 2 } as const

/** Messages of the main channel from the server (`protocol-session.md` 3.1). */
export const mainServer = {
  migrateBegin: messageOf(101, migrateDestination),
  migrateCancel: message(102, empty),
  init: message(103, {
    sessionId: u32,
    displayChannelsHint: u32,
    supportedMouseModes: flagsOf(u32, MOUSE_MODE_BITS),
    currentMouseMode: flagsOf(u32, MOUSE_MODE_BITS),
    agentConnected: u32,
    agentTokens: u32,
    /** Milliseconds, modulo 2^32. */
    multiMediaTime: u32,
    /** Bytes. */
    ramHint: u32,
  }),
  channelsList: message(104, { channels: list(u32, struct({ type: u8, id: u8 }), { max: CHANNELS_MAX }) }),
  mouseMode: message(105, {
    supported: flagsOf(u16, MOUSE_MODE_BITS),
    current: flagsOf(u16, MOUSE_MODE_BITS),
  }),
  /** Milliseconds, modulo 2^32. */
  multiMediaTime: message(106, { time: u32 }),
  agentConnected: message(107, empty),
  agentDisconnected: message(108, { errorCode: u32 }),
  agentData: message(109, { data: rest({ max: AGENT_DATA_MAX }) }),
  agentToken: message(110, { tokens: u32 }),
  migrateSwitchHost: messageOf(111, migrateDestination),
  migrateEnd: message(112, empty),
  name: message(113, { name: text(u32, 'counted', { max: NAME_MAX }) }),
  uuid: message(114, { uuid: fixedBytes(16) }),
  agentConnectedTokens: message(115, { tokens: u32 }),
  migrateBeginSeamless: messageOf(116, seamlessDestination),
  migrateDstSeamlessAck: message(117, empty),
  migrateDstSeamlessNack: message(118, empty),
} as const

/** Messages of the main channel from the client (`protocol-session.md` 3.2). */
export const mainClient = {
  clientInfo: message(101, { cacheSize: u64 }),
  migrateConnected: message(102, empty),
  migrateConnectError: message(103, empty),
  attachChannels: message(104, empty),
  mouseModeRequest: message(105, { mode: flagsOf(u16, MOUSE_MODE_BITS) }),
  agentStart: message(106, { tokens: u32 }),
  agentData: message(107, { data: rest({ max: AGENT_DATA_MAX }) }),
  agentToken: message(108, { tokens: u32 }),
  migrateEnd: message(109, empty),
  migrateDstDoSeamless: message(110, { version: u32 }),
  migrateConnectedSeamless: message(111, empty),
  qualityIndicator: message(112, { data: rest({ max: AGENT_DATA_MAX }) }),
} as const
