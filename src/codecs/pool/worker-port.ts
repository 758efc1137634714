import { Worker } from 'node:worker_threads'
import { asSidecarError, SidecarError } from '../../core/errors.js'
import { AvLedger, ledgerMemory } from '../../host/avcodec-ledger.js'
import { loadAvcodec } from '../../host/avcodec.js'
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

/** Gives back what the video coders of a thread left that was ended in the middle of its work. */
const releaseLeft = (videoLedger: SharedArrayBuffer): void => {
  const ledger = new AvLedger(videoLedger)
  const library = ledger.held > 0 ? loadAvcodec() : undefined
  if (library !== undefined) {
    ledger.releaseAll(library)
  }
}

/**
 * Starts real threads that run `entry`.
 *
 * @param newLedger memory in which each thread notes what its video coders hold
 */
export const threadStarter =
  (
    start: EncoderWorkerStart,
    entry: URL = new URL('./worker.js', import.meta.url),
    newLedger: () => SharedArrayBuffer = ledgerMemory,
  ): StartWorker =>
  (events) => {
    const videoLedger = newLedger()
    const workerData: EncoderWorkerStart = { ...start, videoLedger }
    const worker = new Worker(entry, { workerData, execArgv: [], env: {} })
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
    worker.on('exit', (code) => {
      releaseLeft(videoLedger)
      end(new SidecarError('SIDECAR_BUG', 'encoder worker died', { code }))
    })
    return {
      post: (message, transfer) => worker.postMessage(message, transfer),
      terminate: async () => {
        over = true
        await worker.terminate()
      },
    }
  }
