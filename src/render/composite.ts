import { type CompositeDrawable, type CompositeSource } from '../display/index.js'
import type { Rect } from '../core/region.js'
import { addWords, alphaTarget, mul8, over, scaleWord } from './blend.js'
import { wrap } from './brushes.js'
import { blendColors, channelOperator } from './composite-operators.js'
import { openImage, withAlpha, type ImageReader, type ImageRoom } from './image-reader.js'
import { eachDrawn } from './raster.js'
import { bilinearAt } from './scale.js'
import { hasAlpha, type Word } from './words.js'

/** The word of an image for a pixel of the target. */
type SampleAt = (x: number, y: number) => Word

const FIXED_ONE = 65_536

/** A coordinate inside `size` for one that may be outside; -1: nothing is there. */
const repeated = (value: number, size: number, repeat: CompositeSource['repeat']): number => {
  switch (repeat) {
    case 'none': {
      return value >= 0 && value < size ? value : -1
    }
    case 'normal': {
      return wrap(value, size)
    }
    case 'pad': {
      return Math.max(0, Math.min(size - 1, value))
    }
    case 'reflect': {
      const at = wrap(value, 2 * size)
      return at < size ? at : 2 * size - 1 - at
    }
  }
}

const pixelOf = (reader: ImageReader, repeat: CompositeSource['repeat']): SampleAt => {
  const { width, height, pixel } = reader
  return (x, y) => {
    const column = repeated(x, width, repeat)
    const row = repeated(y, height, repeat)
    return column < 0 || row < 0 ? 0 : pixel(column, row)
  }
}

const OPAQUE = 0xff00_0000

/** Transforms are from the middle of a pixel; one that is none, or moves by whole pixels, needs no filter. */
const samplerOf = (source: CompositeSource, box: Rect, room: ImageRoom): SampleAt => {
  const reader = withAlpha(openImage(source.image, room))
  const pixel: SampleAt = source.opaque ? (x, y) => reader.pixel(x, y) | OPAQUE : reader.pixel
  const sample = pixelOf({ ...reader, pixel }, source.repeat)
  const dx = source.origin.x - box.left
  const dy = source.origin.y - box.top
  if (source.transform === undefined) {
    return (x, y) => sample(x + dx, y + dy)
  }
  const [xx, xy, x0, yx, yy, y0] = source.transform
  const place = (x: number, y: number): readonly [number, number] => {
    const px = x + dx + 0.5
    const py = y + dy + 0.5
    return [(xx * px + xy * py + x0) / FIXED_ONE, (yx * px + yy * py + y0) / FIXED_ONE]
  }
  if (source.filter === 'nearest') {
    return (x, y) => {
      const [u, v] = place(x, y)
      return sample(Math.floor(u), Math.floor(v))
    }
  }
  return (x, y) => bilinearAt(sample, ...place(x, y))
}

const allAlpha = (word: Word): Word => {
  const alpha = word >>> 24
  return (alpha << 24) | (alpha << 16) | (alpha << 8) | alpha
}

/** Each channel of `word` times the same channel of `by`. */
const mulWords = (word: Word, by: Word): Word => {
  let result = 0
  for (let at = 0; at < 32; at += 8) {
    result |= mul8((word >>> at) & 0xff, (by >>> at) & 0xff) << at
  }
  return result
}

/** The operation on a source whose channels have alphas of their own. */
type Combine = (source: Word, alphas: Word, dest: Word) => Word

/** What drivers use, for sources whose channels have one alpha: the same as channel by channel, faster. */
const WHOLE_WORDS: Partial<Record<CompositeDrawable['operator'], Combine>> = {
  src: (source) => source,
  over: (source, _alphas, dest) => over(source, dest),
  add: (source, _alphas, dest) => addWords(source, dest),
}

const combiner = (operator: CompositeDrawable['operator'], componentAlpha: boolean): Combine => {
  const whole = componentAlpha ? undefined : WHOLE_WORDS[operator]
  if (whole !== undefined) {
    return whole
  }
  const channel = channelOperator(operator)
  if (channel === undefined) {
    return (source, _alphas, dest) => blendColors(operator, source, dest)
  }
  return (source, alphas, dest) => {
    const da = dest >>> 24
    let result = channel.alpha(source >>> 24, alphas >>> 24, da, da) << 24
    for (let at = 0; at < 24; at += 8) {
      const value = channel.color((source >>> at) & 0xff, (alphas >>> at) & 0xff, (dest >>> at) & 0xff, da)
      result |= value << at
    }
    return result
  }
}

/** Puts the source, where the mask lets it through, together with the target by an operator of Render. */
export const drawComposite = (drawable: CompositeDrawable, room: ImageRoom): void => {
  const { box, operator, source, mask, componentAlpha, destOpaque } = drawable
  const { target } = room
  const sourceAt = samplerOf(source, box, room)
  const maskAt = mask && samplerOf(mask, box, room)
  const { read, write } = alphaTarget(target, hasAlpha(target.format) && !destOpaque)
  const combine = combiner(operator, componentAlpha)
  const { surface, clip } = drawable
  eachDrawn(target, { surface, box, ...(clip && { clip }) }, (y, left, right) => {
    for (let x = left, at = y * target.width + left; x < right; x++, at++) {
      const word = sourceAt(x, y)
      const through = maskAt?.(x, y)
      if (through === undefined) {
        write(at, combine(word, allAlpha(word), read(at)))
      } else if (componentAlpha) {
        write(at, combine(mulWords(word, through), mulWords(allAlpha(word), through), read(at)))
      } else {
        const masked = scaleWord(word, through >>> 24)
        write(at, combine(masked, allAlpha(masked), read(at)))
      }
    }
  })
}
