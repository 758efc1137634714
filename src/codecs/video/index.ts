export {
  availableVideo,
  createVideoEncoder,
  videoCodecsOf,
  type AvailableVideo,
  type VideoCoderDeps,
  type VideoEncoder,
} from './video-encoder.js'
export {
  isVideoSize,
  VIDEO_CODECS,
  VIDEO_MAX_SIDE,
  VIDEO_MIN_SIDE,
  type VideoCodec,
  type VideoFormat,
  type VideoFrame,
} from './video-format.js'
