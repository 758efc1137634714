import { intersect, rectOf, type Rect } from '../core/region.js'
import type { Limits } from '../core/limits.js'
import type { Drawable, Renderer, Surface } from '../display/index.js'
import { drawAlphaBlend } from './alpha.js'
import { drawComposite } from './composite.js'
import { drawCopyBits, movedArea } from './copy-bits.js'
import type { ImageRoom } from './image-reader.js'
import { drawCopy, drawFill, drawOpaque, drawPlain, drawRop3, drawTransparent } from './raster.js'
import { regionOf } from './spans.js'
import { drawStroke } from './stroke.js'
import { drawText, textRegion } from './text.js'

/** Draws the commands of a guest as a client would (`protocol-display.md` section 9). */
export class Canvas implements Renderer {
  readonly #strokePixels: number

  constructor(limits: Pick<Limits, 'stroke-pixels'>) {
    this.#strokePixels = limits['stroke-pixels']
  }

  draw(target: Surface, drawable: Drawable, surfaces: (id: number) => Surface | undefined): readonly Rect[] {
    this.#draw(drawable, { target, surfaces })
    return changedRegion(drawable, target)
  }

  #draw(drawable: Drawable, room: ImageRoom): void {
    switch (drawable.kind) {
      case 'fill': {
        drawFill(drawable, room)
        return
      }
      case 'opaque': {
        drawOpaque(drawable, room)
        return
      }
      case 'copy':
      case 'blend': {
        drawCopy(drawable, room)
        return
      }
      case 'blackness':
      case 'whiteness':
      case 'invers': {
        drawPlain(drawable, room)
        return
      }
      case 'rop3': {
        drawRop3(drawable, room)
        return
      }
      case 'transparent': {
        drawTransparent(drawable, room)
        return
      }
      case 'alphaBlend': {
        drawAlphaBlend(drawable, room)
        return
      }
      case 'composite': {
        drawComposite(drawable, room)
        return
      }
      case 'stroke': {
        drawStroke(drawable, room, this.#strokePixels)
        return
      }
      case 'text': {
        drawText(drawable, room)
        return
      }
      case 'copyBits': {
        drawCopyBits(drawable, room.target)
      }
    }
  }
}

const changedRegion = (drawable: Drawable, target: Surface): readonly Rect[] => {
  const { box, clip } = drawable
  switch (drawable.kind) {
    case 'copyBits': {
      return regionOf(movedArea(drawable, target), clip)
    }
    case 'text': {
      return textRegion(drawable)
    }
    default: {
      return regionOf(intersect(box, rectOf(0, 0, target.width, target.height)), clip)
    }
  }
}
