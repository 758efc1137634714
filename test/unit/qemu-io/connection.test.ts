import test from 'ava'
import { SidecarError } from '../../../src/core/errors.js'
import { DEFAULT_LIMITS } from '../../../src/core/limits.js'
import {
  DbusConnection,
  encodeMessage,
  ERROR,
  METHOD_CALL,
  METHOD_RETURN,
  NO_REPLY_EXPECTED,
  type DbusMethod,
  type DbusOptions,
  type DbusSignal,
} from '../../../src/qemu-io/dbus/index.js'
import { FakeDbusPeer, type FakePeerOptions } from '../../helpers/fake-dbus-qemu.js'
import { FakeFd, MemoryTransport } from './memory-transport.js'

const LISTENER = 'org.qemu.Display1.Listener'

const connect = (
  methods: Record<string, DbusMethod> = {},
  peerOptions: FakePeerOptions = {},
  options: Partial<DbusOptions> = {},
  pieceSize = 1,
) => {
  const [ours, theirs] = MemoryTransport.pair(pieceSize)
  const closed: SidecarError[] = []
  const refused: SidecarError[] = []
  const signals: DbusSignal[] = []
  let ready = 0
  const connection = new DbusConnection(
    ours,
    { uid: 1234, limits: DEFAULT_LIMITS, ...options },
    {
      ready: () => (ready += 1),
      methods: new Map(Object.entries(methods)),
      signal: (signal) => signals.push(signal),
      refused: (error) => refused.push(error),
      closed: (error) => closed.push(error),
    },
  )
  const peer = new FakeDbusPeer(theirs, peerOptions)
  const turns = (count = 200): void => {
    for (let i = 0; i < count; i++) {
      peer.pump()
      connection.readable()
    }
  }
  connection.start()
  turns()
  return { connection, peer, ours, theirs, closed, refused, signals, turns, ready: () => ready }
}

test('authenticates with its uid, agrees on descriptors, begins', (t) => {
  const { peer, ready } = connect()
  t.deepEqual(peer.lines, ['\0AUTH EXTERNAL 31323334\r\n', 'NEGOTIATE_UNIX_FD\r\n', 'BEGIN\r\n'])
  t.is(ready(), 1)
})

test('a call is answered to its listener, an error with its name', (t) => {
  const { connection, peer, turns } = connect()
  const answers: unknown[] = []
  const target = { path: '/a', interface: 'x.y', member: 'Do', signature: 'u', args: [7] }
  connection.call(target, (args) => answers.push(args))
  connection.call(target, (args, name) => answers.push([args, name]))
  turns()
  t.is(peer.messages.length, 2)
  t.is(peer.messages[0]!.header.flags & NO_REPLY_EXPECTED, 0)
  peer.fail(peer.messages[1]!, 'org.qemu.Display1.Error.Unsupported')
  peer.reply(peer.messages[0]!, 's', ['fine'])
  turns()
  t.deepEqual(answers, [[undefined, 'org.qemu.Display1.Error.Unsupported'], ['fine']])
})

test('a call without a listener wants no answer, and one that comes all the same is ignored', (t) => {
  const { connection, peer, turns, closed } = connect()
  connection.call({ path: '/a', interface: 'x.y', member: 'Do' })
  turns()
  t.is(peer.messages[0]!.header.flags & NO_REPLY_EXPECTED, NO_REPLY_EXPECTED)
  peer.fail(peer.messages[0]!, 'x.y.No')
  turns()
  t.deepEqual(closed, [])
})

test('an answer to a call that was never made closes the connection', (t) => {
  const { peer, turns, closed, ours } = connect()
  peer.raw(encodeMessage({ type: METHOD_RETURN, replySerial: 99 }, 1))
  turns()
  t.deepEqual(
    closed.map((error) => error.code),
    ['SIDECAR_PROTOCOL'],
  )
  t.true(ours.closed)
})

test('a method is called with its arguments and answered unless no answer is wanted', (t) => {
  const seen: unknown[] = []
  const method: DbusMethod = {
    signature: 'ii',
    handle: (call) => {
      seen.push(call.args)
      call.reply('s', ['ok'])
    },
  }
  const { peer, turns } = connect({ [`${LISTENER}.Do`]: method })
  peer.call({ interface: LISTENER, member: 'Do' }, 'ii', [1, -2])
  const serial = peer.call({ interface: LISTENER, member: 'Do' }, 'ii', [3, 4], { reply: true })
  turns()
  t.deepEqual(seen, [
    [1, -2],
    [3, 4],
  ])
  t.is(peer.messages.length, 1)
  t.is(peer.messages[0]!.header.replySerial, serial)
  t.deepEqual(peer.messages[0]!.args, ['ok'])
})

