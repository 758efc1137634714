export { decodeQuic } from './decoder.js'
export { createQuicEncoder, type QuicEncoder, type QuicEncoderOptions } from './encoder.js'
export {
  QUIC_HEADER_SIZE,
  quicMaxEncodedSize,
  readQuicHeader,
  type QuicFormat,
  type QuicHeader,
  type QuicImage,
} from './quic-format.js'
