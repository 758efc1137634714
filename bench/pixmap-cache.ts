// Bytes and processor time of a display channel with the client's pixmap cache in use and not, turn by turn: on desktops between
// which somebody switches, and on the traces, of which little comes back. No sockets, no client: only the server's side.
import { parseArgs } from 'node:util'
import { encodersOf } from '../src/app/encoders.js'
import { systemClock } from '../src/app/system-clock.js'
import {
  DisplayChannel,
  DisplayShare,
  newDisplayRecord,
  newWireRecord,
  type CompressionSetting,
} from '../src/channels/index.js'
import { EncoderPool, NO_POOL_METRICS } from '../src/codecs/index.js'
import { DEFAULT_LIMITS } from '../src/core/limits.js'
import { silentLogger } from '../src/core/logger.js'
import { noCounter } from '../src/core/metrics.js'
import { rectOf } from '../src/core/region.js'
import { DisplayModel } from '../src/display/index.js'
import { createPictureStore } from '../src/kernels/index.js'
import { capsOf, DISPLAY_CAP, displayClient, MessageFramer } from '../src/protocol/index.js'
import { tell } from '../test/helpers/channel-rig.js'
import { ClientAnswers } from '../test/helpers/client-answers.js'
import { STOCK_CACHE_PIXELS } from '../test/helpers/client-session.js'
import { displayDeps } from '../test/helpers/display-deps.js'
import { FakeClock } from '../test/helpers/fake-clock.js'
import { WINDOW_BYTES } from '../test/helpers/inline-encoders.js'
import { median, short, table } from './statistics.js'
import { benchTrace, DESKTOP, TRACES } from './traces/catalogue.js'
import { TraceScreen, type Trace, type TraceFrame, type TraceImage } from './traces/trace.js'

/** Pause between two switches, ms. */
const SWITCH_MS = 1500
const SWITCHES = 48
/** From this one on all desktops were seen: they are measured. */
const SEEN = 16

/** Pictures that desktops show after the traces of these names. */
const DESKTOPS = ['terminal', 'editor', 'page', 'photos']

const whole = rectOf(0, 0, DESKTOP.width, DESKTOP.height)

const lastPicture = (trace: Trace): TraceImage => {
  const screen = new TraceScreen(trace)
  for (const frame of trace.frames) {
    screen.draw(trace, frame)
  }
  return { ...DESKTOP, words: new Uint32Array(screen.pixels.buffer) }
}

/** Somebody goes from desktop to desktop, most of the time between two. */
const switching = (traces: readonly Trace[]): Trace => {
  const images = traces.filter(({ name }) => DESKTOPS.includes(name)).map(lastPicture)
  const frames: TraceFrame[] = Array.from({ length: SWITCHES }, (_, turn) => {
    const image = turn % 4 === 3 ? (turn >> 2) % images.length : turn % 2
    return { atMs: turn * SWITCH_MS, puts: [{ image, fromX: 0, fromY: 0, to: whole }], damage: [whole] }
  })
  return { name: 'switching', ...DESKTOP, images, frames }
}

interface Figures {
  readonly bytes: number
  readonly cpuMs: number
}

