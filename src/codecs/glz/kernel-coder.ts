import { GLZ_BLOCK_BYTES, loadGlzKernel, type GlzKernel } from '../../kernels/glz.js'
import type { Image } from '../image.js'
import { GLZ_MAX_IMAGES, type GlzCoder, type GlzMotion, type GlzTask } from './coder.js'
import { glzMaxEncodedSize, GLZ_HEADER_SIZE, type GlzPass } from './glz-format.js'

const UNIT_BYTES = 4
/** Slots of an image: colours and alpha values. */
const PLANES = 2
/** More than any side of an image has pixels. */
const MAX_SIDE = 2 ** 26
/** Marks the type of a slot that holds alpha values. */
const ALPHA_TYPE = 0x10

const blocks = (bytes: number): number => Math.ceil(bytes / GLZ_BLOCK_BYTES) * GLZ_BLOCK_BYTES

const pixelBytesOf = (format: Image['format']): number =>
  format === 'rgb16' ? 2 : format === 'rgb24' ? 3 : 4

/** Packs the rows of an image into `to`. */
const copyRows = (to: Uint8Array, start: number, image: Image, rowBytes: number): void => {
  const { pixels, stride, height } = image
  if (stride === rowBytes) {
    const size = rowBytes * height
    to.set(pixels.length === size ? pixels : pixels.subarray(0, size), start)
    return
  }
  for (let row = 0, at = start; row < height; row++, at += rowBytes) {
    to.set(pixels.subarray(row * stride, row * stride + rowBytes), at)
  }
}

/** An image whose pixels lie in the ring. */
interface Kept {
  readonly type: number
  readonly width: number
  readonly height: number
  /** Bytes from the start of the ring: of the first plane, from plane to plane, and the end. */
  readonly start: number
  readonly planeBytes: number
  readonly end: number
}

const NONE: readonly number[] = []

const sizeKey = ({ width, height }: Kept): number => width * MAX_SIDE + height

/** Pixels as they come. */
interface Raw {
  readonly image: Image
  readonly rowBytes: number
  readonly bytes: number
  /** They lie at the next place of the ring already. */
  readonly staged: boolean
  /** They are units as they are. */
  readonly unitsInPlace: boolean
}

/**
 * The coder on the kernel of `src/kernels/assembly/glz.ts`. Its memory is a ring of units, four bytes each, an eighth
 * larger than the window: RGBA images, which take twice the room, push the oldest ones out before their time; those are
 * not matched any more, which is all that happens. Images begin in the ring and may end behind it, where there is room
 * for the largest.
 *
 * What callers get as `staging` is the place in the ring that the next image has, so that pixels of four bytes are kept
 * where the caller put them. Writing there destroys old images, which are forgotten no later than the next one is coded.
 */
export class GlzKernelCoder implements GlzCoder {
  #kernel: GlzKernel | undefined
  readonly #ringBytes: number
  readonly #maxPixels: number
  readonly #outBytes: number
  /** By sequence number modulo the length. */
  readonly #images: (Kept | undefined)[] = []
  /** Newest image in the ring of each size. */
  readonly #newest = new Map<number, number>()
  /** Where the next image begins, bytes from the start of the ring. */
  #ringAt = 0
  /** Oldest image in the ring. */
  #oldest = 0
  /** How much of the memory from `#ringAt` on callers may have written: nothing, one image, anything. */
  #staged: 'nothing' | 'image' | 'anything' = 'nothing'

  private constructor(kernel: GlzKernel, ringBytes: number, maxPixels: number, outBytes: number) {
    this.#kernel = kernel
    this.#ringBytes = ringBytes
    this.#maxPixels = maxPixels
    this.#outBytes = outBytes
  }

  /**
   * @param windowPixels size of the window
   * @param maxPixels of the largest image
   * @returns `undefined` where SIMD is missing
   */
  static load(windowPixels: number, maxPixels: number): GlzKernelCoder | undefined {
    const ringBytes = blocks((windowPixels + (windowPixels >> 3)) * UNIT_BYTES)
    const outBytes = glzMaxEncodedSize('rgba', maxPixels) - GLZ_HEADER_SIZE
    const kernel = loadGlzKernel({
      ringBytes: ringBytes + PLANES * blocks(maxPixels * UNIT_BYTES),
      slots: GLZ_MAX_IMAGES * PLANES,
      outBytes,
    })
    return kernel && new GlzKernelCoder(kernel, ringBytes, maxPixels, outBytes)
  }

