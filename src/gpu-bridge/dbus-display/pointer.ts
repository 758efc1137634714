import type { Limits } from '../../core/limits.js'
import type { PointerShape } from '../../display/source.js'
import { refuse } from './refusals.js'

/**
 * A pointer shape from CursorDefine: blue, green, red, alpha, premultiplied by convention (qemu-integration.md 2.4).
 *
 * @returns `undefined` for one that is transparent everywhere, which is how guests hide their pointer
 * @throws SidecarError SIDECAR_GUEST when it is outside the limits or its data is too short
 */
export const decodePointerShape = (
  width: number,
  height: number,
  hotX: number,
  hotY: number,
  data: Uint8Array,
  limits: Pick<Limits, 'cursor-side'>,
): PointerShape | undefined => {
  const side = limits['cursor-side']
  if (width < 1 || height < 1 || width > side || height > side) {
    refuse('cursor', 'pointer shape has an impossible size', { width, height })
  }
  if (hotX < 0 || hotY < 0 || hotX >= width || hotY >= height) {
    refuse('cursor', 'pointer shape has its hot spot outside', { hotX, hotY })
  }
  const size = width * height * 4
  if (data.length < size) {
    refuse('cursor', 'pointer shape has less data than pixels', { length: data.length })
  }
  const pixels = new Uint8Array(size)
  pixels.set(data.subarray(0, size))
  for (let at = 3; at < size; at += 4) {
    if (pixels[at] !== 0) {
      return { width, height, hotX, hotY, pixels }
    }
  }
  return undefined
}
