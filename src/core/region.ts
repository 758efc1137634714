/** Half-open rectangle in pixels: `left <= x < right`, `top <= y < bottom`. */
export interface Rect {
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
}

export const rectOf = (x: number, y: number, width: number, height: number): Rect => ({
  left: x,
  top: y,
  right: x + width,
  bottom: y + height,
})

export const isEmpty = (r: Rect): boolean => r.left >= r.right || r.top >= r.bottom

/** `r` moved by (`dx`, `dy`). */
export const shift = (r: Rect, dx: number, dy: number): Rect => ({
  left: r.left + dx,
  top: r.top + dy,
  right: r.right + dx,
  bottom: r.bottom + dy,
})

export const area = (r: Rect): number => (isEmpty(r) ? 0 : (r.right - r.left) * (r.bottom - r.top))

export const intersect = (a: Rect, b: Rect): Rect => ({
  left: Math.max(a.left, b.left),
  top: Math.max(a.top, b.top),
  right: Math.min(a.right, b.right),
  bottom: Math.min(a.bottom, b.bottom),
})

export const contains = (outer: Rect, inner: Rect): boolean =>
  outer.left <= inner.left &&
  outer.top <= inner.top &&
  outer.right >= inner.right &&
  outer.bottom >= inner.bottom

export const boundingBox = (a: Rect, b: Rect): Rect => {
  if (isEmpty(a)) {
    return b
  }
  if (isEmpty(b)) {
    return a
  }
  return {
    left: Math.min(a.left, b.left),
    top: Math.min(a.top, b.top),
    right: Math.max(a.right, b.right),
    bottom: Math.max(a.bottom, b.bottom),
  }
}

/** The parts of `a` outside `b`: at most four rectangles that do not overlap. */
export const subtract = (a: Rect, b: Rect): Rect[] => {
  const cut = intersect(a, b)
  if (isEmpty(a) || isEmpty(cut)) {
    return isEmpty(a) ? [] : [a]
  }
  const parts: Rect[] = [
    { left: a.left, top: a.top, right: a.right, bottom: cut.top },
    { left: a.left, top: cut.bottom, right: a.right, bottom: a.bottom },
    { left: a.left, top: cut.top, right: cut.left, bottom: cut.bottom },
    { left: cut.right, top: cut.top, right: a.right, bottom: cut.bottom },
  ]
  return parts.filter((part) => !isEmpty(part))
}

/**
 * Adds `rect` to a list of rectangles that do not overlap, in place, and keeps the list at most `maxRects` long by
 * giving up precision: the result always covers what went in, never less.
 */
export const addToRegion = (region: Rect[], rect: Rect, maxRects: number): void => {
  if (isEmpty(rect)) {
    return
  }
  let fresh: Rect[] = [rect]
  for (const old of region) {
    if (contains(old, rect)) {
      return
    }
  }
  for (let i = region.length - 1; i >= 0; i--) {
    const old = region[i]
    if (old !== undefined && contains(rect, old)) {
      region.splice(i, 1)
    }
  }
  for (const old of region) {
    fresh = fresh.flatMap((part) => subtract(part, old))
  }
  region.push(...fresh)
  if (region.length > maxRects) {
    const box = region.reduce(boundingBox)
    region.length = 0
    region.push(box)
  }
}

export const regionArea = (region: readonly Rect[]): number => region.reduce((sum, r) => sum + area(r), 0)
