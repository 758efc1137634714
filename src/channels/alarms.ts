import type { Clock } from '../core/clock.js'
import type { ChannelContext } from './channel.js'

/** Several alarms, by name, on the one that a channel has. */
export class Alarms<Name extends string> {
  readonly #context: Pick<ChannelContext, 'alarm'>
  readonly #clock: Pick<Clock, 'nowMs'>
  readonly #times = new Map<Name, number>()

  constructor(context: Pick<ChannelContext, 'alarm'>, clock: Pick<Clock, 'nowMs'>) {
    this.#context = context
    this.#clock = clock
  }

  /** Is an alarm of that name still to come? */
  has(name: Name): boolean {
    return this.#times.has(name)
  }

  /** Replaces an alarm of the same name. */
  set(name: Name, delayMs: number): void {
    this.#times.set(name, this.#clock.nowMs() + delayMs)
    this.#arm()
  }

  clear(name: Name): void {
    this.#times.delete(name)
  }

  /** The channel's alarm came: the names whose time has come, which are set no more. */
  due(): Name[] {
    const now = this.#clock.nowMs()
    const names = [...this.#times].flatMap(([name, atMs]) => (atMs <= now ? [name] : []))
    for (const name of names) {
      this.#times.delete(name)
    }
    this.#arm()
    return names
  }

  #arm(): void {
    if (this.#times.size > 0) {
      this.#context.alarm(Math.max(0, Math.min(...this.#times.values()) - this.#clock.nowMs()))
    }
  }
}
