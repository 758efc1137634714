import test, { type ExecutionContext } from 'ava'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { VdagentLink } from '../../../src/devices/index.js'
import { FakeClock } from '../../helpers/fake-clock.js'
import {
  agentChunk,
  announcement,
  describeLayout,
  layoutReply,
  messagesIn,
} from '../../helpers/guest-agent.js'
import { KeptLog } from '../../helpers/server-rig.js'
import { poll } from '../../helpers/temp-deadline.js'
import { removeTempDirectory, tempDirectory } from '../../helpers/temp.js'

const MONITORS_CONFIG = 1 << 1
const RATE = 64 * 1024
const HEAD = { width: 800, height: 600, depth: 32, x: 0, y: 0, widthMm: 0, heightMm: 0 }

/** QEMU's end of the character device. */
class Port {
  readonly sockets: Socket[] = []
  readonly received: Buffer[] = []
  #server: Server | undefined

  async listen(path: string): Promise<void> {
    const server = createServer((socket) => {
      this.sockets.push(socket)
      this.received.push(Buffer.alloc(0))
      const at = this.sockets.length - 1
      socket.on('error', () => undefined)
      socket.on('data', (bytes) => {
        this.received[at] = Buffer.concat([this.received[at]!, bytes])
      })
    })
    this.#server = server
    await new Promise<void>((resolve) => server.listen(path, resolve))
  }

  async connections(count: number): Promise<void> {
    await poll(`connection ${count}`, () => this.sockets.length === count)
  }

  /** What connection n was sent. */
  messages(n = this.sockets.length - 1) {
    return messagesIn(this.received[n]!)
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) {
      socket.destroy()
    }
    await new Promise((resolve) => this.#server?.close(resolve) ?? resolve(undefined))
    this.#server = undefined
  }
}

const rig = (t: ExecutionContext) => {
  const directory = tempDirectory()
  const path = join(directory, 'vdagent.sock')
  const clock = new FakeClock()
  const log = new KeptLog()
  const port = new Port()
  const hits = new Map<string, number>()
  const drops = new Map<string, number>()
  const present: number[] = []
  const counterOf = (map: Map<string, number>, label: string) => ({
    add: (amount: number, labels: Readonly<Record<string, string>> = {}) =>
      void map.set(labels[label] ?? '', (map.get(labels[label] ?? '') ?? 0) + amount),
  })
  const link = new VdagentLink({
    path,
    clock,
    logger: log,
    limits: { 'agent-message': 1024, 'agent-rate': RATE },
    metrics: {
      present: { set: (value) => void present.push(value) },
      dropped: counterOf(drops, 'kind'),
      limitHits: counterOf(hits, 'limit'),
    },
  })
  const told: boolean[] = []
  link.observe(() => told.push(link.takesLayouts))
  t.teardown(async () => {
    link.close()
    await port.close()
    removeTempDirectory(directory)
  })
  const listening = async (): Promise<void> => {
    await port.listen(path)
    link.reachable(true)
    await port.connections(1)
  }
  /** The agent of the newest connection announces itself. */
  const announce = async (caps = MONITORS_CONFIG): Promise<void> => {
    const before = told.length
    port.sockets.at(-1)!.write(agentChunk(announcement(0, caps)))
    await poll('the announcement', () => told.length > before)
  }
  /** The next try, which comes after so many milliseconds and not before. */
  const triesAfter = async (ms: number, count: number): Promise<void> => {
    await poll('the loss is seen', () => clock.pending > 0)
    clock.advance(ms - 1)
    t.is(clock.pending, 1)
    clock.advance(1)
    await port.connections(count)
  }
  return { path, clock, log, port, hits, drops, present, link, told, listening, announce, triesAfter }
}

test('nothing is tried before QEMU is there, and the first word is a question', async (t) => {
  const { clock, link, port, listening } = rig(t)
  link.layOut([HEAD])
  t.is(clock.pending, 0)
  await listening()
  await poll('the announcement', () => port.messages().length === 1)
  t.like(port.messages()[0], { type: 6 })
  t.false(link.takesLayouts)
})

test('an agent that announced itself gets layouts; a refusal is logged, not more', async (t) => {
  const { link, port, log, told, present, listening, announce } = rig(t)
  await listening()
  await announce()
  t.deepEqual(told, [true])
  t.deepEqual(present, [1])
  link.layOut([HEAD])
  await poll('the layout', () => port.messages().length === 2)
  t.is(describeLayout(port.messages()[1]!.data), '800x600')
  port.sockets[0]!.write(agentChunk(layoutReply(2)))
  await poll('the refusal', () => log.lines.some(({ level }) => level === 'warn'))
  t.true(link.takesLayouts)
})

