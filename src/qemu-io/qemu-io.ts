import { Worker } from 'node:worker_threads'
import { asSidecarError, SidecarError } from '../core/errors.js'
import { createEventFd, type EventFd } from '../host/index.js'

/** How the worker ended: as it was asked to, or by itself. */
export type QemuIoEnd = { readonly kind: 'closed' } | { readonly kind: 'died'; readonly error: SidecarError }

export interface QemuIoOptions {
  /** Module that the worker runs; it blocks in its loop until it is told to end. */
  readonly entry: URL
  /** Plain values for the worker; it also gets `wakeFd`. */
  readonly data: Readonly<Record<string, unknown>>
  /** A message from the worker. */
  onMessage(message: unknown): void
}

/**
 * The QemuIo worker as the main thread sees it. The worker never returns to its event loop: commands are posted and
 * announced through an eventfd, and it is always woken, never terminated, since a thread that blocks for ever keeps the
 * process from ending (qemu-integration.md 1.3).
 */
export class QemuIo {
  readonly #options: QemuIoOptions
  readonly #ended: Promise<QemuIoEnd>
  #resolveEnded: (end: QemuIoEnd) => void = () => undefined
  #worker: Worker | undefined
  #wake: EventFd | undefined
  #closing = false
  #over = false
  #error: SidecarError | undefined

  constructor(options: QemuIoOptions) {
    this.#options = options
    this.#ended = new Promise((resolve) => {
      this.#resolveEnded = resolve
    })
  }

  /** Settles once, after the thread is gone; never rejects. */
  get ended(): Promise<QemuIoEnd> {
    return this.#ended
  }

  /** Begins the thread; where that fails, {@link ended} says so. */
  start(): void {
    if (this.#worker !== undefined || this.#over) {
      return
    }
    let worker: Worker
    try {
      this.#wake = createEventFd()
      worker = new Worker(this.#options.entry, {
        workerData: { ...this.#options.data, wakeFd: this.#wake.fd },
        execArgv: [],
        env: {},
      })
    } catch (thrown) {
      this.#finish({ kind: 'died', error: asSidecarError(thrown) })
      return
    }
    this.#worker = worker
    worker.on('message', (message) => this.#options.onMessage(message))
    worker.on('messageerror', (thrown) => this.#fail(asSidecarError(thrown)))
    worker.on('error', (thrown) => this.#fail(asSidecarError(thrown)))
    worker.on('exit', (code) => this.#exited(code))
  }

  /** Posts a command and wakes the worker. */
  post(command: unknown): void {
    if (!this.#over) {
      this.#worker?.postMessage(command)
      this.wake()
    }
  }

  /** Makes the worker's loop take a turn. */
  wake(): void {
    if (!this.#over) {
      this.#wake?.signal()
    }
  }

  /** Asks the worker to end with `command`; resolves when its thread is gone. May be called any number of times. */
  async close(command: unknown): Promise<void> {
    if (this.#worker === undefined) {
      this.#finish({ kind: 'closed' })
    } else if (!this.#closing) {
      this.#closing = true
      this.post(command)
    }
    await this.#ended
  }

  #fail(error: SidecarError): void {
    this.#error ??= error
  }

  #exited(code: number): void {
    const error =
      this.#error ?? (code === 0 ? undefined : new SidecarError('SIDECAR_BUG', 'qemu worker died', { code }))
    this.#finish(error === undefined ? { kind: 'closed' } : { kind: 'died', error })
  }

  #finish(end: QemuIoEnd): void {
    if (!this.#over) {
      this.#over = true
      this.#wake?.close()
      this.#resolveEnded(end)
    }
  }
}
