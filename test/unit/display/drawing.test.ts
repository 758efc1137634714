import test from 'ava'
import { DEFAULT_LIMITS } from '../../../src/core/limits.js'
import { rectOf, type Rect } from '../../../src/core/region.js'
import {
  DisplayModel,
  type Change,
  type Drawable,
  type Drawing,
  type SurfaceSpec,
} from '../../../src/display/index.js'
import { createPictureStore } from '../../../src/kernels/index.js'
import { ROP } from '../../../src/protocol/index.js'
import { Canvas } from '../../../src/render/index.js'
import { copyBits, fill, noiseBytes } from '../../helpers/drawables.js'
import { testFrame } from '../../helpers/frames.js'
import { bitmapOf } from '../../helpers/small-pictures.js'

const [WIDTH, HEIGHT] = [40, 30]

/** A console whose guest draws, and what observers were told. */
const rig = (format: SurfaceSpec['format'] = 'xrgb32') => {
  const model = new DisplayModel(createPictureStore, DEFAULT_LIMITS, new Canvas(DEFAULT_LIMITS))
  model.consolesChanged([{ index: 0, label: 'a', head: 0 }])
  const drawn: Drawing[] = []
  const changes: Change[] = []
  let frames = 0
  model.observe({
    drawn: (_console, drawing) => drawn.push(drawing),
    changed: (_console, change) => changes.push(change),
    frameChanged: () => (frames += 1),
  })
  let released = 0
  const draw = (drawable: Drawable): void => model.draw(0, drawable, { release: () => void (released += 1) })
  model.surfaceCreate(0, { id: 0, format, width: WIDTH, height: HEIGHT })
  const settle = (): void => {
    while (model.isStale(0)) {
      model.refresh(0)
    }
  }
  settle()
  changes.length = 0
  const word = (x: number, y: number): number => {
    const { pixels } = model.picture(0).frame!
    return new DataView(pixels.buffer, pixels.byteOffset).getUint32((y * WIDTH + x) * 4, true) & 0xffffff
  }
  return { model, draw, drawn, changes, settle, word, frames: () => frames, released: () => released }
}

const put = (box: Rect, words: readonly number[], surface = 0): Drawable => ({
  kind: 'copy',
  surface,
  box,
  image: bitmapOf(box.right - box.left, words),
  sourceArea: rectOf(0, 0, box.right - box.left, box.bottom - box.top),
  rop: ROP.put,
  scale: 'nearest',
})

const noise = (box: Rect, seed: number): Drawable => {
  const count = (box.right - box.left) * (box.bottom - box.top)
  return put(box, [...new Uint32Array(noiseBytes(count * 4, seed).buffer)])
}

test('a primary surface is what the console shows, black at first, and gone when it is destroyed', (t) => {
  const { model, frames } = rig()
  t.is(model.picture(0).frame?.width, WIDTH)
  t.true(model.picture(0).frame?.pixels.every((byte) => byte === 0))
  t.is(frames(), 1)
  model.surfaceDestroy(0, 0)
  t.is(model.picture(0).frame, undefined)
  t.is(frames(), 2)
  model.surfaceCreate(0, { id: 0, format: 'xrgb32', width: 8, height: 8 })
  t.is(model.picture(0).frame?.width, 8)
})

test('what a surface shows at first comes with it, either way up, and in its own format', (t) => {
  const { model } = rig()
  const data = Uint8Array.of(1, 0, 2, 0, 9, 9, 3, 0, 4, 0, 9, 9)
  for (const topDown of [true, false]) {
    model.surfaceCreate(0, {
      id: 5,
      format: 'rgb565',
      width: 2,
      height: 2,
      content: { data, stride: 6, topDown },
    })
    t.deepEqual(
      [...model.readArea(0, 5, rectOf(0, 0, 2, 2)).data],
      topDown ? [1, 0, 2, 0, 3, 0, 4, 0] : [3, 0, 4, 0, 1, 0, 2, 0],
    )
    model.surfaceDestroy(0, 5)
  }
})

test('a simple drawing is told as such, and is in the picture at once', (t) => {
  const { draw, drawn, word, model, changes } = rig()
  draw(fill(rectOf(2, 3, 10, 5), 0xff112233))
  t.deepEqual(drawn, [{ kind: 'fill', rects: [rectOf(2, 3, 10, 5)], operator: 'put', color: 0x112233 }])
  t.is(word(2, 3), 0x112233)
  t.is(word(1, 3), 0)
  t.false(model.isStale(0))
  t.deepEqual(changes, [])
})

