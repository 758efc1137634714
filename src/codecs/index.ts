export { GlzDecoder, GlzLedger, type GlzWait } from './glz/index.js'
export type { BandedEncoder, Image, ImageEncoder, PixelFormat } from './image.js'
export { decodeJpeg } from './jpeg/index.js'
export { createLzEncoder, decodeLz, LZ_HEADER_SIZE, lzMaxEncodedSize, LzPaletteCoder } from './lz/index.js'
export { decodeLz4 } from './lz4/index.js'
export {
  EncoderPool,
  joinPieces,
  NO_POOL_METRICS,
  type CodedImage,
  type EncodeLane,
  type EncodeOutcome,
  type LaneEntry,
  type PoolCodec,
  type PoolDeps,
  type PoolLimits,
  type PoolOptions,
  type VideoJob,
} from './pool/index.js'
export { decodeQuic } from './quic/index.js'
export {
  isVideoSize,
  VIDEO_MAX_SIDE,
  VIDEO_MIN_SIDE,
  type VideoCodec,
  type VideoFormat,
} from './video/index.js'
