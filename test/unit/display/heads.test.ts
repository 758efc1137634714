import test from 'ava'
import { SidecarError } from '../../../src/core/errors.js'
import { checkHeads, DisplayModel, headOfEntry, type SurfaceHead } from '../../../src/display/index.js'
import { createPictureStore } from '../../../src/kernels/index.js'
import { testFrame } from '../../helpers/frames.js'

const head = (id: number, x: number, y: number, width: number, height: number): SurfaceHead => ({
  id,
  x,
  y,
  width,
  height,
})

const LEFT = head(0, 0, 0, 20, 30)
const RIGHT = head(1, 20, 0, 20, 30)

const rig = (maxHeads = 4) => {
  const model = new DisplayModel(createPictureStore, { heads: 3 })
  model.consolesChanged([{ index: 0, label: 'qxl', head: 0, maxHeads }])
  model.scanout(0, testFrame(40, 30))
  const log: string[] = []
  model.observe({
    frameChanged: (console) => log.push(`frame ${console}`),
    headsChanged: (console) => log.push(`heads ${console}`),
  })
  return { model, log }
}

test('without a report one head covers the surface, and a dark console has none', (t) => {
  const { model } = rig()
  t.deepEqual(model.picture(0).heads, [head(0, 0, 0, 40, 30)])
  model.scanout(0, undefined)
  t.deepEqual(model.picture(0).heads, [])
  t.deepEqual(model.picture(1).heads, [])
})

test('a report is told once, without heads of no size; the same again is no news', (t) => {
  const { model, log } = rig()
  model.heads(0, [LEFT, head(7, 0, 0, 0, 30), RIGHT])
  t.deepEqual(model.picture(0).heads, [LEFT, RIGHT])
  model.heads(0, [{ ...LEFT }, { ...RIGHT }])
  t.deepEqual(log, ['heads 0'])
  model.heads(0, [head(0, 0, 0, 0, 0)])
  t.deepEqual(model.picture(0).heads, [])
  t.deepEqual(log, ['heads 0', 'heads 0'])
})

test('a surface that the report does not fit is one head, and one that it fits has them again', (t) => {
  const { model, log } = rig()
  model.heads(0, [LEFT, RIGHT])
  model.scanout(0, testFrame(30, 30))
  t.deepEqual(model.picture(0).heads, [head(0, 0, 0, 30, 30)])
  model.scanout(0, testFrame(50, 30))
  t.deepEqual(model.picture(0).heads, [LEFT, RIGHT])
  t.deepEqual(log, ['heads 0', 'frame 0', 'frame 0'])
})

test('a report that comes before the surface waits for it', (t) => {
  const { model } = rig()
  model.scanout(0, undefined)
  model.heads(0, [LEFT, RIGHT])
  t.deepEqual(model.picture(0).heads, [])
  model.scanout(0, testFrame(40, 30))
  t.deepEqual(model.picture(0).heads, [LEFT, RIGHT])
})

test('a guest that is lost takes its report along, and so does a console that goes away', (t) => {
  const { model } = rig()
  model.heads(0, [LEFT, RIGHT])
  model.reset()
  model.scanout(0, testFrame(40, 30))
  t.deepEqual(model.picture(0).heads, [head(0, 0, 0, 40, 30)])
  model.heads(0, [LEFT, RIGHT])
  const { consoles } = model
  model.consolesChanged([])
  model.consolesChanged(consoles)
  model.scanout(0, testFrame(40, 30))
  t.deepEqual(model.picture(0).heads, [head(0, 0, 0, 40, 30)])
})

const OUTSIDE: readonly (readonly [string, SurfaceHead])[] = [
  ['one column too wide', head(0, 21, 0, 20, 30)],
  ['one row too high', head(0, 0, 1, 20, 30)],
  ['far outside', head(0, 2 ** 31, 2 ** 31, 20, 30)],
  ['whose sum overflows 32 bits', head(0, 0xffff_fff0, 0, 0x20, 30)],
  ['at a negative place', head(0, -1, 0, 20, 30)],
  ['of negative size', head(0, 20, 0, -20, 30)],
  ['at a broken place', head(0, 0.5, 0, 20, 30)],
  ['at no place', head(0, Number.NaN, 0, 20, 30)],
  ['with a negative number', head(-1, 0, 0, 20, 30)],
]

for (const [what, bad] of OUTSIDE) {
  test(`L-heads: a head ${what} is refused, the last heads stay`, (t) => {
    const { model, log } = rig()
    model.heads(0, [RIGHT])
    const error = t.throws(() => model.heads(0, [LEFT, bad]), { instanceOf: SidecarError })
    t.is(error.code, 'SIDECAR_GUEST')
    t.deepEqual(model.picture(0).heads, [RIGHT])
    t.deepEqual(log, ['heads 0'])
  })
}

test('L-heads: two heads of one number are refused', (t) => {
  t.throws(() => checkHeads([LEFT, { ...RIGHT, id: 0 }], 4, undefined), { code: 'SIDECAR_GUEST' })
})

test('L-heads: more heads than the limit, or than the console may have, are refused', (t) => {
  const four = [0, 1, 2, 3].map((id) => head(id, id * 10, 0, 10, 30))
  t.throws(() => rig().model.heads(0, four), { code: 'SIDECAR_LIMIT' })
  t.throws(() => rig(2).model.heads(0, four.slice(0, 3)), { code: 'SIDECAR_LIMIT' })
  t.notThrows(() => rig().model.heads(0, four.slice(0, 3)))
  const { model } = rig(1)
  t.throws(() => model.heads(0, [LEFT, RIGHT]), { code: 'SIDECAR_LIMIT' })
  t.is(model.maxHeads(0), 1)
  t.is(rig().model.maxHeads(0), 3)
  t.is(model.maxHeads(9), 1)
})

test('entries of a layout are consoles, or heads of the one console that may have several', (t) => {
  const console = (index: number, maxHeads?: number) => ({
    index,
    label: '',
    head: index,
    ...(maxHeads === undefined ? {} : { maxHeads }),
  })
  t.deepEqual(headOfEntry(2, [console(0), console(1), console(2)]), { console: 2 })
  t.deepEqual(headOfEntry(2, [console(0, 4)]), { console: 0, head: 2 })
  t.deepEqual(headOfEntry(1, [console(0)]), { console: 1 })
  t.deepEqual(headOfEntry(1, [console(0, 4), console(1)]), { console: 1 })
  t.deepEqual(headOfEntry(0, []), { console: 0 })
})