test('a port that is not there is tried with back-off, and one log line', async (t) => {
  const { path, clock, link, log, port } = rig(t)
  link.reachable(true)
  for (const delayMs of [250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000]) {
    await poll('the failure', () => clock.pending === 1)
    clock.advance(delayMs - 1)
    t.is(clock.pending, 1)
    clock.advance(1)
    t.is(clock.pending, 0)
  }
  await poll('the failure', () => clock.pending === 1)
  t.deepEqual(
    log.lines.map(({ level }) => level),
    ['info'],
  )
  await port.listen(path)
  link.reachable(true)
  await port.connections(1)
  t.is(clock.pending, 0, 'a QEMU that answers is tried at once')
})

test('a lost socket: no agent until the next one announces itself; back-off starts anew after 10 s', async (t) => {
  const { clock, link, port, told, present, listening, announce, triesAfter } = rig(t)
  await listening()
  await announce()
  port.sockets[0]!.destroy()
  await poll('the loss', () => !link.takesLayouts)
  t.deepEqual(told, [true, false])
  t.deepEqual(present, [1, 0])
  await triesAfter(250, 2)
  t.false(link.takesLayouts)
  port.sockets[1]!.destroy()
  await triesAfter(500, 3)
  await announce()
  clock.advance(10_000)
  port.sockets[2]!.destroy()
  await triesAfter(250, 4)
})

test('the guest closed its end: a new connection, and none while QEMU is away', async (t) => {
  const { clock, link, port, told, listening, announce, triesAfter } = rig(t)
  link.portClosed()
  t.is(clock.pending, 0)
  await listening()
  await announce()
  link.portClosed()
  t.deepEqual(told, [true, false])
  await triesAfter(250, 2)
  await announce()
  link.reachable(false)
  t.true(link.takesLayouts, 'a connection that stands is kept')
  port.sockets[1]!.destroy()
  await poll('the loss', () => !link.takesLayouts)
  t.is(clock.pending, 0)
  link.reachable(true)
  await port.connections(3)
})

test('closed, it lets go and comes back for nothing', async (t) => {
  const { clock, link, port, listening, announce } = rig(t)
  await listening()
  await announce()
  const closed = new Promise((resolve) => port.sockets[0]!.once('close', resolve))
  link.close()
  await closed
  link.reachable(true)
  link.layOut([HEAD])
  link.close()
  t.false(link.takesLayouts)
  t.is(clock.pending, 0)
})

test('while the guest reads nothing, layouts do not queue up', async (t) => {
  const { link, port, listening, announce } = rig(t)
  await listening()
  await announce()
  const [socket] = port.sockets
  socket!.pause()
  const wide = Array.from({ length: 16 }, (_, i) => ({ ...HEAD, x: i * 800 }))
  for (let i = 0; i < 5000; i++) {
    link.layOut([...wide, { ...HEAD, width: 1000 + i }])
  }
  socket!.resume()
  await poll('the newest layout', () => {
    const last = port.messages(0).at(-1)
    return last?.type === 2 && describeLayout(last.data).endsWith('5999x600')
  })
  t.true(port.messages(0).length < 5000)
})

test('N-AGENT-01: a guest out of step is left and tried again with back-off', async (t) => {
  const { link, port, log, listening, announce, triesAfter } = rig(t)
  await listening()
  await announce()
  const attack = Buffer.from('0900000001000000', 'hex')
  port.sockets[0]!.write(attack)
  await poll('the end', () => !link.takesLayouts)
  await triesAfter(250, 2)
  port.sockets[1]!.write(attack)
  await triesAfter(500, 3)
  port.sockets[2]!.write(attack)
  await triesAfter(1000, 4)
  t.is(log.lines.filter(({ level }) => level === 'warn').length, 1)
  await announce()
})

test('L-agent: a message that is too long is dropped and counted, the agent stays', async (t) => {
  const { link, port, hits, drops, listening, announce } = rig(t)
  await listening()
  await announce()
  port.sockets[0]!.write(agentChunk({ type: 4, data: Buffer.alloc(1025) }))
  await poll('the drop', () => drops.get('long') === 1)
  t.is(hits.get('agent-message'), 1)
  t.true(link.takesLayouts)
})

for (const [what, flood, stepMs] of [
  ['long messages', agentChunk({ type: 4, data: Buffer.alloc(512 * 1024) }), 1000],
  ['empty chunks', Buffer.alloc(512 * 1024, Buffer.from('0100000000000000', 'hex')), 60_000],
] as const) {
  test(`L-agent: a flood of ${what} is read at the rate that is allowed`, async (t) => {
    const { clock, link, port, hits, listening, announce } = rig(t)
    await listening()
    await announce()
    const [socket] = port.sockets
    let written = false
    socket!.write(flood, () => {
      written = true
    })
    let passedMs = 0
    await poll('the flood is over', () => {
      if (clock.pending > 0) {
        clock.advance(stepMs)
        passedMs += stepMs
      }
      return written && (hits.get('agent-rate') ?? 0) >= 2
    })
    /* What the kernel holds back counts as written. */
    t.true(passedMs >= 2 * stepMs, `it took ${passedMs} ms`)
    t.true(link.takesLayouts)
  })
}
