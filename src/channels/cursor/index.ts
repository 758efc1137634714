export * from './channel.js'
export { wireShape, type WireShape } from './shape.js'
