/** Fields of a log line: plain values, never a ticket, key code, pixel or clipboard byte (style sheet B7). */
export type LogFields = Readonly<Record<string, unknown>>

/** The logger that every part is handed; `message` is a constant sentence, everything variable is a field. */
export interface Logger {
  error(message: string, fields?: LogFields): void
  warn(message: string, fields?: LogFields): void
  info(message: string, fields?: LogFields): void
  debug(message: string, fields?: LogFields): void
  /** A logger that adds `fields` to each of its lines. */
  child(fields: LogFields): Logger
}

const nothing = (): void => undefined

/** Drops everything; for tests and tools. */
export const silentLogger: Logger = {
  error: nothing,
  warn: nothing,
  info: nothing,
  debug: nothing,
  child: () => silentLogger,
}
