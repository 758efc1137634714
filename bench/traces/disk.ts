import { closeSync, openSync, writeSync } from 'node:fs'
import { TraceScreen, type Trace } from './trace.js'
import { encodeTrace } from './trace-file.js'

/** Writes traces behind each other, as the guest's player reads them from a disk; made one at a time, as they are large. */
export const writeTraceDisk = (path: string, traces: Iterable<Trace>): void => {
  const file = openSync(path, 'w')
  try {
    for (const trace of traces) {
      writeSync(file, encodeTrace(trace, 'raw'))
    }
  } finally {
    closeSync(file)
  }
}

/** What the screen shows after the last frame. */
export const lastPicture = (trace: Trace): TraceScreen => {
  const screen = new TraceScreen(trace)
  for (const frame of trace.frames) {
    screen.draw(trace, frame)
  }
  return screen
}
