import test from 'ava'
import {
  createEventFd,
  createMemfd,
  Epoll,
  sendWithFds,
  signalEventFd,
  socketPair,
} from '../../../src/host/index.js'

test('an eventfd is readable from signal to drain', (t) => {
  const event = createEventFd()
  const epoll = new Epoll()
  epoll.add(event.fd)
  t.deepEqual(epoll.wait(0), [])
  event.signal()
  signalEventFd(event.fd)
  t.deepEqual(epoll.wait(0), [{ fd: event.fd, readable: true, writable: false, hangup: false }])
  t.true(event.drain())
  t.false(event.drain())
  t.deepEqual(epoll.wait(0), [])
  epoll.close()
  event.close()
  event.close()
  t.throws(() => event.signal(), { code: 'SIDECAR_HOST' })
})

test('the interest can be changed and taken back', (t) => {
  const [a, b] = socketPair()
  const epoll = new Epoll()
  epoll.add(a.fd, { writable: true })
  t.deepEqual(epoll.wait(0), [{ fd: a.fd, readable: false, writable: true, hangup: false }])
  epoll.modify(a.fd, { readable: true })
  t.deepEqual(epoll.wait(0), [])
  sendWithFds(b.fd, Uint8Array.of(1), [])
  epoll.modify(a.fd, { readable: true, writable: true })
  t.deepEqual(epoll.wait(0), [{ fd: a.fd, readable: true, writable: true, hangup: false }])
  epoll.remove(a.fd)
  t.deepEqual(epoll.wait(0), [])
  epoll.close()
  a.close()
  b.close()
})

test('a closed peer is a hang-up, also without interest in reading', (t) => {
  const [a, b] = socketPair()
  const epoll = new Epoll()
  epoll.add(a.fd, {})
  b.close()
  t.like(epoll.wait(1000)[0], { fd: a.fd, hangup: true })
  epoll.close()
  a.close()
})

test('more ready descriptors than fit one wait all come within a few', (t) => {
  const events = Array.from({ length: 100 }, () => createEventFd())
  const epoll = new Epoll()
  for (const event of events) {
    epoll.add(event.fd)
    event.signal()
  }
  const seen = new Set<number>()
  for (let i = 0; i < 2; i++) {
    epoll.wait(0).forEach(({ fd }) => seen.add(fd))
  }
  t.is(seen.size, 100)
  for (const { fd } of epoll.wait(0)) {
    epoll.remove(fd)
  }
  t.is(epoll.wait(0).length, 36)
  epoll.close()
  events.forEach((event) => event.close())
})

test('what cannot be waited for is refused with the name of the call', (t) => {
  const epoll = new Epoll()
  const file = createMemfd('file', 1)
  const event = createEventFd()
  epoll.add(event.fd)
  t.like(
    t.throws(() => epoll.add(file.fd)),
    { code: 'SIDECAR_HOST', message: 'epoll_ctl add failed with EPERM' },
  )
  t.like(
    t.throws(() => epoll.add(event.fd)),
    { message: 'epoll_ctl add failed with EEXIST' },
  )
  t.like(
    t.throws(() => epoll.remove(file.fd)),
    { code: 'SIDECAR_HOST' },
  )
  t.throws(() => signalEventFd(1_000_000), { message: 'write to eventfd failed with EBADF' })
  for (const time of [-1, Number.NaN, Infinity]) {
    t.throws(() => epoll.wait(time), { code: 'SIDECAR_BUG' })
  }
  epoll.close()
  t.throws(() => epoll.wait(0), { code: 'SIDECAR_HOST' })
  file.close()
  event.close()
})
