import test from 'ava'
import { TRACES } from '../../bench/traces/catalogue.js'
import type { Trace } from '../../bench/traces/trace.js'
import type { CompressionSetting } from '../../src/channels/index.js'
import { overReported, TraceRig, type TraceClientOptions } from '../helpers/trace-rig.js'

const SIZE = { width: 320, height: 200, steps: 20 }

/** A video is known to be one after half a second and more. */
const VIDEO_STEPS = 50
const VIDEOS = ['video', 'mixed']
const PHOTOS = ['page', 'photos', ...VIDEOS]

/** Frames after which a channel elsewhere takes over. */
const HAND_OVERS = [3, 11]

/** A cache that holds about two screens, so that what is in it has to go. */
const SMALL_CACHE = 128 * 1024

/** Without GLZ, which wants a thread: `traces-threads` has it. */
const LOSSLESS: readonly CompressionSetting[] = ['auto', 'auto_lz', 'lz', 'quic', 'lz4', 'off']

/** A line on which a client wants few bytes. */
const SLOW = { roundTripMs: 80, bitsPerSecond: 1e6, lowBandwidth: true }

interface Way {
  readonly what: string
  readonly client: TraceClientOptions
  readonly compressions: readonly CompressionSetting[]
  /** All when left out. */
  readonly traces?: readonly string[]
}

/** How traces come to a client. */
const WAYS: readonly Way[] = [
  { what: 'a client that takes all at once', client: { mini: true }, compressions: LOSSLESS },
  {
    what: 'a client with full headers and a small cache',
    client: { mini: false, cachePixels: SMALL_CACHE },
    compressions: ['auto', 'lz4', 'off'],
  },
  {
    what: 'a client on a slow line',
    client: { mini: true, line: SLOW, looksEvery: 4 },
    compressions: ['auto', 'quic'],
  },
  {
    what: 'a client of videos and of JPEG',
    client: { mini: true, streaming: 'filter', streamLag: 2, display: { jpegWan: 'always' } },
    compressions: ['auto', 'jpeg', 'quic'],
    traces: PHOTOS,
  },
  {
    what: 'a client on a slow line to which all that moves is a video that plays late',
    client: {
      mini: false,
      line: SLOW,
      looksEvery: 3,
      streaming: 'all',
      streamLag: 4,
      display: { jpegWan: 'auto' },
    },
    compressions: ['auto', 'lz'],
    traces: VIDEOS,
  },
]

const traces = new Map<string, Trace>()
const traceOf = (name: string): Trace => {
  const made =
    traces.get(name) ??
    TRACES.find((maker) => maker.name === name)!.make({
      ...SIZE,
      steps: VIDEOS.includes(name) ? VIDEO_STEPS : SIZE.steps,
    })
  traces.set(name, made)
  return made
}

for (const { name } of TRACES) {
  for (const { what, client, compressions } of WAYS.filter((way) => way.traces?.includes(name) ?? true)) {
    test(`${name}: ${what} ends with the exact picture, whatever the compression`, (t) => {
      for (const compression of compressions) {
        const display = { ...client.display, compression }
        const rig = new TraceRig(traceOf(name), { ...client, display })
        rig.play()
        t.not(rig.quiet(), undefined, `${compression}: after a quiet time the picture is exact`)
        t.is(rig.surface.lossyPixels, 0, `${compression}: nothing is left that was coded with a loss`)
        rig.close()
      }
    })

    test(`${name}: hand-overs leave ${what} the exact picture`, (t) => {
      const rig = new TraceRig(overReported(traceOf(name)), client)
      rig.play((frame) => {
        if (HAND_OVERS.includes(frame)) {
          rig.handOver()
        }
      })
      t.not(rig.quiet(), undefined)
      t.is(rig.surface.lossyPixels, 0)
      rig.close()
    })
  }
}
