import test from 'ava'
import fc from 'fast-check'
import { rectOf, type Rect } from '../../src/core/region.js'
import type { Drawable } from '../../src/display/index.js'
import { DISPLAY_CAP, displayServer, ROP } from '../../src/protocol/index.js'
import { pumpAll } from '../helpers/channel-rig.js'
import { noiseBytes, rectIn } from '../helpers/drawables.js'
import { bitmapOf } from '../helpers/small-pictures.js'
import { STOCK_VIDEO_CAPS, VIDEO_BOX, VideoWorld } from '../helpers/video-rig.js'

const [WIDTH, HEIGHT] = [300, 200]
const WHOLE = rectOf(0, 0, WIDTH, HEIGHT)

const image = (box: Rect, seed: number): Drawable => ({
  kind: 'copy',
  surface: 0,
  box,
  image: bitmapOf(40, [...new Uint32Array(noiseBytes(40 * 30 * 4, seed).buffer)]),
  sourceArea: rectOf(0, 0, 40, 30),
  rop: ROP.put,
  scale: 'nearest',
})

/** A guest that draws and plays a video with images. */
class Rig extends VideoWorld {
  constructor() {
    super([...STOCK_VIDEO_CAPS, DISPLAY_CAP.composite], 0, (model) => {
      model.surfaceCreate(0, { id: 0, format: 'xrgb32', width: WIDTH, height: HEIGHT })
    })
  }

  draw(drawable: Drawable): void {
    this.world.model.draw(0, drawable, { release: () => undefined })
  }

  protected override showFrame(seed: number): void {
    this.draw(image(VIDEO_BOX, seed))
  }

  /** Pixels that the client shows otherwise. */
  get wrong(): number {
    this.surface.streams.flush()
    const wanted = new Uint32Array(this.world.model.readArea(0, 0, WHOLE).data.buffer)
    const { pixels } = this.surface
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
      t.is(rig.surface.lossyPixels, 0)
      t.deepEqual(rig.record.streams.list, [])
      frames += rig.count(displayServer.streamData)
      rig.channel.close()
    }),
    { numRuns: 25 },
  )
  t.true(frames > 20, `${frames} frames of video were sent`)
})
