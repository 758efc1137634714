import { ByteReader, ByteWriter } from '../core/bytes.js'
import { SidecarError } from '../core/errors.js'
import { enumOf, message, restList, struct, u32, u64, type ValueOf } from './schema.js'

/** Version of the agent protocol, in every header. */
export const AGENT_PROTOCOL = 1
export const AGENT_HEADER_SIZE = 20
/** Heads in a monitors config that the reference takes (`protocol-session.md` 3.7). */
export const AGENT_MONITORS_MAX = 256

/** Message types (`protocol-session.md` 3.8). */
export const AGENT_TYPE = {
  mouseState: 1,
  monitorsConfig: 2,
  reply: 3,
  clipboard: 4,
  displayConfig: 5,
  announceCapabilities: 6,
  clipboardGrab: 7,
  clipboardRequest: 8,
  clipboardRelease: 9,
  fileXferStart: 10,
  fileXferStatus: 11,
  fileXferData: 12,
  clientDisconnected: 13,
  maxClipboard: 14,
  audioVolumeSync: 15,
  graphicsDeviceInfo: 16,
} as const

/** Bit numbers of the capabilities. */
export const AGENT_CAP = {
  mouseState: 0,
  monitorsConfig: 1,
  reply: 2,
  clipboard: 3,
  displayConfig: 4,
  clipboardByDemand: 5,
  clipboardSelection: 6,
  sparseMonitorsConfig: 7,
  guestLineendLf: 8,
  guestLineendCrlf: 9,
  maxClipboard: 10,
  audioVolumeSync: 11,
  monitorsConfigPosition: 12,
  fileXferDisabled: 13,
  fileXferDetailedErrors: 14,
  graphicsDeviceInfo: 15,
  clipboardNoReleaseOnRegrab: 16,
  clipboardGrabSerial: 17,
} as const

export const AGENT_REPLY = { ok: 1, error: 2 } as const

/** Whose bytes a chunk on the guest's port carries. */
export const AGENT_PORT = { client: 1, server: 2 } as const

/** In front of the bytes of a chunk on the guest's port (`protocol-session.md` 3.7). */
export const agentChunkHeader = struct({ port: enumOf(u32, AGENT_PORT), size: u32 })

/** In front of every agent message; `size` bytes of data follow. */
export const agentHeader = struct({ protocol: u32, type: enumOf(u32, AGENT_TYPE), opaque: u64, size: u32 })

export type AgentHeader = ValueOf<typeof agentHeader>

/** Data of the agent messages that a server looks into; `id` is the message type. */
export const agentMessages = {
  reply: message(AGENT_TYPE.reply, { type: enumOf(u32, AGENT_TYPE), error: enumOf(u32, AGENT_REPLY) }),
  /** `request` 1: please answer. */
  announceCapabilities: message(AGENT_TYPE.announceCapabilities, {
    request: u32,
    caps: restList(u32, { max: 32 }),
  }),
} as const

/** An agent message: header and data. */
export const encodeAgentMessage = (type: number, data: Uint8Array): Uint8Array => {
  const out = new ByteWriter(AGENT_HEADER_SIZE + data.length)
  agentHeader.encode({ protocol: AGENT_PROTOCOL, type, opaque: 0n, size: data.length }, out)
  out.bytes(data)
  return out.finish()
}

export const MONITORS_FLAG = { usePosition: 1, physicalSize: 2 } as const

/** What a client wants of one head. */
export interface AgentMonitor {
  /** Pixels; 0 by 0 is a head that is switched off. */
  readonly width: number
  readonly height: number
  /** Bits a pixel. */
  readonly depth: number
  /** Pixels; valid with the flag `usePosition`. */
  readonly x: number
  readonly y: number
  /** Millimetres; 0 when not known. */
  readonly widthMm: number
  readonly heightMm: number
}

export interface MonitorsConfig {
  /** Bits of {@link MONITORS_FLAG}. */
  readonly flags: number
  readonly monitors: readonly AgentMonitor[]
}

const MONITOR_SIZE = 20
const MM_SIZE = 4

/** Data of a monitors config; millimetres are written with the flag `physicalSize` only. */
export const encodeMonitorsConfig = ({ flags, monitors }: MonitorsConfig): Uint8Array => {
  const out = new ByteWriter(8 + monitors.length * (MONITOR_SIZE + MM_SIZE))
  out.u32(monitors.length)
  out.u32(flags)
  for (const monitor of monitors) {
    out.u32(monitor.height)
    out.u32(monitor.width)
    out.u32(monitor.depth)
    out.i32(monitor.x)
    out.i32(monitor.y)
  }
  if ((flags & MONITORS_FLAG.physicalSize) !== 0) {
    for (const monitor of monitors) {
      out.u16(monitor.heightMm)
      out.u16(monitor.widthMm)
    }
  }
  return out.finish()
}

/**
 * Decodes the data of a monitors config. A flag that promises millimetres which are not there is overlooked, as the
 * reference does; surplus bytes are ignored.
 *
 * @throws SidecarError SIDECAR_PROTOCOL for more than `maxMonitors` heads or a count that does not fit
 */
export const decodeMonitorsConfig = (data: Uint8Array, maxMonitors = AGENT_MONITORS_MAX): MonitorsConfig => {
  const reader = new ByteReader(data)
  const count = reader.u32()
  const flags = reader.u32()
  if (count > maxMonitors || count * MONITOR_SIZE > reader.left) {
    throw new SidecarError('SIDECAR_PROTOCOL', 'monitors config has an impossible count', {
      count,
      left: reader.left,
    })
  }
  const hasMm = (flags & MONITORS_FLAG.physicalSize) !== 0 && count * (MONITOR_SIZE + MM_SIZE) <= reader.left
  const mm = new ByteReader(data, reader.offset + count * MONITOR_SIZE)
  const monitors: AgentMonitor[] = []
  for (let i = 0; i < count; i++) {
    const height = reader.u32()
    const width = reader.u32()
    const depth = reader.u32()
    const x = reader.i32()
    const y = reader.i32()
    const heightMm = hasMm ? mm.u16() : 0
    const widthMm = hasMm ? mm.u16() : 0
    monitors.push({ width, height, depth, x, y, widthMm, heightMm })
  }
  return { flags, monitors }
}
