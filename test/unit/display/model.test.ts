import test from 'ava'
import { rectOf } from '../../../src/core/region.js'
import { DisplayModel, layoutProblem } from '../../../src/display/index.js'
import { createPictureStore } from '../../../src/kernels/index.js'
import { scribble, show, testFrame, testShape } from '../../helpers/frames.js'

const watched = (model: DisplayModel): string[] => {
  const log: string[] = []
  model.observe({
    consolesChanged: () => log.push('consoles'),
    frameChanged: (console) => log.push(`frame ${console}`),
    stale: (console) => log.push(`stale ${console}`),
    changed: (console, { rects }) => log.push(`changed ${console} ${JSON.stringify(rects)}`),
    pointerShapeChanged: (console) => log.push(`shape ${console}`),
    pointerMoved: (console) => log.push(`pointer ${console}`),
  })
  return log
}

test('damage is cut to the frame and to what changed, and what lies outside is nothing', (t) => {
  const model = new DisplayModel(createPictureStore)
  show(model, testFrame(10, 10))
  const log = watched(model)
  scribble(model, rectOf(8, 8, 10, 10))
  model.damage(0, [rectOf(4, 4, 10, 10), rectOf(20, 20, 5, 5)])
  model.refresh(0)
  t.false(model.isStale(0))
  model.refresh(0)
  model.damage(0, [rectOf(-5, -5, 5, 5)])
  model.damage(1, [rectOf(0, 0, 5, 5)])
  t.deepEqual(log, ['stale 0', 'stale 0', 'changed 0 [{"left":8,"top":8,"right":10,"bottom":10}]'])
})

test('a console whose picture finds no memory is dark, and goes on when there is some', (t) => {
  let room = false
  const model = new DisplayModel((width, height) => (room ? createPictureStore(width, height) : undefined))
  const log = watched(model)
  model.scanout(0, testFrame(10, 10))
  model.damage(0, [rectOf(0, 0, 10, 10)])
  model.refresh(0)
  t.is(model.picture(0).frame, undefined)
  t.false(log.some((line) => line.startsWith('changed')))
  room = true
  model.scanout(0, testFrame(10, 10))
  t.is(model.picture(0).frame?.width, 10)
})

test('a console that goes away turns dark first; a reset turns all of them dark', (t) => {
  const model = new DisplayModel(createPictureStore)
  const consoles = [0, 1].map((index) => ({ index, label: '', head: index }))
  model.consolesChanged(consoles)
  model.scanout(0, testFrame(4, 4))
  model.scanout(1, testFrame(4, 4))
  model.pointerShape(0, testShape(4, 4, [1, 2, 3, 255]))
  const log = watched(model)
  model.consolesChanged(consoles.slice(0, 1))
  t.deepEqual(log, ['frame 1', 'consoles'])
  model.reset()
  t.is(model.picture(0).frame, undefined)
  t.is(model.picture(0).shape, undefined)
  t.deepEqual(log.slice(2), ['frame 0', 'shape 0'])
})

test('an observer that ends its observation in the middle of a call is not called again', (t) => {
  const model = new DisplayModel(createPictureStore)
  let calls = 0
  const stop = model.observe({
    frameChanged: () => {
      calls += 1
      stop()
    },
  })
  model.scanout(0, testFrame(4, 4))
  model.scanout(0, testFrame(5, 4))
  t.is(calls, 1)
})

test('a good layout has no problem', (t) => {
  const head = { console: 0, width: 800, height: 600, x: 0, y: 0, widthMm: 0, heightMm: 0 }
  const limits = { heads: 4, 'head-side': 4096, 'image-pixels': 2 ** 24 }
  t.is(layoutProblem([head, { ...head, console: 1, x: 800 }], limits), undefined)
  t.deepEqual(layoutProblem([{ ...head, width: 5000 }], limits), {
    what: 'a head has an impossible size',
    limit: 'head-side',
  })
})
