import { Epoll, EventFd, FdReceiver, OwnedFd, Watchdog } from '../host/index.js'
import { DbusConnection, type DbusHandlers, type DbusOptions, type Descriptor } from './dbus/index.js'
import { FdTransport } from './fd-transport.js'

/**
 * Milliseconds between turns while nothing is held. Nothing needs them but `process.exit`, which waits for every thread
 * to come back to JavaScript (qemu-integration.md 1.3): whoever ends the process in distress must not hang.
 */
const QUIET_MS = 5000

export interface LoopOptions {
  /** Eventfd that ends the waiting; stays the other thread's to close. */
  readonly wakeFd: number
  /** Descriptors that one read may bring (L-fds). */
  readonly maxFds: number
  /** Milliseconds without a turn after which the kernel ends the process while listeners are held (L-watchdog). */
  readonly watchdogMs: number
}

export interface LoopHandlers {
  /** The other thread signalled: commands or input are there. */
  woken(): void
  /** At the end of each turn. */
  turn(): void
}

interface Served {
  readonly connection: DbusConnection
  writable: boolean
}

/**
 * The loop of the QemuIo worker: serves D-Bus connections by readiness and blocks in between. It never returns to the
 * event loop of its thread, so nothing in it may use promises or timers.
 *
 * Whoever holds a listener can freeze QEMU: while {@link hold} says so a timer of the kernel is armed anew on each
 * turn, which ends this process even when it is stopped (DESIGN.md section 2).
 */
export class QemuIoLoop {
  readonly #options: LoopOptions
  readonly #epoll = new Epoll()
  readonly #wake: OwnedFd
  readonly #wakeEvent: EventFd
  readonly #receiver: FdReceiver
  readonly #watchdog = new Watchdog()
  readonly #served = new Map<number, Served>()
  #holding = false
  #stopped = false

  constructor(options: LoopOptions) {
    this.#options = options
    this.#receiver = new FdReceiver(options.maxFds)
    this.#wake = new OwnedFd(options.wakeFd)
    this.#wakeEvent = new EventFd(this.#wake)
    this.#epoll.add(options.wakeFd)
  }

  /** A connection over `socket`, which it owns, served until it is closed. */
  open(socket: Descriptor, options: DbusOptions, handlers: DbusHandlers): DbusConnection {
    const { fd } = socket
    const transport = new FdTransport(socket, this.#receiver, () => {
      if (this.#served.delete(fd)) {
        this.#epoll.remove(fd)
      }
    })
    const connection = new DbusConnection(transport, options, handlers)
    this.#epoll.add(fd)
    this.#served.set(fd, { connection, writable: false })
    return connection
  }

  /** Whether QEMU could wait for us now. */
  hold(holding: boolean): void {
    if (holding === this.#holding) {
      return
    }
    this.#holding = holding
    if (holding) {
      this.#rearm()
    } else {
      this.#watchdog.disarm()
    }
  }

  stop(): void {
    this.#stopped = true
  }

  /** Runs until {@link stop}. */
  run(handlers: LoopHandlers): void {
    handlers.turn()
    while (!this.#stopped) {
      this.#watchWrites()
      this.#rearm()
      const ready = this.#epoll.wait(this.#holding ? this.#options.watchdogMs / 3 : QUIET_MS)
      this.#rearm()
      // Input first: it comes with the wake (DESIGN.md section 5, rule 4).
      if (ready.some(({ fd }) => fd === this.#options.wakeFd)) {
        this.#wakeEvent.drain()
        handlers.woken()
      }
      for (const { fd, readable, writable, hangup } of ready) {
        const served = this.#served.get(fd)
        if (served !== undefined && writable) {
          served.connection.writable()
        }
        if (served !== undefined && (readable || hangup)) {
          served.connection.readable()
        }
      }
      handlers.turn()
    }
  }

  /** Gives everything back; the wake eventfd stays open. */
  close(): void {
    for (const { connection } of [...this.#served.values()]) {
      connection.close()
    }
    this.#watchdog.close()
    this.#epoll.close()
    this.#wake.take()
  }

  #rearm(): void {
    if (this.#holding) {
      this.#watchdog.arm(this.#options.watchdogMs)
    }
  }

  #watchWrites(): void {
    for (const [fd, served] of this.#served) {
      const writable = served.connection.queuedBytes > 0
      if (writable !== served.writable) {
        served.writable = writable
        this.#epoll.modify(fd, { readable: true, writable })
      }
    }
  }
}
