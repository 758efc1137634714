import { generateKeyPairSync } from 'node:crypto'
import test from 'ava'
import { AUTH_SPICE, capsOf, CHANNEL_TYPES, encodeLinkMess, LINK_ERROR } from '../../src/protocol/index.js'
import { SeededRandom } from '../fuzz/mutate.js'
import { rankDeviations, type Round } from '../helpers/ranks.js'
import { openSocket, ticketBlock, type SocketReader } from '../helpers/scripted-client.js'
import { ServerRig, SteppedClock, type ServerRigOptions } from '../helpers/server-rig.js'
import { poll } from '../helpers/temp-deadline.js'

/** Nobody looks at when answers come but at their order, so one key pair is good for all. */
const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024, publicExponent: 65537 })
const PAIR = { privateKey, publicKey: publicKey.export({ type: 'spki', format: 'der' }) }

const KEYS: NonNullable<ServerRigOptions['keys']> = {
  empty: false,
  start: () => undefined,
  close: () => undefined,
  take: (use) => {
    use(PAIR)
    return () => undefined
  },
}

const MANY = 4000
const LIMITS = {
  pending: MANY,
  'pending-drop': MANY,
  'pending-source': MANY,
  'pending-session': MANY,
  'source-burst': 10_000,
  'auth-source': 10_000,
  'auth-all': 100_000,
}

const HELLO = encodeLinkMess({
  connectionId: 0,
  channelType: CHANNEL_TYPES.main,
  channelId: 0,
  commonCaps: capsOf([0, 3]),
  channelCaps: [],
})

const TICKET = 'secret'

/** What is tried where: at a server with the ticket, with that ticket expired, and without one. */
const KINDS = {
  right: { server: 'good', block: () => ticketBlock(PAIR.publicKey, TICKET) },
  'wrong from the first byte': { server: 'good', block: () => ticketBlock(PAIR.publicKey, 'Xecret') },
  'wrong in the last byte': { server: 'good', block: () => ticketBlock(PAIR.publicKey, 'secreX') },
  'bad padding': { server: 'good', block: () => Buffer.alloc(128, 0x5a) },
  expired: { server: 'expired', block: () => ticketBlock(PAIR.publicKey, TICKET) },
  'none set': { server: 'none', block: () => ticketBlock(PAIR.publicKey, TICKET) },
} as const

type Kind = keyof typeof KINDS
const ALL_KINDS = Object.keys(KINDS) as Kind[]

type Rigs = Readonly<Record<(typeof KINDS)[Kind]['server'], ServerRig>>

const startAll = async (options: Omit<ServerRigOptions, 'keys'>): Promise<Rigs> => {
  const common = { ...options, keys: KEYS, limits: { ...LIMITS, ...options.limits } }
  const rigs = {
    good: new ServerRig(common),
    expired: new ServerRig({ ...common, expiry: { kind: 'now' } }),
    none: new ServerRig({ ...common, ticket: undefined }),
  }
  await Promise.all(Object.values(rigs).map((rig) => rig.start()))
  return rigs
}

const closeAll = async (rigs: Rigs): Promise<void> => {
  await Promise.all(Object.values(rigs).map(({ server }) => server.close()))
}

/** A connection that owes nothing but mechanism and ticket. */
const owing = async (rigs: Rigs, kind: Kind): Promise<SocketReader> => {
  const reader = await openSocket(rigs[KINDS[kind].server].where)
  reader.socket.setNoDelay(true)
  reader.socket.write(HELLO)
  await reader.read(202)
  return reader
}

const MECHANISM = Buffer.alloc(4)
MECHANISM.writeUInt32LE(AUTH_SPICE)

const offerOf = (kind: Kind): Buffer => Buffer.concat([MECHANISM, KINDS[kind].block()])

const expected = (kind: Kind): number => (kind === 'right' ? LINK_ERROR.ok : LINK_ERROR.permissionDenied)

const shuffled = (kinds: readonly Kind[], random: SeededRandom): Kind[] =>
  kinds
    .map((kind) => ({ kind, at: random.next(1 << 30) }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ kind }) => kind)

