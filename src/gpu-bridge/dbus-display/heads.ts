import type { WantedHead } from '../../display/source.js'

const PLACEHOLDER = { width: 640, height: 480 }

type Wish = 'none' | 'on' | 'off'

/**
 * Whether a console counts as on. QEMU never says that a head is disconnected: it shows a placeholder of 640x480, or
 * one of the last size (qemu-integration.md 6). So a head above 0 is off until a layout asked for it or its picture is
 * not the placeholder, and every head is off after a layout said 0x0.
 */
export class HeadGate {
  readonly #head: number
  #wish: Wish = 'none'

  constructor(head: number) {
    this.#head = head
  }

  wish(head: Pick<WantedHead, 'width' | 'height'>): void {
    this.#wish = head.width > 0 && head.height > 0 ? 'on' : 'off'
  }

  /** A picture of this size may be QEMU's placeholder for a head that is not connected. */
  mayBePlaceholder(frame: { readonly width: number; readonly height: number }): boolean {
    return this.#head > 0 && frame.width === PLACEHOLDER.width && frame.height === PLACEHOLDER.height
  }

  isOn(frame: { readonly width: number; readonly height: number }): boolean {
    if (this.#wish !== 'none' || this.#head === 0) {
      return this.#wish !== 'off'
    }
    return frame.width !== PLACEHOLDER.width || frame.height !== PLACEHOLDER.height
  }
}
