import {
  newDisplayRecord,
  newWireRecord,
  type Channel,
  type DisplayRecord,
} from '../../src/channels/index.js'
import { rectOf } from '../../src/core/region.js'
import type { DisplayModel } from '../../src/display/index.js'
import { capsOf, DISPLAY_CAP, displayClient, type Message } from '../../src/protocol/index.js'
import { pumpAll, RecordingContext, type Sent } from './channel-rig.js'
import { ChannelWorld } from './channel-world.js'
import { ClientAnswers } from './client-answers.js'
import { act, guestOf, type Act, type GuestScreen } from './guest-screen.js'
import { PaintedSurface } from './painted.js'
import { pictureOf } from './picture-of.js'
import { RecordingInput } from './recording-input.js'

/** What a stock client can do. */
export const STOCK_VIDEO_CAPS = [
  ...[DISPLAY_CAP.monitorsConfig, DISPLAY_CAP.sizedStream, DISPLAY_CAP.streamReport],
  ...[DISPLAY_CAP.multiCodec, DISPLAY_CAP.codecMjpeg],
]

/** Where the video is. */
export const VIDEO_BOX = rectOf(21, 30, 120, 110)

const VIDEO: Act = { kind: 'noise', rect: VIDEO_BOX, seed: 0 }

/** A display channel of a guest that plays a video, and a strict client that answers when it is told to; on a fake clock. */
export abstract class VideoWorld {
  readonly world = new ChannelWorld({ guest: new RecordingInput(), maxPixels: 80_000, streaming: 'all' })
  readonly context = new RecordingContext()
  readonly surface: PaintedSurface
  /** All messages that the client took. */
  readonly log: Sent[] = []
  readonly #answers: ClientAnswers
  channel: Channel
  #seed = 0

  /** @param show gives the only console its first picture */
  constructor(caps: readonly number[], streamLag: number, show: (model: DisplayModel) => void) {
    this.surface = new PaintedSurface({ streamLag })
    this.#answers = new ClientAnswers((message, value) => this.tell(message, value), this.surface)
    const { model } = this.world
    model.consolesChanged([{ index: 0, label: 'a', head: 0 }])
    show(model)
    this.channel = this.world.make(newDisplayRecord(newWireRecord(true), 0, capsOf(caps)), this.context)
    this.channel.start()
    this.channel.attach()
    this.tell(displayClient.init, {
      ...{ pixmapCacheId: 1, pixmapCacheSize: 0n, glzDictionaryId: 1, glzWindowSize: 0 },
    })
  }

  /** Shows another frame of the video; the seed is one that no other frame had. */
  protected abstract showFrame(seed: number): void

  tell<T>(message: Message<T>, value: T): void {
    this.channel.receive(message.id, message.encode(value))
    this.channel.settle()
  }

  /** So many frames of the video, 25 a second. */
  video(frames: number): void {
    for (let frame = 0; frame < frames; frame++) {
      this.world.clock.advance(40)
      this.showFrame(++this.#seed)
      this.channel.alarm()
      pumpAll(this.channel)
    }
  }

  /** The client takes all that came, and answers. */
  look(): boolean {
    const messages = this.context.take()
    for (const message of messages) {
      this.surface.follow([message])
      this.log.push(message)
      this.#answers.handled(message)
    }
    return messages.length > 0
  }

  settle(): void {
    do {
      pumpAll(this.channel)
    } while (this.look())
  }

  quiet(ms: number): void {
    for (let passed = 0; passed < ms; passed += 50) {
      this.world.clock.advance(50)
      this.channel.alarm()
      this.settle()
    }
  }

  /** Bodies of the messages of that type, decoded. */
  all<T>(message: Message<T>): T[] {
    return this.log.filter(({ type }) => type === message.id).map(({ body }) => message.decode(body))
  }

  count({ id }: { readonly id: number }): number {
    return this.log.filter(({ type }) => type === id).length
  }

  get record(): DisplayRecord {
    return this.channel.snapshot() as DisplayRecord
  }
}

/** A guest that scribbles into its frame buffer. */
export class VideoRig extends VideoWorld {
  readonly guest: GuestScreen

  constructor(caps: readonly number[] = STOCK_VIDEO_CAPS, streamLag = 0) {
    const guest = guestOf(300, 200, 0)
    super(caps, streamLag, (model) => {
      model.scanout(0, { generation: 1, ...guest })
    })
    this.guest = guest
  }

  draw(what: Act): void {
    act(this.guest, what)
    this.world.model.damage(0, [what.rect])
  }

  protected override showFrame(seed: number): void {
    this.draw({ ...VIDEO, seed } as Act)
  }

  get exact(): boolean {
    this.surface.streams.flush()
    return Buffer.compare(this.surface.pixels, pictureOf({ generation: 1, ...this.guest })) === 0
  }
}
