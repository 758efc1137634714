import type { BandedEncoder, Image } from '../../codecs/image.js'
import type { Clock } from '../../core/clock.js'
import { SidecarError } from '../../core/errors.js'
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
import type { PictureProgress } from './outbox.js'

/** Bytes a pixel of the frame and of a raw bitmap. */
const PIXEL_BYTES = 4

/** Below this many bytes coding cannot pay (`protocol-display.md` section 15). */
const MIN_CODED_BYTES = 54

export interface PainterDeps {
  /** Coder of images; `undefined`: all go raw (`image-compression: off`). */
  readonly encoder: BandedEncoder | undefined
  readonly clock: Clock
  readonly metrics: {
    /** By codec. */
    readonly images: Counter
    readonly imageBytes: Counter
    readonly encodeSeconds: Histogram
  }
}

/** A picture goes in several messages rather than in one above this size: half a client's waiting bytes (L-out). */
const MAX_PICTURE_BYTES = 6 * 1024 * 1024

const sizeOf = (bands: readonly Uint8Array[]): number => bands.reduce((sum, band) => sum + band.length, 0)

const NO_PIXELS = new Uint8Array(0)

/** Rows without gaps, as the coders take them. */
const packed = (width: number, height: number, pixels: Uint8Array): Image => ({
  format: 'rgb32',
  width,
  height,
  stride: width * PIXEL_BYTES,
  topDown: true,
  pixels,
})

/** Copies the pixels of a rectangle out of the shared frame, packed. */
const copyRows = (frame: Frame, box: Rect, to: Uint8Array): void => {
  const rowBytes = (box.right - box.left) * PIXEL_BYTES
  const height = box.bottom - box.top
  let from = box.top * frame.stride + box.left * PIXEL_BYTES
  if (rowBytes === frame.stride) {
    to.set(frame.pixels.subarray(from, from + rowBytes * height))
    return
  }
  for (let y = 0, at = 0; y < height; y++, at += rowBytes, from += frame.stride) {
    to.set(frame.pixels.subarray(from, from + rowBytes), at)
  }
}

const bitmapMessage = (image: DrawCopyImage, headroom: number, pixels: Uint8Array): Uint8Array => {
  const message = new Uint8Array(headroom + DRAW_COPY_BITMAP_PREFIX_SIZE + pixels.length)
  message.set(pixels, writeDrawCopyBitmap(message, headroom, image))
  return message
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
    copyRows(frame, box, this.#pixels)
    const rawSize = width * height * PIXEL_BYTES
    const codedSize = this.#encode(width, height, rawSize)
    const message =
      codedSize < 0
        ? bitmapMessage(image, headroom, this.#pixels.subarray(0, rawSize))
        : this.#lzMessage(image, headroom, codedSize)
    this.#count(codedSize < 0 ? 'raw' : 'lz', codedSize < 0 ? rawSize : codedSize, startMs)
    return message
  }

  /**
   * Codes the next rows of a picture of the whole frame, at most {@link maxPixels} of it.
   *
   * @returns pixels that it took; 0 when what is coded has to be sent with {@link finishRows} first, or all is
   */
  paintRows(frame: Frame, picture: PictureProgress): number {
    const { encoder, clock, metrics } = this.#deps
    const { width } = frame
    const left = frame.height - picture.rows
    const room = Math.floor((MAX_PICTURE_BYTES - sizeOf(picture.bands)) / (width * PIXEL_BYTES))
    if (encoder === undefined) {
      const height = picture.rows > picture.sent ? 0 : Math.min(left, Math.max(1, room))
      picture.rows += height
      return height * width
    }
    const height = Math.min(left, Math.max(1, Math.floor(this.maxPixels / width)))
    if (height === 0 || (height > room && picture.rows > picture.sent)) {
      return 0
    }
    const startMs = clock.nowMs()
    const band = { left: 0, top: picture.rows, right: width, bottom: picture.rows + height }
    copyRows(frame, band, this.#pixels)
    const size = encoder.encodeBand(packed(width, height, this.#pixels), this.#coded)
    if (size < 0) {
      throw new SidecarError('SIDECAR_BUG', 'a coded band is larger than its pixels', { width, height })
    }
    picture.bands.push(this.#coded.slice(0, size))
    picture.rows += height
    metrics.encodeSeconds.observe((clock.nowMs() - startMs) / 1000, LABELS.lz)
    return width * height
  }

  /** The DRAW_COPY body of the rows that are coded and not sent, behind `headroom` free bytes; they count as sent. */
  finishRows(
    frame: Frame,
    picture: PictureProgress,
    image: (box: Rect) => DrawCopyImage,
    headroom: number,
  ): Uint8Array {
    const { encoder, metrics } = this.#deps
    const { width } = frame
    const place = image({ left: 0, top: picture.sent, right: width, bottom: picture.rows })
    const height = picture.rows - picture.sent
    picture.sent = picture.rows
    if (encoder === undefined) {
      const raw = new Uint8Array(width * height * PIXEL_BYTES)
      copyRows(frame, place.box, raw)
      metrics.images.add(1, LABELS.raw)
      metrics.imageBytes.add(raw.length, LABELS.raw)
      return bitmapMessage(place, headroom, raw)
    }
    const size = encoder.headerSize + sizeOf(picture.bands)
    const message = new Uint8Array(headroom + DRAW_COPY_LZ_PREFIX_SIZE + size)
    let at = writeDrawCopyLz(message, headroom, place, size)
    encoder.writeHeader(packed(width, height, NO_PIXELS), message.subarray(at))
    at += encoder.headerSize
    for (const band of picture.bands) {
      message.set(band, at)
      at += band.length
    }
    picture.bands = []
    metrics.images.add(1, LABELS.lz)
    metrics.imageBytes.add(size, LABELS.lz)
    return message
  }

  #encode(width: number, height: number, rawSize: number): number {
    const { encoder } = this.#deps
    if (encoder === undefined || rawSize < MIN_CODED_BYTES) {
      return -1
    }
    return encoder.encode(packed(width, height, this.#pixels), this.#coded.subarray(0, rawSize))
  }

  #lzMessage(image: DrawCopyImage, headroom: number, size: number): Uint8Array {
    const message = new Uint8Array(headroom + DRAW_COPY_LZ_PREFIX_SIZE + size)
    const at = writeDrawCopyLz(message, headroom, image, size)
    message.set(this.#coded.subarray(0, size), at)
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
