import test from 'ava'
import fc from 'fast-check'
import type { Channel, DisplayRecord } from '../../src/channels/index.js'
import { rectOf } from '../../src/core/region.js'
import type { Drawable, Surface, SurfaceFormat, SurfaceSpec } from '../../src/display/index.js'
import {
  capsOf,
  commonClient,
  commonServer,
  DISPLAY_CAP,
  displayClient,
  ROP,
} from '../../src/protocol/index.js'
import { pumpAll, RecordingContext, tell } from '../helpers/channel-rig.js'
import { ChannelWorld, freshRecords } from '../helpers/channel-world.js'
import { copyOfSurface, drawables, noiseBytes, noiseSurface, rectIn } from '../helpers/drawables.js'
import { drawNaively } from '../helpers/naive-renderer.js'
import { PaintedSurface } from '../helpers/painted.js'
import { RecordingInput } from '../helpers/recording-input.js'
import { bitmapOf } from '../helpers/small-pictures.js'

const INIT = { pixmapCacheId: 1, pixmapCacheSize: 0n, glzDictionaryId: 1, glzWindowSize: 0 }

const ACK_WINDOW = 4

/** What a source says to make a surface of these pixels. */
const specOf = (id: number, { format, width, height, pixels }: Surface): SurfaceSpec => ({
  id,
  format,
  width,
  height,
  content: {
    data: new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength),
    stride: width * pixels.BYTES_PER_ELEMENT,
    topDown: true,
  },
})

/** A guest that draws, a slow oracle that draws the same, and a client whose channel may be replaced from its record. */
class DrawingRig {
  readonly world = new ChannelWorld({ guest: new RecordingInput(), maxPixels: 900, ackWindow: ACK_WINDOW })
  readonly context = new RecordingContext()
  readonly client = new PaintedSurface()
  readonly surfaces = new Map<number, Surface>()
  released = 0
  drawn = 0
  #channel: Channel
  #unacked = 0
  #window = 0

