/** Pings that wait for their answer; plain. */
export interface PingRecord {
  lastId: number
  waiting: { id: number; sentMs: number }[]
  /** Last measured round trip, milliseconds. */
  roundTripMs: number | undefined
}

/** More unanswered pings than this are not remembered. */
const MAX_WAITING = 8

export const newPingRecord = (): PingRecord => ({ lastId: 0, waiting: [], roundTripMs: undefined })

/** @returns id of the ping to send now */
export const nextPing = (pings: PingRecord, nowMs: number): number => {
  pings.lastId = (pings.lastId + 1) >>> 0
  if (pings.waiting.length < MAX_WAITING) {
    pings.waiting.push({ id: pings.lastId, sentMs: nowMs })
  }
  return pings.lastId
}

/** @returns milliseconds from ping to pong, or `undefined` for an answer to nothing */
export const answerPong = (pings: PingRecord, id: number, nowMs: number): number | undefined => {
  const at = pings.waiting.findIndex((ping) => ping.id === id)
  const ping = pings.waiting[at]
  if (ping === undefined) {
    return undefined
  }
  /* Answers come in order: a later one answers the earlier ones too. */
  pings.waiting.splice(0, at + 1)
  pings.roundTripMs = nowMs - ping.sentMs
  return pings.roundTripMs
}

/** @returns how long the oldest ping has been waiting, 0 when none is */
export const unansweredMs = (pings: PingRecord, nowMs: number): number => {
  const oldest = pings.waiting[0]
  return oldest === undefined ? 0 : nowMs - oldest.sentMs
}
