import test from 'ava'
import { QemuIo, type QemuIoOptions } from '../../../src/qemu-io/index.js'

const entry = (code: string): URL => new URL(`data:text/javascript,${encodeURIComponent(code)}`)

const ECHO = `
  import { parentPort, workerData } from 'node:worker_threads'
  parentPort.postMessage(workerData.greeting)
  parentPort.on('message', (message) => {
    parentPort.postMessage(message)
    if (message === 'close') parentPort.close()
  })
`

const start = (code: string, options: Partial<QemuIoOptions> = {}) => {
  const messages: unknown[] = []
  let heard: () => void = () => undefined
  const io = new QemuIo({
    entry: entry(code),
    data: { greeting: 'hello' },
    onMessage: (message) => {
      messages.push(message)
      heard()
    },
    ...options,
  })
  const until = async (count: number): Promise<void> => {
    while (messages.length < count) {
      await new Promise<void>((resolve) => {
        heard = resolve
      })
    }
  }
  return { io, messages, until }
}

test('messages go both ways until it is asked to close', async (t) => {
  const { io, messages, until } = start(ECHO)
  io.start()
  io.start()
  await until(1)
  io.post(1)
  io.post(2)
  await until(3)
  await Promise.all([io.close('close'), io.close('close')])
  t.deepEqual(messages, ['hello', 1, 2, 'close'])
  t.deepEqual(await io.ended, { kind: 'closed' })
  io.post(3)
  io.wake()
})

test('what throws in the worker is a death with its reason, not an exception here', async (t) => {
  const { io } = start('throw new Error("broken")')
  io.start()
  const end = await io.ended
  t.is(end.kind, 'died')
  t.is(end.kind === 'died' ? end.error.message : '', 'broken')
  await io.close('close')
})

test('an end with another code than 0 is a death', async (t) => {
  const { io } = start('process.exit(3)')
  io.start()
  const end = await io.ended
  t.deepEqual(end.kind === 'died' ? [end.error.code, end.error.context] : [], ['SIDECAR_BUG', { code: 3 }])
})

test('closing before the start is the end, and nothing starts after it', async (t) => {
  const { io, messages } = start(ECHO)
  await io.close('close')
  io.start()
  t.deepEqual(await io.ended, { kind: 'closed' })
  t.deepEqual(messages, [])
})
