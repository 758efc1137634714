import test from 'ava'
import fc from 'fast-check'
import { SidecarError } from '../../src/core/errors.js'
import { AgentSession, type AgentDrop } from '../../src/devices/index.js'
import { agentChunk, announcement } from '../helpers/guest-agent.js'

const LIMIT = 8192

const rig = () => {
  const drops = new Map<AgentDrop, number>()
  const count = { announced: 0 }
  const session = new AgentSession(
    { limit: LIMIT },
    {
      announced: () => {
        count.announced += 1
      },
      laidOut: () => undefined,
      dropped: (kind) => drops.set(kind, (drops.get(kind) ?? 0) + 1),
    },
  )
  return { session, drops, count }
}

const u32s = (...values: readonly number[]): Buffer => {
  const bytes = Buffer.alloc(values.length * 4)
  values.forEach((value, i) => bytes.writeUInt32LE(value, i * 4))
  return bytes
}

for (const [what, bytes] of [
  ['a chunk of port 0', u32s(0, 4, 0)],
  ['a chunk of port 3', u32s(3, 4, 0)],
  ['a chunk of port 2^32-1 and size 0', u32s(0xffff_ffff, 0)],
  ['a message of protocol 2', u32s(1, 20, 2, 6, 0, 0, 0)],
  ['a message whose header is cut', u32s(1, 16, 1, 6, 0, 0)],
  ['bytes behind the end of a message', u32s(1, 24, 1, 6, 0, 0, 0, 7)],
  [
    'a chunk of 4 GiB that begins with a short message',
    Buffer.concat([u32s(1, 0xffff_ffff, 1, 6, 0, 0, 8), Buffer.alloc(2040)]),
  ],
  ['a stream that starts in the middle of a message', agentChunk(announcement(1, 2)).subarray(12)],
] as const) {
  test(`N-AGENT-01: ${what} ends the connection`, (t) => {
    const { session } = rig()
    const error = t.throws(() => session.receive(bytes), { instanceOf: SidecarError })
    t.is(error.code, 'SIDECAR_PROTOCOL')
    t.false(session.takesLayouts)
  })
}

test('N-AGENT-01: a message of 2^32-1 bytes is followed and not kept', (t) => {
  const { session, drops } = rig()
  session.receive(u32s(1, 20, 1, 4, 0, 0, 0xffff_ffff))
  const part = Buffer.concat([u32s(1, 2048), Buffer.alloc(2048)])
  const before = process.memoryUsage().arrayBuffers
  for (let i = 0; i < 2000; i++) {
    session.receive(part)
  }
  t.true(process.memoryUsage().arrayBuffers - before < 1024 * 1024)
  t.is(drops.size, 0)
})

test('N-AGENT-01: a chunk of 4 GiB with a message that fills it is only counted down', (t) => {
  const { session } = rig()
  session.receive(u32s(1, 0xffff_ffff, 1, 4, 0, 0, 0xffff_ffff - 20))
  for (let i = 0; i < 100; i++) {
    session.receive(Buffer.alloc(65_536))
  }
  t.is(session.chunks, 1)
})

test('N-AGENT-01: what is waiting to be sent does not grow with what the guest asks', (t) => {
  const { session, count } = rig()
  for (let i = 0; i < 1000; i++) {
    session.receive(agentChunk(announcement(1, 2)))
    session.layOut([])
  }
  t.is(count.announced, 1000)
  t.truthy(session.take())
  t.truthy(session.take())
  t.is(session.take(), undefined)
})

test('N-AGENT-01: an agent that takes back what it can do, again and again, is believed once', (t) => {
  const { session, count } = rig()
  for (let i = 0; i < 100; i++) {
    session.receive(agentChunk(announcement(0, 2)))
    session.receive(agentChunk(announcement(0, 0)))
    t.true(session.takesLayouts)
  }
  t.is(count.announced, 1)
})

test('N-AGENT-01: any bytes are taken, or end the connection, and nothing else', (t) => {
  const size = fc.oneof(fc.nat(64), fc.constantFrom(0, 20, 2048, 2049, 0x7fff_ffff, 0xffff_ffff))
  const chunk = fc
    .tuple(
      fc.constantFrom(1, 1, 1, 2, 3),
      size,
      fc.constantFrom(1, 1, 1, 0),
      fc.nat(17),
      size,
      fc.uint8Array({ maxLength: 80 }),
    )
    .map(([port, length, protocol, type, inside, rest]) =>
      Buffer.concat([u32s(port, length, protocol, type, 0, 0, inside), rest]),
    )
  fc.assert(
    fc.property(fc.array(fc.oneof(chunk, fc.uint8Array({ maxLength: 200 })), { maxLength: 12 }), (parts) => {
      const { session } = rig()
      try {
        for (const part of parts) {
          session.receive(part)
          session.take()
        }
      } catch (error) {
        t.true(error instanceof SidecarError && error.code === 'SIDECAR_PROTOCOL')
      }
    }),
    { numRuns: 500 },
  )
})