const play = async (
  trace: Trace,
  compression: CompressionSetting,
  cachePixels: number,
  workers: number,
  measuredFrom: number,
): Promise<Figures> => {
  const pool = new EncoderPool(
    { clock: systemClock, logger: silentLogger, metrics: NO_POOL_METRICS },
    { limits: { workers } },
  )
  const clock = new FakeClock()
  const encoders = encodersOf(pool)
  const model = new DisplayModel(createPictureStore)
  const framer = new MessageFramer({ mini: true, maxBody: () => 2 ** 30 })
  let bytes = 0
  let woken = (): void => undefined
  const context = {
    output: {
      hasRoom: true,
      write: (message: Uint8Array) => {
        bytes += message.length
        framer.push(message)
      },
      strange: () => undefined,
    },
    wake: () => {
      woken()
    },
    alarm: () => undefined,
  }
  const share = new DisplayShare(encoders, WINDOW_BYTES, noCounter)
  const deps = displayDeps({ model, encoders, clock, compression, cachePixels })
  const caps = capsOf([DISPLAY_CAP.monitorsConfig])
  const record = newDisplayRecord(newWireRecord(true), 0, caps)
  const channel = new DisplayChannel(record, context, share, deps)
  const answers = new ClientAnswers((message, value) => {
    tell(channel, message, value)
  })
  const turn = async (): Promise<void> => {
    for (let quiet = false; !quiet;) {
      const wake = new Promise<void>((resolve) => (woken = resolve))
      while (channel.pump()) {
        continue
      }
      let came = false
      for (let next = framer.next(); next.kind === 'message'; next = framer.next()) {
        answers.handled(next)
        came = true
      }
      const { taken, items } = record.outbox
      quiet = taken.length + items.length === 0 && !model.isStale(0)
      if (!quiet && !came) {
        clock.advance(1)
        await Promise.race([wake, new Promise((resolve) => setTimeout(resolve, 2))])
      }
    }
  }
  const screen = new TraceScreen(trace)
  model.consolesChanged([{ index: 0, label: 'a', head: 0 }])
  screen.draw(trace, trace.frames[0]!)
  model.scanout(0, { generation: 1, ...DESKTOP, stride: screen.stride, pixels: screen.pixels })
  channel.start()
  channel.attach()
  tell(channel, displayClient.init, {
    ...{ pixmapCacheId: 1, pixmapCacheSize: BigInt(STOCK_CACHE_PIXELS) },
    ...{ glzDictionaryId: 1, glzWindowSize: 2 ** 22 },
  })
  await turn()
  let before = process.cpuUsage()
  let bytesBefore = bytes
  let drawing = 0
  for (const [index, frame] of trace.frames.entries()) {
    if (index === 0) {
      continue
    }
    if (index === measuredFrom) {
      before = process.cpuUsage()
      bytesBefore = bytes
      drawing = 0
    }
    clock.advance(Math.max(0, frame.atMs - clock.nowMs()))
    const start = process.cpuUsage()
    screen.draw(trace, frame)
    const { user, system } = process.cpuUsage(start)
    drawing += user + system
    model.damage(0, frame.damage)
    await turn()
  }
  const { user, system } = process.cpuUsage(before)
  channel.close()
  share.close()
  await pool.close()
  return { bytes: bytes - bytesBefore, cpuMs: (user + system - drawing) / 1000 }
}

const main = async (): Promise<void> => {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '3' },
      only: { type: 'string', default: '' },
      compression: { type: 'string', default: 'auto' },
      workers: { type: 'string', default: '1' },
    },
  })
  const traces = TRACES.map(benchTrace)
  const rows = [['scene', 'KB without', 'KB with', 'bytes', 'CPU ms without', 'CPU ms with', 'CPU']]
  for (const trace of [switching(traces), ...traces].filter(({ name }) => name.includes(values.only))) {
    const figures: Record<'on' | 'off', Figures[]> = { on: [], off: [] }
    for (let round = 0; round < Number(values.rounds); round++) {
      for (const [kind, pixels] of [
        ['off', 0],
        ['on', DEFAULT_LIMITS['pixmap-cache']],
      ] as const) {
        const compression = values.compression as CompressionSetting
        figures[kind].push(
          await play(
            trace,
            compression,
            pixels,
            Number(values.workers),
            trace.name === 'switching' ? SEEN : 1,
          ),
        )
      }
    }
    const of = (kind: 'on' | 'off', what: keyof Figures): number =>
      median(figures[kind].map((each) => each[what]))
    rows.push([
      trace.name,
      ...[of('off', 'bytes') / 1000, of('on', 'bytes') / 1000, of('on', 'bytes') / of('off', 'bytes')].map(
        short,
      ),
      ...[of('off', 'cpuMs'), of('on', 'cpuMs'), of('on', 'cpuMs') / of('off', 'cpuMs')].map(short),
    ])
  }
  console.log(table(rows))
}

await main()
