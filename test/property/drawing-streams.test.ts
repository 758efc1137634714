import test from 'ava'
import fc from 'fast-check'
import {
  newDisplayRecord,
  newWireRecord,
  type Channel,
  type DisplayRecord,
} from '../../src/channels/index.js'
import { rectOf, type Rect } from '../../src/core/region.js'
import type { Drawable } from '../../src/display/index.js'
import {
  capsOf,
  DISPLAY_CAP,
  displayClient,
  displayServer,
  ROP,
  type Message,
} from '../../src/protocol/index.js'
import { pumpAll, RecordingContext } from '../helpers/channel-rig.js'
import { ChannelWorld } from '../helpers/channel-world.js'
import { ClientAnswers } from '../helpers/client-answers.js'
import { noiseBytes, rectIn } from '../helpers/drawables.js'
import { PaintedSurface } from '../helpers/painted.js'
import { RecordingInput } from '../helpers/recording-input.js'
import { bitmapOf } from '../helpers/small-pictures.js'

const [WIDTH, HEIGHT] = [300, 200]
const WHOLE = rectOf(0, 0, WIDTH, HEIGHT)
const VIDEO = rectOf(21, 30, 120, 110)

const CAPS = [
  ...[DISPLAY_CAP.monitorsConfig, DISPLAY_CAP.sizedStream, DISPLAY_CAP.streamReport, DISPLAY_CAP.composite],
  ...[DISPLAY_CAP.multiCodec, DISPLAY_CAP.codecMjpeg],
]

const image = (box: Rect, seed: number): Drawable => ({
  kind: 'copy',
  surface: 0,
  box,
  image: bitmapOf(40, [...new Uint32Array(noiseBytes(40 * 30 * 4, seed).buffer)]),
  sourceArea: rectOf(0, 0, 40, 30),
  rop: ROP.put,
  scale: 'nearest',
})

/** A guest that draws and plays a video with images, and a strict client that answers when it is told to. */
class Rig {
  readonly world = new ChannelWorld({ guest: new RecordingInput(), maxPixels: 80_000, streaming: 'all' })
  readonly context = new RecordingContext()
  readonly client = new PaintedSurface()
  readonly channel: Channel
  frames = 0
  #seed = 0
  readonly #answers = new ClientAnswers((message, value) => this.tell(message, value), this.client)

  constructor() {
    const { model } = this.world
    model.consolesChanged([{ index: 0, label: 'a', head: 0 }])
    model.surfaceCreate(0, { id: 0, format: 'xrgb32', width: WIDTH, height: HEIGHT })
    this.channel = this.world.make(newDisplayRecord(newWireRecord(true), 0, capsOf(CAPS)), this.context)
    this.channel.start()
    this.channel.attach()
    this.tell(displayClient.init, {
      pixmapCacheId: 1,
      pixmapCacheSize: 0n,
      glzDictionaryId: 1,
      glzWindowSize: 0,
    })
  }

  tell<T>(message: Message<T>, value: T): void {
    this.channel.receive(message.id, message.encode(value))
    this.channel.settle()
  }

  draw(drawable: Drawable): void {
    this.world.model.draw(0, drawable, { release: () => undefined })
  }

  /** Frames of the video, 25 a second. */
  video(frames: number): void {
    for (let frame = 0; frame < frames; frame++) {
      this.world.clock.advance(40)
      this.draw(image(VIDEO, ++this.#seed))
      this.channel.alarm()
      pumpAll(this.channel)
    }
  }

  look(): boolean {
    const messages = this.context.take()
    for (const message of messages) {
      this.client.follow([message])
      this.frames += message.type === displayServer.streamData.id ? 1 : 0
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

  /** Pixels that the client shows otherwise. */
  get wrong(): number {
    this.client.streams.flush()
    const wanted = new Uint32Array(this.world.model.readArea(0, 0, WHOLE).data.buffer)
    const { pixels } = this.client
    const shown = new Uint32Array(pixels.buffer, pixels.byteOffset, pixels.length / 4)
    return wanted.filter((word, at) => ((word ^ shown[at]!) & 0xffffff) !== 0).length
  }
}

const drawings: fc.Arbitrary<Drawable> = fc
  .record({
    kind: fc.constantFrom('fill', 'fill', 'invers', 'copyBits', 'copyBits', 'copy'),
    box: rectIn(WIDTH, HEIGHT),
    color: fc.nat(0xffffff),
    rop: fc.constantFrom(ROP.put, ROP.xor, ROP.or, ROP.and),
    sourcePos: fc.record({ x: fc.integer({ min: -9, max: 90 }), y: fc.integer({ min: -9, max: 60 }) }),
  })
  .map(({ kind, box, color, rop, sourcePos }): Drawable => {
    switch (kind) {
      case 'fill':
        return { kind, surface: 0, box, brush: { kind: 'solid', color }, rop }
      case 'copyBits':
        return { kind, surface: 0, box, sourcePos }
      case 'copy':
        return image(box, color)
      default:
        return { kind: 'invers', surface: 0, box }
    }
  })

const steps = fc.array(
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant('video' as const), frames: fc.integer({ min: 1, max: 30 }) }),
    },
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('draw' as const), drawable: drawings }) },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constantFrom('look' as const, 'block' as const, 'unblock' as const) }),
    },
  ),
  { minLength: 4, maxLength: 16 },
)

test('whatever is drawn beside a video and over it, a quiet while later the client shows it exactly', (t) => {
  let frames = 0
  fc.assert(
    fc.property(steps, (happenings) => {
      const rig = new Rig()
      rig.settle()
      rig.video(30)
      for (const step of happenings) {
        switch (step.kind) {
          case 'video': {
            rig.video(step.frames)
            break
          }
          case 'draw': {
            rig.draw(step.drawable)
            pumpAll(rig.channel)
            break
          }
          case 'look': {
            rig.settle()
            break
          }
          default: {
            rig.context.hasRoom = step.kind === 'unblock'
          }
        }
      }
      rig.context.hasRoom = true
      rig.settle()
      rig.quiet(3000)
      t.is(rig.wrong, 0)
      t.is(rig.client.lossyPixels, 0)
      t.deepEqual((rig.channel.snapshot() as DisplayRecord).streams.list, [])
      frames += rig.frames
      rig.channel.close()
    }),
    { numRuns: 25 },
  )
  t.true(frames > 20, `${frames} frames of video were sent`)
})
