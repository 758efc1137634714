import { hasAlpha } from './words.js'
import type { AlphaBlendDrawable } from '../display/index.js'
import { alphaTarget, over, scaleWord } from './blend.js'
import { openImage, withAlpha, type ImageReader, type ImageRoom } from './image-reader.js'
import { eachDrawn } from './raster.js'
import { readScaled } from './scale.js'

const sourceOf = ({ image, sourceHasAlpha }: AlphaBlendDrawable, room: ImageRoom): ImageReader => {
  const reader = openImage(image, room)
  const format = image.kind === 'surface' ? room.surfaces(image.surface)?.format : undefined
  return withAlpha(sourceHasAlpha && format === 'xrgb32' ? { ...reader, alpha: true } : reader)
}

/** The source, made more transparent, over the target; the unused byte of an xRGB target becomes 0, unless it is its alpha. */
export const drawAlphaBlend = (drawable: AlphaBlendDrawable, room: ImageRoom): void => {
  const { alpha, box, sourceArea, destHasAlpha } = drawable
  const { target } = room
  if (alpha === 0) {
    return
  }
  const { read, write } = alphaTarget(target, hasAlpha(target.format) || destHasAlpha)
  const readRow = readScaled(sourceOf(drawable, room), sourceArea, box, 'nearest')
  const source = new Uint32Array(box.right - box.left)
  eachDrawn(target, drawable, (y, left, right) => {
    readRow(y, left, right - left, source)
    for (let i = 0, at = y * target.width + left; i < right - left; i++, at++) {
      const word = source[i] ?? 0
      write(at, over(alpha === 255 ? word : scaleWord(word, alpha), read(at)))
    }
  })
}
