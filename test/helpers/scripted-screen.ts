import type { NetConnectOpts } from 'node:net'
import {
  AGENT_TYPE,
  capsOf,
  CHANNEL_TYPES,
  commonClient,
  commonServer,
  DISPLAY_CAP,
  displayClient,
  displayServer,
  encodeAgentMessage,
  encodeMonitorsConfig,
  MAIN_CAP,
  mainClient,
  mainServer,
  type AgentMonitor,
} from '../../src/protocol/index.js'
import { ClientSession, STOCK_CACHE_PIXELS } from './client-session.js'
import { PaintedSurface } from './painted.js'
import { Picture } from './picture.js'
import { link, type ScriptedChannel } from './scripted-client.js'
import { poll } from './temp-deadline.js'

const GLZ_WINDOW = 3_145_728

/** Longest piece of agent data in one message (`protocol-session.md` 3.7). */
const MAX_PIECE = 2048

type Whole = NonNullable<Awaited<ReturnType<ScriptedChannel['next']>>>

/** Answers pings and acknowledges what comes, as any client does. */
const follow = async (channel: ScriptedChannel, handle: (message: Whole) => void): Promise<void> => {
  let window = 0
  let left = 0
  for (;;) {
    const message = await channel.next(true)
    if (message === undefined) {
      return
    }
    if (message.type === commonServer.setAck.id) {
      const { generation, window: asked } = commonServer.setAck.decode(message.body)
      channel.send(commonClient.ackSync, { generation })
      window = asked
      left = asked
      handle(message)
      continue
    }
    if (message.type === commonServer.ping.id) {
      const { id, timestamp } = commonServer.ping.decode(message.body)
      channel.send(commonClient.pong, { id, timestamp })
    }
    handle(message)
    left -= 1
    if (window > 0 && left === 0) {
      channel.send(commonClient.ack, {})
      left = window
    }
  }
}

/** What one display channel has told so far. */
export class ScriptedHead {
  readonly surface: PaintedSurface
  /** SURFACE_CREATE, as `800x600`, and SURFACE_DESTROY as `gone`, of all surfaces since the start. */
  readonly surfaces: string[] = []
  /** The last MONITORS_CONFIG. */
  heads: readonly { readonly width: number; readonly height: number }[] = []

  constructor(session: ClientSession, channel: number) {
    this.surface = new PaintedSurface({ session, channel })
  }

  take(message: Whole): void {
    if (message.type === displayServer.monitorsConfig.id) {
      this.heads = displayServer.monitorsConfig.decode(message.body).heads
    } else if (message.type === displayServer.surfaceCreate.id) {
      const { width, height } = displayServer.surfaceCreate.decode(message.body)
      this.surfaces.push(`${width}x${height}`)
    } else if (message.type === displayServer.surfaceDestroy.id) {
      this.surfaces.push('gone')
    }
    this.surface.follow([message])
  }

  /** `undefined` while there is no surface. */
  get picture(): Picture | undefined {
    const { width, height, pixels, exists } = this.surface
    return exists ? Picture.fromBgrx(width, height, width * 4, pixels) : undefined
  }
}

/** A client without a library: one main channel and the display channels, decoded by a strict model of a client. */
export class ScriptedScreen {
  readonly heads: readonly ScriptedHead[]
  /** Something that a client cannot make sense of. */
  failure: Error | undefined
  readonly #main: ScriptedChannel
  readonly #displays: readonly ScriptedChannel[]
  #agent = false

  private constructor(
    main: ScriptedChannel,
    agent: boolean,
    displays: readonly ScriptedChannel[],
    heads: readonly ScriptedHead[],
  ) {
    this.#main = main
    this.#agent = agent
    this.#displays = displays
    this.heads = heads
    this.#run(main, (message) => this.#mainMessage(message))
    for (const [id, display] of displays.entries()) {
      this.#run(display, (message) => heads[id]?.take(message))
      display.send(displayClient.init, {
        pixmapCacheId: 1,
        pixmapCacheSize: BigInt(STOCK_CACHE_PIXELS),
        glzDictionaryId: 1,
        glzWindowSize: GLZ_WINDOW,
      })
    }
  }

  /** Links the main channel and the display channels 0 to `displays - 1`. */
  static async connect(where: NetConnectOpts, displays: number): Promise<ScriptedScreen> {
    const mainCaps = capsOf([MAIN_CAP.nameAndUuid, MAIN_CAP.agentConnectedTokens])
    const { channel: main } = await link(where, { type: CHANNEL_TYPES.main, channelCaps: mainCaps })
    const { sessionId, agentConnected } = await main.expect(mainServer.init)
    if (agentConnected !== 0) {
      main.send(mainClient.agentStart, { tokens: 10 })
    }
    const session = new ClientSession({ channels: displays })
    const channels: ScriptedChannel[] = []
    for (let id = 0; id < displays; id++) {
      const channelCaps = capsOf([DISPLAY_CAP.monitorsConfig])
      const type = CHANNEL_TYPES.display
      channels.push((await link(where, { type, id, connectionId: sessionId, channelCaps })).channel)
    }
    const heads = channels.map((_, id) => new ScriptedHead(session, id))
    return new ScriptedScreen(main, agentConnected !== 0, channels, heads)
  }

  /** Asks for a layout, as soon as there is an agent to ask. */
  async layout(monitors: readonly AgentMonitor[]): Promise<void> {
    await poll('an agent', () => this.#agent)
    const data = encodeAgentMessage(AGENT_TYPE.monitorsConfig, encodeMonitorsConfig({ flags: 3, monitors }))
    for (let at = 0; at < data.length; at += MAX_PIECE) {
      this.#main.send(mainClient.agentData, { data: data.subarray(at, at + MAX_PIECE) })
    }
  }

  close(): void {
    for (const channel of [this.#main, ...this.#displays]) {
      channel.destroy()
    }
  }

  #run(channel: ScriptedChannel, handle: (message: Whole) => void): void {
    void follow(channel, handle).catch((error: unknown) => {
      this.failure ??= error instanceof Error ? error : new Error('unknown', { cause: error })
    })
  }

  #mainMessage({ type }: Whole): void {
    if (type === mainServer.agentConnectedTokens.id) {
      this.#agent = true
      this.#main.send(mainClient.agentStart, { tokens: 10 })
    } else if (type === mainServer.agentDisconnected.id) {
      this.#agent = false
    }
  }
}
