import test from 'ava'
import { closeSync, readdirSync, readFileSync } from 'node:fs'
import {
  createMemfd,
  FdReceiver,
  fileStatus,
  openFdCount,
  OwnedFd,
  peerCredentials,
  sendWithFds,
  socketPair,
  type Received,
} from '../../../src/host/index.js'

// Every test here is synchronous from its first descriptor to its last, so the counts are its own.
const kernelCount = (): number => readdirSync('/proc/self/fd').length

const readFdInfo = (fd: number): string => readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')

const data = (received: Received): Extract<Received, { kind: 'data' }> => {
  if (received.kind !== 'data') {
    throw new Error(`received ${received.kind}`)
  }
  return received
}

test('a closed descriptor has no number, and closing again does nothing', (t) => {
  const [a, b] = socketPair()
  t.is(openFdCount(), 2)
  a.close()
  a.close()
  t.is(openFdCount(), 1)
  t.throws(() => a.fd, { code: 'SIDECAR_HOST' })
  t.throws(() => a.take(), { code: 'SIDECAR_HOST' })
  b.close()
  t.is(openFdCount(), 0)
})

test('a descriptor that was given away stays open', (t) => {
  const [a, b] = socketPair()
  const number = a.take()
  a.close()
  t.is(fileStatus(number).kind, 'socket')
  t.is(openFdCount(), 1)
  closeSync(number)
  b.close()
})

test('what is no descriptor cannot be owned', (t) => {
  for (const fd of [-1, 1.5, Number.NaN]) {
    t.throws(() => new OwnedFd(fd), { code: 'SIDECAR_BUG' })
  }
  t.is(openFdCount(), 0)
})

test('sockets and received descriptors are closed on exec', (t) => {
  const [a, b] = socketPair()
  sendWithFds(a.fd, Uint8Array.of(1), [b.fd])
  const [received] = data(new FdReceiver(1).receive(b.fd, new Uint8Array(1))).fds
  for (const { fd } of [a, b, received!]) {
    const flags = /flags:\s*(\d+)/.exec(readFdInfo(fd))?.[1]
    t.is(Number.parseInt(flags ?? '0', 8) & 0o2000000, 0o2000000)
  }
  for (const owned of [a, b, received!]) {
    owned.close()
  }
})

test('bytes and descriptors arrive together and in order', (t) => {
  const [a, b] = socketPair()
  const first = createMemfd('first', 1)
  const second = createMemfd('second', 2)
  t.is(sendWithFds(a.fd, Buffer.from('hello'), [first.fd, second.fd]), 5)
  const into = new Uint8Array(16)
  const { size, fds } = data(new FdReceiver(4).receive(b.fd, into))
  t.is(Buffer.from(into.subarray(0, size)).toString(), 'hello')
  t.deepEqual(
    fds.map(({ fd }) => fileStatus(fd).size),
    [1, 2],
  )
  for (const owned of [a, b, first, second, ...fds]) {
    owned.close()
  }
  t.is(openFdCount(), 0)
})

test('bytes in shared memory and in a part of an array are sent and received', (t) => {
  const [a, b] = socketPair()
  const from = new Uint8Array(new SharedArrayBuffer(16), 4, 8)
  from.set(Buffer.from('12345678'))
  t.is(sendWithFds(a.fd, from.subarray(2, 6), []), 4)
  const into = new Uint8Array(new SharedArrayBuffer(16), 8)
  t.is(data(new FdReceiver(0).receive(b.fd, into.subarray(1))).size, 4)
  t.deepEqual([...into], [0, ...Buffer.from('3456'), 0, 0, 0])
  a.close()
  b.close()
})

test('an empty socket would block, a closed one has ended', (t) => {
  const [a, b] = socketPair()
  const receiver = new FdReceiver(4)
  const into = new Uint8Array(4)
  t.deepEqual(receiver.receive(b.fd, into), { kind: 'wouldBlock' })
  sendWithFds(a.fd, Uint8Array.of(7), [])
  a.close()
  t.is(data(receiver.receive(b.fd, into)).size, 1)
  t.deepEqual(receiver.receive(b.fd, into), { kind: 'ended' })
  t.throws(() => sendWithFds(b.fd, into, []), { code: 'SIDECAR_PEER_GONE' })
  b.close()
})

test('a socket that was reset with bytes unread has ended', (t) => {
  const [a, b] = socketPair()
  sendWithFds(b.fd, Uint8Array.of(7), [])
  a.close()
  t.deepEqual(new FdReceiver(4).receive(b.fd, new Uint8Array(4)), { kind: 'ended' })
  b.close()
})

test('a full socket would block and takes a part before that', (t) => {
  const [a, b] = socketPair()
  const big = new Uint8Array(4 * 1024 * 1024)
  const sent = sendWithFds(a.fd, big, [])
  t.true(typeof sent === 'number' && sent > 0 && sent < big.length)
  t.is(sendWithFds(a.fd, big, []), 'wouldBlock')
  a.close()
  b.close()
})

for (const [max, sent] of [
  [0, 1],
  [1, 2],
  [3, 4],
  [4, 253],
] as const) {
  test(`${sent} descriptors where ${max} are allowed are refused and none stays open`, (t) => {
    const [a, b] = socketPair()
    const before = kernelCount()
    sendWithFds(a.fd, Uint8Array.of(1), Array<number>(sent).fill(a.fd))
    t.throws(() => new FdReceiver(max).receive(b.fd, new Uint8Array(4)), { code: 'SIDECAR_LIMIT' })
    t.is(kernelCount(), before)
    a.close()
    b.close()
    t.is(openFdCount(), 0)
  })
}

test('as many descriptors as allowed are taken, again and again', (t) => {
  const [a, b] = socketPair()
  const receiver = new FdReceiver(3)
  const into = new Uint8Array(4)
  for (const count of [3, 0, 1, 3]) {
    sendWithFds(a.fd, Uint8Array.of(1), Array<number>(count).fill(a.fd))
    const { fds } = data(receiver.receive(b.fd, into))
    t.is(fds.length, count)
    fds.forEach((owned) => owned.close())
  }
  a.close()
  b.close()
  t.is(openFdCount(), 0)
})

test('calls on what is no socket name the call and the error', (t) => {
  const file = createMemfd('file', 1)
  t.like(
    t.throws(() => new FdReceiver(1).receive(file.fd, new Uint8Array(1))),
    {
      code: 'SIDECAR_HOST',
      message: 'recvmsg failed with ENOTSOCK',
    },
  )
  t.like(
    t.throws(() => sendWithFds(file.fd, new Uint8Array(1), [])),
    {
      message: 'sendmsg failed with ENOTSOCK',
    },
  )
  t.like(
    t.throws(() => sendWithFds(1_000_000, new Uint8Array(1), [])),
    {
      message: 'sendmsg failed with EBADF',
    },
  )
  t.throws(() => peerCredentials(file.fd), { code: 'SIDECAR_HOST' })
  file.close()
})

test('misuse is told apart from failures of the system', (t) => {
  t.throws(() => new FdReceiver(254), { code: 'SIDECAR_BUG' })
  t.throws(() => new FdReceiver(1).receive(0, new Uint8Array(0)), { code: 'SIDECAR_BUG' })
  t.throws(() => sendWithFds(0, new Uint8Array(0), [0]), { code: 'SIDECAR_BUG' })
})

test('the kernel says who is at the other end', (t) => {
  const [a, b] = socketPair()
  t.deepEqual(peerCredentials(a.fd), {
    pid: process.pid,
    uid: process.getuid?.() ?? -1,
    gid: process.getgid?.() ?? -1,
  })
  a.close()
  b.close()
})
