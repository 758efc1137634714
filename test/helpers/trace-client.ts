import { createHash } from 'node:crypto'
import {
  capsOf,
  CHANNEL_TYPES,
  DISPLAY_CAP,
  displayClient,
  IMAGE_COMPRESSION,
  mainClient,
  mainServer,
  MessageFramer,
} from '../../src/protocol/index.js'
import { ClientAnswers } from './client-answers.js'
import { ClientSession, STOCK_CACHE_PIXELS } from './client-session.js'
import { PaintedSurface } from './painted.js'
import { link, type LinkRequest, type ScriptedChannel } from './scripted-client.js'

/** Pixels of a stock client's GLZ window (`protocol-display.md` 6). */
const STOCK_GLZ_WINDOW = (16 * 1024 * 1024) / 4

/** Display capabilities of a stock client that decodes no video but MJPEG. */
export const STOCK_CAPS = [
  DISPLAY_CAP.sizedStream,
  DISPLAY_CAP.monitorsConfig,
  DISPLAY_CAP.streamReport,
  DISPLAY_CAP.lz4Compression,
  DISPLAY_CAP.multiCodec,
  DISPLAY_CAP.codecMjpeg,
]

export interface TraceClientTarget {
  readonly port: number
  readonly ticket?: string
  readonly mini?: boolean
  /** PREFERRED_COMPRESSION. */
  readonly compression?: keyof typeof IMAGE_COMPRESSION
  readonly cachePixels?: number
}

/** Digest of the pixels of a screen, for two processes that compare theirs. */
export const digestOf = (pixels: Uint8Array): string => createHash('sha256').update(pixels).digest('hex')

/** A client with a main and a display channel over TCP that decodes all, holds to the protocol and answers at once. */
export class TraceClient {
  readonly surface: PaintedSurface
  /** Bytes that came on the display channel. */
  displayBytes = 0
  /** What went wrong while following a channel. */
  failure: unknown
  readonly #main: ScriptedChannel
  readonly #display: ScriptedChannel
  #changed: (() => void) | undefined
  #closed = false

  private constructor(main: ScriptedChannel, display: ScriptedChannel, target: TraceClientTarget) {
    const { mini = true, cachePixels = STOCK_CACHE_PIXELS, compression } = target
    this.#main = main
    this.#display = display
    this.surface = new PaintedSurface({ session: new ClientSession({ pixmapCachePixels: cachePixels }) })
    display.send(displayClient.init, {
      ...{ pixmapCacheId: 1, pixmapCacheSize: BigInt(cachePixels) },
      ...{ glzDictionaryId: 1, glzWindowSize: STOCK_GLZ_WINDOW },
    })
    if (compression !== undefined) {
      display.send(displayClient.preferredCompression, { compression: IMAGE_COMPRESSION[compression] })
    }
    void this.#follow(main, mini, undefined)
    void this.#follow(display, mini, this.surface)
  }

  static async connect(target: TraceClientTarget): Promise<TraceClient> {
    const { port, ticket = 'secret', mini = true } = target
    const where = { host: '127.0.0.1', port }
    const linked = async (request: LinkRequest) => {
      const { channel, result, replyError } = await link(where, { ...request, ticket, mini })
      if (result !== 0) {
        throw new Error(`link of channel ${request.type} refused: ${replyError} ${String(result)}`)
      }
      return channel
    }
    const main = await linked({ type: CHANNEL_TYPES.main })
    const { sessionId } = await main.expect(mainServer.init)
    main.send(mainClient.attachChannels, {})
    const display = await linked({
      ...{ type: CHANNEL_TYPES.display, connectionId: sessionId, channelCaps: capsOf(STOCK_CAPS) },
    })
    return new TraceClient(main, display, target)
  }

  /** Waits until something holds, looking after each piece that came on the display channel. */
  async until(what: string, holds: () => boolean): Promise<void> {
    while (!holds()) {
      if (this.failure !== undefined || this.#closed) {
        throw new Error(`the client ended before ${what}`, { cause: this.failure })
      }
      await new Promise<void>((resolve) => (this.#changed = resolve))
    }
  }

  close(): void {
    this.#closed = true
    this.#main.destroy()
    this.#display.destroy()
  }

  async #follow(channel: ScriptedChannel, mini: boolean, surface: PaintedSurface | undefined): Promise<void> {
    const framer = new MessageFramer({ mini, maxBody: () => 2 ** 30 })
    const answers = new ClientAnswers((message, value) => channel.send(message, value), surface)
    try {
      for (;;) {
        const data = await channel.reader.readSome()
        if (data === undefined) {
          break
        }
        this.displayBytes += surface === undefined ? 0 : data.length
        framer.push(data)
        for (let next = framer.next(); next.kind === 'message'; next = framer.next()) {
          surface?.follow([next])
          answers.handled(next)
        }
        this.#wake()
      }
    } catch (error) {
      this.failure ??= this.#closed ? undefined : error
    }
    this.#closed ||= surface !== undefined
    this.#wake()
  }

  #wake(): void {
    this.#changed?.()
    this.#changed = undefined
  }
}
