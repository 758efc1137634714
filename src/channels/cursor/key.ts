import type { PointerShape } from '../../display/index.js'

/** Key of shapes that are not kept by the client (`protocol-display.md` 22.3: unique != 0). */
export const NO_KEY = 0n

const mix = (word: number, times: number): number => {
  const spread = Math.imul(word, times)
  return (spread << 15) | (spread >>> 17)
}

const stir = (lane: number, word: number): number => {
  const mixed = lane ^ word
  return (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0
}

const finish = (lane: number): number => {
  let hash = Math.imul(lane ^ (lane >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

/**
 * 64 bits of the content of a shape, its size and hot spot included; never {@link NO_KEY}. A guest that contrives two shapes
 * with one key shows its own user the wrong one of the two.
 */
export const shapeKey = ({ width, height, hotX, hotY, pixels }: PointerShape): bigint => {
  const view = new DataView(pixels.buffer, pixels.byteOffset, width * height * 4)
  let high = stir(0x5bd1e995, (width << 16) | height)
  let low = stir(0x1b873593, (hotX << 16) | hotY)
  for (let at = 0; at < view.byteLength; at += 4) {
    const pixel = view.getInt32(at, true)
    high = stir(high, mix(pixel, 0xcc9e2d51))
    low = stir(low, mix(pixel, 0x9e3779b1))
  }
  const key = (BigInt(finish(high)) << 32n) | BigInt(finish(low ^ high))
  return key === NO_KEY ? 1n : key
}
