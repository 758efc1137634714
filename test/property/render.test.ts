import test from 'ava'
import fc from 'fast-check'
import { DEFAULT_LIMITS } from '../../src/core/limits.js'
import { checkDrawable, type Drawable, type Surface, type SurfaceFormat } from '../../src/display/index.js'
import { Canvas } from '../../src/render/index.js'
import { copyOfSurface, drawables, noiseSurface } from '../helpers/drawables.js'
import { drawNaively } from '../helpers/naive-renderer.js'

const FORMATS: readonly SurfaceFormat[] = ['xrgb32', 'argb32', 'rgb555', 'rgb565', 'a8']

const canvas = new Canvas(DEFAULT_LIMITS)

const world = (formats: readonly SurfaceFormat[]): Map<number, Surface> =>
  new Map(formats.map((format, id) => [id, noiseSurface(format, 24 + id * 3, 18 - id, id + 1)]))

const cover = (
  rects: readonly { left: number; top: number; right: number; bottom: number }[],
  x: number,
  y: number,
) => rects.some(({ left, top, right, bottom }) => x >= left && x < right && y >= top && y < bottom)

const sameBytes = (a: ArrayBufferView, b: ArrayBufferView): boolean =>
  Buffer.compare(
    Buffer.from(a.buffer, a.byteOffset, a.byteLength),
    Buffer.from(b.buffer, b.byteOffset, b.byteLength),
  ) === 0

const run = (surfaces: Map<number, Surface>, drawable: Drawable) => {
  const slow = new Map([...surfaces].map(([id, surface]) => [id, copyOfSurface(surface)]))
  const before = new Map([...surfaces].map(([id, surface]) => [id, copyOfSurface(surface)]))
  const target = checkDrawable(drawable, { limits: DEFAULT_LIMITS, surfaces: (id) => surfaces.get(id) })
  const region = canvas.draw(target, drawable, (id) => surfaces.get(id))
  drawNaively(drawable, slow)
  return { slow, before, region }
}

for (const format of FORMATS) {
  test(`any drawing onto ${format} gives what a pixel by pixel reading of the rules gives, and tells where`, (t) => {
    const sizes = world([format, ...FORMATS])
    fc.assert(
      fc.property(drawables(sizes), (drawable) => {
        const surfaces = world([format, ...FORMATS])
        const { slow, before, region } = run(surfaces, drawable)
        for (const [id, { pixels, width }] of surfaces) {
          t.true(sameBytes(pixels, slow.get(id)!.pixels), drawable.kind)
          const old = before.get(id)!.pixels
          const stray = pixels.findIndex(
            (pixel, at) => pixel !== old[at] && !cover(region, at % width, Math.floor(at / width)),
          )
          t.true(stray < 0 || id !== drawable.surface, 'a pixel changed outside of the region')
        }
      }),
      { numRuns: 300 },
    )
  })
}

test('drawing after drawing, nothing adds up to something else', (t) => {
  const sizes = world(FORMATS)
  fc.assert(
    fc.property(fc.array(drawables(sizes), { minLength: 5, maxLength: 20 }), (all) => {
      const surfaces = world(FORMATS)
      const slow = world(FORMATS)
      for (const drawable of all) {
        canvas.draw(surfaces.get(drawable.surface)!, drawable, (id) => surfaces.get(id))
        drawNaively(drawable, slow)
      }
      for (const [id, { pixels }] of surfaces) {
        t.true(sameBytes(pixels, slow.get(id)!.pixels))
      }
    }),
    { numRuns: 60 },
  )
})
