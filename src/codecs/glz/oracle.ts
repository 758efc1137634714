import type { Image } from '../image.js'
import type { GlzCoder, GlzTask } from './coder.js'
import { GLZ_MAX_IMAGE_DISTANCE, GLZ_MAX_OFFSET, type GlzPass, type GlzType } from './glz-format.js'
import { glzMatchBytes, GlzTokenWriter } from './token-writer.js'

/** Entries of the one hash table of a dictionary (codecs.md 3.5). */
const TABLE_SIZE = 2 ** 20
/** Units at the end of a pass that no search begins in, and that no match reaches into. */
const SEARCH_TAIL_UNITS = 6
const TAIL_UNITS = 2
/** Fewer units than this are nothing but literals. */
const SHORT_UNITS = 4

interface Kept {
  readonly type: GlzType
  /** Units of each pass, one number each. */
  readonly planes: readonly Int32Array[]
}

interface Match {
  length: number
  offset: number
  distance: number
}

const unitsOf = (
  { pixels, width, height, stride }: Image,
  type: GlzType,
  kind: GlzPass['kind'],
): Int32Array => {
  const units = new Int32Array(width * height)
  const step = type.pixelBytes
  for (let row = 0, to = 0; row < height; row++) {
    for (let at = row * stride, end = at + width * step; at < end; at += step) {
      const [first, second, third] = [pixels[at] ?? 0, pixels[at + 1] ?? 0, pixels[at + 2] ?? 0]
      switch (kind) {
        case 'rgb16':
          units[to++] = first | ((second & 0x7f) << 8)
          break
        case 'rgb':
          units[to++] = first | (second << 8) | (third << 16)
          break
        case 'alpha':
          units[to++] = pixels[at + 3] ?? 0
          break
      }
    }
  }
  return units
}

const hashAt = (units: Int32Array, at: number, kind: GlzPass['kind']): number => {
  let hash = 5381
  for (let unit = at; unit < at + 3; unit++) {
    const value = units[unit] ?? 0
    switch (kind) {
      case 'alpha':
        hash = Math.imul(hash, 33) ^ value
        break
      case 'rgb16':
        hash = Math.imul(hash, 33) ^ (value & 255)
        hash = Math.imul(hash, 33) ^ (value >> 8)
        break
      case 'rgb':
        hash = Math.imul(hash, 33) ^ (value >> 16)
        hash = Math.imul(hash, 33) ^ ((value >> 8) & 255)
        hash = Math.imul(hash, 33) ^ (value & 255)
        break
    }
  }
  return hash & (TABLE_SIZE - 1)
}

/**
 * The readable coder: searches as the reference does (codecs.md 3.5), so its output is about as long. It stands in where
 * SIMD is missing and is the yardstick of the kernel. It keeps 4 bytes per unit of every image in the window, and 8 MiB
 * of tables once the first image has come.
 */
export class GlzOracle implements GlzCoder {
  readonly staging = undefined
  readonly #kept = new Map<number, Kept>()
  /** Per hash the image seen last with it, by sequence number + 1, and the unit in it. */
  #tableImage = new Uint32Array(0)
  #tableUnit = new Int32Array(0)
  readonly #referred = new Set<number>()

  code({ image, type, sequence, first }: GlzTask, out: Uint8Array, at: number): number {
    if (this.#tableImage.length === 0) {
      this.#tableImage = new Uint32Array(TABLE_SIZE)
      this.#tableUnit = new Int32Array(TABLE_SIZE)
    }
    for (const old of this.#kept.keys()) {
      if (old < first) {
        this.#kept.delete(old)
      }
    }
    this.#referred.clear()
    this.#kept.set(sequence, { type, planes: type.passes.map(({ kind }) => unitsOf(image, type, kind)) })
    const writer = new GlzTokenWriter(out, at)
    for (let pass = 0; pass < type.passes.length && !writer.overflowed; pass++) {
      this.#codePass(sequence, pass, writer)
    }
    if (writer.overflowed) {
      this.#kept.delete(sequence)
      return -1
    }
    return writer.at
  }

