import type { ImageEncoder } from '../../codecs/image.js'
import type { Clock } from '../../core/clock.js'
import type { Counter, Histogram } from '../../core/metrics.js'
import type { Rect } from '../../core/region.js'
import type { Frame } from '../../display/index.js'
import {
  DRAW_COPY_BITMAP_PREFIX_SIZE,
  DRAW_COPY_LZ_PREFIX_SIZE,
  writeDrawCopyBitmap,
  writeDrawCopyLz,
  type DrawCopyImage,
} from '../../protocol/index.js'

/** Bytes a pixel of the frame and of a raw bitmap. */
const PIXEL_BYTES = 4

/** Below this many bytes coding cannot pay (`protocol-display.md` section 15). */
const MIN_CODED_BYTES = 54

export interface PainterDeps {
  /** Coder of images; `undefined`: all go raw (`image-compression: off`). */
  readonly encoder: ImageEncoder | undefined
  readonly clock: Clock
  readonly metrics: {
    /** By codec. */
    readonly images: Counter
    readonly imageBytes: Counter
    readonly encodeSeconds: Histogram
  }
}

const LABELS = { lz: { codec: 'lz' }, raw: { codec: 'raw' } } as const

/**
 * Turns rectangles of a frame into DRAW_COPY messages. One painter serves all display channels of a thread; its scratch
 * memory is made once for the largest piece.
 */
export class Painter {
  /** Largest piece, pixels. */
  readonly maxPixels: number
  readonly #deps: PainterDeps
  readonly #pixels: Uint8Array
  readonly #coded: Uint8Array

  constructor(maxPixels: number, deps: PainterDeps) {
    this.maxPixels = maxPixels
    this.#deps = deps
    this.#pixels = new Uint8Array(maxPixels * PIXEL_BYTES)
    this.#coded = new Uint8Array(maxPixels * PIXEL_BYTES)
  }

  /**
   * HOT PATH: damage to encoded image. Budget: 4 ms for a piece of {@link maxPixels}.
   * The piece is copied out of the shared frame first; what is coded is that copy.
   *
   * @returns a DRAW_COPY body behind `headroom` free bytes
   */
  paint(frame: Frame, image: DrawCopyImage, headroom: number): Uint8Array {
    const { box } = image
    const width = box.right - box.left
    const height = box.bottom - box.top
    const startMs = this.#deps.clock.nowMs()
    this.#copy(frame, box, width, height)
    const rawSize = width * height * PIXEL_BYTES
    const codedSize = this.#encode(width, height, rawSize)
    const message =
      codedSize < 0
        ? this.#bitmapMessage(image, headroom, rawSize)
        : this.#lzMessage(image, headroom, codedSize)
    this.#count(codedSize < 0 ? 'raw' : 'lz', codedSize < 0 ? rawSize : codedSize, startMs)
    return message
  }

  #copy(frame: Frame, box: Rect, width: number, height: number): void {
    const rowBytes = width * PIXEL_BYTES
    let from = box.top * frame.stride + box.left * PIXEL_BYTES
    if (rowBytes === frame.stride) {
      this.#pixels.set(frame.pixels.subarray(from, from + rowBytes * height))
      return
    }
    for (let y = 0, to = 0; y < height; y++, to += rowBytes, from += frame.stride) {
      this.#pixels.set(frame.pixels.subarray(from, from + rowBytes), to)
    }
  }

  #encode(width: number, height: number, rawSize: number): number {
    const { encoder } = this.#deps
    if (encoder === undefined || rawSize < MIN_CODED_BYTES) {
      return -1
    }
    return encoder.encode(
      {
        format: 'rgb32',
        width,
        height,
        stride: width * PIXEL_BYTES,
        topDown: true,
        pixels: this.#pixels,
      },
      this.#coded.subarray(0, rawSize),
    )
  }

  #lzMessage(image: DrawCopyImage, headroom: number, size: number): Uint8Array {
    const message = new Uint8Array(headroom + DRAW_COPY_LZ_PREFIX_SIZE + size)
    const at = writeDrawCopyLz(message, headroom, image, size)
    message.set(this.#coded.subarray(0, size), at)
    return message
  }

  #bitmapMessage(image: DrawCopyImage, headroom: number, size: number): Uint8Array {
    const message = new Uint8Array(headroom + DRAW_COPY_BITMAP_PREFIX_SIZE + size)
    const at = writeDrawCopyBitmap(message, headroom, image)
    message.set(this.#pixels.subarray(0, size), at)
    return message
  }

  #count(codec: 'lz' | 'raw', bytes: number, startMs: number): void {
    const { clock, metrics } = this.#deps
    const labels = LABELS[codec]
    metrics.images.add(1, labels)
    metrics.imageBytes.add(bytes, labels)
    metrics.encodeSeconds.observe((clock.nowMs() - startMs) / 1000, labels)
  }
}