  get staging(): Uint8Array | undefined {
    const kernel = this.#kernel
    if (kernel === undefined) {
      return undefined
    }
    this.#staged = this.#staged === 'nothing' ? 'image' : 'anything'
    const start = kernel.ring + this.#ringAt
    return kernel.bytes.subarray(start, start + this.#maxPixels * UNIT_BYTES)
  }

  /** HOT PATH: damage to encoded image. Budget: `performance-notes.md` section 7. */
  code(task: GlzTask, out: Uint8Array, at: number): number {
    const kernel = this.#kernel
    const { image, type, sequence } = task
    if (kernel === undefined || image.width * image.height > this.#maxPixels) {
      return -1
    }
    this.#forgetBefore(kernel, task.first)
    const kept = this.#place(kernel, task)
    kernel.exports.begin()
    const newest = this.#newest.get(sizeKey(kept)) ?? sequence
    const model = newest === sequence ? undefined : this.#kept(newest)
    const similar = model?.type === kept.type
    const limit = kernel.out + Math.min(out.length - at, this.#outBytes)
    let end = kernel.out
    for (let plane = 0; plane < type.passes.length && end > 0; plane++) {
      const slot = this.#slot(sequence) + plane
      const pass = this.#pass(kernel, type.passes[plane]?.kind)
      const hintSlot = similar ? this.#slot(newest) + plane : slot
      const delta = model === undefined || !similar ? 0 : this.#hintDelta(model, kept, plane, task.motion)
      end = pass(slot, image.width * UNIT_BYTES, hintSlot, delta, end, limit)
    }
    if (end === 0) {
      this.#forget(kernel, sequence)
      return -1
    }
    this.#newest.set(sizeKey(kept), sequence)
    this.#ringAt = kept.end < this.#ringBytes ? kept.end : 0
    out.set(kernel.bytes.subarray(kernel.out, end), at)
    return at + end - kernel.out
  }

  referred(): Iterable<number> {
    const list = this.#kernel?.references
    const count = list?.[0] ?? 0
    return list === undefined || count === 0 ? NONE : list.subarray(1, 1 + count)
  }

  close(): void {
    this.#kernel = undefined
    this.#images.length = 0
    this.#newest.clear()
  }

  #pass({ exports }: GlzKernel, kind: GlzPass['kind'] | undefined): GlzKernel['exports']['code24'] {
    return kind === 'alpha' ? exports.code8 : kind === 'rgb16' ? exports.code15 : exports.code24
  }

  /** Brings the image to its place in the ring, at the cost of the oldest that are in its way. */
  #place(kernel: GlzKernel, task: GlzTask): Kept {
    const { image, type, sequence } = task
    const { width, height } = image
    const units = width * height
    const raw = this.#raw(kernel, task)
    const planeBytes = blocks(units * UNIT_BYTES)
    /* Pixels of other sizes lie in front of the units that are made of them. */
    const start = this.#ringAt + (raw.unitsInPlace ? 0 : blocks(raw.bytes))
    const end = start + planeBytes * type.passes.length
    const written =
      this.#staged === 'anything' || (this.#staged === 'image' && !raw.staged)
        ? this.#ringAt + this.#maxPixels * UNIT_BYTES
        : end
    this.#forgetBetween(kernel, this.#ringAt, Math.max(end, written), sequence)
    this.#staged = 'nothing'
    if (!raw.staged) {
      copyRows(kernel.bytes, kernel.ring + this.#ringAt, raw.image, raw.rowBytes)
    }
    const kept = { type: type.type, width, height, start, planeBytes, end }
    this.#images[sequence % GLZ_MAX_IMAGES] = kept
    for (let plane = 0; plane < type.passes.length; plane++) {
      const from = kernel.ring + start + plane * planeBytes
      kernel.exports.place(
        this.#slot(sequence) + plane,
        type.type | (type.passes[plane]?.kind === 'alpha' ? ALPHA_TYPE : 0),
        sequence,
        from,
        from + units * UNIT_BYTES,
      )
    }
    this.#widen(kernel, raw, kept)
    return kept
  }

  #raw({ bytes, ring }: GlzKernel, { image }: GlzTask): Raw {
    const { format, pixels, width, height, stride } = image
    const pixelBytes = pixelBytesOf(format)
    const rowBytes = width * pixelBytes
    const inside = pixels.buffer === bytes.buffer
    const staged = inside && pixels.byteOffset === ring + this.#ringAt && stride === rowBytes
    return {
      /* Pixels of any other part of our own memory would be moved under their own feet. */
      image: inside && !staged ? { ...image, pixels: pixels.slice() } : image,
      rowBytes,
      bytes: rowBytes * height,
      staged,
      unitsInPlace: pixelBytes === UNIT_BYTES,
    }
  }

  /** Makes what units pixels are not yet. */
  #widen({ exports, ring }: GlzKernel, { image, rowBytes }: Raw, { start, planeBytes }: Kept): void {
    const { format, width, height } = image
    const [from, to] = [ring + this.#ringAt, ring + start]
    switch (format) {
      case 'rgb16':
        exports.takeColours16(from, rowBytes, width, height, to)
        break
      case 'rgb24':
        exports.takeColours24(from, rowBytes, width, height, to)
        break
      case 'rgba':
        exports.takeAlpha(to, rowBytes, width, height, to + planeBytes)
        break
      default:
    }
  }

  /** How far the same pixels of an earlier image of this size lie from ours, bytes. */
  #hintDelta(model: Kept, kept: Kept, plane: number, motion: GlzMotion | undefined): number {
    const moved = motion === undefined ? 0 : motion.dy * kept.width + motion.dx
    return model.start - kept.start + plane * (model.planeBytes - kept.planeBytes) - moved * UNIT_BYTES
  }

  /** The slot of an image's first plane. */
  #slot(sequence: number): number {
    return (sequence % GLZ_MAX_IMAGES) * PLANES
  }

  #kept(sequence: number): Kept | undefined {
    return this.#images[sequence % GLZ_MAX_IMAGES]
  }

  /** The oldest images, as far as they lie in a part of the ring. */
  #forgetBetween(kernel: GlzKernel, start: number, end: number, sequence: number): void {
    for (; this.#oldest < sequence; this.#oldest++) {
      const old = this.#kept(this.#oldest)
      if (old !== undefined && (old.start >= end || old.end <= start)) {
        break
      }
      this.#forget(kernel, this.#oldest)
    }
  }

  #forgetBefore(kernel: GlzKernel, first: number): void {
    for (; this.#oldest < first; this.#oldest++) {
      this.#forget(kernel, this.#oldest)
    }
  }

  #forget({ exports }: GlzKernel, sequence: number): void {
    const slot = this.#slot(sequence)
    const kept = this.#kept(sequence)
    if (kept !== undefined && this.#newest.get(sizeKey(kept)) === sequence) {
      this.#newest.delete(sizeKey(kept))
    }
    this.#images[sequence % GLZ_MAX_IMAGES] = undefined
    exports.forget(slot)
    exports.forget(slot + 1)
  }
}