  referred(): Iterable<number> {
    return this.#referred
  }

  close(): void {
    this.#kept.clear()
    this.#tableImage = new Uint32Array(0)
    this.#tableUnit = new Int32Array(0)
  }

  #codePass(sequence: number, passIndex: number, writer: GlzTokenWriter): void {
    const kept = this.#kept.get(sequence)
    const pass = kept?.type.passes[passIndex]
    const units = kept?.planes[passIndex]
    if (pass === undefined || units === undefined) {
      return
    }
    const end = units.length
    let at = end < SHORT_UNITS ? end : 2
    if (end >= SHORT_UNITS) {
      this.#remember(hashAt(units, 0, pass.kind), sequence, 0)
    }
    writer.closeRun()
    units.subarray(0, at).forEach((unit) => {
      writer.literal(pass, unit)
    })
    while (at < end - SEARCH_TAIL_UNITS && !writer.overflowed) {
      const match = this.#runAt(units, at) ?? this.#matchAt(pass, passIndex, sequence, units, at)
      if (match === undefined) {
        writer.literal(pass, units[at] ?? 0)
        at++
        continue
      }
      writer.match(pass, match.length, match.offset, match.distance)
      if (match.distance > 0) {
        this.#referred.add(sequence - match.distance)
      }
      at += match.length
      for (const near of [at - 2, at - 1]) {
        if (near > at - match.length || (pass.kind !== 'rgb' && near >= at - match.length)) {
          this.#remember(hashAt(units, near, pass.kind), sequence, near)
        }
      }
    }
    for (; at < end && !writer.overflowed; at++) {
      writer.literal(pass, units[at] ?? 0)
    }
  }

  /** Three or more units like the one before. */
  #runAt(units: Int32Array, at: number): Match | undefined {
    const unit = units[at - 1]
    if (units[at] !== unit || units[at + 1] !== unit || units[at + 2] !== unit) {
      return undefined
    }
    let to = at + 3
    while (to < units.length - TAIL_UNITS && units[to] === unit) {
      to++
    }
    return { length: Math.min(to, units.length - TAIL_UNITS) - at, offset: 0, distance: 0 }
  }

  #matchAt(
    pass: GlzPass,
    passIndex: number,
    sequence: number,
    units: Int32Array,
    at: number,
  ): Match | undefined {
    const hash = hashAt(units, at, pass.kind)
    const image = (this.#tableImage[hash] ?? 0) - 1
    const unit = this.#tableUnit[hash] ?? 0
    this.#remember(hash, sequence, at)
    const distance = sequence - image
    const other = this.#kept.get(image)
    const source = other?.planes[passIndex]
    if (image < 0 || distance > GLZ_MAX_IMAGE_DISTANCE || source === undefined) {
      return undefined
    }
    if (other?.type !== this.#kept.get(sequence)?.type) {
      return undefined
    }
    const offset = distance === 0 ? at - unit - 1 : unit
    if (offset < 0 || offset >= GLZ_MAX_OFFSET || (distance > 0 && offset === 0)) {
      return undefined
    }
    const most = Math.min(units.length - TAIL_UNITS - at, source.length - unit)
    let length = 0
    while (length < most && source[unit + length] === units[at + length]) {
      length++
    }
    const least = pass.kind === 'alpha' ? 4 : 2
    const doubtful = { rgb: 2, rgb16: 3, alpha: 7 }[pass.kind]
    const cost = Math.floor(glzMatchBytes(offset, distance) / pass.literalBytes) + 1
    return length < least || (length <= doubtful && length < cost) ? undefined : { length, offset, distance }
  }

  #remember(hash: number, sequence: number, unit: number): void {
    this.#tableImage[hash] = sequence + 1
    this.#tableUnit[hash] = unit
  }
}
