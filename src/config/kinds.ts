import { MAX_EXPIRY_SECONDS, type TicketExpiry } from '../core/ticket.js'
import { parseListenAddress, parseTcpAddress, type ListenAddress, type TcpAddress } from './address.js'

/** A value, or the rest of a sentence that begins with the key: what is wrong and what is allowed. */
export type Parsed<T> = { readonly value: T } | { readonly problem: string }

/** How one kind of setting is written; the same words in file, environment and flags. */
export interface Kind<T> {
  /** Placeholder in help and documentation. */
  readonly placeholder: string
  /** Takes several texts (a repeated flag, a YAML list, commas in the environment) instead of exactly one. */
  readonly many: boolean
  /** Is a flag without a value, with `--no-…` as its opposite. */
  readonly onOff: boolean
  /** What is allowed, as the end of a sentence. */
  readonly allowed: string
  read(texts: readonly string[]): Parsed<T>
}

const MAX_QUOTED = 60

/** A value as an error sentence shows it: quoted, escaped, cut. */
export const quoted = (text: string): string =>
  JSON.stringify(text.length > MAX_QUOTED ? `${text.slice(0, MAX_QUOTED)}…` : text)

const one = <T>(
  placeholder: string,
  allowed: string,
  read: (text: string) => Parsed<T> | undefined,
): Kind<T> => ({
  placeholder,
  many: false,
  onOff: false,
  allowed,
  read: (texts) => {
    const [text] = texts
    if (text === undefined || texts.length > 1) {
      return { problem: `is a list, but must be one value: ${allowed}` }
    }
    return read(text) ?? { problem: `is ${quoted(text)}, but must be ${allowed}` }
  },
})

const value = <T>(result: T | undefined): Parsed<T> | undefined =>
  result === undefined ? undefined : { value: result }

export const onOff: Kind<boolean> = {
  ...one('true|false', 'true or false', (text) =>
    text === 'true' || text === 'false' ? { value: text === 'true' } : undefined,
  ),
  onOff: true,
}

export const path = one<string | undefined>('PATH', 'a path', (text) =>
  text === '' || text.includes('\0') ? undefined : { value: text },
)

export const whole = (min: number, max: number, unit: string): Kind<number> =>
  one('NUMBER', `a whole number of ${unit} from ${min} to ${max}`, (text) => {
    const number = /^\d{1,15}$/.test(text) ? Number(text) : NaN
    return number >= min && number <= max ? { value: number } : undefined
  })

/** One of `words`; a word in `later` is known to QEMU or to the design, but not built, and `why` says so. */
export const word = <W extends string>(
  words: readonly W[],
  later: readonly string[] = [],
  why = 'which is not built in this version',
): Kind<W> => {
  const allowed = listed(words)
  return one(words.join('|'), allowed, (text) => {
    const known = words.find((w) => w === text)
    if (known === undefined && later.includes(text)) {
      return { problem: `is ${quoted(text)}, ${why}; allowed are ${listed(words, 'and')}` }
    }
    return value(known)
  })
}

export const listenAddresses: Kind<readonly ListenAddress[]> = {
  placeholder: 'ADDR:PORT|unix:PATH',
  many: true,
  onOff: false,
  allowed: 'a list of ADDR:PORT, [ADDR]:PORT or unix:PATH',
  read: (texts) => {
    const addresses: ListenAddress[] = []
    for (const text of texts) {
      const address = parseListenAddress(text)
      if (address === undefined) {
        return { problem: `has ${quoted(text)}, but must be a list of ADDR:PORT, [ADDR]:PORT or unix:PATH` }
      }
      addresses.push(address)
    }
    return addresses.length <= MAX_LISTEN
      ? { value: addresses }
      : { problem: `has ${addresses.length} addresses, but at most ${MAX_LISTEN} are allowed` }
  },
}

const MAX_LISTEN = 16

export const addressOrOff = one<TcpAddress | undefined>(
  'ADDR:PORT|off',
  'ADDR:PORT, [ADDR]:PORT or off',
  (text) => (text === 'off' ? { value: undefined } : value(parseTcpAddress(text))),
)

export const ticketExpiry = one<TicketExpiry>(
  'never|now|+SECONDS|UNIXTIME',
  'never, now, +SECONDS or seconds since 1970',
  (text) => {
    if (text === 'never' || text === 'now') {
      return { value: { kind: text } }
    }
    const seconds = /^\+?\d{1,15}$/.test(text) ? Number(text) : Infinity
    if (seconds > MAX_EXPIRY_SECONDS) {
      return undefined
    }
    return text.startsWith('+')
      ? { value: { kind: 'after', seconds } }
      : { value: { kind: 'at', unixSeconds: seconds } }
  },
)

/** `a, b or c`. */
export const listed = (words: readonly string[], last = 'or'): string =>
  words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} ${last} ${words.slice(-1).join('')}`
