import { SidecarError, type ErrorContext } from '../core/errors.js'
import { area, contains, rectOf, type Rect } from '../core/region.js'

/** What the guest sent is impossible. */
export const refuse = (what: string, context: ErrorContext = {}): never => {
  throw new SidecarError('SIDECAR_GUEST', what, context)
}

/** @throws SidecarError SIDECAR_GUEST unless `value` is a whole number from `min` to `max` */
export const checkWhole = (value: number, min: number, max: number, what: string): void => {
  if (!Number.isSafeInteger(value) || value < min || value > max) {
    refuse(`${what} is out of range`, { value, min, max })
  }
}

export const MIN_I32 = -0x8000_0000
export const MAX_I32 = 0x7fff_ffff
export const MAX_U32 = 0xffff_ffff

/** Four whole numbers of 32 bits. */
export const checkSides = ({ left, top, right, bottom }: Rect, what: string): void => {
  for (const side of [left, top, right, bottom]) {
    checkWhole(side, MIN_I32, MAX_I32, what)
  }
}

/** A rectangle inside (0, 0, width, height); empty is fine, upside down is not. */
export const checkInside = (rect: Rect, width: number, height: number, what: string): void => {
  checkSides(rect, what)
  if (rect.left > rect.right || rect.top > rect.bottom || !contains(rectOf(0, 0, width, height), rect)) {
    refuse(`${what} is not inside`, { ...rect, width, height })
  }
}

/** As {@link checkInside}, and not empty. */
export const checkInsideFull = (rect: Rect, width: number, height: number, what: string): void => {
  checkInside(rect, width, height, what)
  if (area(rect) === 0) {
    refuse(`${what} is empty`, { ...rect })
  }
}

/** A size within `limit-image-side` and `limit-image-pixels`. */
export const checkSize = (
  width: number,
  height: number,
  limits: { readonly 'image-side': number; readonly 'image-pixels': number },
  what: string,
): void => {
  checkWhole(width, 1, limits['image-side'], `width of ${what}`)
  checkWhole(height, 1, limits['image-side'], `height of ${what}`)
  if (width * height > limits['image-pixels']) {
    refuse(`${what} has too many pixels`, { width, height, max: limits['image-pixels'] })
  }
}
