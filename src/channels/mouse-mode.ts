/** Who moves the pointer: the guest by relative motion (server mode) or the client by absolute position. */
export const MOUSE_MODE = { server: 1, client: 2 } as const

export type MouseMode = (typeof MOUSE_MODE)[keyof typeof MOUSE_MODE]

/** Mouse mode of the VM; plain, part of a hand-over. */
export interface MouseModeRecord {
  clientAllowed: boolean
  current: MouseMode
}

/**
 * The one mouse mode of the VM, for all its clients (`protocol-session.md` 3.5): client mode is allowed while the guest
 * has an absolute pointing device, and taken only when a client asks.
 */
export class MouseModes {
  readonly record: MouseModeRecord
  readonly #observers = new Set<() => void>()

  constructor(record: MouseModeRecord = { clientAllowed: false, current: MOUSE_MODE.server }) {
    this.record = record
  }

  /** Bits of the modes that a client may ask for. */
  get supported(): number {
    return this.record.clientAllowed ? MOUSE_MODE.server | MOUSE_MODE.client : MOUSE_MODE.server
  }

  get current(): MouseMode {
    return this.record.current
  }

  /** @returns a function that ends the observation */
  observe(changed: () => void): () => void {
    this.#observers.add(changed)
    return () => this.#observers.delete(changed)
  }

  /** The guest got or lost its absolute pointing device. */
  allowClient(allowed: boolean): void {
    if (allowed === this.record.clientAllowed) {
      return
    }
    this.record.clientAllowed = allowed
    if (!allowed) {
      this.record.current = MOUSE_MODE.server
    }
    this.#tell()
  }

  /** A client asks for a mode; what is unknown or not allowed is ignored. */
  request(mode: number): void {
    const granted =
      mode === MOUSE_MODE.server || (mode === MOUSE_MODE.client && this.record.clientAllowed)
        ? mode
        : undefined
    if (granted === undefined || granted === this.record.current) {
      return
    }
    this.record.current = granted
    this.#tell()
  }

  #tell(): void {
    for (const changed of [...this.#observers]) {
      changed()
    }
  }
}
