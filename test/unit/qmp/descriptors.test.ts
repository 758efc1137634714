import test from 'ava'
import { Socket } from 'node:net'
import {
  FdReceiver,
  fileStatus,
  openFdCount,
  type OwnedFd,
  sendWithFds,
  socketPair,
} from '../../../src/host/index.js'
import { openDbusDisplay } from '../../../src/qmp/index.js'
import { Outbox } from '../../../src/qmp/outbox.js'
import { FakeClock } from '../../helpers/fake-clock.js'
import { qmpRig, rejectedWith } from '../../helpers/qmp-rig.js'

test.serial('openDbusDisplay hands one end to QEMU and keeps the other', async (t) => {
  const before = openFdCount()
  const rig = qmpRig(t, {}, { readsFds: true })
  const monitor = await rig.connect()
  const opening = openDbusDisplay(rig.client)
  const getfd = await monitor.command()
  t.is(getfd.execute, 'getfd')
  t.is(monitor.fds.length, 1)
  monitor.reply(getfd)
  const addClient = await monitor.command()
  t.is(addClient.execute, 'add_client')
  t.deepEqual(addClient.arguments, { protocol: '@dbus-display', fdname: getfd.arguments?.['fdname'] })
  monitor.reply(addClient)
  const ours = await opening
  const theirs = monitor.fds[0]!
  t.is(openFdCount() - before, 2, 'the copy that was passed is closed')
  sendWithFds(ours.fd, Buffer.from('hello'), [])
  const into = new Uint8Array(16)
  t.like(new FdReceiver(0).receive(theirs.fd, into), { kind: 'data', size: 5 })
  t.is(Buffer.from(into.subarray(0, 5)).toString(), 'hello')
  ours.close()
  monitor.destroy()
  t.is(openFdCount(), before)
})

test.serial('openDbusDisplay closes both ends when QEMU refuses or goes away', async (t) => {
  const before = openFdCount()
  const rig = qmpRig(t, {}, { readsFds: true })
  const monitor = await rig.connect()
  const refuse = ({ id }: { id: number }): void =>
    monitor.send({ id, error: { class: 'GenericError', desc: 'no' } })

  const first = openDbusDisplay(rig.client)
  refuse(await monitor.command())
  await rejectedWith(t, first, 'SIDECAR_QMP')

  const second = openDbusDisplay(rig.client)
  const getfd = await monitor.command()
  monitor.reply(getfd)
  refuse(await monitor.command())
  const closefd = await monitor.command()
  t.is(closefd.execute, 'closefd')
  t.deepEqual(closefd.arguments, getfd.arguments)
  refuse(closefd)
  t.is((await rejectedWith(t, second, 'SIDECAR_QMP')).context['command'], 'add_client')

  const third = openDbusDisplay(rig.client)
  await monitor.command()
  monitor.destroy()
  await rejectedWith(t, third, 'SIDECAR_QMP')
  await rejectedWith(t, openDbusDisplay(rig.client), 'SIDECAR_QMP')
  t.is(openFdCount(), before)
})

interface Pipe {
  readonly clock: FakeClock
  readonly outbox: Outbox
  /** Our own socket's number. */
  readonly fd: number
  /** Reads what is in the socket now and gives nobody a chance to write more; bytes read. */
  readonly readNow: () => number
  /** Reads from the other end until `done` says so. */
  readonly drain: (done: (bytes: number, fds: number) => boolean) => Promise<{ bytes: number; fdAt: number }>
}

const pipe = (t: { teardown(fn: () => void): void }): Pipe => {
  const [ours, theirs] = socketPair()
  const fd = ours.take()
  const socket = new Socket({ fd, readable: false, writable: true })
  const clock = new FakeClock()
  const outbox = new Outbox(socket, clock, (error) => {
    throw error
  })
  t.teardown(() => {
    outbox.close()
    socket.destroy()
    theirs.close()
  })
  return {
    clock,
    outbox,
    fd,
    readNow: () => {
      const receiver = new FdReceiver(0)
      const into = new Uint8Array(64 * 1024)
      let bytes = 0
      for (
        let got = receiver.receive(theirs.fd, into);
        got.kind === 'data';
        got = receiver.receive(theirs.fd, into)
      ) {
        bytes += got.size
      }
      return bytes
    },
    drain: async (done) => {
      const receiver = new FdReceiver(4)
      const into = new Uint8Array(64 * 1024)
      let bytes = 0
      let fds = 0
      let fdAt = -1
      while (!done(bytes, fds)) {
        const got = receiver.receive(theirs.fd, into)
        if (got.kind === 'data') {
          if (got.fds.length > 0) {
            fdAt = bytes
            fds += got.fds.length
            got.fds.forEach((owned) => owned.close())
          }
          bytes += got.size
        }
        await new Promise((resolve) => setImmediate(resolve))
      }
      return { bytes, fdAt }
    },
  }
}

const someFd = (t: { teardown(fn: () => void): void }): OwnedFd => {
  const [a, b] = socketPair()
  t.teardown(() => {
    a.close()
    b.close()
  })
  return a
}

test.serial('a descriptor waits until the bytes before it have left', async (t) => {
  const { outbox, readNow, drain } = pipe(t)
  const length = 1024 * 1024
  outbox.send(new Uint8Array(length), undefined)
  // The socket object has more to write, but the socket itself would take bytes again.
  const size = length - readNow()
  t.true(size > 128 * 1024)
  outbox.send(Buffer.from('with\n'), someFd(t).fd)
  outbox.send(Buffer.from('after\n'), undefined)
  const { bytes, fdAt } = await drain((got) => got === size + 11)
  t.is(bytes, size + 11)
  t.true(fdAt > size - 64 * 1024 && fdAt <= size, `descriptor came with the read at ${fdAt}`)
})

test.serial('a message that goes out in parts carries its descriptor once', async (t) => {
  const { outbox, drain } = pipe(t)
  const size = 1024 * 1024
  outbox.send(new Uint8Array(size), someFd(t).fd)
  outbox.send(Buffer.from('after\n'), undefined)
  const { fdAt } = await drain((got, fds) => got === size + 6 && fds === 1)
  t.is(fdAt, 0)
})

test.serial('a descriptor is offered again to a socket that was full', async (t) => {
  const { clock, outbox, fd, drain } = pipe(t)
  const filler = new Uint8Array(64 * 1024)
  let filled = 0
  for (let sent = sendWithFds(fd, filler, []); sent !== 'wouldBlock'; sent = sendWithFds(fd, filler, [])) {
    filled += sent
  }
  outbox.send(Buffer.from('with\n'), someFd(t).fd)
  outbox.send(Buffer.from('after\n'), undefined)
  t.is(clock.pending, 1)
  await drain((got) => got === filled)
  clock.advance(10)
  const { fdAt } = await drain((got, fds) => got === 11 && fds === 1)
  t.is(fdAt, 0)
  t.is(clock.pending, 0)
})

test.serial('what comes with a command is the descriptor that was given', async (t) => {
  const rig = qmpRig(t, {}, { readsFds: true })
  const monitor = await rig.connect()
  const given = someFd(t)
  const sent = rig.client.executeWithFd('getfd', { fdname: 'x' }, given.fd)
  monitor.reply(await monitor.command())
  await sent
  t.is(fileStatus(monitor.fds[0]!.fd).inode, fileStatus(given.fd).inode)
})
