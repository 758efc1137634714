export { decodeLz4, type ImageSize } from './decoder.js'
export { createLz4Encoder, type Lz4EncoderOptions } from './encoder.js'
export { LZ4_HEADER_SIZE, lz4MaxEncodedSize } from './lz4-format.js'
