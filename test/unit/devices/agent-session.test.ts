import test from 'ava'
import fc from 'fast-check'
import { AGENT_DROPS, AgentSession, type AgentDrop } from '../../../src/devices/index.js'
import { METRICS } from '../../../src/metrics/index.js'
import type { AgentMonitor } from '../../../src/protocol/index.js'
import {
  agentChunk,
  announcement,
  describeLayout,
  layoutReply,
  messagesIn,
  type AgentMessage,
} from '../../helpers/guest-agent.js'

const MONITORS_CONFIG = 1 << 1
const SPARSE = 1 << 7
const PLACES = 1 << 12

const head = (width: number, height: number, x = 0, y = 0, widthMm = 0, heightMm = 0): AgentMonitor => ({
  width,
  height,
  x,
  y,
  widthMm,
  heightMm,
  depth: 32,
})

const rig = (limit = 1024) => {
  const drops: AgentDrop[] = []
  const replies: boolean[] = []
  let announced = 0
  const session = new AgentSession(
    { limit },
    {
      announced: () => {
        announced += 1
      },
      laidOut: (done) => replies.push(done),
      dropped: (kind) => drops.push(kind),
    },
  )
  /** All that the session sends now. */
  const sent = (): readonly AgentMessage[] => {
    const all: Uint8Array[] = []
    for (let bytes = session.take(); bytes !== undefined; bytes = session.take()) {
      all.push(bytes)
    }
    return messagesIn(Buffer.concat(all))
  }
  return { session, drops, replies, sent, announced: () => announced }
}

test('it asks first, and an agent that does not answer takes no layouts', (t) => {
  const { session, sent } = rig()
  const [first, ...more] = sent()
  t.deepEqual(more, [])
  t.is(first?.type, 6)
  t.is(first?.data.readUInt32LE(0), 1)
  t.is(first?.data.readUInt32LE(4), MONITORS_CONFIG | (1 << 2) | PLACES)
  session.layOut([head(800, 600)])
  t.deepEqual(sent(), [])
  t.false(session.takesLayouts)
})

test('an agent that asks is answered once, and the newest layout goes to it', (t) => {
  const { session, sent, announced } = rig()
  sent()
  session.layOut([head(1, 1)])
  session.receive(agentChunk(announcement(1, MONITORS_CONFIG)))
  session.receive(agentChunk(announcement(1, MONITORS_CONFIG)))
  t.true(session.takesLayouts)
  t.is(announced(), 2)
  session.layOut([head(800, 600)])
  const [answer, layout, ...more] = sent()
  t.is(answer?.data.readUInt32LE(0), 0)
  t.is(describeLayout(layout!.data), '800x600')
  t.deepEqual(more, [])
})

const LAYOUT = [head(800, 600, 0, 0, 300, 200), head(0, 0), head(640, 480, 800, 0), head(0, 0)]

for (const [what, caps, expected] of [
  ['that can do no more', MONITORS_CONFIG, '800x600 640x480'],
  ['that can place heads', MONITORS_CONFIG | PLACES, '800x600+0+0 640x480+800+0'],
  ['that can switch heads off', MONITORS_CONFIG | PLACES | SPARSE, '800x600+0+0 0x0+0+0 640x480+800+0'],
] as const) {
  test(`a layout for an agent ${what}`, (t) => {
    const { session, sent } = rig()
    sent()
    session.receive(agentChunk(announcement(0, caps)))
    session.layOut(LAYOUT)
    t.deepEqual(
      sent().map(({ data }) => describeLayout(data)),
      [expected],
    )
  })
}

test('replies to layouts are told, other messages dropped and counted', (t) => {
  const { session, drops, replies } = rig()
  session.receive(agentChunk(layoutReply(1)))
  session.receive(agentChunk(layoutReply(2)))
  session.receive(agentChunk({ type: 7, data: Buffer.alloc(16) }))
  session.receive(agentChunk({ type: 77, data: Buffer.alloc(0) }))
  session.receive(agentChunk(announcement(1, MONITORS_CONFIG), 2))
  session.receive(Buffer.from('0100000000000000', 'hex'))
  session.receive(agentChunk({ type: 6, data: Buffer.alloc(3) }))
  session.receive(agentChunk({ type: 6, data: Buffer.alloc(512) }))
  session.receive(agentChunk({ type: 4, data: Buffer.alloc(5000) }))
  t.deepEqual(replies, [true, false])
  t.deepEqual(drops, ['type', 'type', 'port', 'empty', 'broken', 'broken', 'long'])
  t.false(session.takesLayouts)
})

test('a message in many chunks, and one larger than a piece in one chunk, are one message each', (t) => {
  const { session, replies, drops } = rig(8192)
  const bytes = agentChunk(layoutReply(1)).subarray(8)
  for (const part of [bytes.subarray(0, 20), bytes.subarray(20, 21), bytes.subarray(21)]) {
    const header = Buffer.alloc(8)
    header.writeUInt32LE(1, 0)
    header.writeUInt32LE(part.length, 4)
    session.receive(Buffer.concat([header, part]))
  }
  session.receive(agentChunk({ type: 7, data: Buffer.alloc(6000) }))
  t.deepEqual(replies, [true])
  t.deepEqual(drops, ['type'])
})

test('however the socket cuts the stream, the same comes out', (t) => {
  const stream = Buffer.concat([
    agentChunk(announcement(1, MONITORS_CONFIG)),
    agentChunk({ type: 4, data: Buffer.alloc(4500, 1) }),
    agentChunk(layoutReply(2)),
    Buffer.from('0200000000000000', 'hex'),
    agentChunk({ type: 7, data: Buffer.alloc(4) }, 2),
    agentChunk(layoutReply(1)),
  ])
  const seen = (cuts: readonly number[]) => {
    const made = rig()
    let at = 0
    for (const cut of [...cuts.toSorted((a, b) => a - b), stream.length]) {
      made.session.receive(stream.subarray(at, cut))
      at = cut
    }
    return { drops: made.drops, replies: made.replies, announced: made.announced() }
  }
  const whole = seen([])
  t.deepEqual(whole, { drops: ['long', 'port', 'port'], replies: [false, true], announced: 1 })
  fc.assert(
    fc.property(fc.array(fc.nat(stream.length), { maxLength: 60 }), (cuts) => {
      t.deepEqual(seen(cuts), whole)
    }),
    { numRuns: 200 },
  )
})

test('whatever is dropped has a place among the metrics', (t) => {
  t.deepEqual([...METRICS.agentDropped.known], [...AGENT_DROPS])
})
