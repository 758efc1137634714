import test from 'ava'
import { DisplayChannel, DisplayShare, newDisplayRecord, newWireRecord } from '../../../src/channels/index.js'
import { noCounter } from '../../../src/core/metrics.js'
import { DisplayModel } from '../../../src/display/index.js'
import { createPictureStore } from '../../../src/kernels/index.js'
import { capsOf, DISPLAY_CAP, displayClient, displayServer } from '../../../src/protocol/index.js'
import { pumpAll, RecordingContext, tell } from '../../helpers/channel-rig.js'
import { displayDeps } from '../../helpers/display-deps.js'
import { FakeClock } from '../../helpers/fake-clock.js'
import { testFrame } from '../../helpers/frames.js'
import { inlineEncoders, WINDOW_BYTES } from '../../helpers/inline-encoders.js'

const INIT = { pixmapCacheId: 1, pixmapCacheSize: 20971520n, glzDictionaryId: 1, glzWindowSize: 3145728 }
const LEFT = { id: 4, x: 0, y: 0, width: 20, height: 30 }
const RIGHT = { id: 2, x: 20, y: 1, width: 19, height: 29 }

const onWire = ({ id, ...place }: typeof LEFT) => ({ monitorId: id, surfaceId: 0, ...place, flags: 0 })

const rig = (caps = capsOf([DISPLAY_CAP.monitorsConfig])) => {
  const model = new DisplayModel(createPictureStore)
  model.consolesChanged([{ index: 0, label: 'qxl', head: 0, maxHeads: 4 }])
  model.scanout(0, testFrame(40, 30))
  const clock = new FakeClock()
  const encoders = inlineEncoders(clock, 4096)
  /** A client that has said INIT; gives the heads that it was told since the last look. */
  const join = () => {
    const context = new RecordingContext()
    const share = new DisplayShare(encoders, WINDOW_BYTES, noCounter)
    const record = newDisplayRecord(newWireRecord(true), 0, caps)
    const channel = new DisplayChannel(record, context, share, displayDeps({ model, encoders, clock }))
    channel.start()
    channel.attach()
    tell(channel, displayClient.init, INIT)
    const told = () => {
      pumpAll(channel)
      return context
        .take()
        .filter(({ type }) => type === displayServer.monitorsConfig.id)
        .map(({ body }) => displayServer.monitorsConfig.decode(body))
    }
    return { told, context }
  }
  return { model, join }
}

test('a client is told all heads when it comes and whenever they change', (t) => {
  const { model, join } = rig()
  model.heads(0, [LEFT, RIGHT])
  const { told } = join()
  t.deepEqual(told(), [{ maxAllowed: 4, heads: [onWire(LEFT), onWire(RIGHT)] }])
  t.deepEqual(told(), [])
  model.heads(0, [RIGHT])
  t.deepEqual(told(), [{ maxAllowed: 4, heads: [onWire(RIGHT)] }])
  const second = join()
  t.deepEqual(second.told(), [{ maxAllowed: 4, heads: [onWire(RIGHT)] }])
  model.heads(0, [LEFT, RIGHT])
  for (const each of [told, second.told]) {
    t.deepEqual(each(), [{ maxAllowed: 4, heads: [onWire(LEFT), onWire(RIGHT)] }])
  }
})

test('without a report one head covers the surface, of each size', (t) => {
  const { model, join } = rig()
  const { told } = join()
  const whole = (width: number, height: number) => [
    { maxAllowed: 4, heads: [onWire({ id: 0, x: 0, y: 0, width, height })] },
  ]
  t.deepEqual(told(), whole(40, 30))
  model.scanout(0, testFrame(17, 13))
  t.deepEqual(told(), whole(17, 13))
})

test('of changes that a client had no room for it is told the last, after the surface', (t) => {
  const { model, join } = rig()
  const { told, context } = join()
  told()
  context.hasRoom = false
  model.scanout(0, testFrame(44, 33))
  model.heads(0, [LEFT])
  model.heads(0, [LEFT, RIGHT])
  model.heads(0, [RIGHT])
  t.deepEqual(told(), [])
  context.hasRoom = true
  t.deepEqual(told(), [{ maxAllowed: 4, heads: [onWire(RIGHT)] }])
})

test('a guest that has switched all heads off says nothing that clients could misread', (t) => {
  const { model, join } = rig()
  model.heads(0, [{ ...LEFT, width: 0 }])
  const { told } = join()
  t.deepEqual(told(), [])
  model.heads(0, [LEFT])
  t.is(told().length, 1)
})

test('a client without the capability hears nothing of heads', (t) => {
  const { model, join } = rig([])
  const { told } = join()
  model.heads(0, [LEFT, RIGHT])
  t.deepEqual(told(), [])
})
