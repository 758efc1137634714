import { constants, createPublicKey, publicEncrypt } from 'node:crypto'
import { once } from 'node:events'
import { connect, type NetConnectOpts, type Socket } from 'node:net'
import {
  AUTH_SPICE,
  capsOf,
  COMMON_CAP,
  commonServer,
  decodeLinkReply,
  decodeSubMessages,
  encodeHeader,
  encodeLinkMess,
  headerSize,
  MessageFramer,
  type Framed,
  type Message,
} from '../../src/protocol/index.js'
import { withDeadline } from './temp-deadline.js'

const DEADLINE_MS = 10_000

/** Reads a socket in exact pieces. */
export class SocketReader {
  readonly socket: Socket
  #buffer = Buffer.alloc(0)
  #ended = false
  #wake: (() => void) | undefined

  constructor(socket: Socket) {
    this.socket = socket
    const wake = (): void => {
      this.#wake?.()
      this.#wake = undefined
    }
    socket.on('data', (chunk: Buffer) => {
      this.#buffer = Buffer.concat([this.#buffer, chunk])
      wake()
    })
    for (const event of ['end', 'close', 'error']) {
      socket.on(event, () => {
        this.#ended = true
        wake()
      })
    }
  }

  /** The next `size` bytes; `undefined` when the connection ends before. */
  async read(size: number): Promise<Buffer | undefined> {
    while (this.#buffer.length < size) {
      if (this.#ended) {
        return undefined
      }
      await withDeadline(
        new Promise<void>((resolve) => {
          this.#wake = resolve
        }),
        DEADLINE_MS,
        `${size} bytes from the server`,
      )
    }
    const taken = this.#buffer.subarray(0, size)
    this.#buffer = this.#buffer.subarray(size)
    return taken
  }

