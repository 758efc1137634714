/**
 * Messages that one answer of the client is for: the window of an ACK, or all that came before a SET_ACK
 * (`protocol-session.md` 2.3).
 */
export interface Batch {
  /** Generation of the SET_ACK before them. */
  readonly generation: number
  /** Messages that an ACK of that generation is for. */
  readonly window: number
  messages: number
  bytes: number
  /** When the first and the last of them were handed over, milliseconds. */
  readonly firstMs: number
  sentMs: number
  /** As of the first of them: bytes that the client had acknowledged, and when it last did. */
  readonly delivered: number
  readonly deliveredMs: number
  /** When the last message that it had acknowledged by then had been handed over. */
  readonly fromMs: number
  /** There was nothing more to send around then: what the line could have carried is not known. */
  readonly idle: boolean
}

/** What was sent on a channel and what of it arrived; plain. */
export interface Flight {
  /** Not acknowledged, in order. */
  batches: Batch[]
  /** Bytes of those batches. */
  bytes: number
  /** Bytes since the last SET_ACK. */
  unasked: number
  /** Bytes acknowledged in all. */
  delivered: number
  deliveredMs: number
  ackedSentMs: number
  /** What is sent before so many bytes are acknowledged tells no rate: there was too little of it. */
  idleUntil: number
}

/** What one answer of the client told about its line. */
export interface Delivery {
  /** From handing over the message that was answered to its answer, milliseconds. */
  readonly tookMs: number
  /** Bytes a millisecond that got through meanwhile; 0: nothing was on its way but the question. */
  readonly rate: number
  /** The line could have carried more. */
  readonly idle: boolean
}

export const newFlight = (): Flight => ({
  batches: [],
  bytes: 0,
  unasked: 0,
  delivered: 0,
  deliveredMs: 0,
  ackedSentMs: 0,
  idleUntil: 0,
})

/** Takes over a flight whose times may be those of another machine's clock: none of them is still to come. */
export const adoptFlight = (flight: Flight, nowMs: number): void => {
  flight.deliveredMs = Math.min(flight.deliveredMs, nowMs)
  flight.ackedSentMs = Math.min(flight.ackedSentMs, nowMs)
  flight.batches = flight.batches.map((batch) => ({
    ...batch,
    firstMs: Math.min(batch.firstMs, nowMs),
    sentMs: Math.min(batch.sentMs, nowMs),
    deliveredMs: Math.min(batch.deliveredMs, nowMs),
    fromMs: Math.min(batch.fromMs, nowMs),
  }))
}

/** Clocks are no finer on the way through two event loops, milliseconds. */
const LEAST_INTERVAL_MS = 1

/** A message was handed over. */
export const addSent = (
  flight: Flight,
  bytes: number,
  { ackGeneration, ackWindow }: { readonly ackGeneration: number; readonly ackWindow: number },
  nowMs: number,
): void => {
  if (flight.bytes === 0) {
    flight.deliveredMs = nowMs
    flight.ackedSentMs = nowMs
  }
  const last = flight.batches.at(-1)
  if (last?.generation === ackGeneration && last.messages < ackWindow) {
    last.messages += 1
    last.bytes += bytes
    last.sentMs = nowMs
  } else {
    flight.batches.push({
      generation: ackGeneration,
      window: ackWindow,
      messages: 1,
      bytes,
      firstMs: nowMs,
      sentMs: nowMs,
      delivered: flight.delivered,
      deliveredMs: flight.deliveredMs,
      fromMs: flight.ackedSentMs,
      idle: flight.idleUntil > flight.delivered,
    })
  }
  flight.bytes += bytes
  flight.unasked += bytes
}

/** There is nothing more to send now, though the line has room. */
export const setIdle = (flight: Flight): void => {
  flight.idleUntil = flight.delivered + Math.max(1, flight.bytes)
}

/** Is the first batch whole, so that the client acknowledges it without being asked? */
const isWhole = ({ messages, window }: Batch): boolean => messages >= window

/**
 * Since when the client owes its next answer; `undefined`: it owes none. It answers a SET_ACK, which begins a batch, at once, and does
 * not count it, so that it acknowledges a whole batch with the message after it (`protocol-session.md` 2.3).
 */
export const owedSinceMs = ({ batches }: Flight): number | undefined => batches[1]?.firstMs

/**
 * An ACK came.
 *
 * @param synced generation that the client is at
 * @returns messages that it acknowledged and what that tells; `undefined`: there is nothing it could be for
 */
export const acknowledge = (flight: Flight, synced: number, nowMs: number): Answered | undefined => {
  const [first] = flight.batches
  return first?.generation === synced && isWhole(first) ? answered(flight, 1, nowMs) : undefined
}

/** An ACK_SYNC came: the client has all messages before the SET_ACK of that generation. */
export const synchronise = (flight: Flight, generation: number, nowMs: number): Answered => {
  const later = flight.batches.findIndex((batch) => batch.generation >= generation)
  const question = flight.batches[later]
  const { messages, delivery } = answered(flight, later < 0 ? flight.batches.length : later, nowMs)
  if (delivery === undefined && question?.generation === generation) {
    return { messages, delivery: { tookMs: nowMs - question.firstMs, rate: 0, idle: true } }
  }
  return { messages, delivery }
}

export interface Answered {
  readonly messages: number
  /** `undefined` when no message was acknowledged. */
  readonly delivery: Delivery | undefined
}

const answered = (flight: Flight, count: number, nowMs: number): Answered => {
  const gone = flight.batches.splice(0, count)
  const last = gone.at(-1)
  if (last === undefined) {
    return { messages: 0, delivery: undefined }
  }
  const bytes = gone.reduce((sum, batch) => sum + batch.bytes, 0)
  flight.bytes -= bytes
  flight.delivered += bytes
  flight.deliveredMs = nowMs
  flight.ackedSentMs = last.sentMs
  /* Answers that come in a heap must not look like a fast line: what was sent in a time cannot have arrived in less. */
  const intervalMs = Math.max(LEAST_INTERVAL_MS, nowMs - last.deliveredMs, last.sentMs - last.fromMs)
  return {
    messages: gone.reduce((sum, { messages }) => sum + messages, 0),
    delivery: {
      tookMs: nowMs - last.sentMs,
      rate: (flight.delivered - last.delivered) / intervalMs,
      idle: last.idle,
    },
  }
}