test('unknown methods and wrong signatures are refused, the connection stays', (t) => {
  const method: DbusMethod = { signature: 'ii', handle: () => t.fail() }
  const { peer, turns, refused, closed } = connect({ [`${LISTENER}.Do`]: method })
  peer.call({ interface: LISTENER, member: 'Other' }, '', [], { reply: true })
  peer.call({ interface: LISTENER, member: 'Do' }, 'i', [1], { reply: true })
  turns()
  t.deepEqual(
    peer.messages.map(({ header }) => [header.type, header.errorName]),
    [
      [ERROR, 'org.freedesktop.DBus.Error.UnknownMethod'],
      [ERROR, 'org.freedesktop.DBus.Error.InvalidArgs'],
    ],
  )
  t.is(refused.length, 2)
  t.deepEqual(closed, [])
})

test('a handler that refuses its message keeps the connection, any other failure closes it', (t) => {
  const refuse: DbusMethod = {
    signature: '',
    handle: () => {
      throw new SidecarError('SIDECAR_GUEST', 'no')
    },
  }
  const broken: DbusMethod = {
    signature: '',
    handle: () => {
      throw new SidecarError('SIDECAR_HOST', 'gone')
    },
  }
  const { peer, turns, refused, closed, ours } = connect({ 'x.y.Refuse': refuse, 'x.y.Broken': broken })
  peer.call({ interface: 'x.y', member: 'Refuse' }, '', [], { reply: true })
  turns()
  t.is(peer.messages[0]!.header.type, ERROR)
  t.deepEqual([refused.length, closed.length], [1, 0])
  peer.call({ interface: 'x.y', member: 'Broken' }, '', [], { reply: true })
  turns()
  t.deepEqual(
    closed.map((error) => error.code),
    ['SIDECAR_HOST'],
  )
  t.true(ours.closed)
})

test('descriptors belong to their message: taken ones are the taker’s, the others are closed', (t) => {
  const taken: number[] = []
  const method: DbusMethod = {
    signature: 'h',
    handle: (call) => {
      const fd = call.takeFd(1)
      taken.push(fd?.fd ?? -1, call.takeFd(1) === undefined ? 0 : 1)
    },
  }
  const { peer, turns } = connect({ 'x.y.Take': method })
  const fds = [new FakeFd(), new FakeFd()]
  peer.call({ interface: 'x.y', member: 'Take' }, 'h', [1], { fds })
  peer.call({ interface: 'x.y', member: 'None' }, '', [])
  turns()
  t.deepEqual(taken, [fds[1]!.fd, 0])
  t.deepEqual(
    fds.map((fd) => fd.closed),
    [1, 0],
  )
})

test('descriptors that the header does not announce close the connection and are closed', (t) => {
  const { peer, turns, closed } = connect()
  const fd = new FakeFd()
  peer.raw(encodeMessage({ type: METHOD_CALL, path: '/a', member: 'M' }, 1), [fd])
  turns()
  t.is(closed[0]?.code, 'SIDECAR_PROTOCOL')
  t.is(fd.closed, 1)
})

test('more descriptors than the limit close the connection before the message is there', (t) => {
  const { peer, turns, closed } = connect()
  const fds = [1, 2, 3, 4, 5].map(() => new FakeFd())
  peer.raw(new Uint8Array([0x6c]), fds)
  turns()
  t.is(closed[0]?.code, 'SIDECAR_LIMIT')
  t.true(fds.every((fd) => fd.closed === 1))
})

test('a descriptor to send is closed here once it is on its way, or when the connection closes first', (t) => {
  const { connection, ours, turns, peer } = connect()
  const first = new FakeFd()
  const target = { path: '/a', interface: 'x.y', member: 'Do', signature: 'h', args: [0] }
  connection.call({ ...target, fds: [first] })
  t.is(first.closed, 1)
  turns()
  t.is(peer.messages[0]!.fds[0]!.fd, first.fd)
  ours.accepts = 0
  const second = new FakeFd()
  connection.call({ ...target, fds: [second] })
  t.is(second.closed, 0)
  connection.close()
  t.is(second.closed, 1)
  const third = new FakeFd()
  t.false(connection.call({ ...target, fds: [third] }))
  t.is(third.closed, 1)
})

