export * from './channel.js'
export type { LineMeterMetrics } from './line-meter.js'
export { LOW_BANDWIDTH, RATE_PAYLOAD, RATE_PING_ID, type LineFacts, type PingRecord } from './pings.js'
export { AGENT_TOKENS, type AgentRecord, type GuestHeads } from './monitors-agent.js'