const SIMPLE: readonly (readonly [string, Drawable, Drawing])[] = [
  [
    'blackness',
    { kind: 'blackness', surface: 0, box: rectOf(0, 0, 4, 4) },
    { kind: 'fill', rects: [], operator: 'put', color: 0 },
  ],
  [
    'whiteness',
    { kind: 'whiteness', surface: 0, box: rectOf(0, 0, 4, 4) },
    { kind: 'fill', rects: [], operator: 'put', color: 0xffffff },
  ],
  [
    'invers',
    { kind: 'invers', surface: 0, box: rectOf(0, 0, 4, 4) },
    { kind: 'fill', rects: [], operator: 'xor', color: 0xffffff },
  ],
  [
    'xor',
    fill(rectOf(0, 0, 4, 4), 0x0f0f0f, ROP.xor),
    { kind: 'fill', rects: [], operator: 'xor', color: 0x0f0f0f },
  ],
  [
    'xor with an inverted brush',
    fill(rectOf(0, 0, 4, 4), 0x0f0f0f, ROP.xor | ROP.inversBrush),
    { kind: 'fill', rects: [], operator: 'xor', color: 0xf0f0f0 },
  ],
  [
    'or',
    fill(rectOf(0, 0, 4, 4), 0x0f0f0f, ROP.or),
    { kind: 'fill', rects: [], operator: 'or', color: 0x0f0f0f },
  ],
  [
    'and with an inverted brush',
    fill(rectOf(0, 0, 4, 4), 0x0f0f0f, ROP.and | ROP.inversBrush),
    { kind: 'fill', rects: [], operator: 'and', color: 0xf0f0f0 },
  ],
  [
    'an inverted colour',
    fill(rectOf(0, 0, 4, 4), 0x0f0f0f, ROP.put | ROP.inversBrush),
    { kind: 'fill', rects: [], operator: 'put', color: 0xf0f0f0 },
  ],
]

for (const [name, drawable, expected] of SIMPLE) {
  test(`${name} is a colour and how it is painted`, (t) => {
    const { draw, drawn, settle } = rig()
    draw(noise(rectOf(0, 0, WIDTH, HEIGHT), 1))
    settle()
    draw(drawable)
    t.deepEqual(drawn, [{ ...expected, rects: [rectOf(0, 0, 4, 4)] }])
  })
}

test('a clip of few rectangles stays one, without the parts that come twice; one of many is damage', (t) => {
  const { draw, drawn, model } = rig()
  draw({
    ...fill(rectOf(0, 0, 20, 20), 5),
    clip: [rectOf(0, 0, 4, 4), rectOf(2, 0, 4, 4), rectOf(30, 0, 4, 4)],
  })
  t.deepEqual(drawn, [{ kind: 'fill', rects: [rectOf(0, 0, 6, 4)], operator: 'put', color: 5 }])
  drawn.length = 0
  const clip = Array.from({ length: 9 }, (_, i) => rectOf(i * 4, 10, 2, 2))
  draw({ ...fill(rectOf(0, 0, WIDTH, HEIGHT), 6), clip })
  t.deepEqual(drawn, [])
  t.true(model.isStale(0))
})

test('a colour where it is already is nothing to tell', (t) => {
  const { draw, drawn, model } = rig()
  draw(fill(rectOf(0, 0, 10, 10), 7))
  draw(fill(rectOf(1, 1, 5, 5), 0xaa000007))
  t.is(drawn.length, 1)
  t.false(model.isStale(0))
})

test('an image is damage, and only what it changed', (t) => {
  const { draw, drawn, changes, settle, word } = rig()
  draw(noise(rectOf(0, 0, 20, 20), 3))
  settle()
  changes.length = 0
  const again = noise(rectOf(0, 0, 20, 20), 3)
  draw(again)
  settle()
  t.deepEqual(changes, [])
  draw(put(rectOf(4, 6, 1, 1), [0x123456]))
  settle()
  t.deepEqual(changes, [{ moves: [], rects: [rectOf(4, 6, 1, 1)] }])
  t.is(word(4, 6), 0x123456)
  t.deepEqual(drawn, [])
})

test('a move takes damage along that nobody looked at yet', (t) => {
  const { draw, drawn, changes, settle, word } = rig()
  draw(noise(rectOf(0, 0, WIDTH, HEIGHT), 1))
  settle()
  changes.length = 0
  draw(put(rectOf(2, 2, 1, 1), [0xabcdef]))
  draw(copyBits(rectOf(10, 10, 8, 8), 0, 0))
  t.deepEqual(drawn, [{ kind: 'move', move: { to: rectOf(10, 10, 8, 8), dx: 10, dy: 10 } }])
  t.not(word(12, 12), 0xabcdef, 'clients have not been told')
  settle()
  t.is(word(12, 12), 0xabcdef)
  t.deepEqual(
    changes.flatMap(({ rects }) => rects),
    [rectOf(2, 2, 1, 1), rectOf(12, 12, 1, 1)],
  )
})