  /** What has come, at least one byte, however long that takes; `undefined` when the connection ends before. */
  async readSome(): Promise<Buffer | undefined> {
    while (this.#buffer.length === 0) {
      if (this.#ended) {
        return undefined
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    const taken = this.#buffer
    this.#buffer = Buffer.alloc(0)
    return taken
  }

  /** What is there, at least one byte, however long it takes; `undefined` when the connection ends before. */
  async readWhatComes(): Promise<Buffer | undefined> {
    while (this.#buffer.length === 0) {
      if (this.#ended) {
        return undefined
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    const taken = this.#buffer
    this.#buffer = Buffer.alloc(0)
    return taken
  }

  /** Everything until the connection ends. */
  async readToEnd(): Promise<Buffer> {
    while (!this.#ended) {
      await withDeadline(
        new Promise<void>((resolve) => {
          this.#wake = resolve
        }),
        DEADLINE_MS,
        'the end of the connection',
      )
    }
    const all = this.#buffer
    this.#buffer = Buffer.alloc(0)
    return all
  }
}

export const openSocket = async (where: NetConnectOpts): Promise<SocketReader> => {
  const socket = connect(where)
  await once(socket, 'connect')
  return new SocketReader(socket)
}

/** The ticket block for a key of a link reply. */
export const ticketBlock = (publicKey: Uint8Array, plain: string | Uint8Array): Buffer =>
  publicEncrypt(
    {
      key: createPublicKey({ key: Buffer.from(publicKey), format: 'der', type: 'spki' }),
      padding: constants.RSA_PKCS1_OAEP_PADDING,
      oaepHash: 'sha1',
    },
    typeof plain === 'string' ? Buffer.from(`${plain}\0`) : plain,
  )

export interface LinkRequest {
  readonly type: number
  readonly id?: number
  readonly connectionId?: number
  readonly ticket?: string | Uint8Array
  readonly channelCaps?: readonly number[]
  readonly mini?: boolean
  /** Sent ahead of the link message, as a proxy does. */
  readonly before?: Uint8Array
}

/** What came of a link: its result code, or the error code of the reply. */
export interface LinkOutcome {
  readonly replyError: number
  readonly result: number | undefined
  readonly channel: ScriptedChannel
}

/** Links one channel as a stock client does. */
export const link = async (where: NetConnectOpts, request: LinkRequest): Promise<LinkOutcome> =>
  linkOver(await openSocket(where), request)

/** Links one channel over a connection that is up, such as one with TLS. */
export const linkOver = async (reader: SocketReader, request: LinkRequest): Promise<LinkOutcome> => {
  const mini = request.mini ?? true
  reader.socket.write(request.before ?? new Uint8Array(0))
  const commonCaps = capsOf([COMMON_CAP.authSelection, ...(mini ? [COMMON_CAP.miniHeader] : [])])
  reader.socket.write(
    encodeLinkMess({
      connectionId: request.connectionId ?? 0,
      channelType: request.type,
      channelId: request.id ?? 0,
      commonCaps,
      channelCaps: request.channelCaps ?? capsOf([0, 1, 2, 3]),
    }),
  )
  const header = await reader.read(16)
  const body = header === undefined ? undefined : await reader.read(header.readUInt32LE(12))
  if (header === undefined || body === undefined) {
    throw new Error('no link reply')
  }
  const reply = decodeLinkReply(body)
  const channel = new ScriptedChannel(reader, mini)
  if (reply.error !== 0) {
    return { replyError: reply.error, result: undefined, channel }
  }
  const mechanism = Buffer.alloc(4)
  mechanism.writeUInt32LE(AUTH_SPICE)
  reader.socket.write(Buffer.concat([mechanism, ticketBlock(reply.publicKey, request.ticket ?? '')]))
  const result = await reader.read(4)
  return { replyError: 0, result: result?.readUInt32LE(0), channel }
}

type Whole = Extract<Framed, { kind: 'message' }>

/** A message with the messages inside it, as a client handles them. */
export const inOrder = (message: Whole): Whole[] => {
  const isList = message.type === commonServer.list.id
  if (!isList && message.subList === 0) {
    return [message]
  }
  const carried = decodeSubMessages(message.body, isList ? 0 : message.subList).map((sub) => ({
    ...message,
    ...sub,
    subList: 0,
  }))
  return isList ? carried : [...carried, message]
}

/** The data stage of one linked channel. */
export class ScriptedChannel {
  readonly reader: SocketReader
  readonly #mini: boolean
  readonly #framer: MessageFramer
  /** Sub-messages and the message that carried them, in the order to handle them. */
  readonly #carried: Whole[] = []
  #serial = 0

  constructor(reader: SocketReader, mini: boolean) {
    this.reader = reader
    this.#mini = mini
    this.#framer = new MessageFramer({ mini, maxBody: () => 2 ** 30 })
  }

  send<T>(message: Message<T>, value: T): void {
    this.sendRaw(message.id, message.encode(value))
  }

  sendRaw(type: number, body: Uint8Array, declaredSize = body.length): void {
    const bytes = new Uint8Array(headerSize(this.#mini) + body.length)
    this.#serial += 1
    encodeHeader(this.#mini, this.#serial, type, declaredSize, bytes, 0)
    bytes.set(body, headerSize(this.#mini))
    this.reader.socket.write(bytes)
  }

  /**
   * The next message, sub-messages first; `undefined` when the connection ends.
   *
   * @param patient waits without a deadline, and may read further than that message
   */
  async next(patient = false): Promise<Whole | undefined> {
    for (;;) {
      const carried = this.#carried.shift()
      if (carried !== undefined) {
        return carried
      }
      const framed = this.#framer.next()
      if (framed.kind === 'message') {
        this.#carried.push(...inOrder(framed))
        continue
      }
      if (framed.kind === 'error') {
        throw framed.error
      }
      const bytes = patient ? await this.reader.readWhatComes() : await this.reader.read(1)
      if (bytes === undefined) {
        return undefined
      }
      this.#framer.push(bytes)
    }
  }

  /** The next message of this kind; others are skipped. */
  async expect<T>(message: Message<T>): Promise<T> {
    for (;;) {
      const framed = await this.next()
      if (framed === undefined) {
        throw new Error(`connection ended before message ${message.id}`)
      }
      if (framed.type === message.id) {
        return message.decode(framed.body)
      }
    }
  }

  /** Resolves when the server has closed the connection. */
  async closed(): Promise<void> {
    while ((await this.next()) !== undefined) {
      continue
    }
  }

  destroy(): void {
    this.reader.socket.destroy()
  }
}
