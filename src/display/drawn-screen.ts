import { rectOf, type Rect } from '../core/region.js'
import { ROP } from '../protocol/index.js'
import { checkDrawable } from './drawable-check.js'
import type { Drawable, Renderer } from './drawable.js'
import { simpleDrawing, type Drawing } from './drawing.js'
import { checkInside, checkSize, checkWhole, refuse } from './guest-check.js'
import { checkedSurface, type DrawingLimits } from './image-check.js'
import {
  bytesPerPixel,
  copyArea,
  fillSurface,
  newSurface,
  PRIMARY_SURFACE_ID,
  SURFACE_FORMATS,
  type Surface,
  type SurfaceArea,
  type SurfaceSpec,
} from './surface.js'
import type { Tracker } from './tracker.js'

/** What a drawing means for those who see the console. */
export type Drawn =
  | { readonly kind: 'nothing' }
  /** Parts of the picture may have changed. */
  | { readonly kind: 'damage' }
  /** The picture changed so, in what clients are told as well. */
  | { readonly kind: 'drawing'; readonly drawing: Drawing; readonly region: readonly Rect[] }

/** The primary surface: what the guest draws into, in its format, and the two pictures of the tracker. */
interface Shown {
  readonly tracker: Tracker
  readonly surface: Surface
  readonly canvas: Surface
  readonly told: Surface
}

const NOTHING: Drawn = { kind: 'nothing' }
const DAMAGE: Drawn = { kind: 'damage' }

/** Bytes of a surface's pixels. */
const surfaceBytes = ({ format, width, height }: Pick<Surface, 'format' | 'width' | 'height'>): number =>
  bytesPerPixel(format) * width * height

/**
 * The surfaces of one console whose guest sends drawing commands. Every command is rendered at once, so what it read can be
 * released at once, and any surface can be read at any time (`protocol-display.md` section 21).
 */
export class DrawnScreen {
  readonly #surfaces = new Map<number, Surface>()
  readonly #limits: DrawingLimits
  readonly #renderer: Renderer
  #shown: Shown | undefined
  /** Of all surfaces but those that a tracker holds. */
  #bytes = 0

  constructor(limits: DrawingLimits, renderer: Renderer) {
    this.#limits = limits
    this.#renderer = renderer
  }

  /**
   * Judges a new surface.
   *
   * @throws SidecarError SIDECAR_GUEST
   */
  check({ id, format, width, height, content }: SurfaceSpec): void {
    const limits = this.#limits
    checkWhole(id, 0, limits.surfaces - 1, 'id of a surface')
    if (this.#surfaces.has(id)) {
      refuse('a surface exists already', { surface: id })
    }
    if (!SURFACE_FORMATS.includes(format)) {
      refuse('a surface has an unknown format', { surface: id })
    }
    checkSize(width, height, limits, 'a surface')
    if (content !== undefined) {
      checkWhole(content.stride, width * bytesPerPixel(format), 2 ** 31 - 1, 'stride of a surface')
      if (content.stride * height > content.data.length) {
        refuse('a surface has too few bytes', { stride: content.stride, height })
      }
    }
    if (
      !isTracked({ id, format }) &&
      this.#bytes + surfaceBytes({ format, width, height }) > limits['surface-bytes']
    ) {
      refuse('surfaces take too much memory', { surface: id, max: limits['surface-bytes'] })
    }
  }

  /**
   * A new surface that was checked.
   *
   * @param tracker for the primary surface: the pictures of the console
   * @throws SidecarError SIDECAR_GUEST when there is no memory for it
   */
  create(spec: SurfaceSpec, tracker?: Tracker): void {
    const { id, format, width, height, content } = spec
    const canvas = tracker && canvasOf(tracker, tracker.canvas)
    const surface =
      canvas !== undefined && isTracked(spec) ? { ...canvas, format } : allocate(format, width, height)
    if (content !== undefined) {
      fillSurface(surface, content)
    }
    this.#surfaces.set(id, surface)
    this.#bytes += isTracked(spec) ? 0 : surfaceBytes(surface)
    if (canvas !== undefined && tracker !== undefined) {
      this.#shown = { tracker, surface, canvas, told: canvasOf(tracker, tracker.told) }
      this.#show([rectOf(0, 0, width, height)])
    }
  }

