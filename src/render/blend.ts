import type { Surface } from '../display/index.js'
import { fromWord, toWord, type Word } from './words.js'

/** `a * b / 255`, rounded; both 0 to 255. */
export const mul8 = (a: number, b: number): number => {
  const product = a * b + 128
  return (product + (product >> 8)) >> 8
}

/** Every other channel of a word: two fit into 32 bits with room for a product or a carry each. */
const PAIR = 0x00ff_00ff
const HALVES = 0x0080_0080
const CARRIES = 0x0100_0100

/** HOT PATH: two channels times `by / 255`, as {@link mul8}. */
const scalePair = (pair: number, by: number): number => {
  const product = (Math.imul(pair, by) + HALVES) >>> 0
  return ((product + ((product >>> 8) & PAIR)) >>> 8) & PAIR
}

/** All four channels of a word times `by / 255`. */
export const scaleWord = (word: Word, by: number): Word =>
  scalePair(word & PAIR, by) | (scalePair((word >>> 8) & PAIR, by) << 8)

/** HOT PATH: sums of two channels, each at most 255. */
const addPairs = (a: number, b: number): number => {
  const sum = a + b
  return (sum | (CARRIES - ((sum >>> 8) & PAIR))) & PAIR
}

/** Sum of two words, each channel at most 255. */
export const addWords = (a: Word, b: Word): Word =>
  addPairs(a & PAIR, b & PAIR) | (addPairs((a >>> 8) & PAIR, (b >>> 8) & PAIR) << 8)

/** A word with premultiplied colours over another one. */
export const over = (source: Word, dest: Word): Word => {
  const alpha = source >>> 24
  return alpha === 255 ? source : addWords(source, scaleWord(dest, 255 - alpha))
}

const RGB = 0x00ff_ffff
const OPAQUE = 0xff00_0000

/** How pixels of a surface are read and written by operations with alpha. */
export interface AlphaTarget {
  readonly read: (at: number) => Word
  readonly write: (at: number, word: Word) => void
}

/** @param keepsAlpha does the highest byte of a 32-bit pixel mean alpha? Else it reads as 255 and is cleared. */
export const alphaTarget = ({ format, pixels }: Surface, keepsAlpha: boolean): AlphaTarget => {
  const target = pixels
  const word = toWord(format)
  const pixel = fromWord(format)
  const coloured = format !== 'a8'
  return {
    read: keepsAlpha || !coloured ? (at) => word(target[at] ?? 0) : (at) => word(target[at] ?? 0) | OPAQUE,
    write:
      keepsAlpha || !coloured
        ? (at, value) => {
            target[at] = pixel(value)
          }
        : (at, value) => {
            target[at] = pixel(value & RGB)
          },
  }
}
