import { parentPort, workerData } from 'node:worker_threads'
import { SidecarError } from '../../core/errors.js'
import { EncoderSet, ENCODER_MAKERS, type EncoderMakers } from './encoder-set.js'
import { JobCoder } from './job-coder.js'
import { JOB_PROTOCOL_VERSION, type FromWorker, type ToWorker } from './messages.js'

/** Values that a worker is started with. */
export interface EncoderWorkerStart {
  /** Largest image. */
  readonly maxPixels: number
  /** From `ledgerMemory`: what video coders hold stands there. */
  readonly videoLedger?: SharedArrayBuffer
}

/** All of an encoder thread: does one job after the other until it is terminated. Its entry module is `worker.ts`. */
export const runEncoderWorker = (makers: EncoderMakers = ENCODER_MAKERS): void => {
  if (parentPort === null) {
    throw new SidecarError('SIDECAR_BUG', 'an encoder worker runs in a worker thread only')
  }
  const port = parentPort
  const { maxPixels, videoLedger } = workerData as EncoderWorkerStart
  const encoders = new EncoderSet(maxPixels, makers, videoLedger)
  const coder = new JobCoder(encoders)
  const post = (message: FromWorker): void => {
    port.postMessage(message, message.type === 'coded' ? [message.buffer] : [])
  }
  port.on('message', (message: ToWorker) => {
    switch (message.type) {
      case 'encode':
      case 'band':
      case 'glzEncode':
      case 'videoEncode': {
        post(coder.answer(message))
        return
      }
      case 'glzOpen': {
        encoders.openDictionary(message)
        return
      }
      case 'glzClose': {
        encoders.closeDictionary(message.dictionary)
        return
      }
      case 'videoOpen': {
        encoders.openVideo(message)
        return
      }
      case 'videoClose': {
        encoders.closeVideo(message.stream)
      }
    }
  })
  post({ type: 'ready', version: JOB_PROTOCOL_VERSION })
}