test('what the peer does not take waits, in order, up to a limit', (t) => {
  const { connection, ours, turns, peer, closed } = connect()
  ours.accepts = 0
  for (let i = 0; i < 20; i++) {
    connection.call({ path: '/a', interface: 'x.y', member: 'Do', signature: 'u', args: [i] })
  }
  t.true(connection.queuedBytes > 0)
  ours.accepts = 5
  for (let i = 0; connection.queuedBytes > 0 && i < 1000; i++) {
    connection.writable()
  }
  turns()
  t.deepEqual(
    peer.messages.map(({ args }) => args[0]),
    Array.from({ length: 20 }, (_, i) => i),
  )
  ours.accepts = 0
  for (let i = 0; i < 10_000 && !connection.isClosed; i++) {
    connection.call({ path: '/a', interface: 'x.y', member: 'Do', signature: 'u', args: [i] })
  }
  t.is(closed[0]?.code, 'SIDECAR_LIMIT')
})

test('signals are handed on; messages of unknown types are skipped', (t) => {
  const { peer, turns, signals, closed } = connect()
  peer.raw(encodeMessage({ type: 77 }, 1))
  peer.signal('/a', 'x.y', 'Changed', 'su', ['name', 5])
  turns()
  t.deepEqual(signals, [{ path: '/a', interface: 'x.y', member: 'Changed', args: ['name', 5] }])
  t.deepEqual(closed, [])
})

test('the end of the stream is reported once as a peer that is gone', (t) => {
  const { peer, turns, closed, connection } = connect()
  peer.close()
  turns()
  connection.close()
  t.deepEqual(
    closed.map((error) => error.code),
    ['SIDECAR_PEER_GONE'],
  )
})

test('closing does not report', (t) => {
  const { connection, closed, ours } = connect()
  connection.close()
  connection.close()
  t.deepEqual(closed, [])
  t.true(ours.closed)
})

for (const [what, sasl] of [
  ['a refusal', { '\0AUTH EXTERNAL': 'REJECTED EXTERNAL\r\n' }],
  ['no descriptor passing', { NEGOTIATE_UNIX_FD: 'ERROR\r\n' }],
  ['an endless line', { '\0AUTH EXTERNAL': 'x'.repeat(4096) }],
  ['something said too early', { '\0AUTH EXTERNAL': `OK ${'0'.repeat(32)}\r\nAGREE_UNIX_FD\r\n` }],
] as const) {
  test(`the handshake ends with an error on ${what}`, (t) => {
    const { closed, ready } = connect({}, { sasl }, {}, what === 'something said too early' ? 512 : 1)
    t.is(closed[0]?.code, 'SIDECAR_PROTOCOL')
    t.is(ready(), 0)
  })
}

test('a body above the limit is refused before its bytes, the larger limit counts for the header that has it', (t) => {
  const big = encodeMessage(
    {
      type: METHOD_CALL,
      path: '/a',
      interface: 'x.y',
      member: 'Big',
      signature: 'ay',
      args: [new Uint8Array(70_000)],
    },
    1,
  )
  const plain = connect()
  plain.peer.raw(big.subarray(0, big.length - 69_000))
  plain.turns(2000)
  t.is(plain.closed[0]?.code, 'SIDECAR_LIMIT')

  let length = 0
  const method: DbusMethod = {
    signature: 'ay',
    handle: (call) => (length = (call.args[0] as Uint8Array).length),
  }
  const roomy = connect(
    { 'x.y.Big': method },
    {},
    { maxBody: (header) => (header.member === 'Big' ? 80_000 : 0) },
    10_000,
  )
  roomy.peer.raw(big)
  roomy.turns()
  t.is(length, 70_000)
  t.deepEqual(roomy.closed, [])
})

test('a big body does not cost its size for ever, small ones between big ones cost no new buffer', (t) => {
  const buffers: ArrayBufferLike[] = []
  const method: DbusMethod = {
    signature: 'ay',
    handle: (call) => buffers.push((call.args[0] as Uint8Array).buffer),
  }
  const { peer, turns } = connect({ 'x.y.Take': method }, {}, { maxBody: () => 1 << 21 }, 1 << 21)
  const send = (size: number): ArrayBufferLike => {
    peer.call({ interface: 'x.y', member: 'Take' }, 'ay', [new Uint8Array(size)])
    turns(10)
    return buffers.at(-1)!
  }
  const big = send(1 << 20)
  t.is(send(20_000), big)
  t.is(send(1 << 20), big)
  const small = send(10)
  t.not(small, big)
  t.is(send(1 << 20), big)
  for (let i = 0; i < 300; i++) {
    send(20_000)
  }
  t.true(send(20_000).byteLength < 1 << 16)
})
