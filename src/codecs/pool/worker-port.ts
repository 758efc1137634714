import { Worker } from 'node:worker_threads'
import { asSidecarError, SidecarError } from '../../core/errors.js'
import type { FromWorker, ToWorker } from './messages.js'
import type { EncoderWorkerStart } from './worker-main.js'

/** What a worker tells its owner. */
export interface WorkerEvents {
  message(message: FromWorker): void
  /** The thread is gone, or as good as gone; comes at most once and is the last event. */
  ended(error: SidecarError): void
}

/** One worker. */
export interface WorkerPort {
  /** Sends a message; memory in `transfer` goes with it. */
  post(message: ToWorker, transfer: readonly ArrayBuffer[]): void
  /** Ends the thread wherever it is; resolves when it is gone. May be called any number of times. */
  terminate(): Promise<void>
}

/** Starts a worker. May throw when the machine has no room for one. */
export type StartWorker = (events: WorkerEvents) => WorkerPort

/** Starts real threads that run `entry`. */
export const threadStarter =
  (start: EncoderWorkerStart, entry: URL = new URL('./worker.js', import.meta.url)): StartWorker =>
  (events) => {
    const worker = new Worker(entry, { workerData: start, execArgv: [], env: {} })
    let over = false
    const end = (error: SidecarError): void => {
      if (!over) {
        over = true
        events.ended(error)
      }
    }
    worker.on('message', (message: FromWorker) => {
      if (!over) {
        events.message(message)
      }
    })
    worker.on('messageerror', (thrown) => end(asSidecarError(thrown)))
    worker.on('error', (thrown) => end(asSidecarError(thrown)))
    worker.on('exit', (code) => end(new SidecarError('SIDECAR_BUG', 'encoder worker died', { code })))
    return {
      post: (message, transfer) => worker.postMessage(message, transfer),
      terminate: async () => {
        over = true
        await worker.terminate()
      },
    }
  }
