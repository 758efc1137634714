export * from './channel.js'
export type { PingRecord } from './pings.js'
export { AGENT_TOKENS, type AgentRecord, type GuestHeads } from './monitors-agent.js'
