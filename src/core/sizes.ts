import { SidecarError } from './errors.js'

/**
 * Product of two sizes, refused above `max` (threat model R3). Never use bit operators or a bare `*` on a size that a
 * peer had a say in.
 *
 * @throws SidecarError SIDECAR_LIMIT when a factor is not a whole number at or above 0, or the product exceeds `max`
 */
export const mulSize = (a: number, b: number, max: number, what: string): number => {
  const product = a * b
  if (!Number.isSafeInteger(a) || !Number.isSafeInteger(b) || a < 0 || b < 0 || !(product <= max)) {
    throw new SidecarError('SIDECAR_LIMIT', `${what} is out of range`, { a, b, max })
  }
  return product
}

/** Sum of two sizes, refused above `max`; as {@link mulSize}. */
export const addSize = (a: number, b: number, max: number, what: string): number => {
  const sum = a + b
  if (!Number.isSafeInteger(a) || !Number.isSafeInteger(b) || a < 0 || b < 0 || !(sum <= max)) {
    throw new SidecarError('SIDECAR_LIMIT', `${what} is out of range`, { a, b, max })
  }
  return sum
}
