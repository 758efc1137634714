import test from 'ava'
import fc from 'fast-check'
import {
  CACHED_SHAPES,
  CursorChannel,
  MouseModes,
  newCursorRecord,
  newWireRecord,
  type CursorRecord,
} from '../../src/channels/index.js'
import { noCounter } from '../../src/core/metrics.js'
import { DisplayModel } from '../../src/display/index.js'
import { createPictureStore } from '../../src/kernels/index.js'
import { pumpAll, RecordingContext } from '../helpers/channel-rig.js'
import { ClientPointer } from '../helpers/client-pointer.js'
import { testShape } from '../helpers/frames.js'

/** What happens to the pointer, by number: a shape is shown, it is hidden, the channel goes on from its record. */
const SHAPES = CACHED_SHAPES + 40
const HIDE = SHAPES
const RESTORE = SHAPES + 1

const happenings = fc.array(
  fc.oneof(
    { arbitrary: fc.nat(SHAPES - 1), weight: 6 },
    { arbitrary: fc.nat(5), weight: 4 },
    { arbitrary: fc.constantFrom(HIDE, RESTORE), weight: 1 },
    /* Many at a time, so that the cache is soon full. */
    { arbitrary: fc.constantFrom(-1, -2), weight: 1 },
  ),
  { minLength: 1, maxLength: 60 },
)

const expand = (happening: number): readonly number[] => {
  if (happening >= 0) {
    return [happening]
  }
  const all = Array.from({ length: SHAPES }, (_, index) => index)
  return happening === -1 ? all : all.reverse()
}

test('whatever shapes a guest shows, its client has the one that is shown, and never keeps more than it can', (t) => {
  fc.assert(
    fc.property(happenings, (list) => {
      const model = new DisplayModel(createPictureStore)
      const context = new RecordingContext()
      const pointer = new ClientPointer()
      const open = (record: CursorRecord): CursorChannel => {
        const deps = { model, mouse: new MouseModes(), ackWindow: 1e6, shapes: noCounter }
        return new CursorChannel(record, context, deps)
      }
      let channel = open(newCursorRecord(newWireRecord(true), 0))
      channel.start()
      channel.attach()
      for (const what of list.flatMap(expand)) {
        if (what === RESTORE) {
          const record = channel.snapshot()
          channel.close()
          channel = open(record)
          channel.attach()
          continue
        }
        model.pointerMoved(0, { x: 0, y: 0, visible: what !== HIDE })
        const shape = testShape(2, 1, [what & 255, what >> 8, 9, 255])
        if (what !== HIDE) {
          model.pointerShape(0, shape)
        }
        pumpAll(channel)
        for (const sent of context.take()) {
          pointer.follow(sent)
        }
        t.is(pointer.shown, what !== HIDE)
        t.true(what === HIDE || pointer.has(shape))
      }
      channel.close()
    }),
    { numRuns: 60 },
  )
})
