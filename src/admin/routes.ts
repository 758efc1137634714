import type { Logger } from '../core/logger.js'
import type { ChannelReport, ClientReport } from '../server/index.js'
import { AdminError } from './admin-error.js'
import { readExpiryRequest, readTicketRequest } from './body.js'
import type { AdminControl } from './control.js'

export interface AdminRequest {
  readonly method: string
  /** Without the query. */
  readonly path: string
  readonly body: string
}

export interface AdminAnswer {
  readonly status: number
  /** Sent as JSON; `undefined` is no body. */
  readonly json: unknown
}

type Handler = (request: AdminRequest, control: AdminControl, logger: Logger) => AdminAnswer

const DONE: AdminAnswer = { status: 204, json: undefined }

const channelJson = (channel: ChannelReport): unknown => ({
  type: channel.type,
  name: channel.name,
  id: channel.id,
  tls: channel.tls,
  'bytes-sent': channel.bytesSent,
  'bytes-received': channel.bytesReceived,
  ...channel.figures,
})

const clientJson = (client: ClientReport): unknown => ({
  number: client.number,
  source: client.source,
  since: client.since,
  'last-activity': client.lastActivity,
  auth: client.auth,
  user: client.user,
  certificate: client.certificate,
  'view-only': client.viewOnly,
  'round-trip-ms': client.roundTripMs,
  'bits-per-second': client.bitsPerSecond,
  'low-bandwidth': client.lowBandwidth,
  'bytes-sent': client.bytesSent,
  'bytes-received': client.bytesReceived,
  channels: client.channels.map(channelJson),
})

const putTicket: Handler = ({ body }, control, logger) => {
  refuseWithoutTickets(control)
  const { ticket, expiry, connected } = readTicketRequest(body)
  const present = control.clients()
  try {
    if (connected === 'fail' && present.length > 0) {
      throw new AdminError(409, 'client_connected', 'a client is connected, so the ticket stays as it is')
    }
    control.setTicket(ticket, expiry)
  } finally {
    ticket.fill(0)
  }
  logger.info('Ticket set', { by: 'admin', expiry: expiry.kind, connected })
  if (connected === 'disconnect') {
    for (const { number } of present) {
      control.disconnect(number)
    }
  }
  return DONE
}

const deleteTicket: Handler = (_request, control, logger) => {
  refuseWithoutTickets(control)
  control.lock()
  logger.info('Ticket removed', { by: 'admin' })
  return DONE
}

const putExpiry: Handler = ({ body }, control, logger) => {
  refuseWithoutTickets(control)
  const expiry = readExpiryRequest(body)
  control.setExpiry(expiry)
  logger.info('Ticket expiry set', { by: 'admin', expiry: expiry.kind })
  return DONE
}

const getClients: Handler = (_request, control) => ({
  status: 200,
  json: {
    auth: control.auth,
    locked: control.locked,
    'mouse-mode': control.mouseMode,
    clients: control.clients().map(clientJson),
  },
})

const getHealth: Handler = (_request, control) => ({
  status: 200,
  json: { status: 'ok', clients: control.clients().length, locked: control.locked },
})

const CLIENT_PATH = /^\/clients\/([1-9]\d{0,14})$/

const deleteClient: Handler = ({ path }, control, logger) => {
  const number = Number(CLIENT_PATH.exec(path)?.[1])
  if (!control.disconnect(number)) {
    throw new AdminError(404, 'not_found', 'there is no client of this number')
  }
  logger.info('Client thrown out', { by: 'admin', client: number })
  return DONE
}

const refuseWithoutTickets = (control: AdminControl): void => {
  if (control.auth !== 'spice') {
    throw new AdminError(409, 'ticketing_disabled', 'clients need no ticket here (disable-ticketing, sasl)')
  }
}

const ROUTES: readonly (readonly [RegExp, Readonly<Record<string, Handler>>])[] = [
  [/^\/ticket$/, { PUT: putTicket, DELETE: deleteTicket }],
  [/^\/ticket\/expiry$/, { PUT: putExpiry }],
  [/^\/clients$/, { GET: getClients }],
  [CLIENT_PATH, { DELETE: deleteClient }],
  [/^\/health$/, { GET: getHealth }],
]

/**
 * Answers one request.
 *
 * @throws AdminError for everything that is not a success
 */
export const answerRequest = (request: AdminRequest, control: AdminControl, logger: Logger): AdminAnswer => {
  const methods = ROUTES.find(([path]) => path.test(request.path))?.[1]
  if (methods === undefined) {
    throw new AdminError(
      404,
      'not_found',
      'known are /ticket, /ticket/expiry, /clients, /clients/N and /health',
    )
  }
  const handler = Object.hasOwn(methods, request.method) ? methods[request.method] : undefined
  if (handler === undefined) {
    const allow = Object.keys(methods)
    throw new AdminError(405, 'method_not_allowed', `this path takes ${allow.join(' and ')}`, allow)
  }
  return handler(request, control, logger)
}
