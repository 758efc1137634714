/** Pings that wait for their answer, and what they told about the line; plain. */
export interface PingRecord {
  lastId: number
  waiting: { id: number; sentMs: number }[]
  /** Last measured round trip, milliseconds. */
  roundTripMs: number | undefined
  /** Shortest round trip measured, milliseconds. */
  latencyMs: number | undefined
  /** How far the measurement of the bit rate is; it is made once. */
  rate: 'due' | 'sent' | 'done'
  /** Looks at whether the line is free, made so far for the measurement. */
  probes: number
  /** Bit rate of the line to the client; `undefined` while unknown and where it is too fast to tell. */
  bitsPerSecond: number | undefined
}

/** What a client's line is like, as far as it is known. */
export interface LineFacts {
  /** Last measured round trip, milliseconds. */
  readonly roundTripMs: number | undefined
  readonly bitsPerSecond: number | undefined
  /** Below {@link LOW_BANDWIDTH}; false until the line is known to be slow. */
  readonly lowBandwidth: boolean
}

/** The ping that carries {@link RATE_PAYLOAD}; others never have this number (`protocol-session.md` 2.4). */
export const RATE_PING_ID = 3

/** Bytes of zeros that measure the bit rate. */
export const RATE_PAYLOAD = 256_000

/** Bits per second below which a line counts as slow. */
export const LOW_BANDWIDTH = 10 * 1024 * 1024

/** More unanswered pings than this are not remembered. */
const MAX_WAITING = 8

export const newPingRecord = (): PingRecord => ({
  lastId: 0,
  waiting: [],
  roundTripMs: undefined,
  latencyMs: undefined,
  rate: 'due',
  probes: 0,
  bitsPerSecond: undefined,
})

export const lineFacts = ({ roundTripMs, bitsPerSecond }: PingRecord): LineFacts => ({
  roundTripMs,
  bitsPerSecond,
  lowBandwidth: bitsPerSecond !== undefined && bitsPerSecond < LOW_BANDWIDTH,
})

const remember = ({ waiting }: PingRecord, id: number, sentMs: number): void => {
  if (waiting.length < MAX_WAITING) {
    waiting.push({ id, sentMs })
  }
}

/** @returns id of the ping to send now */
export const nextPing = (pings: PingRecord, nowMs: number): number => {
  const next = (pings.lastId + 1) >>> 0
  pings.lastId = next === RATE_PING_ID ? next + 1 : next
  remember(pings, pings.lastId, nowMs)
  return pings.lastId
}

/** The ping that measures the bit rate goes out now. */
export const startRate = (pings: PingRecord, nowMs: number): void => {
  pings.rate = 'sent'
  remember(pings, RATE_PING_ID, nowMs)
}

/** Nobody waits for the answer to the large ping any more: the bit rate stays unknown. */
export const giveUpRate = (pings: PingRecord): void => {
  pings.rate = 'done'
  pings.waiting = pings.waiting.filter(({ id }) => id !== RATE_PING_ID)
}

/** @returns bits per second; `undefined` when the large ping was no slower than a small one */
const bitRate = (tookMs: number, latencyMs: number): number | undefined =>
  tookMs > latencyMs ? (RATE_PAYLOAD * 8 * 1000) / (tookMs - latencyMs) : undefined

/** @returns milliseconds from ping to pong, or `undefined` for an answer to nothing */
export const answerPong = (pings: PingRecord, id: number, nowMs: number): number | undefined => {
  const at = pings.waiting.findIndex((ping) => ping.id === id)
  const ping = pings.waiting[at]
  if (ping === undefined) {
    return undefined
  }
  /* Answers come in order: a later one answers the earlier ones too. */
  pings.waiting.splice(0, at + 1)
  const tookMs = nowMs - ping.sentMs
  if (id === RATE_PING_ID) {
    pings.rate = 'done'
    pings.bitsPerSecond = bitRate(tookMs, pings.latencyMs ?? 0)
  } else {
    pings.roundTripMs = tookMs
    pings.latencyMs = Math.min(tookMs, pings.latencyMs ?? tookMs)
  }
  return tookMs
}

/** @returns how long the oldest ping has been waiting, 0 when none is */
export const unansweredMs = (pings: PingRecord, nowMs: number): number => {
  const oldest = pings.waiting[0]
  return oldest === undefined ? 0 : nowMs - oldest.sentMs
}
