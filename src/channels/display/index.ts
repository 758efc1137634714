export * from './channel.js'
export type { CompressionSetting } from './codec-choice.js'
export { DisplayShare, type Encoders } from './share.js'
