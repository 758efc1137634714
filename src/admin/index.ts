export type { AdminControl } from './control.js'
export { AdminEndpoint, type AdminEndpointOptions } from './endpoint.js'
