export { deflateGlz, deflateGlzSync, ZLIB_GLZ_MIN_SIZE } from './deflate.js'
export { inflateZlib } from './decoder.js'
