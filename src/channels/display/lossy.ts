import {
  area,
  boundingBox,
  contains,
  intersect,
  isEmpty,
  shift,
  subtract,
  type Rect,
} from '../../core/region.js'
import type { Move } from '../../display/index.js'
import type { OutboxItem } from './outbox.js'

/** A part of the primary surface where the client's pixels are not quite those of the picture. */
export interface LossyArea {
  readonly rect: Rect
  /** When it was drawn, ms of the clock. */
  readonly atMs: number
}

/** What of the client's primary surface is lossy (`protocol-display.md` section 16), as of the last message sent; plain. */
export interface LossyState {
  /** What is in none of them is exact; they may overlap. */
  areas: LossyArea[]
  /** Nothing is made exact before that time, ms of the clock: what was made so last is still on the line. */
  resumeMs: number
}

/** More areas than this are merged, two by two. */
const MAX_AREAS = 64

/** An area that was not drawn for so long has come to rest, ms: longer than between two steps of an animation or a slow scroll. */
export const REST_MS = 400

export const newLossyState = (): LossyState => ({ areas: [], resumeMs: 0 })

/** The client got exact pixels there. */
export const markExact = (state: LossyState, rect: Rect): void => {
  if (state.areas.length > 0) {
    state.areas = state.areas.flatMap((old) =>
      subtract(old.rect, rect).map((part) => ({ rect: part, atMs: old.atMs })),
    )
    merge(state.areas)
  }
}

/** The client got lossy pixels there. */
export const markLossy = (state: LossyState, rect: Rect, nowMs: number): void => {
  markExact(state, rect)
  if (!isEmpty(rect)) {
    state.areas.push({ rect, atMs: nowMs })
    merge(state.areas)
  }
}

/** The client moved pixels, lossy ones and exact ones. */
export const moveLossy = (state: LossyState, { to, dx, dy }: Move, nowMs: number): void => {
  const moved = state.areas.map(({ rect }) => intersect(shift(rect, dx, dy), to))
  markExact(state, to)
  for (const rect of moved) {
    markLossy(state, rect, nowMs)
  }
}

/** An item was sent that no coder has to see. */
export const followItem = (state: LossyState, item: OutboxItem, nowMs: number): void => {
  if (item.kind === 'surfaceCreate' || item.kind === 'surfaceDestroy') {
    state.areas = []
  } else if (item.kind === 'copyBits') {
    moveLossy(state, item.move, nowMs)
  } else if (item.kind === 'paint' && item.operator === 'put') {
    markExact(state, item.box)
  }
}

/** Is nothing of a rectangle lossy? */
export const isExact = (state: LossyState, rect: Rect): boolean =>
  state.areas.every((each) => isEmpty(intersect(each.rect, rect)))

/** The state comes from a clock that may have begun elsewhere: nothing in it lies in the future. */
export const adoptLossy = (state: LossyState, nowMs: number): void => {
  state.areas = state.areas.map(({ rect, atMs }) => ({ rect, atMs: Math.min(atMs, nowMs) }))
  state.resumeMs = Math.min(state.resumeMs, nowMs + REST_MS)
}

/** @returns the area that came to rest last, which is what somebody looks at; `undefined`: none has, or it is too early */
export const restedArea = ({ areas, resumeMs }: LossyState, nowMs: number): Rect | undefined => {
  let best: LossyArea | undefined
  for (const each of nowMs < resumeMs ? [] : areas) {
    if (nowMs - each.atMs >= REST_MS && isBefore(each, best)) {
      best = each
    }
  }
  return best?.rect
}

/** Time until {@link restedArea} has something, if nothing is drawn until then, ms; `undefined`: all is exact. */
export const restDelay = ({ areas, resumeMs }: LossyState, nowMs: number): number | undefined =>
  areas.length === 0
    ? undefined
    : Math.max(0, resumeMs - nowMs, Math.min(...areas.map(({ atMs }) => atMs + REST_MS - nowMs)))

/** Newest first; of those drawn together the topmost. */
const isBefore = (a: LossyArea, b: LossyArea | undefined): boolean =>
  b === undefined || a.atMs > b.atMs || (a.atMs === b.atMs && a.rect.top < b.rect.top)

/** Makes one of the two that lie best together until there are few enough. */
const merge = (areas: LossyArea[]): void => {
  while (areas.length > MAX_AREAS) {
    let least = Infinity
    let pair: readonly [number, number] = [0, 1]
    for (const [i, a] of areas.entries()) {
      for (let j = i + 1; j < areas.length; j++) {
        const b = areas[j]?.rect ?? a.rect
        const waste = area(boundingBox(a.rect, b)) - area(a.rect) - area(b)
        if (waste < least) {
          least = waste
          pair = [i, j]
        }
      }
    }
    const [b] = areas.splice(pair[1], 1)
    const [a] = areas.splice(pair[0], 1)
    if (a !== undefined && b !== undefined) {
      const rect = boundingBox(a.rect, b.rect)
      const kept = areas.filter((each) => !contains(rect, each.rect))
      areas.splice(0, areas.length, ...kept, { rect, atMs: Math.max(a.atMs, b.atMs) })
    }
  }
}
