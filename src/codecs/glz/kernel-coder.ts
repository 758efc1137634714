import { GLZ_BLOCK_BYTES, loadGlzKernel, type GlzKernel } from '../../kernels/glz.js'
import type { Image } from '../image.js'
import { GLZ_MAX_IMAGES, type GlzCoder, type GlzMotion, type GlzTask } from './coder.js'
import { glzMaxEncodedSize, GLZ_HEADER_SIZE, type GlzPass } from './glz-format.js'

const UNIT_BYTES = 4
/** Slots of an image: colours and alpha values. */
const PLANES = 2
/** How many images back one of the same size is looked for. */
const SIMILAR_IMAGES = 64
/** Marks the type of a slot that holds alpha values. */
const ALPHA_TYPE = 0x10

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

/**
 * The coder on the kernel of `src/kernels/assembly/glz.ts`. Its memory is a ring of units, four bytes each, an eighth
 * larger than the window: images that do not fit in a row at its end, and RGBA images, which take twice the room, push
 * the oldest ones out before their time; those are not matched any more, which is all that happens.
 */
export class GlzKernelCoder implements GlzCoder {
  readonly staging: Uint8Array
  #kernel: GlzKernel | undefined
  readonly #ringBytes: number
  readonly #maxPixels: number
  /** By sequence number modulo the length. */
  readonly #images: (Kept | undefined)[] = []
  #ringAt = 0
  /** Oldest image in the ring. */
  #oldest = 0

  private constructor(kernel: GlzKernel, ringBytes: number, maxPixels: number) {
    this.#kernel = kernel
    this.#ringBytes = ringBytes
    this.#maxPixels = maxPixels
    this.staging = kernel.bytes.subarray(kernel.staging, kernel.staging + maxPixels * UNIT_BYTES)
  }

  /**
   * @param windowPixels size of the window
   * @param maxPixels of the largest image
   * @returns `undefined` where SIMD is missing
   */
  static load(windowPixels: number, maxPixels: number): GlzKernelCoder | undefined {
    const blockUnits = GLZ_BLOCK_BYTES / UNIT_BYTES
    const ringUnits = Math.max(windowPixels + (windowPixels >> 3), PLANES * (maxPixels + blockUnits))
    const ringBytes = Math.ceil(ringUnits / blockUnits) * GLZ_BLOCK_BYTES
    const kernel = loadGlzKernel({
      ringBytes,
      slots: GLZ_MAX_IMAGES * PLANES,
      stagingBytes: maxPixels * UNIT_BYTES,
      outBytes: glzMaxEncodedSize('rgba', maxPixels) - GLZ_HEADER_SIZE,
    })
    return kernel && new GlzKernelCoder(kernel, ringBytes, maxPixels)
  }

  /** HOT PATH: damage to encoded image. Budget: `performance-notes.md` section 7. */
  code(task: GlzTask, out: Uint8Array, at: number): number {
    const kernel = this.#kernel
    const { image, type, sequence } = task
    if (kernel === undefined || image.width * image.height > this.#maxPixels) {
      return -1
    }
    this.#forgetBefore(kernel, task.first)
    if (task.first === sequence) {
      this.#ringAt = 0
    }
    const kept = this.#place(kernel, task)
    this.#take(kernel, image, kernel.ring + kept.start, kept.planeBytes)
    kernel.exports.begin()
    const similar = this.#similar(kept, sequence)
    const limit = kernel.out + Math.min(out.length - at, glzMaxEncodedSize('rgba', this.#maxPixels))
    let end = kernel.out
    for (let plane = 0; plane < type.passes.length && end > 0; plane++) {
      const slot = (sequence % GLZ_MAX_IMAGES) * PLANES + plane
      const [hintSlot, hintDelta] = this.#hint(similar, kept, plane, task.motion)
      const pass = this.#pass(kernel, type.passes[plane]?.kind)
      end = pass(slot, image.width * UNIT_BYTES, hintSlot ?? slot, hintDelta, end, limit)
    }
    if (end === 0) {
      this.#forget(kernel, sequence)
      return -1
    }
    this.#ringAt = kept.end
    out.set(kernel.bytes.subarray(kernel.out, end), at)
    return at + end - kernel.out
  }

  *referred(): Iterable<number> {
    const list = this.#kernel?.references
    for (let at = 1; list !== undefined && at <= (list[0] ?? 0); at++) {
      yield list[at] ?? 0
    }
  }

  close(): void {
    this.#kernel = undefined
    this.#images.length = 0
  }

  #pass({ exports }: GlzKernel, kind: GlzPass['kind'] | undefined): GlzKernel['exports']['code24'] {
    return kind === 'alpha' ? exports.code8 : kind === 'rgb16' ? exports.code15 : exports.code24
  }

  /** Gives the image a place in the ring, at the cost of the oldest that are in its way. */
  #place(kernel: GlzKernel, { image, type, sequence }: GlzTask): Kept {
    const units = image.width * image.height
    const planeBytes = Math.ceil((units * UNIT_BYTES) / GLZ_BLOCK_BYTES) * GLZ_BLOCK_BYTES
    const size = planeBytes * type.passes.length
    let start = this.#ringAt
    if (start + size > this.#ringBytes) {
      while (this.#oldest < sequence && (this.#kept(this.#oldest)?.start ?? start) >= start) {
        this.#forget(kernel, this.#oldest++)
      }
      start = 0
    }
    const kept = {
      ...{ type: type.type, width: image.width, height: image.height },
      ...{ start, planeBytes, end: start + size },
    }
    for (; this.#oldest < sequence; this.#oldest++) {
      const old = this.#kept(this.#oldest)
      if (old !== undefined && (old.start >= kept.end || old.end <= start)) {
        break
      }
      this.#forget(kernel, this.#oldest)
    }
    this.#images[sequence % GLZ_MAX_IMAGES] = kept
    type.passes.forEach(({ kind }, plane) => {
      const from = kernel.ring + start + plane * planeBytes
      kernel.exports.place(
        (sequence % GLZ_MAX_IMAGES) * PLANES + plane,
        type.type | (kind === 'alpha' ? ALPHA_TYPE : 0),
        sequence,
        from,
        from + units * UNIT_BYTES,
      )
    })
    return kept
  }

