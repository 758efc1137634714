import { MAX_EXPIRY_SECONDS, MAX_TICKET_BYTES, type TicketExpiry } from '../core/ticket.js'
import { AdminError } from './admin-error.js'

/** What happens to clients that are connected when a ticket is set; the words of QEMU's `set_password`. */
const CONNECTED = ['keep', 'disconnect', 'fail'] as const
export type Connected = (typeof CONNECTED)[number]

export interface TicketRequest {
  readonly ticket: Uint8Array
  readonly expiry: TicketExpiry
  readonly connected: Connected
}

const bad = (message: string): AdminError => new AdminError(400, 'bad_request', message)

const objectOf = (body: string, allowed: readonly string[]): ReadonlyMap<string, unknown> => {
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch {
    /* The text of a syntax error quotes the body, which may hold a ticket. */
    throw bad('the body is not JSON')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw bad('the body is not a JSON object')
  }
  const fields = new Map<string, unknown>(Object.entries(value))
  if ([...fields.keys()].some((key) => !allowed.includes(key))) {
    throw bad(`the body may hold ${allowed.join(', ')} and nothing else`)
  }
  return fields
}

/**
 * An expiry in the words of QEMU's `expire_password`: never, now, `+SECONDS`, or seconds since 1970.
 *
 * @throws AdminError 400
 */
export const readExpiry = (value: unknown): TicketExpiry => {
  if (value === 'never' || value === 'now') {
    return { kind: value }
  }
  const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value
  const seconds = typeof text === 'string' && /^\+?\d{1,15}$/.test(text) ? Number(text) : Infinity
  if (seconds > MAX_EXPIRY_SECONDS) {
    throw bad('expiry must be never, now, +SECONDS or seconds since 1970')
  }
  return String(text).startsWith('+') ? { kind: 'after', seconds } : { kind: 'at', unixSeconds: seconds }
}

/** The body of `PUT /ticket`. @throws AdminError 400 */
export const readTicketRequest = (body: string): TicketRequest => {
  const fields = objectOf(body, ['password', 'expiry', 'connected'])
  const password = fields.get('password')
  if (typeof password !== 'string' || password === '' || password.includes('\0')) {
    throw bad('password must be a text that is not empty and holds no zero byte')
  }
  const ticket = Buffer.from(password)
  if (ticket.length > MAX_TICKET_BYTES) {
    throw bad(`password must have at most ${MAX_TICKET_BYTES} bytes`)
  }
  const connected = CONNECTED.find((word) => word === (fields.get('connected') ?? 'keep'))
  if (connected === undefined) {
    throw bad(`connected must be ${CONNECTED.join(', ')}`)
  }
  return { ticket, expiry: readExpiry(fields.get('expiry') ?? 'never'), connected }
}

/** The body of `PUT /ticket/expiry`. @throws AdminError 400 */
export const readExpiryRequest = (body: string): TicketExpiry =>
  readExpiry(objectOf(body, ['expiry']).get('expiry'))
