import {
  COMMON_CAP,
  DISPLAY_CAP,
  INPUTS_CAP,
  MAIN_CAP,
  PLAYBACK_CAP,
  RECORD_CAP,
  VMC_CAP,
} from './capabilities.js'
import type { ChannelName } from './channel-type.js'

/** Channels that clients are offered. */
export const SERVED_CHANNELS = ['main', 'display', 'inputs', 'cursor'] as const satisfies ChannelName[]

type Served = (typeof SERVED_CHANNELS)[number] | 'common'

/**
 * What becomes of a message of a client: it has an effect, it is let pass, or it ends its channel. The unit tests hold
 * the channels to this table and the documentation shows it.
 */
export type ClientUse = 'accepted' | 'ignored' | 'refused'

export const CLIENT_USE: Readonly<Record<Served, Readonly<Record<string, ClientUse>>>> = {
  common: {
    ackSync: 'accepted',
    ack: 'accepted',
    pong: 'accepted',
    migrateFlushMark: 'refused',
    migrateData: 'refused',
    disconnecting: 'ignored',
  },
  main: {
    clientInfo: 'ignored',
    migrateConnected: 'refused',
    migrateConnectError: 'refused',
    attachChannels: 'accepted',
    mouseModeRequest: 'accepted',
    agentStart: 'accepted',
    agentData: 'accepted',
    agentToken: 'accepted',
    migrateEnd: 'refused',
    migrateDstDoSeamless: 'refused',
    migrateConnectedSeamless: 'refused',
    qualityIndicator: 'ignored',
  },
  display: {
    init: 'accepted',
    streamReport: 'accepted',
    preferredCompression: 'accepted',
    glDrawDone: 'refused',
    preferredVideoCodecType: 'accepted',
  },
  inputs: {
    keyDown: 'accepted',
    keyUp: 'accepted',
    keyModifiers: 'accepted',
    keyScancode: 'accepted',
    mouseMotion: 'accepted',
    mousePosition: 'accepted',
    mousePress: 'accepted',
    mouseRelease: 'accepted',
  },
  cursor: {},
}

/** Messages that the server sends; a test compares this with what the channels mention. */
export const SERVER_SENDS: Readonly<Record<Served, readonly string[]>> = {
  common: ['setAck', 'ping', 'waitForChannels', 'disconnecting', 'notify'],
  main: [
    'init',
    'channelsList',
    'mouseMode',
    'agentConnected',
    'agentDisconnected',
    'agentData',
    'agentToken',
    'name',
    'uuid',
    'agentConnectedTokens',
  ],
  display: [
    'mark',
    'copyBits',
    'invalList',
    'invalAllPixmaps',
    'invalPalette',
    'invalAllPalettes',
    'drawCopy',
    'drawFill',
    'surfaceCreate',
    'surfaceDestroy',
    'monitorsConfig',
    'streamCreate',
    'streamActivateReport',
    'streamData',
    'streamDataSized',
    'streamClip',
    'streamDestroy',
  ],
  inputs: ['init', 'keyModifiers', 'mouseMotionAck'],
  cursor: ['init', 'set', 'move', 'hide', 'invalOne'],
}

/** Capability bits by the channel that they belong to. */
export const CAP_GROUPS = {
  common: COMMON_CAP,
  main: MAIN_CAP,
  display: DISPLAY_CAP,
  inputs: INPUTS_CAP,
  playback: PLAYBACK_CAP,
  record: RECORD_CAP,
  usbredir: VMC_CAP,
  port: VMC_CAP,
  webdav: VMC_CAP,
} as const satisfies Partial<Record<ChannelName | 'common', Readonly<Record<string, number>>>>

/** What there is to a capability: we announce it, we go by the client's, or both. */
export interface CapUse {
  readonly announced: boolean
  /** What is sent depends on whether the client has it. */
  readonly asked: boolean
}

const both: CapUse = { announced: true, asked: true }
const told: CapUse = { announced: true, asked: false }

const looked: CapUse = { announced: false, asked: true }

/** Of video streams; without `multiCodec` a client has MJPEG alone. */
const VIDEO_CAPS = {
  ...{ sizedStream: looked, streamReport: both, prefVideoCodecType: told, multiCodec: looked },
  ...{ codecMjpeg: looked, codecVp8: looked, codecVp9: looked, codecH264: looked },
}

/** All others are neither announced nor looked at. */
export const CAP_USE: Readonly<Record<Served, Readonly<Record<string, CapUse>>>> = {
  common: { authSelection: both, authSpice: told, authSasl: told, miniHeader: both },
  main: { nameAndUuid: both, agentConnectedTokens: both },
  display: {
    ...{ monitorsConfig: both, prefCompression: told, lz4Compression: looked, composite: looked },
    ...VIDEO_CAPS,
  },
  inputs: { keyScancode: told },
  cursor: {},
}
