import { SidecarError } from '../core/errors.js'

/** Calls that run at once; each takes a thread of Node's pool, which has four and serves files and keys as well. */
const MAX_RUNNING = 2

/** Calls that may wait for a thread; each holds on to what it works on. */
const MAX_WAITING = 256

interface Waiting {
  readonly begin: () => void
  readonly refuse: (error: SidecarError) => void
}

/** Calls of one owner that run on other threads: a few at once, the others wait their turn. */
export class ThreadCalls {
  readonly #what: string
  readonly #waiting: Waiting[] = []
  readonly #atEnd: (() => void)[] = []
  #running = 0
  #closed = false

  /** @param what the owner, for the text of errors */
  constructor(what: string) {
    this.#what = what
  }

  /** @throws SidecarError SIDECAR_PEER_GONE once closed */
  checkOpen(): void {
    if (this.#closed) {
      throw this.#over()
    }
  }

  /**
   * Runs `body` when its turn comes.
   *
   * @throws SidecarError SIDECAR_LIMIT when too many wait, SIDECAR_PEER_GONE when closed before its turn
   */
  async run<T>(body: () => Promise<T>): Promise<T> {
    this.checkOpen()
    if (this.#running < MAX_RUNNING) {
      this.#running++
    } else {
      await this.#turn()
    }
    try {
      return await body()
    } finally {
      this.#leave()
    }
  }

  /** Nothing begins any more; resolves when what runs has ended. Callable any number of times. */
  async close(): Promise<void> {
    this.#closed = true
    for (const { refuse } of this.#waiting.splice(0)) {
      refuse(this.#over())
    }
    if (this.#running > 0) {
      await new Promise<void>((resolve) => this.#atEnd.push(resolve))
    }
  }

  #over(): SidecarError {
    return new SidecarError('SIDECAR_PEER_GONE', `${this.#what} is closed`)
  }

  #turn(): Promise<void> {
    if (this.#waiting.length >= MAX_WAITING) {
      throw new SidecarError('SIDECAR_LIMIT', `too many calls wait for ${this.#what}`, { max: MAX_WAITING })
    }
    return new Promise((begin, refuse) => this.#waiting.push({ begin, refuse }))
  }

  /** Gives the place to the next one. */
  #leave(): void {
    const next = this.#waiting.shift()
    if (next !== undefined) {
      next.begin()
      return
    }
    this.#running--
    if (this.#running === 0) {
      this.#atEnd.splice(0).forEach((resolve) => {
        resolve()
      })
    }
  }
}

/** The values a foreign function takes here; memory is passed by its address and must outlive the call. */
export type NativeValue = number | bigint | Uint8Array

/** A foreign function, here or on another thread. */
export type Native = ((...values: NativeValue[]) => number) & {
  async(...values: [...NativeValue[], (error: Error | null, result: number) => void]): void
}

/**
 * Runs a function on a thread of Node's pool. The caller keeps alive what the values point to, until this settles.
 *
 * @throws SidecarError SIDECAR_HOST when the call cannot be made
 */
export const onThread = (native: Native, what: string, ...values: NativeValue[]): Promise<number> =>
  new Promise((resolve, reject) => {
    native.async(...values, (error, result) => {
      if (error === null) {
        resolve(result)
      } else {
        reject(new SidecarError('SIDECAR_HOST', `call of ${what} failed`, {}, error))
      }
    })
  })

/**
 * Memory that another thread may read: a buffer that could shrink meanwhile is copied.
 *
 * @param size its length when the call was asked for
 * @throws SidecarError SIDECAR_BUG when it was given away since
 */
export const heldStill = (bytes: Uint8Array, size: number): Uint8Array => {
  checkHeld(bytes, size)
  return bytes.buffer instanceof ArrayBuffer && bytes.buffer.resizable ? bytes.slice() : bytes
}

/** @throws SidecarError SIDECAR_BUG when the memory was given away */
export const checkHeld = (bytes: Uint8Array, size: number): void => {
  if (bytes.length !== size) {
    throw new SidecarError('SIDECAR_BUG', 'memory was given away while another thread needed it', { size })
  }
}
