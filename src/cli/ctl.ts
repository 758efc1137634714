import { reasonOf, type Config } from '../config/index.js'
import { UsageError } from './arguments.js'
import { EXIT, type CliIo } from './io.js'

/** Words after `ctl`, with what each does. */
export const CTL_ACTIONS = {
  'set-ticket':
    'set the ticket for new clients; reads its first line from --from FILE, or from standard input',
  expire: 'change when the ticket stops being good (--expiry)',
  lock: 'remove the ticket: nobody new gets in',
  clients: 'list who is connected, as JSON',
  disconnect: 'end the session of one client (--client N)',
} as const

export type CtlAction = keyof typeof CTL_ACTIONS

export const isCtlAction = (word: string): word is CtlAction => Object.hasOwn(CTL_ACTIONS, word)

interface CtlRequest {
  readonly method: 'GET' | 'PUT' | 'DELETE'
  readonly path: string
  readonly body?: string
}

type Own = ReadonlyMap<string, string>

const TAKES: Readonly<Record<CtlAction, readonly string[]>> = {
  'set-ticket': ['from', 'expiry', 'connected'],
  expire: ['expiry'],
  lock: [],
  clients: [],
  disconnect: ['client'],
}

/**
 * Asks a running sidecar through its admin socket. A ticket never stands on the command line, where others read it.
 *
 * @returns 0; 1 when nobody answered or the answer is an error, with one line on standard error
 */
export const runCtl = async (action: CtlAction, own: Own, config: Config, io: CliIo): Promise<number> => {
  const stray = [...own.keys()].find((flag) => !TAKES[action].includes(flag))
  if (stray !== undefined) {
    throw new UsageError(`ctl ${action} takes no --${stray}`)
  }
  if (config.admin === undefined) {
    throw new UsageError('ctl needs --admin unix:PATH, the admin socket of the running spice-sidecar')
  }
  const request = requestOf(action, own, io)
  try {
    const { status, body } = await io.askAdmin(config.admin.path, request.method, request.path, request.body)
    if (status >= 200 && status < 300) {
      io.stdout(body)
      return EXIT.ok
    }
    io.stderr(`spice-sidecar: ${messageOf(body)}\n`)
  } catch (error) {
    const code = reasonOf(error)
    io.stderr(
      `spice-sidecar: the admin socket ${config.admin.path} did not answer: ${code === 'ABORT_ERR' ? 'no answer in time' : code}\n`,
    )
  }
  return EXIT.failed
}

const requestOf = (action: CtlAction, own: Own, io: CliIo): CtlRequest => {
  switch (action) {
    case 'set-ticket': {
      const from = own.get('from')
      const ticket = from === undefined || from === '-' ? io.readTicketInput() : io.readTicket(from)
      if (ticket === undefined) {
        throw new UsageError('the ticket is empty; ctl lock removes a ticket')
      }
      const password = textOf(ticket)
      ticket.fill(0)
      const body = JSON.stringify({ password, expiry: own.get('expiry'), connected: own.get('connected') })
      return { method: 'PUT', path: '/ticket', body }
    }
    case 'expire': {
      const body = JSON.stringify({ expiry: needed(own, 'expiry') })
      return { method: 'PUT', path: '/ticket/expiry', body }
    }
    case 'lock': {
      return { method: 'DELETE', path: '/ticket' }
    }
    case 'clients': {
      return { method: 'GET', path: '/clients' }
    }
    case 'disconnect': {
      const client = needed(own, 'client')
      if (!/^[1-9]\d{0,14}$/.test(client)) {
        throw new UsageError('--client must be a number as ctl clients lists it')
      }
      return { method: 'DELETE', path: `/clients/${client}` }
    }
  }
}

const needed = (own: Own, flag: string): string => {
  const text = own.get(flag)
  if (text === undefined) {
    throw new UsageError(`--${flag} is missing`)
  }
  return text
}

const textOf = (ticket: Uint8Array): string => {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(ticket)
  } catch {
    throw new UsageError('the ticket is not UTF-8 text; use ticket-file for it')
  }
}

/** The sentence of an error answer, safe to print. */
const messageOf = (body: string): string => {
  let text = body
  try {
    const parsed: unknown = JSON.parse(body)
    if (typeof parsed === 'object' && parsed !== null && 'message' in parsed) {
      text = String(parsed.message)
    }
  } catch {
    text = 'the admin socket answered something that is not JSON'
  }
  return text.replace(/\p{Cc}/gu, '?').slice(0, 200)
}