  /** @throws SidecarError SIDECAR_GUEST when there is no such surface */
  destroy(id: number): void {
    const surface = this.#surface(id)
    this.#surfaces.delete(id)
    this.#bytes -= isTracked({ id, format: surface.format }) ? 0 : surfaceBytes(surface)
    if (id === PRIMARY_SURFACE_ID) {
      this.#shown = undefined
    }
  }

  has(id: number): boolean {
    return this.#surfaces.has(id)
  }

  /**
   * Checks a drawing and carries it out.
   *
   * @throws SidecarError SIDECAR_GUEST, with nothing drawn
   */
  draw(drawable: Drawable): Drawn {
    const surfaces = (id: number): Surface | undefined => this.#surfaces.get(id)
    const target = checkDrawable(drawable, { limits: this.#limits, surfaces })
    const region = this.#renderer.draw(target, drawable, surfaces)
    const shown = this.#shown
    if (target !== shown?.surface || region.length === 0) {
      return NOTHING
    }
    const drawing = shown.surface.pixels === shown.canvas.pixels ? simpleDrawing(drawable, region) : undefined
    if (drawing === undefined) {
      this.#show(region)
      return DAMAGE
    }
    if (drawing.kind === 'fill' && drawing.operator === 'put' && isFilled(shown.told, drawing)) {
      return NOTHING
    }
    this.#renderer.draw(shown.told, drawable, () => undefined)
    if (drawing.kind === 'move') {
      shown.tracker.moved(drawing.move)
    }
    return { kind: 'drawing', drawing, region }
  }

  /**
   * A copy of pixels.
   *
   * @throws SidecarError SIDECAR_GUEST when there is no such surface, or the rectangle is not on it
   */
  readArea(id: number, rect: Rect): SurfaceArea {
    const surface = this.#surface(id)
    checkInside(rect, surface.width, surface.height, 'area to read')
    return copyArea(surface, rect)
  }

  #surface(id: number): Surface {
    const room = { limits: this.#limits, surfaces: (each: number) => this.#surfaces.get(each) }
    return checkedSurface(id, room, 'surface')
  }

  /** Parts of the primary surface changed: brings them to the picture of the console. */
  #show(region: readonly Rect[]): void {
    if (this.#shown === undefined) {
      return
    }
    const { tracker, surface, canvas } = this.#shown
    if (surface.pixels !== canvas.pixels) {
      for (const box of region) {
        this.#renderer.draw(canvas, copyOf(box), () => surface)
      }
    }
    tracker.damage(region)
  }
}

/** Is the surface one of the pictures of a tracker? Those of 16 bits are not. */
const isTracked = ({ id, format }: Pick<SurfaceSpec, 'id' | 'format'>): boolean =>
  id === PRIMARY_SURFACE_ID && bytesPerPixel(format) === 4

const canvasOf = ({ frame: { width, height } }: Tracker, pixels: Uint32Array): Surface => ({
  format: 'xrgb32',
  width,
  height,
  pixels,
})

const allocate = (format: Surface['format'], width: number, height: number): Surface => {
  try {
    return newSurface(format, width, height)
  } catch (error) {
    if (error instanceof RangeError) {
      return refuse('no memory for a surface', { width, height })
    }
    throw error
  }
}

/** Brings pixels of the primary surface to the same place of another one. */
const copyOf = (box: Rect): Drawable => ({
  kind: 'copy',
  surface: PRIMARY_SURFACE_ID,
  box,
  image: { kind: 'surface', surface: PRIMARY_SURFACE_ID },
  sourceArea: box,
  rop: ROP.put,
  scale: 'nearest',
})

const RGB = 0x00ff_ffff

/** Do the pixels have the colour already? */
const isFilled = (
  { pixels, width }: Surface,
  { rects, color }: Drawing & { readonly kind: 'fill' },
): boolean =>
  rects.every(({ left, top, right, bottom }) => {
    for (let y = top; y < bottom; y++) {
      for (let at = y * width + left; at < y * width + right; at++) {
        if (((pixels[at] ?? 0) & RGB) !== color) {
          return false
        }
      }
    }
    return true
  })
