import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { SidecarError } from '../../core/errors.js'
import { fileStatus, readAt, socketPair } from '../../host/index.js'
import { QemuIoLoop, type Descriptor } from '../../qemu-io/index.js'
import type { ToWorker, WorkerStart } from './messages.js'
import type { FileAccess } from './scanout-map.js'
import { DbusDisplaySession } from './session.js'
import { SharedWords } from './shared.js'

const files: FileAccess = {
  readAt,
  status: (fd) => {
    const { kind, size, device, inode } = fileStatus(fd)
    return { isRegular: kind === 'file', sizeBytes: size, identity: `${device}:${inode}` }
  },
}

/** A descriptor that the main thread closes, after this thread has ended. */
const borrowed = (fd: number): Descriptor => ({ fd, close: () => undefined })

/** All of the worker thread: blocks until the session is over. Its entry module is `gpu-bridge/worker.ts`. */
export const runDbusDisplayWorker = (): void => {
  if (parentPort === null) {
    throw new SidecarError('SIDECAR_BUG', 'the qemu worker runs in a worker thread only')
  }
  const port = parentPort
  const { limits, peerFd, shared, wakeFd } = workerData as WorkerStart
  const loop = new QemuIoLoop({ wakeFd, maxFds: limits.fds, watchdogMs: limits['watchdog-ms'] })
  const session = new DbusDisplaySession(borrowed(peerFd), {
    limits,
    uid: process.geteuid?.() ?? 0,
    files,
    shared: new SharedWords(shared),
    open: (fd, options, handlers) => loop.open(fd, options, handlers),
    socketPair,
    post: (message) => port.postMessage(message),
    holding: (listeners) => loop.hold(listeners),
    finished: () => loop.stop(),
  })
  // A listener that stays open after this thread's end would be one that nobody reads.
  try {
    session.start()
    loop.run({
      woken: () => {
        for (let next = receiveMessageOnPort(port); next !== undefined; next = receiveMessageOnPort(port)) {
          session.command(next.message as ToWorker)
        }
      },
      turn: () => session.turn(),
    })
  } finally {
    session.close()
    loop.close()
  }
}
