import fc from 'fast-check'
import { intersect, rectOf, type Rect } from '../../src/core/region.js'

/** What a guest does to its screen. */
export type Act =
  | { readonly kind: 'fill'; readonly rect: Rect; readonly colour: number }
  | { readonly kind: 'noise'; readonly rect: Rect; readonly seed: number }
  | { readonly kind: 'shift'; readonly rect: Rect; readonly dx: number; readonly dy: number }
  | { readonly kind: 'nothing'; readonly rect: Rect }

/** The screen of a guest whose rows may have padding. */
export interface GuestScreen {
  readonly width: number
  readonly height: number
  readonly stride: number
  readonly pixels: Uint8Array
}

const words = (guest: GuestScreen): Uint32Array => new Uint32Array(guest.pixels.buffer)

const noise = (x: number, y: number, seed: number): number =>
  Math.imul(Math.imul(x * 7919 + y * 104729 + seed, 0x9e3779b1), 0x85ebca6b) >>> 4

export const act = (guest: GuestScreen, what: Act): void => {
  const { left, top, right, bottom } = intersect(what.rect, rectOf(0, 0, guest.width, guest.height))
  const all = words(guest)
  const row = guest.stride / 4
  const before = all.slice()
  for (let y = top; y < bottom; y++) {
    for (let x = left; x < right; x++) {
      const at = y * row + x
      if (what.kind === 'fill') {
        all[at] = what.colour
      } else if (what.kind === 'noise') {
        all[at] = noise(x, y, what.seed)
      } else if (what.kind === 'shift') {
        const [fromX, fromY] = [x - what.dx, y - what.dy]
        if (fromX >= left && fromX < right && fromY >= top && fromY < bottom) {
          all[at] = before[fromY * row + fromX]!
        }
      }
    }
  }
}

const rects = fc
  .tuple(fc.nat(299), fc.nat(199), fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 200 }))
  .map(([x, y, width, height]) => rectOf(x, y, width, height))

export const acts: fc.Arbitrary<Act> = fc.oneof(
  fc.record({ kind: fc.constant('fill' as const), rect: rects, colour: fc.nat(0xffffffff) }),
  fc.record({ kind: fc.constant('noise' as const), rect: rects, seed: fc.nat(1000) }),
  fc.record({
    kind: fc.constant('shift' as const),
    rect: fc
      .tuple(fc.nat(40), fc.nat(40), fc.integer({ min: 150, max: 300 }), fc.integer({ min: 100, max: 200 }))
      .map(([x, y, width, height]) => rectOf(x, y, width, height)),
    dx: fc.integer({ min: -80, max: 80 }),
    dy: fc.integer({ min: -80, max: 80 }),
  }),
  fc.record({ kind: fc.constant('nothing' as const), rect: rects }),
)

export const guestOf = (width: number, height: number, padding: number): GuestScreen => {
  const stride = (width + padding) * 4
  const guest = { width, height, stride, pixels: new Uint8Array(stride * height) }
  act(guest, { kind: 'noise', rect: rectOf(0, 0, width, height), seed: 5 })
  return guest
}

/** Pixels of a picture without padding, blue green red of each. */
export const seen = ({ width, height, stride, pixels }: GuestScreen): Uint8Array => {
  const packed = new Uint8Array(width * height * 3)
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++, to += 3) {
      packed.set(pixels.subarray(y * stride + x * 4, y * stride + x * 4 + 3), to)
    }
  }
  return packed
}
