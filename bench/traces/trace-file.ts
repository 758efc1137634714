import { deflateSync, inflateSync } from 'node:zlib'
import { rectOf } from '../../src/core/region.js'
import { checkTrace, type Trace } from './trace.js'

/**
 * A trace as a file, for players that cannot make it. Everything is a little-endian u32 but the name and the pixels;
 * several traces may follow each other, each a multiple of 512 bytes long, as a disk has it.
 *
 *     header   magic "SSTR", version 1, bytes in all, coding of the pixels (0 raw, 1 zlib),
 *              width, height, images, frames, puts, damage rectangles, name (24 bytes, padded with 0)
 *     images   width, height, offset from the start of the trace, bytes; pixels are words 0x00RRGGBB, rows packed
 *     frames   time in ms, puts, damage rectangles
 *     puts     image, x and y in the image, x and y on the screen, width, height; those of all frames, in order
 *     damage   x, y, width, height; those of all frames, in order
 *     pixels   of each image in turn, at a multiple of 4
 */
export const TRACE_MAGIC = 0x5254_5353
const VERSION = 1
const BLOCK = 512
const NAME_BYTES = 24
const HEADER_WORDS = 10
const HEADER_BYTES = HEADER_WORDS * 4 + NAME_BYTES
const IMAGE_WORDS = 4
const FRAME_WORDS = 3
const PUT_WORDS = 7
const DAMAGE_WORDS = 4

export const CODING = { raw: 0, zlib: 1 } as const

const upTo = (bytes: number, multiple: number): number => Math.ceil(bytes / multiple) * multiple

const bytesOf = (words: Uint32Array): Uint8Array =>
  new Uint8Array(words.buffer, words.byteOffset, words.byteLength)

export const encodeTrace = (trace: Trace, coding: keyof typeof CODING): Uint8Array => {
  const { images, frames, width, height } = trace
  const puts = frames.flatMap((frame) => frame.puts)
  const damage = frames.flatMap((frame) => frame.damage)
  const pixels = images.map(({ words }) =>
    coding === 'raw' ? bytesOf(words) : new Uint8Array(deflateSync(bytesOf(words), { level: 1 })),
  )
  const tables =
    IMAGE_WORDS * images.length +
    FRAME_WORDS * frames.length +
    PUT_WORDS * puts.length +
    DAMAGE_WORDS * damage.length
  let end = HEADER_BYTES + tables * 4
  const places = pixels.map((data) => {
    const offset = end
    end = upTo(end + data.length, 4)
    return { offset, data }
  })
  const total = upTo(end, BLOCK)
  const out = new Uint8Array(total)
  const view = new DataView(out.buffer)
  let at = 0
  const write = (...values: readonly number[]): void => {
    for (const value of values) {
      view.setUint32(at, value, true)
      at += 4
    }
  }
  write(TRACE_MAGIC, VERSION, total, CODING[coding], width, height)
  write(images.length, frames.length, puts.length, damage.length)
  out.set(new TextEncoder().encode(trace.name).subarray(0, NAME_BYTES - 1), at)
  at += NAME_BYTES
  places.forEach(({ offset, data }, index) => {
    write(images[index]?.width ?? 0, images[index]?.height ?? 0, offset, data.length)
    out.set(data, offset)
  })
  for (const frame of frames) {
    write(frame.atMs, frame.puts.length, frame.damage.length)
  }
  for (const { image, fromX, fromY, to } of puts) {
    write(image, fromX, fromY, to.left, to.top, to.right - to.left, to.bottom - to.top)
  }
  for (const { left, top, right, bottom } of damage) {
    write(left, top, right - left, bottom - top)
  }
  return out
}

/** `undefined` for what is no zlib data of that size or less. */
const unpacked = (coded: Uint8Array, size: number): Uint8Array<ArrayBuffer> | undefined => {
  try {
    return Uint8Array.from(inflateSync(coded, { maxOutputLength: Math.max(1, size) }))
  } catch {
    return undefined
  }
}

/** @throws RangeError for what is not a whole trace */
export const decodeTrace = (file: Uint8Array): Trace => {
  const view = new DataView(file.buffer, file.byteOffset, file.length)
  let at = 0
  const word = (): number => {
    at += 4
    return view.getUint32(at - 4, true)
  }
  if (word() !== TRACE_MAGIC || word() !== VERSION || word() > file.length) {
    throw new RangeError('trace: not a whole file of one')
  }
  const coding = word()
  const [width, height, imageCount, frameCount] = [word(), word(), word(), word()]
  const [putCount, damageCount] = [word(), word()]
  const tables =
    IMAGE_WORDS * imageCount + FRAME_WORDS * frameCount + PUT_WORDS * putCount + DAMAGE_WORDS * damageCount
  if (HEADER_BYTES + 4 * tables > file.length) {
    throw new RangeError('trace: tables that go past its end')
  }
  const name = new TextDecoder().decode(file.subarray(at, at + NAME_BYTES)).replace(/\0.*$/s, '')
  at += NAME_BYTES
  const images = Array.from({ length: imageCount }, () => {
    const [imageWidth, imageHeight, offset, size] = [word(), word(), word(), word()]
    const coded = file.subarray(offset, offset + size)
    const wanted = imageWidth * imageHeight * 4
    const raw = coding === CODING.raw ? Uint8Array.from(coded) : unpacked(coded, wanted)
    if (raw?.length !== wanted) {
      throw new RangeError(`trace: an image that is not ${imageWidth}x${imageHeight}`)
    }
    return { width: imageWidth, height: imageHeight, words: new Uint32Array(raw.buffer) }
  })
  const heads = Array.from({ length: frameCount }, () => ({ atMs: word(), puts: word(), damage: word() }))
  const puts = Array.from({ length: putCount }, () => {
    const [image, fromX, fromY] = [word(), word(), word()]
    return { image, fromX, fromY, to: rectOf(word(), word(), word(), word()) }
  })
  const damage = Array.from({ length: damageCount }, () => rectOf(word(), word(), word(), word()))
  const frames = heads.map((head) => ({
    atMs: head.atMs,
    puts: puts.splice(0, head.puts),
    damage: damage.splice(0, head.damage),
  }))
  const trace = { name, width, height, images, frames }
  checkTrace(trace)
  return trace
}