  constructor(caps: readonly number[]) {
    this.world.model.consolesChanged([{ index: 0, label: 'a', head: 0 }])
    this.#channel = this.world.make({ ...freshRecords.display(true), caps: capsOf(caps) }, this.context)
    this.#channel.start()
    this.#channel.attach()
    tell(this.#channel, displayClient.init, INIT)
    this.acknowledge()
  }

  create(id: number, surface: Surface): void {
    this.world.model.surfaceCreate(0, specOf(id, surface))
    this.surfaces.set(id, surface)
  }

  draw(drawable: Drawable): void {
    this.drawn += 1
    this.world.model.draw(0, drawable, { release: () => void (this.released += 1) })
    drawNaively(drawable, this.surfaces)
  }

  /** The channel goes on as another one that has its record. */
  restore(): void {
    const record = this.#channel.snapshot() as DisplayRecord
    this.#channel.close()
    this.#channel = this.world.make(record, this.context)
    this.#channel.attach()
  }

  pumpOnce(): void {
    this.#channel.pump()
  }

  pump(): void {
    pumpAll(this.#channel)
  }

  /** The client takes what was sent, and answers as the window says that it was told of last. */
  acknowledge(): void {
    const sent = this.context.take()
    this.client.follow(sent)
    for (const { type, body } of sent) {
      if (type === commonServer.setAck.id) {
        const { generation, window } = commonServer.setAck.decode(body)
        tell(this.#channel, commonClient.ackSync, { generation })
        this.#window = window
        this.#unacked = 0
      } else if (++this.#unacked === this.#window) {
        tell(this.#channel, commonClient.ack, {})
        this.#unacked = 0
      }
    }
  }

  settle(): void {
    this.context.hasRoom = true
    for (let idle = 0, turn = 0; idle < 2 && turn < 200; turn++) {
      this.pump()
      idle = this.context.bytes.length === 0 ? idle + 1 : 0
      this.acknowledge()
    }
  }

  /** What the client should show: red, green and blue of the primary surface as the oracle drew it. */
  get expected(): number[] {
    const { format, pixels } = this.surfaces.get(0)!
    const wide = (value: number, bits: number): number => (value << (8 - bits)) | (value >> (2 * bits - 8))
    return Array.from(pixels, (pixel) => {
      switch (format) {
        case 'rgb555':
          return (wide((pixel >> 10) & 31, 5) << 16) | (wide((pixel >> 5) & 31, 5) << 8) | wide(pixel & 31, 5)
        case 'rgb565':
          return (wide(pixel >> 11, 5) << 16) | (wide((pixel >> 5) & 63, 6) << 8) | wide(pixel & 31, 5)
        default:
          return pixel & 0xffffff
      }
    })
  }

  /** Where the client shows something else. */
  get firstDifference(): string | undefined {
    const { pixels } = this.client
    const words = new Uint32Array(pixels.buffer, pixels.byteOffset, pixels.length / 4)
    const { expected } = this
    const at = expected.findIndex((word, i) => word !== ((words[i] ?? -1) & 0xffffff))
    return at < 0 && words.length === expected.length ? undefined : `pixel ${at} of ${words.length}`
  }
}

const THEN = [
  'nothing',
  'refresh',
  'refresh',
  'pump once',
  'pump',
  'acknowledge',
  'block',
  'unblock',
  'restore',
] as const

const follow = (rig: DrawingRig, then: (typeof THEN)[number]): void => {
  switch (then) {
    // Damage waits that nothing was sent of.
    case 'refresh':
      rig.world.model.refresh(0)
      break
    case 'pump once':
      rig.pumpOnce()
      break
    case 'pump':
      rig.pump()
      break
    case 'acknowledge':
      rig.acknowledge()
      rig.pump()
      break
    case 'block':
    case 'unblock':
      rig.context.hasRoom = then === 'unblock'
      break
    case 'restore':
      rig.restore()
      break
    default:
      break
  }
}

const world = (format: SurfaceFormat): Map<number, Surface> =>
  new Map([
    [0, noiseSurface(format, 100, 70, 1)],
    [3, noiseSurface('argb32', 30, 20, 2)],
    [7, noiseSurface('a8', 20, 30, 3)],
  ])

/** What clients are told to draw, and images between, all large enough to lie over each other. */
const simple = ({ width, height }: Surface): fc.Arbitrary<Drawable> =>
  fc
    .record({
      kind: fc.constantFrom('fill', 'fill', 'invers', 'copyBits', 'copyBits', 'copy', 'copy'),
      box: rectIn(width, height),
      color: fc.nat(0xffffff),
      rop: fc.constantFrom(ROP.put, ROP.xor, ROP.or, ROP.and),
      sourcePos: fc.record({ x: fc.integer({ min: -9, max: 30 }), y: fc.integer({ min: -9, max: 30 }) }),
      image: fc
        .nat(1000)
        .map((seed) => bitmapOf(9, [...new Uint32Array(noiseBytes(9 * 7 * 4, seed).buffer)])),
    })
    .map(({ kind, box, color, rop, sourcePos, image }): Drawable => {
      const base = { surface: 0, box }
      switch (kind) {
        case 'fill':
          return { kind, ...base, brush: { kind: 'solid', color }, rop }
        case 'copyBits':
          return { kind, ...base, sourcePos }
        case 'copy':
          return { kind, ...base, image, sourceArea: rectOf(0, 0, 9, 7), rop: ROP.put, scale: 'nearest' }
        default:
          return { kind: 'invers', ...base }
      }
    })

const plays = (format: SurfaceFormat) => {
  const sizes = world(format)
  const drawing = fc.oneof(
    { weight: 4, arbitrary: simple(sizes.get(0)!) },
    { weight: 1, arbitrary: drawables(sizes) },
  )
  return fc.array(fc.record({ drawing, then: fc.constantFrom(...THEN) }), { maxLength: 25 })
}

for (const [format, caps] of [
  ['xrgb32', [DISPLAY_CAP.composite]],
  ['argb32', []],
  ['rgb565', [DISPLAY_CAP.composite]],
  ['rgb555', []],
] as const) {
  test(`a client of ${format} with ${caps.length > 0 ? 'a whole canvas' : 'little'} ends with the picture that was drawn`, (t) => {
    const seen = new Set<string>()
    fc.assert(
      fc.property(plays(format), fc.boolean(), (steps, early) => {
        const rig = new DrawingRig(caps)
        for (const [id, surface] of world(format)) {
          rig.create(id, copyOfSurface(surface))
        }
        if (early) {
          rig.settle()
        }
        for (const { drawing, then } of steps) {
          rig.draw(drawing)
          follow(rig, then)
        }
        rig.settle()
        t.is(rig.firstDifference, undefined)
        t.is(rig.released, rig.drawn)
        for (const [id, surface] of rig.surfaces) {
          const { width, height, pixels } = surface
          const { data } = rig.world.model.readArea(0, id, rectOf(0, 0, width, height))
          t.is(Buffer.compare(data, new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.byteLength)), 0)
        }
        for (const [name, { count }] of rig.client.tally) {
          if (count > 0) {
            seen.add(name)
          }
        }
      }),
      { numRuns: 80 },
    )
    t.is(seen.has('drawFill'), true)
    t.is(seen.has('copyBits'), format === 'xrgb32' || format === 'argb32')
  })
}
