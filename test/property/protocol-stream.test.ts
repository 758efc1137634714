import test from 'ava'
import fc from 'fast-check'
import {
  AgentReassembler,
  MessageFramer,
  encodeAgentMessage,
  encodeHeader,
  headerSize,
  type AgentPiece,
  type Framed,
} from '../../src/protocol/index.js'
import { arbitraryCuts } from '../helpers/arbitraries.js'

const MAX_BODY = 64

interface Sent {
  readonly type: number
  readonly body: Uint8Array
}

const sent: fc.Arbitrary<Sent[]> = fc.array(
  fc.record({
    type: fc.integer({ min: 0, max: 0xffff }),
    body: fc.uint8Array({ maxLength: MAX_BODY }),
  }),
  { maxLength: 6 },
)

const streamOf = (mini: boolean, messages: readonly Sent[]): Uint8Array => {
  const start = headerSize(mini)
  const bytes = new Uint8Array(messages.reduce((sum, { body }) => sum + start + body.length, 0))
  let at = 0
  messages.forEach(({ type, body }, i) => {
    encodeHeader(mini, i + 1, type, body.length, bytes, at)
    bytes.set(body, at + start)
    at += start + body.length
  })
  return bytes
}

const drain = (framer: MessageFramer): Framed[] => {
  const results: Framed[] = []
  for (;;) {
    const next = framer.next()
    if (next.kind === 'needMore') {
      return results
    }
    results.push(next)
    if (next.kind === 'error') {
      return results
    }
  }
}

const expectedOf = (messages: readonly Sent[]): Framed[] =>
  messages.map(({ type, body }, i) => ({ kind: 'message', type, serial: i + 1, subList: 0, body }))

for (const mini of [true, false]) {
  const options = { mini, maxBody: () => MAX_BODY }
  const header = headerSize(mini)
  const kind = mini ? 'mini' : 'full'

  test(`N-CH-05: any cut of a stream with ${kind} headers gives the same messages in bounded memory`, (t) => {
    const cut = sent.chain((messages) =>
      fc.record({ messages: fc.constant(messages), pieces: arbitraryCuts(streamOf(mini, messages)) }),
    )
    fc.assert(
      fc.property(cut, ({ messages, pieces }) => {
        const framer = new MessageFramer(options)
        const results: Framed[] = []
        for (const piece of pieces) {
          framer.push(piece)
          results.push(...drain(framer))
          t.true(framer.heldBytes <= header + MAX_BODY)
        }
        t.deepEqual(results, expectedOf(messages))
      }),
    )
  })

  test(`a stream with ${kind} headers goes on from a snapshot at every byte`, (t) => {
    fc.assert(
      fc.property(sent, (messages) => {
        let framer = new MessageFramer(options)
        const results: Framed[] = []
        for (const byte of streamOf(mini, messages)) {
          framer.push(Uint8Array.of(byte))
          framer = new MessageFramer(options, framer.snapshot())
          results.push(...drain(framer))
          framer = new MessageFramer(options, framer.snapshot())
        }
        t.deepEqual(results, expectedOf(messages))
      }),
      { numRuns: 30 },
    )
  })

  test(`any bytes with ${kind} headers give messages within the limit, or one error for good`, (t) => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 5 }), (pieces) => {
        const framer = new MessageFramer(options)
        let failed = false
        for (const piece of pieces) {
          framer.push(piece)
          for (const next of drain(framer)) {
            t.false(failed && next.kind === 'message')
            failed ||= next.kind === 'error'
            t.true(next.kind !== 'message' || next.body.length <= MAX_BODY)
          }
          t.true(framer.heldBytes <= header + MAX_BODY)
        }
      }),
    )
    t.pass()
  })
}

const LIMIT = 40

/** Pieces of agent messages: the header is in the first one, no piece spans two messages. */
const agentPieces = fc.array(
  fc
    .record({ type: fc.integer({ min: 1, max: 20 }), data: fc.uint8Array({ maxLength: 80 }) })
    .chain((one) => {
      const bytes = encodeAgentMessage(one.type, one.data)
      const head = bytes.slice(0, 20)
      return arbitraryCuts(bytes.slice(20)).map((pieces) => {
        const [first, ...others] = pieces
        return { ...one, pieces: [Uint8Array.of(...head, ...(first ?? [])), ...others] }
      })
    }),
  { maxLength: 6 },
)

test('agent messages come out of their pieces, whole up to the limit, also over snapshots', (t) => {
  fc.assert(
    fc.property(agentPieces, fc.boolean(), (messages, restore) => {
      let stream = new AgentReassembler({ limit: LIMIT })
      for (const { type, data, pieces } of messages) {
        const results: AgentPiece[] = []
        for (const piece of pieces) {
          results.push(stream.push(piece))
          t.true(stream.snapshot().kept.length <= LIMIT)
          stream = restore ? new AgentReassembler({ limit: LIMIT }, stream.snapshot()) : stream
        }
        const expected = pieces.map((_, i): AgentPiece => {
          const last = i === pieces.length - 1
          const whole = last && data.length <= LIMIT ? data : undefined
          return { kind: 'piece', type, size: data.length, first: i === 0, last, data: whole }
        })
        t.deepEqual(results, expected)
      }
    }),
  )
})

test('any pieces of agent bytes are followed in bounded memory or refused for good', (t) => {
  const begun = fc
    .tuple(fc.integer({ min: 0, max: 90 }), fc.uint8Array({ maxLength: 90 }))
    .map(([size, more]) =>
      Uint8Array.of(1, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, size, 0, 0, 0, ...more),
    )
  fc.assert(
    fc.property(fc.array(fc.oneof(begun, fc.uint8Array({ maxLength: 90 })), { maxLength: 8 }), (pieces) => {
      const stream = new AgentReassembler({ limit: LIMIT })
      let failed = false
      for (const piece of pieces) {
        const result = stream.push(piece)
        t.false(failed && result.kind !== 'error')
        failed ||= result.kind === 'error'
        t.true(stream.snapshot().kept.length <= LIMIT)
      }
    }),
  )
  t.pass()
})
