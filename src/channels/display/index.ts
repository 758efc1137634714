export * from './channel.js'
export { Painter, type PainterDeps } from './painter.js'
