import test from 'ava'
import { rectOf, type Rect } from '../../../src/core/region.js'
import { DisplayModel, VideoWatch } from '../../../src/display/index.js'
import { createPictureStore } from '../../../src/kernels/index.js'
import { FakeClock } from '../../helpers/fake-clock.js'
import { scribble, show, testFrame } from '../../helpers/frames.js'

const VIDEO = rectOf(20, 20, 160, 120)

const watching = (isVideo: () => boolean = () => true) => {
  const clock = new FakeClock()
  const model = new DisplayModel(createPictureStore)
  const watch = new VideoWatch(model, clock, isVideo)
  model.consolesChanged([
    { index: 0, label: 'a', head: 0 },
    { index: 1, label: 'b', head: 0 },
  ])
  show(model, testFrame(320, 240))
  const play = (frames: number, box: Rect = VIDEO): void => {
    for (let frame = 0; frame < frames; frame++) {
      clock.advance(40)
      scribble(model, box, frame * 3 + 1)
      model.refresh(0)
    }
  }
  return { clock, model, watch, play }
}

test('video of a console is told until it rests', (t) => {
  const { clock, watch, play } = watching()
  t.deepEqual(watch.regions(0), [])
  t.is(watch.restMs(0), undefined)
  play(40)
  t.deepEqual(
    watch.regions(0).map(({ box }) => box),
    [VIDEO],
  )
  t.deepEqual(watch.regions(1), [])
  t.is(watch.restMs(0), 1000)
  clock.advance(1000)
  t.deepEqual(watch.regions(0), [])
})

test('what is asked is shown the picture as it is now', (t) => {
  const asked: boolean[] = []
  const { play, model } = watching(() => {
    asked.push(model.picture(0).frame !== undefined)
    return false
  })
  play(40)
  t.deepEqual([...new Set(asked)], [true])
})

test('a picture that nobody can take is looked at ten times a second, no more often', (t) => {
  const { clock, watch, model } = watching()
  t.is(watch.lookMs(0), 100)
  clock.advance(60)
  t.is(watch.lookMs(0), 40)
  clock.advance(100)
  t.is(watch.lookMs(0), 0)
  scribble(model, VIDEO)
  model.refresh(0)
  t.is(watch.lookMs(0), 100)
})

test('on a new surface all begins anew, under other ids', (t) => {
  const { watch, play, model } = watching()
  play(40)
  const before = watch.regions(0)[0]!.id
  show(model, testFrame(300, 200))
  t.deepEqual(watch.regions(0), [])
  play(40)
  t.true(watch.regions(0)[0]!.id > before)
})

test('once closed it follows nothing', (t) => {
  const { watch, play } = watching()
  watch.close()
  play(40)
  t.deepEqual(watch.regions(0), [])
})
