import { SidecarError } from '../core/errors.js'
import type { Rect } from '../core/region.js'

/** Width and height of a tile; tiles at the right and lower edge may be smaller. */
export const TILE_SIZE = 64

/** Widest picture, pixels: as far as the limit `image-side` goes. */
export const MAX_FRAME_WIDTH = 32768

/** Most colours that {@link FrameKernel.palette} counts. */
export const MAX_PALETTE = 256

/** Largest difference of a channel between neighbours that still counts as soft. */
export const SOFT_STEP = 16

/**
 * {@link FrameKernel.photoScore} from which a picture is a photo. Photos, film and paintings reach 650 to 1000; text, tables,
 * drawings, smooth gradients and noise stay below 300; a desktop with a photo behind its windows lies in between, and is
 * no photo, because its text would suffer.
 */
export const PHOTO_SCORE = 550

/** Samples that the score is made of at most, pixels. */
export const SCORE_SAMPLES = 262_144

/** Bytes of key for one block of 8 pixels, a tile's rows of blocks, the block for its size, and what each of four passes is ahead. */
export const HASH_BLOCK = 32
export const HASH_ROW_BLOCKS = 8
export const HASH_PASSES = 4
/** Where the words of the last step begin: two times five of 64 bits. */
export const HASH_LAST_STEP = (HASH_ROW_BLOCKS * TILE_SIZE + HASH_PASSES) * HASH_BLOCK
/** Bytes of a hash key; behind the last step come 4 bytes that spread the colours of a palette. */
export const HASH_KEY_BYTES = HASH_LAST_STEP + 80
export const KEY_BYTES = HASH_KEY_BYTES + 4

/** Rows of pixels, with a fourth byte of no meaning but in the functions about alpha. Which row is the top does not matter. */
export interface FramePixels {
  readonly pixels: Uint8Array
  /** Pixels, 1 to {@link MAX_FRAME_WIDTH}. */
  readonly width: number
  readonly height: number
  /** Bytes from row to row. */
  readonly stride: number
}

/** What differs between two frames. */
export interface FrameChanges {
  /** Tiles of {@link TILE_SIZE} side by side, and one above the other. */
  readonly across: number
  readonly down: number
  /** One byte a tile, row by row, 1 where pixels differ; overwritten by the next comparison. */
  readonly tiles: Uint8Array
  /** Tiles that differ. */
  readonly dirty: number
  /**
   * Boxes that hold everything that differs, none overlapping another: each is as tight as its tiles allow. Tiles side by side
   * share a box, and so do such runs with the same columns one above the other.
   */
  readonly boxes: readonly Rect[]
}

export type AlphaKind = 'opaque' | 'transparent' | 'mixed'

/**
 * Loops over whole frames. An instance has memory of its own and serves one thread; what it is given stays as it is.
 * All functions throw SidecarError SIDECAR_BUG for pictures that are not whole, are wider than {@link MAX_FRAME_WIDTH}, or
 * do not go together.
 */
export interface FrameKernel {
  /** `wasm` where SIMD is. */
  readonly kind: 'wasm' | 'plain'
  /** Compares two frames of one size. */
  compare(before: FramePixels, after: FramePixels): FrameChanges
  /**
   * Hashes every tile, colours and size, to 64 bits, row by row. Two different tiles, chosen by somebody who does not know the
   * key, have the same hash with a probability of at most 2^-59; among a million tiles some pair does with at most 2^-20.
   * That holds for tiles made by an enemy as well, as the key is random and leaves the instance nowhere.
   *
   * The hash is NH on signed 16-bit words (Black and others, UMAC, 1999: 2^-15 a pass) in four passes, each with the
   * key moved by one block, and a multiply-add hash of their sums (2^-64).
   *
   * @param out at least as many as there are tiles
   */
  hashTiles(image: FramePixels, out: BigUint64Array): void
  /** The colours, 0xrrggbb, in the order in which they appear; `undefined` for more than {@link MAX_PALETTE}. */
  palette(image: FramePixels): Uint32Array | undefined
  /** The colour, 0xrrggbb, of a picture of one colour. */
  solidColour(image: FramePixels): number | undefined
  /** Whether all fourth bytes are 255, or all 0. */
  alphaKind(image: FramePixels): AlphaKind
  /**
   * Thousandths of sampled pixels that differ from their neighbour, but in no channel by more than {@link SOFT_STEP}: 0 for
   * flat pictures and for noise, 1000 for soft ones. See {@link PHOTO_SCORE}.
   */
  photoScore(image: FramePixels): number
  /** To 3 bytes a pixel, blue first, packed; `out` has room for exactly that or more. */
  toBgr24(image: FramePixels, out: Uint8Array): void
  /** As {@link FrameKernel.toBgr24}, red first. */
  toRgb24(image: FramePixels, out: Uint8Array): void
  /** From 2 bytes a pixel, x1r5g5b5 (codecs.md 1), to 4, packed, the fourth 0. */
  fromRgb16(image: FramePixels, out: Uint8Array): void
  /** Colours times alpha, to the nearest; packed. */
  premultiply(image: FramePixels, out: Uint8Array): void
  /** Colours divided by alpha, to the nearest, at most 255, and nothing where alpha is 0; packed. */
  unpremultiply(image: FramePixels, out: Uint8Array): void
}

