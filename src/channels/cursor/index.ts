export * from './channel.js'
export { CACHED_PIXELS, CACHED_SHAPES } from './cache.js'
export { wireShape, type WireShape } from './shape.js'
