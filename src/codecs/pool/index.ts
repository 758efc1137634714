export {
  ENCODER_MAKERS,
  EncoderSet,
  type EncoderMakers,
  type OpenVideo,
  type MakeEncoder,
  type MakeOptions,
  type PoolEncoder,
  type SetCodec,
} from './encoder-set.js'
export type { GlzNote, GlzPort, OpenGlz } from './glz-port.js'
export { InlineCoder } from './inline-coder.js'
export {
  joinPieces,
  type CodedImage,
  type EncodeJob,
  type EncodeOutcome,
  type FailedImage,
  type FreeJob,
  type GlzJob,
  type Submission,
  type VideoJob,
} from './job.js'
export { EncodeLane, type LaneEntry, type LaneJob, type LanePool } from './lane.js'
export type { CodedAs, CodingOptions, FreeCodec, JobCodec, PoolCodec } from './messages.js'
export {
  DEFAULT_POOL_LIMITS,
  INLINE_PIXELS,
  JOB_ENDS,
  NO_POOL_METRICS,
  POOL_LIMIT_NAMES,
  type FailReason,
  type JobEnd,
  type PoolDeps,
  type PoolLimits,
  type PoolMetrics,
} from './options.js'
export {
  blockOf,
  cutBlock,
  packedRowSize,
  packedSize,
  type PixelBlock,
  type PixelStore,
} from './pixel-block.js'
export { EncoderPool, type PoolOptions } from './pool.js'
export { runEncoderWorker, type EncoderWorkerStart } from './worker-main.js'
export { threadStarter, type StartWorker, type WorkerEvents, type WorkerPort } from './worker-port.js'
export type { GlzTurn } from './dictionaries.js'
