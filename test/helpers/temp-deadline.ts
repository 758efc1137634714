/** Milliseconds of a monotonic clock. */
export function nowMs(): number {
  return performance.now()
}

/** Resolves after the time. Only for the pace of a poll or of a load, never to "give something time". */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** A deadline passed; `message` says what was waited for and what was seen last. */
export class DeadlineError extends Error {}

/** The promise's result, or a `DeadlineError` when it does not settle in time. */
export async function withDeadline<T>(promise: Promise<T>, ms: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new DeadlineError(`${what}: not within ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

export interface PollOptions {
  /** How long to wait in all, default 10 s. */
  readonly deadlineMs?: number
  /** Pause between two looks, default 20 ms. */
  readonly everyMs?: number
  /** Added to the message when it fails. */
  readonly detail?: () => string
}

/** Looks again and again until `look` gives something other than undefined or false. */
export async function poll<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  options: PollOptions = {},
): Promise<T> {
  const { deadlineMs = 10_000, everyMs = 20, detail } = options
  const end = nowMs() + deadlineMs
  for (;;) {
    const seen = await look()
    if (seen !== undefined && seen !== false) {
      return seen
    }
    if (nowMs() > end) {
      const more = detail === undefined ? '' : `; ${detail()}`
      throw new DeadlineError(`${what}: not within ${deadlineMs} ms${more}`)
    }
    await pause(everyMs)
  }
}
