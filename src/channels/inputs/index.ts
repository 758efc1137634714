export * from './channel.js'
export * from './guest-input.js'
export * from './lock-keys.js'
export { QNUM_PAUSE } from './scan-codes.js'
