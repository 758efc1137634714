import type { Rect } from '../core/region.js'
import type { Drawable, Lease } from './drawable.js'
import type { SurfaceArea, SurfaceSpec } from './surface.js'

/**
 * Pixels of one scanout as the display model sees them: top row first, 4 bytes a pixel in the order blue, green, red,
 * unused. The memory is shared and only the source writes it, at any time: copy the rectangle first, then look at it
 * (DESIGN.md section 2).
 */
export interface Frame {
  /** Goes up with every new frame store of the console; damage of an older one is meaningless. */
  readonly generation: number
  /** Pixels, 1 to `limit-image-side`. */
  readonly width: number
  readonly height: number
  /** Bytes from one row to the next; at least `width * 4`. */
  readonly stride: number
  /** `stride * height` bytes. */
  readonly pixels: Uint8Array
}

/** A graphical console of QEMU: one head of one display device. */
export interface ConsoleInfo {
  /** Display channel id that shows it; dense, from 0. */
  readonly index: number
  readonly label: string
  /** Head number on its display device. */
  readonly head: number
  /** Heads that its surface may be divided into; absent: it is one head. */
  readonly maxHeads?: number
}

/** A head that shows a part of its console's surface; pixels of the surface. */
export interface SurfaceHead {
  /** Number that the guest gave it. */
  readonly id: number
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** Pointer shape: `width * height * 4` bytes, blue, green, red, alpha, premultiplied, top row first. */
export interface PointerShape {
  readonly width: number
  readonly height: number
  readonly hotX: number
  readonly hotY: number
  readonly pixels: Uint8Array
}

/** Position of the pointer's hot spot in pixels of its console. */
export interface PointerPosition {
  readonly x: number
  readonly y: number
  readonly visible: boolean
}

/**
 * What a display source tells the display model. All values are checked and copied; `console` is a
 * {@link ConsoleInfo.index}. Calls come on the main thread, never nested.
 */
export interface DisplaySink {
  /** The list of consoles, complete; comes before anything about a console and again when it changes. */
  consolesChanged(consoles: readonly ConsoleInfo[]): void
  /** A new picture, or none (`undefined`): the console is off. All of it counts as damaged. */
  scanout(console: number, frame: Frame | undefined): void
  /** Parts of the present frame that changed; merged, inside the frame. */
  damage(console: number, rects: readonly Rect[]): void
  /**
   * The heads on a console's surface, complete, where the guest says how it is divided. Without a report, and while the
   * last one does not fit the surface, one head covers it.
   *
   * @throws SidecarError SIDECAR_LIMIT for more than `maxHeads` or `limit-heads`, SIDECAR_GUEST for a head that is not on
   * the surface; the last heads stay
   */
  heads(console: number, heads: readonly SurfaceHead[]): void
  /**
   * A surface of a guest that sends drawing commands; surface 0 is what the console shows, in place of a scanout.
   *
   * @throws SidecarError SIDECAR_GUEST for an id that is taken, a size or format that cannot be, or when there is no memory
   */
  surfaceCreate(console: number, surface: SurfaceSpec): void
  /** @throws SidecarError SIDECAR_GUEST when there is no such surface */
  surfaceDestroy(console: number, surface: number): void
  /**
   * A drawing command. It is carried out before this returns; its memory is released once, whether it was drawn or not.
   *
   * @throws SidecarError SIDECAR_GUEST for a drawing that cannot be; nothing is drawn
   */
  draw(console: number, drawable: Drawable, lease: Lease): void
  /**
   * A copy of pixels of a surface, with everything drawn that came before.
   *
   * @throws SidecarError SIDECAR_GUEST when there is no such surface, or the rectangle is not on it
   */
  readArea(console: number, surface: number, rect: Rect): SurfaceArea
  /** A new pointer shape; `undefined`: the guest has none. */
  pointerShape(console: number, shape: PointerShape | undefined): void
  pointerMoved(console: number, position: PointerPosition): void
  /** The display device does not take layouts: {@link DisplaySource.setHeads} had no effect and will have none. */
  layoutRefused(): void
  /** The source lost its guest; every console is off until it reports again. */
  reset(): void
}

/** Size and place wanted for a head; 0x0 switches it off. Pixels, and millimetres where known (else 0). */
export interface WantedHead {
  readonly console: number
  /** Head on the console's surface, where that is divided; absent: the console is one head. */
  readonly head?: number
  readonly width: number
  readonly height: number
  readonly x: number
  readonly y: number
  readonly widthMm: number
  readonly heightMm: number
}

/** Why a source stopped; never thrown. */
export type SourceEnd =
  | { readonly kind: 'closed' }
  | { readonly kind: 'peerGone'; readonly reason: string }
  | { readonly kind: 'failed'; readonly reason: string }

export type SourceKind = 'dbus-display' | 'vfio-user-qxl' | 'vhost-user-gpu' | 'vnc' | 'replay'

/** A way to the guest's screen (main-thread half). */
export interface DisplaySource {
  readonly kind: SourceKind
  /**
   * Feeds `sink` until `signal` aborts or the guest is gone; settles once and does not reject for anything the guest
   * or QEMU did.
   */
  run(sink: DisplaySink, signal: AbortSignal): Promise<SourceEnd>
  /** Asks the guest for a layout; what the device cannot do is ignored and logged. */
  setHeads(heads: readonly WantedHead[]): void
}
