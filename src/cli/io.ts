import type { Environment, RunConfig } from '../config/index.js'

/** All that the command line touches of the world; errors of the two writers and the reader may be anything. */
export interface CliIo {
  readonly env: Environment
  stdout(text: string): void
  stderr(text: string): void
  /** Text of a file. */
  readFile(path: string): string
  /** Creates or replaces a file that only its owner can read (mode 0600). */
  writeSecretFile(path: string, text: string): void
  /** First line of a ticket file, as bytes; `undefined` when it is empty. */
  readTicket(path: string): Uint8Array | undefined
  /** First line of standard input, under the rules of a ticket file; `undefined` when it is empty. */
  readTicketInput(): Uint8Array | undefined
  /** One HTTP request over the admin socket; rejects when there is no answer within the deadline. */
  askAdmin(socketPath: string, method: string, path: string, body: string | undefined): Promise<HttpAnswer>
  /** One HTTP GET on the metrics address; rejects when there is no answer within the deadline. */
  get(host: string, port: number, path: string): Promise<HttpAnswer>
}

export interface HttpAnswer {
  readonly status: number
  /** At most the first few hundred characters. */
  readonly body: string
}

/** What the commands start; given by main. */
export interface CliActions {
  /** Serves until it is told to stop; the exit code. */
  run(config: RunConfig): Promise<number>
}

/** Exit codes of sysexits.h, and 1 for a check that failed. */
export const EXIT = { ok: 0, failed: 1, usage: 64, bug: 70, cannotCreate: 73, config: 78 } as const