  /** Copies pixels into the ring as units. Those of four bytes are units as they are. */
  #take({ bytes, exports, staging }: GlzKernel, image: Image, to: number, planeBytes: number): void {
    const { format, pixels, width, height, stride } = image
    const staged = pixels.buffer === bytes.buffer && pixels.byteOffset === staging
    const pixelBytes = format === 'rgb16' ? 2 : format === 'rgb24' ? 3 : 4
    const rowBytes = width * pixelBytes
    if (pixelBytes === 4) {
      copyRows(bytes, to, image, rowBytes)
    } else if (!staged) {
      copyRows(bytes, staging, image, rowBytes)
    }
    const step = staged ? stride : rowBytes
    switch (format) {
      case 'rgb16':
        exports.takeColours16(staging, step, width, height, to)
        break
      case 'rgb24':
        exports.takeColours24(staging, step, width, height, to)
        break
      case 'rgba':
        exports.takeAlpha(to, rowBytes, width, height, to + planeBytes)
        break
      default:
    }
  }

  /** Newest earlier image that may show the same rectangle: the same type and size. */
  #similar(kept: Kept, sequence: number): number | undefined {
    const stop = Math.max(this.#oldest, sequence - SIMILAR_IMAGES)
    for (let other = sequence - 1; other >= stop; other--) {
      const image = this.#kept(other)
      if (
        image !== undefined &&
        image.type === kept.type &&
        image.width === kept.width &&
        image.height === kept.height
      ) {
        return other
      }
    }
    return undefined
  }

  #hint(
    similar: number | undefined,
    kept: Kept,
    plane: number,
    motion: GlzMotion | undefined,
  ): readonly [slot: number | undefined, delta: number] {
    const image = similar === undefined ? undefined : this.#kept(similar)
    if (similar === undefined || image === undefined) {
      return [undefined, 0]
    }
    const moved = motion === undefined ? 0 : motion.dy * kept.width + motion.dx
    return [
      (similar % GLZ_MAX_IMAGES) * PLANES + plane,
      image.start - kept.start + plane * (image.planeBytes - kept.planeBytes) - moved * UNIT_BYTES,
    ]
  }

  #kept(sequence: number): Kept | undefined {
    return this.#images[sequence % GLZ_MAX_IMAGES]
  }

  #forgetBefore(kernel: GlzKernel, first: number): void {
    for (; this.#oldest < first; this.#oldest++) {
      this.#forget(kernel, this.#oldest)
    }
  }

  #forget({ exports }: GlzKernel, sequence: number): void {
    const slot = (sequence % GLZ_MAX_IMAGES) * PLANES
    this.#images[sequence % GLZ_MAX_IMAGES] = undefined
    exports.forget(slot)
    exports.forget(slot + 1)
  }
}
