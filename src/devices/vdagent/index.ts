export { AGENT_DROPS, AgentSession, type AgentDrop, type AgentSessionEvents } from './agent-session.js'
export { VdagentLink, type VdagentLinkOptions, type VdagentMetrics } from './vdagent-link.js'
