export { decodeLz } from './decoder.js'
export { createLzEncoder, type LzEncoderOptions } from './encoder.js'
export { LzPaletteCoder } from './palette-coder.js'
export { LZ_HEADER_SIZE, lzMaxEncodedSize } from './lz-format.js'
