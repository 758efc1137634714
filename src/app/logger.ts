import { pino } from 'pino'
import type { Clock } from '../core/clock.js'
import { SidecarError } from '../core/errors.js'
import type { LogFields, Logger } from '../core/logger.js'

export type LogLevel = 'error' | 'warn' | 'info' | 'debug'

/** Error code, text, context and causes; a stack only for what is a bug of ours. */
const describeError = (error: unknown): unknown => {
  if (!(error instanceof SidecarError)) {
    return error instanceof Error ? { message: error.message, stack: error.stack } : error
  }
  const { code, message, context, cause } = error
  return {
    code,
    message,
    ...(Object.keys(context).length > 0 ? { context } : {}),
    ...(cause === undefined ? {} : { cause: describeError(cause) }),
    ...(code === 'SIDECAR_BUG' ? { stack: error.stack } : {}),
  }
}

const adapt = (inner: pino.Logger): Logger => ({
  error: (message, fields) => inner.error(fields ?? {}, message),
  warn: (message, fields) => inner.warn(fields ?? {}, message),
  info: (message, fields) => inner.info(fields ?? {}, message),
  debug: (message, fields) => inner.debug(fields ?? {}, message),
  child: (fields) => adapt(inner.child(fields)),
})

/** JSON lines on standard output (style sheet B7); `redact` names fields that never show their value. */
export const createLogger = (level: LogLevel, redact: readonly string[]): Logger =>
  adapt(
    pino({
      level,
      base: {},
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError },
      redact: [...redact],
    }),
  )

const MINUTE_MS = 60_000

/**
 * Passes at most `perMinute` warnings of a scope and then says how many it left out: hostile input may not fill the
 * disk (threat model L-log, R20).
 */
export const limitWarnings = (inner: Logger, perMinute: number, clock: Clock): Logger => {
  let windowStartMs = clock.nowMs()
  let passed = 0
  let leftOut = 0
  const warn = (message: string, fields?: LogFields): void => {
    const nowMs = clock.nowMs()
    if (nowMs - windowStartMs >= MINUTE_MS) {
      if (leftOut > 0) {
        inner.warn('Warnings left out', { count: leftOut })
      }
      windowStartMs = nowMs
      passed = 0
      leftOut = 0
    }
    if (passed < perMinute) {
      passed += 1
      inner.warn(message, fields)
    } else {
      leftOut += 1
    }
  }
  return { ...inner, warn, child: (fields) => limitWarnings(inner.child(fields), perMinute, clock) }
}