test('a colour over damage makes it nothing', (t) => {
  const { draw, changes, settle } = rig()
  draw(noise(rectOf(0, 0, 8, 8), 1))
  draw(fill(rectOf(0, 0, 10, 10), 0x333333))
  settle()
  t.deepEqual(changes, [])
})

test('a primary of 16 bits is shown in 32, and all drawing is damage', (t) => {
  const { draw, drawn, settle, word, model } = rig('rgb555')
  draw(fill(rectOf(0, 0, 3, 3), 0xff8040))
  t.deepEqual(drawn, [])
  settle()
  t.is(word(0, 0), 0xff8442)
  t.deepEqual([...model.readArea(0, 0, rectOf(0, 0, 1, 1)).data], [0x08, 0x7e])
})

test('surfaces that are not shown are drawn into, and can be sources', (t) => {
  const { model, draw, drawn, settle, word } = rig()
  model.surfaceCreate(0, { id: 9, format: 'argb32', width: 4, height: 4 })
  draw(put(rectOf(0, 0, 2, 2), [1, 2, 3, 4], 9))
  t.false(model.isStale(0))
  draw({
    kind: 'copy',
    surface: 0,
    box: rectOf(5, 5, 2, 1),
    image: { kind: 'surface', surface: 9 },
    sourceArea: rectOf(0, 1, 2, 1),
    rop: ROP.put,
    scale: 'nearest',
  })
  settle()
  t.deepEqual([word(5, 5), word(6, 5)], [3, 4])
  t.deepEqual(drawn, [])
})

test('every lease is released once, whether the drawing was drawn or refused', (t) => {
  const { draw, released } = rig()
  draw(fill(rectOf(0, 0, 3, 3), 1))
  t.is(released(), 1)
  t.throws(() => draw(fill(rectOf(0, 0, 300, 3), 1)), { code: 'SIDECAR_GUEST' })
  t.is(released(), 2)
})

test('a scanout takes the place of a primary surface, and the other way round', (t) => {
  const { model, draw, settle, word, frames } = rig()
  const frame = testFrame(WIDTH, HEIGHT)
  model.scanout(0, frame)
  settle()
  t.is(
    word(3, 3),
    frame.pixels[(3 * WIDTH + 3) * 4]! |
      (frame.pixels[(3 * WIDTH + 3) * 4 + 1]! << 8) |
      (frame.pixels[(3 * WIDTH + 3) * 4 + 2]! << 16),
  )
  t.throws(() => draw(fill(rectOf(0, 0, 3, 3), 1)), { code: 'SIDECAR_GUEST' })
  t.is(frames(), 1, 'the size is the same, so the clients keep their surface')
  model.surfaceCreate(0, { id: 0, format: 'xrgb32', width: WIDTH, height: HEIGHT })
  settle()
  t.is(word(3, 3), 0)
  draw(fill(rectOf(0, 0, 3, 3), 1))
  t.is(word(0, 0), 1)
})

test('surfaces go with their console, and with a reset', (t) => {
  const { model } = rig()
  model.surfaceCreate(0, { id: 4, format: 'a8', width: 4, height: 4 })
  model.reset()
  t.throws(() => model.readArea(0, 4, rectOf(0, 0, 1, 1)), { code: 'SIDECAR_GUEST' })
  model.surfaceCreate(0, { id: 4, format: 'a8', width: 4, height: 4 })
  model.consolesChanged([{ index: 1, label: 'b', head: 0 }])
  model.consolesChanged([{ index: 0, label: 'a', head: 0 }])
  t.throws(() => model.readArea(0, 4, rectOf(0, 0, 1, 1)), { code: 'SIDECAR_GUEST' })
})

test('versions of the picture go up with drawings, too', (t) => {
  const { model, draw } = rig()
  const before = model.versionOf(0, rectOf(0, 0, 4, 4))
  draw(fill(rectOf(0, 0, 3, 3), 1))
  t.not(model.versionOf(0, rectOf(0, 0, 4, 4)), before)
})

test('without memory for the picture the surface is refused and the console dark', (t) => {
  const model = new DisplayModel(() => undefined, DEFAULT_LIMITS, new Canvas(DEFAULT_LIMITS))
  model.consolesChanged([{ index: 0, label: 'a', head: 0 }])
  const spec = { id: 0, format: 'xrgb32', width: 4, height: 4 } as const
  t.throws(() => model.surfaceCreate(0, spec), { code: 'SIDECAR_GUEST' })
  t.is(model.picture(0).frame, undefined)
  t.throws(() => model.surfaceDestroy(0, 0), { code: 'SIDECAR_GUEST' })
})
