import type { TestGuest } from './qemu-guest.js'
import { poll } from './temp-deadline.js'

export const AGENT_PORT_NAME = 'com.redhat.spice.0'

const CHUNK_HEADER = 8
const MESSAGE_HEADER = 20
const MONITORS_CONFIG = 2
const REPLY = 3
const ANNOUNCE = 6

export interface AgentMessage {
  readonly type: number
  readonly data: Buffer
}

const u32s = (...values: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(values.length * 4)
  values.forEach((value, i) => bytes.writeUInt32LE(value, i * 4))
  return bytes
}

/** An agent message in one chunk, as programs in guests send it. */
export const agentChunk = ({ type, data }: AgentMessage, port = 1): Buffer =>
  Buffer.concat([u32s(port, MESSAGE_HEADER + data.length, 1, type, 0, 0, data.length), data])

export const announcement = (request: number, ...caps: readonly number[]): AgentMessage => ({
  type: ANNOUNCE,
  data: u32s(request, ...caps),
})

export const layoutReply = (error: number): AgentMessage => ({
  type: REPLY,
  data: u32s(MONITORS_CONFIG, error),
})

/** What a layout asks for: `1100x700+0+0`, with `/WxHmm` where sizes in millimetres came along. */
export const describeLayout = (data: Buffer): string => {
  const [count, flags] = [data.readUInt32LE(0), data.readUInt32LE(4)]
  const heads = Array.from({ length: count }, (_, i) => {
    const at = 8 + i * 20
    const [height, width] = [data.readUInt32LE(at), data.readUInt32LE(at + 4)]
    const place = (flags & 1) === 0 ? '' : `+${data.readInt32LE(at + 12)}+${data.readInt32LE(at + 16)}`
    const mm = 8 + count * 20 + i * 4
    const size = (flags & 2) === 0 ? '' : `/${data.readUInt16LE(mm + 2)}x${data.readUInt16LE(mm)}mm`
    return `${width}x${height}${place}${size}`
  })
  return heads.join(' ')
}

/** Messages out of the host's stream of chunks; what is not complete stays out. */
export const messagesIn = (stream: Buffer): AgentMessage[] => {
  const payload: Buffer[] = []
  for (let at = 0; at + CHUNK_HEADER <= stream.length;) {
    const [port, size] = [stream.readUInt32LE(at), stream.readUInt32LE(at + 4)]
    if (port !== 1 || size > 2048) {
      throw new Error(`the host sent a chunk of port ${port}, ${size} bytes`)
    }
    payload.push(stream.subarray(at + CHUNK_HEADER, at + CHUNK_HEADER + size))
    at += CHUNK_HEADER + size
  }
  const bytes = Buffer.concat(payload)
  const messages: AgentMessage[] = []
  for (let at = 0; at + MESSAGE_HEADER <= bytes.length;) {
    const [protocol, type, size] = [
      bytes.readUInt32LE(at),
      bytes.readUInt32LE(at + 4),
      bytes.readUInt32LE(at + 16),
    ]
    if (protocol !== 1) {
      throw new Error(`the host sent a message of protocol ${protocol}`)
    }
    if (at + MESSAGE_HEADER + size <= bytes.length) {
      messages.push({ type, data: bytes.subarray(at + MESSAGE_HEADER, at + MESSAGE_HEADER + size) })
    }
    at += MESSAGE_HEADER + size
  }
  return messages
}

/** Stands in for spice-vdagent in the test guest: it opens the port for real and says what it is told to say. */
export class GuestAgent {
  readonly #guest: TestGuest
  #from = 0

  constructor(guest: TestGuest) {
    this.#guest = guest
  }

  async open(): Promise<void> {
    this.#from = this.#guest.events.length
    await this.#guest.command(`open ${AGENT_PORT_NAME}`)
  }

  async close(): Promise<void> {
    await this.#guest.command(`close ${AGENT_PORT_NAME}`)
  }

  async send(bytes: Buffer): Promise<void> {
    await this.#guest.command(`write ${AGENT_PORT_NAME} ${bytes.toString('hex')}`)
  }

  /** Waits until the host's end of the port is connected or not. */
  async until(state: 'up' | 'down'): Promise<void> {
    const line = await this.#guest.event(`port ${AGENT_PORT_NAME} ${state}`, this.#from)
    this.#from = this.#guest.events.indexOf(line, this.#from) + 1
  }

  /** All that came since the port was last opened or went up or down. */
  get received(): readonly AgentMessage[] {
    const start = `data ${AGENT_PORT_NAME} `
    const data = this.#guest.events.slice(this.#from).filter((line) => line.startsWith(start))
    return messagesIn(Buffer.concat(data.map((line) => Buffer.from(line.slice(start.length), 'hex'))))
  }

  /** Layouts among them, described. */
  get layouts(): readonly string[] {
    return this.received
      .filter(({ type }) => type === MONITORS_CONFIG)
      .map(({ data }) => describeLayout(data))
  }

  async untilLayout(layout: string): Promise<void> {
    await poll(`the agent is asked for ${layout}`, () => this.layouts.at(-1) === layout, {
      detail: () => this.layouts.join(', '),
    })
  }

  /** Waits for the announcement that asks for an answer. */
  async untilAsked(): Promise<void> {
    await poll('the host announces what it can do', () =>
      this.received.some(({ type, data }) => type === ANNOUNCE && data.readUInt32LE(0) === 1),
    )
  }
}
