export { decodeLz } from './decoder.js'
export { createLzEncoder, type LzEncoderOptions } from './encoder.js'
export { LZ_HEADER_SIZE, lzMaxEncodedSize } from './lz-format.js'
