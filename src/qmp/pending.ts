import type { Clock, Timer } from '../core/clock.js'
import { SidecarError } from '../core/errors.js'
import type { CommandName } from './commands.js'
import { isObject, member, type JsonObject } from './values.js'

/** What QEMU says about an error is cut to this many characters. */
const MAX_ERROR_TEXT = 200

interface Waiting {
  readonly command: CommandName
  readonly timer: Timer
  readonly settle: (outcome: Outcome) => void
}

export type Outcome = { readonly value: unknown } | { readonly error: SidecarError }

const textIn = (object: JsonObject, name: string): string => {
  const value = member(object, name)
  return typeof value === 'string' ? value.slice(0, MAX_ERROR_TEXT) : ''
}

const refusal = (command: CommandName, error: unknown): SidecarError => {
  const object = isObject(error) ? error : {}
  return new SidecarError('SIDECAR_QMP', `QEMU refused ${command}`, {
    command,
    class: textIn(object, 'class'),
    desc: textIn(object, 'desc'),
  })
}

/** Commands that wait for their reply, by the id they were sent with. */
export class PendingCommands {
  readonly #clock: Clock
  readonly #max: number
  readonly #waiting = new Map<number, Waiting>()
  #lastId = 0

  constructor(clock: Clock, max: number) {
    this.#clock = clock
    this.#max = max
  }

  get size(): number {
    return this.#waiting.size
  }

  /**
   * The id of a new command; `settle` is called once. `late` is called after it failed with SIDECAR_TIMEOUT.
   *
   * @throws SidecarError SIDECAR_LIMIT when too many wait already
   */
  add(command: CommandName, timeoutMs: number, settle: (outcome: Outcome) => void, late: () => void): number {
    if (this.#waiting.size >= this.#max) {
      throw new SidecarError('SIDECAR_LIMIT', 'too many QMP commands wait for a reply', { max: this.#max })
    }
    this.#lastId++
    const id = this.#lastId
    const timer = this.#clock.after(timeoutMs, () => {
      this.#take(id)?.settle({
        error: new SidecarError('SIDECAR_TIMEOUT', `QEMU did not answer ${command}`, { command, timeoutMs }),
      })
      late()
    })
    this.#waiting.set(id, { command, timer, settle })
    return id
  }

  /** Settles the command that `message` replies to; false when none waits for it. */
  reply(message: JsonObject, rounded: boolean): boolean {
    const id = member(message, 'id')
    const waiting = typeof id === 'number' ? this.#take(id) : undefined
    if (waiting === undefined) {
      return false
    }
    const { command } = waiting
    if (Object.hasOwn(message, 'error')) {
      waiting.settle({ error: refusal(command, member(message, 'error')) })
    } else if (rounded) {
      waiting.settle({
        error: new SidecarError('SIDECAR_QMP', 'QEMU sent an integer beyond 2^53 - 1', { command }),
      })
    } else {
      waiting.settle({ value: member(message, 'return') })
    }
    return true
  }

  /** Fails all that wait. */
  failAll(cause: SidecarError): void {
    for (const [id, { command }] of [...this.#waiting]) {
      this.#take(id)?.settle({
        error: new SidecarError(
          'SIDECAR_QMP',
          `the connection to QEMU ended before it answered ${command}`,
          { command },
          cause,
        ),
      })
    }
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id)
    waiting?.timer.cancel()
    this.#waiting.delete(id)
    return waiting
  }
}