const isPositive = (value: number): boolean => Number.isSafeInteger(value) && value > 0

/** @throws SidecarError SIDECAR_BUG for a picture that is not whole */
export const checkFrame = ({ pixels, width, height, stride }: FramePixels, pixelBytes = 4): void => {
  const row = width * pixelBytes
  const whole = isPositive(width) && isPositive(height) && isPositive(stride) && stride >= row
  if (!whole || width > MAX_FRAME_WIDTH || pixels.length < stride * (height - 1) + row) {
    const context = { width, height, stride, size: pixels.length }
    throw new SidecarError('SIDECAR_BUG', 'picture given to a frame kernel is not whole', context)
  }
}

/** @throws SidecarError SIDECAR_BUG when `out` has no room for `count` */
export const checkRoom = (out: { readonly length: number }, count: number): void => {
  if (out.length < count) {
    throw new SidecarError('SIDECAR_BUG', 'no room for the result of a frame kernel', {
      count,
      room: out.length,
    })
  }
}

/** @throws SidecarError SIDECAR_BUG when the frames differ in size or are not whole */
export const checkPair = (before: FramePixels, after: FramePixels): void => {
  checkFrame(before)
  checkFrame(after)
  if (before.width !== after.width || before.height !== after.height) {
    throw new SidecarError('SIDECAR_BUG', 'frames of two sizes cannot be compared', {
      ...{ beforeWidth: before.width, beforeHeight: before.height },
      ...{ width: after.width, height: after.height },
    })
  }
}

/** Every how many rows are sampled, and how many that makes; the first sampled row is half a step down. */
export const sampling = ({
  width,
  height,
}: FramePixels): { readonly step: number; readonly rows: number } => {
  const wanted = Math.max(1, Math.floor(SCORE_SAMPLES / width))
  const step = Math.ceil(height / wanted)
  return { step, rows: Math.floor((height - 1 - (step >> 1)) / step) + 1 }
}

/** Boxes of the bands of a frame, joined where they have the same tiles side by side. */
export class BoxList {
  readonly boxes: Rect[] = []
  /** Boxes that the next band may go on with, by first and last tile. */
  #open = new Map<number, number>()
  #next = new Map<number, number>()

  /** One box of the band that begins at row `bandTop`; its rows count from there. */
  add(left: number, top: number, right: number, bottom: number, bandTop: number): void {
    const columns = Math.floor(left / TILE_SIZE) * MAX_FRAME_WIDTH + Math.floor((right - 1) / TILE_SIZE)
    const at = this.#open.get(columns)
    const above = at === undefined ? undefined : this.boxes[at]
    if (at === undefined || above === undefined) {
      this.#next.set(columns, this.boxes.length)
      this.boxes.push({ left, top: bandTop + top, right, bottom: bandTop + bottom })
      return
    }
    this.#next.set(columns, at)
    this.boxes[at] = {
      left: Math.min(above.left, left),
      top: above.top,
      right: Math.max(above.right, right),
      bottom: bandTop + bottom,
    }
  }

  /** After the last box of a band. */
  endBand(): void {
    this.#open = this.#next
    this.#next = new Map()
  }
}
