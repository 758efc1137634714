import { SidecarError } from '../core/errors.js'
import type { Frame, SurfaceHead } from './source.js'

/** Limit of the heads of one console (threat model L-heads). */
export interface HeadLimits {
  readonly heads: number
}

type Surface = Pick<Frame, 'width' | 'height'>

const isCount = (value: number, max: number): boolean => Number.isInteger(value) && value >= 0 && value <= max

const fits = ({ x, y, width, height }: SurfaceHead, surface: Surface): boolean =>
  x + width <= surface.width && y + height <= surface.height

/**
 * Judges the heads that a guest reports for a console's surface. Those of no size are left out (`protocol-display.md` 11.4).
 *
 * @param most heads that the console may have
 * @param surface picture of the console; without one the places are judged when there is one
 * @throws SidecarError SIDECAR_LIMIT for too many heads, SIDECAR_GUEST for a head outside the surface or an id that comes twice
 */
export const checkHeads = (
  heads: readonly SurfaceHead[],
  most: number,
  surface: Surface | undefined,
): readonly SurfaceHead[] => {
  if (heads.length > most) {
    throw new SidecarError('SIDECAR_LIMIT', 'more heads on a console than it may have', {
      heads: heads.length,
      most,
    })
  }
  const on = heads.filter(({ width, height }) => width !== 0 && height !== 0)
  for (const head of on) {
    const { id, x, y, width, height } = head
    const numbers = [id, x, y, width, height].every((value) => isCount(value, 0xffff_ffff))
    if (!numbers || (surface !== undefined && !fits(head, surface))) {
      throw new SidecarError('SIDECAR_GUEST', 'a head is not on its surface', { id, x, y, width, height })
    }
  }
  if (new Set(on.map(({ id }) => id)).size < on.length) {
    throw new SidecarError('SIDECAR_GUEST', 'two heads have one id')
  }
  return on.map(({ id, x, y, width, height }) => ({ id, x, y, width, height }))
}

/**
 * The heads on a surface: those reported, or one that covers it while there is no report or one for another surface
 * (`protocol-display.md` 11.2).
 */
export const headsOn = (
  surface: Surface | undefined,
  reported: readonly SurfaceHead[] | undefined,
): readonly SurfaceHead[] => {
  if (surface === undefined) {
    return []
  }
  const { width, height } = surface
  return reported?.every((head) => fits(head, surface)) === true
    ? reported
    : [{ id: 0, x: 0, y: 0, width, height }]
}

export const sameHeads = (left: readonly SurfaceHead[], right: readonly SurfaceHead[]): boolean =>
  left.length === right.length &&
  left.every((a, at) => {
    const b = right[at]
    return a.id === b?.id && a.x === b.x && a.y === b.y && a.width === b.width && a.height === b.height
  })
