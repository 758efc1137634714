import { rectOf, type Rect } from '../../src/core/region.js'
import { TraceScreen, type Trace } from './trace.js'

/** QEMU's server cuts updates into columns of this width; a wider strip would count one frame several times. */
const WIDTH = 32
const HEIGHT = 16

/** Rows and columns of strips that are looked at. */
const ROWS = 12

export interface Probe {
  readonly rect: Rect
  /** Frames of the trace that change something in it. */
  readonly changes: number
}

const valueOf = (screen: TraceScreen, { left, top, right, bottom }: Rect): string => {
  let value = 0
  for (let y = top; y < bottom; y++) {
    for (let at = y * screen.stride + left * 4; at < y * screen.stride + right * 4; at++) {
      value = (Math.imul(value, 31) + screen.pixels[at]!) | 0
    }
  }
  return String(value)
}

/** The strip in which frames of a trace show best: where most of them change something. */
export const probeOf = (trace: Trace): Probe => {
  const screen = new TraceScreen(trace)
  const strips: Rect[] = []
  for (let row = 0; row < ROWS; row++) {
    const top = Math.min(trace.height - HEIGHT, Math.floor(((row + 0.5) * trace.height) / ROWS))
    for (let left = 0; left + WIDTH <= trace.width; left += WIDTH) {
      strips.push(rectOf(left, top, WIDTH, HEIGHT))
    }
  }
  const last = new Map<Rect, string>()
  const changes = new Map<Rect, number>(strips.map((strip) => [strip, 0]))
  trace.frames.forEach((frame, index) => {
    screen.draw(trace, frame)
    for (const strip of strips) {
      const value = valueOf(screen, strip)
      if (index > 0 && value !== last.get(strip)) {
        changes.set(strip, changes.get(strip)! + 1)
      }
      last.set(strip, value)
    }
  })
  const [rect, most] = [...changes].reduce((best, next) => (next[1] > best[1] ? next : best))
  return { rect, changes: most }
}
