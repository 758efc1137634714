import { choice, empty, enumOf, i16, message, rest, u16, u64, u8, type ValueOf } from '../schema.js'

/** Shapes; a server is safe with `alpha` and `mono` (`protocol-display.md` 22.2). */
export const CURSOR_TYPE = {
  alpha: 0,
  mono: 1,
  color4: 2,
  color8: 3,
  color16: 4,
  color24: 5,
  color32: 6,
} as const

export const CURSOR_FLAG = { none: 1, cacheMe: 2, fromCache: 4 } as const

/** Shape data, bytes: 1024x1024 with four bytes a pixel. */
export const CURSOR_DATA_MAX = 4 * 1024 * 1024

const shapeHeader = {
  unique: u64,
  type: enumOf(u8, CURSOR_TYPE),
  width: u16,
  height: u16,
  hotX: u16,
  hotY: u16,
}

/** A pointer shape, or none, or one that the client has in its cache (`protocol-display.md` 22.1). */
export const cursor = choice(
  'flags',
  u16,
  { shape: { ...shapeHeader, data: rest({ max: CURSOR_DATA_MAX }) }, fromCache: shapeHeader, none: {} },
  {
    shape: [0, CURSOR_FLAG.cacheMe],
    fromCache: [CURSOR_FLAG.fromCache],
    none: [CURSOR_FLAG.none],
  },
  (flags) => {
    if ((flags & CURSOR_FLAG.none) !== 0) {
      return 'none'
    }
    return (flags & CURSOR_FLAG.fromCache) === 0 ? 'shape' : 'fromCache'
  },
)

export type Cursor = ValueOf<typeof cursor>

export const noCursor = (): Cursor => ({ flags: CURSOR_FLAG.none })

/** Messages of the cursor channel from the server; the client sends common ones only (`protocol-display.md` 22.1). */
export const cursorServer = {
  init: message(101, { x: i16, y: i16, trailLength: u16, trailFrequency: u16, visible: u8, cursor }),
  reset: message(102, empty),
  set: message(103, { x: i16, y: i16, visible: u8, cursor }),
  move: message(104, { x: i16, y: i16 }),
  hide: message(105, empty),
  trail: message(106, { length: u16, frequency: u16 }),
  invalOne: message(107, { id: u64 }),
  invalAll: message(108, empty),
} as const
