import { rectOf, type Rect } from '../../src/core/region.js'
import type { Canvas } from '../codecs-canvas.js'
import {
  desktop,
  editor,
  pageScroll,
  photoViewer,
  terminal,
  video,
  windowDrag,
  type Stage,
} from './scenes.js'
import { TraceBuilder, type Trace, type TraceSize, type Track } from './trace.js'

/** The desktop of the benchmarks. */
export const DESKTOP = { width: 1280, height: 800 } as const

type Scene = (builder: TraceBuilder, screen: Canvas, stage: Stage) => Track

/** A part of the screen, in parts of its sides; panel and title bars stay free. */
const part = (
  { width, height }: TraceSize,
  left: number,
  top: number,
  right: number,
  bottom: number,
): Rect => {
  const [x, y] = [Math.round(width * left), Math.max(46, Math.round(height * top))]
  return rectOf(x, y, Math.round(width * right) - x, Math.round(height * bottom) - y)
}

/** A video beside a terminal while somebody types, then a window goes over the rest. */
const mixed = (size: TraceSize): Trace => {
  const builder = new TraceBuilder(size)
  const screen = desktop(size.width, size.height)
  const { steps } = size
  const tracks = [
    terminal(builder, screen, { area: part(size, 0.03, 0.6, 0.5, 0.97), steps }),
    video(builder, screen, { area: part(size, 0.55, 0.06, 0.97, 0.5), steps }),
    editor(builder, screen, { area: part(size, 0.03, 0.06, 0.5, 0.55), steps: Math.ceil(steps / 3) }),
    windowDrag(builder, screen, {
      area: part(size, 0.54, 0.54, 0.98, 0.98),
      steps: Math.ceil(steps / 2),
      startMs: steps * 15,
    }),
  ]
  return builder.finish('mixed', screen, tracks)
}

export interface TraceMaker {
  readonly name: string
  /** Steps of the benchmark: a few seconds. */
  readonly steps: number
  readonly make: (size: TraceSize) => Trace
}

const whole = (size: TraceSize): Rect => part(size, 0.02, 0.06, 0.98, 0.98)

const maker = (name: string, steps: number, scene: Scene, areaOf: (size: TraceSize) => Rect): TraceMaker => ({
  name,
  steps,
  make: (size) => {
    const builder = new TraceBuilder(size)
    const screen = desktop(size.width, size.height, name.length)
    return builder.finish(name, screen, [scene(builder, screen, { area: areaOf(size), steps: size.steps })])
  },
})

/** 720p where it fits. */
const videoArea = ({ width, height }: TraceSize): Rect => {
  const top = Math.min(60, Math.floor(height / 4))
  return rectOf(0, top, Math.min(width, 1280), Math.min(720, height - top - 4))
}

/** All traces, the same on every machine; only what their size allows is asked for. */
export const TRACES: readonly TraceMaker[] = [
  maker('terminal', 100, terminal, (size) => part(size, 0.08, 0.1, 0.92, 0.95)),
  maker('editor', 60, editor, (size) => part(size, 0.06, 0.08, 0.9, 0.95)),
  maker('page', 72, pageScroll, whole),
  maker('drag', 100, windowDrag, (size) => part(size, 0.06, 0.04, 1, 1)),
  maker('photos', 15, photoViewer, (size) => part(size, 0.06, 0.07, 0.94, 0.96)),
  maker('video', 100, video, videoArea),
  { name: 'mixed', steps: 100, make: mixed },
]

/** A trace of the benchmarks by its name. */
export const benchTrace = ({ make, steps }: TraceMaker): Trace => make({ ...DESKTOP, steps })
