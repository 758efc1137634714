import { SidecarError } from '../core/errors.js'
import { checkCall, libcFunction } from './system-call.js'

type TimerCreate = (clock: number, event: Uint8Array, timer: BigUint64Array) => number
type TimerSetTime = (timer: bigint, flags: number, value: BigInt64Array, old: null) => number
type TimerDelete = (timer: bigint) => number

const CLOCK_MONOTONIC = 1
const SIGKILL = 9
const SIGEVENT_SIZE = 64
const SIGEV_SIGNO = 8

/**
 * A timer of the kernel's that ends the whole process with SIGKILL unless it is armed anew in time; it also ends a
 * process that is stopped (SIGSTOP), which no thread of its own could. Needs glibc 2.34.
 */
export class Watchdog {
  readonly #setTime: TimerSetTime
  readonly #delete: TimerDelete
  #timer: bigint | undefined
  /** `struct itimerspec`: interval, then value, seconds and nanoseconds each; the interval stays 0. */
  readonly #value = new BigInt64Array(new ArrayBuffer(32))

  /** @throws SidecarError SIDECAR_HOST */
  constructor() {
    // Looked up here and not on import: only this part needs the newer C library.
    const create: TimerCreate = libcFunction('int timer_create(int clock, void *event, void *timer)')
    this.#setTime = libcFunction('int timer_settime(uint64_t timer, int flags, void *value, void *old)')
    this.#delete = libcFunction('int timer_delete(uint64_t timer)')
    // SIGEV_SIGNAL is 0, the value that sigev_notify has already.
    const event = new Uint8Array(new ArrayBuffer(SIGEVENT_SIZE))
    new DataView(event.buffer).setInt32(SIGEV_SIGNO, SIGKILL, true)
    const timer = new BigUint64Array(new ArrayBuffer(8))
    checkCall('timer_create', create(CLOCK_MONOTONIC, event, timer))
    this.#timer = timer[0]
  }

  /** The process dies `ms` milliseconds from now unless `arm` or `disarm` is called before. */
  arm(ms: number): void {
    if (!(ms >= 1 && ms <= 0x7fffffff)) {
      throw new SidecarError('SIDECAR_BUG', 'time of the watchdog is out of range', { ms })
    }
    const whole = Math.ceil(ms)
    this.#set(Math.floor(whole / 1000), (whole % 1000) * 1_000_000)
  }

  disarm(): void {
    this.#set(0, 0)
  }

  /** Disarms it and gives it back; does nothing the second time. */
  close(): void {
    if (this.#timer !== undefined) {
      this.#delete(this.#timer)
      this.#timer = undefined
    }
  }

  #set(seconds: number, nanoseconds: number): void {
    if (this.#timer === undefined) {
      throw new SidecarError('SIDECAR_HOST', 'the watchdog is closed already')
    }
    this.#value[2] = BigInt(seconds)
    this.#value[3] = BigInt(nanoseconds)
    checkCall('timer_settime', this.#setTime(this.#timer, 0, this.#value, null))
  }
}