/** Each kind twice, in an order by chance. */
const playRound = async (rigs: Rigs, random: SeededRandom): Promise<Round<Kind>> => {
  const order = shuffled([...ALL_KINDS, ...ALL_KINDS], random)
  const readers = await Promise.all(
    order.map(async (kind) => ({ kind, offer: offerOf(kind), reader: await owing(rigs, kind) })),
  )
  return Promise.all(
    readers.map(async ({ kind, offer, reader }) => {
      const startMs = performance.now()
      reader.socket.write(offer)
      const result = await reader.read(4)
      const ms = performance.now() - startMs
      if (result?.readUInt32LE(0) !== expected(kind)) {
        throw new Error(`${kind}: ${String(result?.readUInt32LE(0))}`)
      }
      reader.socket.destroy()
      return { kind, ms }
    }),
  )
}

/** Far beyond chance: once in some hundred thousand tries of all kinds. */
const SUSPICIOUS = 4.8
const ROUNDS = 100
const TRIES = 3

test('N-AUTH-08: 200 answers each to right, wrong, malformed, expired and absent tickets come in no order by kind', async (t) => {
  const rigs = await startAll({ limits: { 'answer-ms': 10 } })
  try {
    const random = new SeededRandom(8)
    let suspects = new Map<Kind, number>(ALL_KINDS.map((kind) => [kind, 0]))
    // What leaks does so each time, and in the same direction; chance does not.
    for (let i = 0; i < TRIES && suspects.size > 0; i++) {
      const rounds: Round<Kind>[] = []
      while (rounds.length < ROUNDS) {
        rounds.push(await playRound(rigs, random))
      }
      const deviations = rankDeviations(rounds)
      t.log([...deviations].map(([kind, z]) => `${kind}: ${z.toFixed(1)}`).join(', '))
      suspects = new Map(
        [...suspects]
          .map(([kind, before]): [Kind, number, number] => [kind, before, deviations.get(kind) ?? 0])
          .filter(([, before, z]) => Math.abs(z) > SUSPICIOUS && before * z >= 0)
          .map(([kind, , z]) => [kind, z]),
      )
    }
    t.deepEqual([...suspects], [])
  } finally {
    await closeAll(rigs)
  }
})

test('N-AUTH-08: the answers to all kinds of tickets are due at the same moment, and none comes before', async (t) => {
  const clock = new SteppedClock()
  const rigs = await startAll({ clock, limits: { 'answer-ms': 50 } })
  try {
    const readers = await Promise.all(ALL_KINDS.map((kind) => owing(rigs, kind)))
    const answers: Kind[] = []
    const all = readers.map(async (reader, i) => {
      const kind = ALL_KINDS[i] ?? 'right'
      reader.socket.write(offerOf(kind))
      const result = await reader.read(4)
      answers.push(kind)
      t.is(result?.readUInt32LE(0), expected(kind))
    })
    /* For each the deadline of the stage and the answer. */
    await poll('all tickets to be read', () => clock.pending === 2 * ALL_KINDS.length)
    clock.advance(49)
    t.is(clock.pending, 2 * ALL_KINDS.length)
    clock.advance(1)
    await Promise.all(all)
    t.is(answers.length, ALL_KINDS.length)
    readers.forEach(({ socket }) => socket.destroy())
  } finally {
    await closeAll(rigs)
  }
})

test('the ranks show a kind that is late by a tenth of what the others vary, and nothing where there is nothing', (t) => {
  const random = new SeededRandom(1)
  const rounds = (late: number): Round<'a' | 'b'>[] =>
    Array.from({ length: 2000 }, () =>
      (['a', 'b', 'a', 'b'] as const).map((kind) => ({
        kind,
        ms: random.next(1000) + (kind === 'b' ? late : 0),
      })),
    )
  t.true(Math.abs(rankDeviations(rounds(0)).get('b') ?? 0) < SUSPICIOUS)
  t.true((rankDeviations(rounds(100)).get('b') ?? 0) > SUSPICIOUS)
})
