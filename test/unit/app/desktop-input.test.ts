import test from 'ava'
import { DesktopInput } from '../../../src/app/desktop-input.js'
import { DisplayModel } from '../../../src/display/index.js'
import { createPictureStore } from '../../../src/kernels/index.js'
import type { InputEvent } from '../../../src/qmp/index.js'
import { testFrame } from '../../helpers/frames.js'
import { RecordingInput } from '../../helpers/recording-input.js'

const rig = (heads: number) => {
  const model = new DisplayModel(createPictureStore)
  const source = new RecordingInput()
  const sent: (readonly InputEvent[])[] = []
  const answers: (() => void)[] = []
  model.consolesChanged([0, 1].map((index) => ({ index, label: `video0.${index}`, head: index })))
  for (let i = 0; i < heads; i++) {
    model.scanout(i, testFrame(100, 100))
  }
  const input = new DesktopInput({
    source,
    model,
    wanted: () => [],
    send: (events) => {
      sent.push(events)
      return new Promise<void>((resolve) => answers.push(resolve))
    },
  })
  const answer = async (): Promise<void> => {
    answers.shift()?.()
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { source, input, sent, answer }
}

const words = (events: readonly InputEvent[] | undefined): string[] =>
  (events ?? []).map(({ type, data }) =>
    type === 'btn' ? `${data.button} ${data.down}` : 'axis' in data ? `${data.axis} ${data.value}` : type,
  )

test('with one head everything goes to the source', (t) => {
  const { source, input, sent } = rig(1)
  input.position(0, 5, 6)
  input.buttonDown(0)
  input.keyDown(30)
  t.deepEqual(source.log, ['position 0 5 6', 'button 0 down', 'key 1e down'])
  t.deepEqual(sent, [])
})

test('with two heads the pointer goes over the whole desktop, buttons in order, the latest position wins', async (t) => {
  const { source, input, sent, answer } = rig(2)
  input.position(1, 0, 50)
  input.position(1, 1, 50)
  input.position(1, 50, 50)
  input.buttonDown(0)
  input.position(0, 0, 0)
  input.buttonUp(0)
  t.deepEqual(sent.map(words), [['x 16466', 'y 16549']])
  await answer()
  t.deepEqual(words(sent[1]), ['x 24699', 'y 16549', 'left true', 'x 0', 'y 0', 'left false'])
  t.deepEqual(source.log, [])
})
