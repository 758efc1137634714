/** Part of the product that an error ends; everything outside it goes on. */
export type ErrorScope = 'message' | 'connection' | 'channel' | 'client' | 'source' | 'qmp' | 'process'

/** Whether trying the same thing again can help. */
export type ErrorRetry = 'never' | 'reconnect' | 'later'

interface ErrorRule {
  readonly scope: ErrorScope
  readonly retry: ErrorRetry
  /** What it means and what the reader can do about it; goes into `docs/errors.md`. */
  readonly help: string
}

/** Every error code of the product. A code is stable: tests, logs and users match on it, never on the text. */
export const ERROR_RULES = {
  SIDECAR_CONFIG: {
    scope: 'process',
    retry: 'never',
    help: 'A setting is missing, unknown or contradicts another one. Correct it; `spice-sidecar check-config` shows the effective configuration.',
  },
  SIDECAR_LINK: {
    scope: 'connection',
    retry: 'reconnect',
    help: 'A peer did not speak the SPICE link stage. Look at what is connecting to the port.',
  },
  SIDECAR_AUTH: {
    scope: 'connection',
    retry: 'reconnect',
    help: 'A wrong, missing or expired ticket. Set a ticket with `ticket-file` or ask the user to try again.',
  },
  SIDECAR_PROTOCOL: {
    scope: 'channel',
    retry: 'reconnect',
    help: 'A linked client, QEMU or another peer broke the rules of its protocol; that channel is closed.',
  },
  SIDECAR_LIMIT: {
    scope: 'channel',
    retry: 'later',
    help: 'A limit of `docs/limits.md` was reached. Raise it if the load is legitimate.',
  },
  SIDECAR_SLOW_READER: {
    scope: 'client',
    retry: 'reconnect',
    help: 'A client stopped reading or acknowledging and was closed, so that it costs nobody else anything. Look at its network; see `limit-ack-stall-ms`, `limit-out-soft` and `limit-out-hard`.',
  },
  SIDECAR_PEER_GONE: {
    scope: 'channel',
    retry: 'reconnect',
    help: 'The other end closed the connection.',
  },
  SIDECAR_TIMEOUT: {
    scope: 'channel',
    retry: 'reconnect',
    help: 'The other end did not answer in time.',
  },
  SIDECAR_GUEST: {
    scope: 'message',
    retry: 'never',
    help: 'The guest or its display device sent something impossible; it is dropped and the last good picture stays.',
  },
  SIDECAR_HOST: {
    scope: 'source',
    retry: 'reconnect',
    help: 'A system call or a system library failed. The text names it.',
  },
  SIDECAR_QMP: {
    scope: 'qmp',
    retry: 'reconnect',
    help: 'QEMU refused a command, answered nonsense, or its monitor socket is gone.',
  },
  SIDECAR_BUG: {
    scope: 'process',
    retry: 'never',
    help: 'An invariant of spice-sidecar is broken. Please report it with the log.',
  },
} as const satisfies Record<string, ErrorRule>

export type ErrorCode = keyof typeof ERROR_RULES

/** Small, redacted, plain values that say what an error happened to. */
export type ErrorContext = Readonly<Record<string, string | number | boolean>>

/**
 * The one error class of the product. The text says what happened, to what, and what to do; lower case, no full
 * stop, no secret, pixel or key data (style sheet B6).
 */
export class SidecarError extends Error {
  override readonly name = 'SidecarError'
  readonly code: ErrorCode
  readonly context: ErrorContext

  constructor(code: ErrorCode, message: string, context: ErrorContext = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.code = code
    this.context = context
  }

  get scope(): ErrorScope {
    return ERROR_RULES[this.code].scope
  }

  get retry(): ErrorRetry {
    return ERROR_RULES[this.code].retry
  }
}

/** Any thrown value as a SidecarError; what is not one already is a bug of ours. */
export const asSidecarError = (thrown: unknown): SidecarError =>
  thrown instanceof SidecarError
    ? thrown
    : new SidecarError('SIDECAR_BUG', thrown instanceof Error ? thrown.message : String(thrown), {}, thrown)
