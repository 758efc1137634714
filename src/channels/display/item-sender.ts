import { area, type Rect } from '../../core/region.js'
import type { Move } from '../../display/index.js'
import {
  BRUSH_TYPE,
  CLIP_TYPE,
  DISPLAY_CAP,
  displayServer,
  hasCap,
  ROP,
  SURFACE_FLAG,
  SURFACE_FORMAT,
} from '../../protocol/index.js'
import type { ChannelWire } from '../wire.js'
import type { DisplayMetrics } from './deps.js'
import {
  PRIMARY_SURFACE,
  type FillPiece,
  type MonitorsItem,
  type OutboxItem,
  type StreamItem,
} from './outbox.js'
import type { DisplayRecord } from './record.js'

const NO_MASK = { flags: 0, pos: { x: 0, y: 0 }, imageAt: 0 } as const
const NOTHING = new Uint8Array(0)

/** Items that are sent as they are, without a coder. */
export type PlainItem = Exclude<OutboxItem, { kind: 'damage' | 'picture' } | StreamItem>

/** Sends an item that no coder has to see; all pieces that came before it are sent. */
export const sendItem = (
  wire: ChannelWire,
  record: DisplayRecord,
  metrics: DisplayMetrics,
  item: PlainItem,
): void => {
  const { outbox } = record
  switch (item.kind) {
    case 'surfaceCreate': {
      const { width, height } = item
      outbox.sent = { width, height }
      wire.send(displayServer.surfaceCreate, {
        surfaceId: PRIMARY_SURFACE,
        width,
        height,
        format: SURFACE_FORMAT.xrgb32,
        flags: SURFACE_FLAG.primary,
      })
      return
    }
    case 'surfaceDestroy': {
      outbox.sent = undefined
      wire.send(displayServer.surfaceDestroy, { surfaceId: PRIMARY_SURFACE })
      return
    }
    case 'monitorsConfig': {
      sendMonitors(wire, record, item)
      return
    }
    case 'copyBits': {
      metrics.moves.add(1)
      metrics.movedPixels.add(area(item.move.to))
      sendMove(wire, item.move)
      return
    }
    case 'paint': {
      metrics.fills.add(1)
      sendPaint(wire, item.box, item.color, ROP[item.operator])
      return
    }
    case 'mark': {
      wire.send(displayServer.mark, {})
    }
  }
}

/** Only to a client that takes it, and not of no heads, which clients overlook (`protocol-display.md` 11.4). */
const sendMonitors = (
  wire: ChannelWire,
  { caps }: DisplayRecord,
  { heads, maxAllowed }: MonitorsItem,
): void => {
  if (heads.length > 0 && hasCap(caps, DISPLAY_CAP.monitorsConfig)) {
    wire.send(displayServer.monitorsConfig, {
      maxAllowed,
      heads: heads.map(({ id, x, y, width, height }) => ({
        monitorId: id,
        surfaceId: PRIMARY_SURFACE,
        width,
        height,
        x,
        y,
        flags: 0,
      })),
    })
  }
}

/** Sends a rectangle of one colour. */
export const sendFill = (wire: ChannelWire, metrics: DisplayMetrics, { box, color }: FillPiece): void => {
  metrics.fills.add(1)
  sendPaint(wire, box, color, ROP.put)
}

const sendPaint = (wire: ChannelWire, box: Rect, color: number, rop: number): void => {
  wire.send(displayServer.drawFill, {
    surfaceId: PRIMARY_SURFACE,
    box,
    clip: { type: CLIP_TYPE.none },
    brush: { type: BRUSH_TYPE.solid, color },
    rop,
    mask: NO_MASK,
    pointed: NOTHING,
  })
}

const sendMove = (wire: ChannelWire, { to, dx, dy }: Move): void => {
  wire.send(displayServer.copyBits, {
    surfaceId: PRIMARY_SURFACE,
    box: to,
    clip: { type: CLIP_TYPE.none },
    srcPos: { x: to.left - dx, y: to.top - dy },
  })
}
