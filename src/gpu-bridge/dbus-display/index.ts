export type { GuestInput } from './guest-input.js'
export type { InputState } from './messages.js'
export { REFUSALS, type Refusal } from './refusals.js'
export {
  createDbusDisplaySource,
  type DbusDisplayMetrics,
  type DbusDisplayOptions,
  type DbusDisplaySource,
} from './source.js'
export { runDbusDisplayWorker } from './worker-main.js'
