export type { BandedEncoder, Image, ImageEncoder, PixelFormat } from './image.js'
export { createLzEncoder, decodeLz, LZ_HEADER_SIZE, lzMaxEncodedSize } from './lz/index.js'
