// Plays the traces without a guest: they feed a display model, behind it are the real channel, the real coder threads and
// the real server, and in another process a client that decodes everything. `--help` tells the options.
import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { encodersOf } from '../src/app/encoders.js'
import { systemClock } from '../src/app/system-clock.js'
import type { CompressionSetting } from '../src/channels/index.js'
import { EncoderPool, NO_POOL_METRICS } from '../src/codecs/index.js'
import { silentLogger } from '../src/core/logger.js'
import { noDisplayMetrics } from '../test/helpers/display-deps.js'
import { Counted, ServerRig } from '../test/helpers/server-rig.js'
import { nowMs, pause } from '../test/helpers/temp-deadline.js'
import { digestOf, TraceClient } from '../test/helpers/trace-client.js'
import { median, short, table } from './statistics.js'
import { benchTrace, TRACES, type TraceMaker } from './traces/catalogue.js'
import { TraceScreen, type Trace } from './traces/trace.js'

const HELP = `Plays desktops without a guest through the whole display pipeline, to a client that decodes everything.

  --rounds N           (3)
  --only TEXT          only traces whose name contains it
  --compression NAME   image-compression (auto)
  --streaming NAME     streaming-video: off, filter or all (filter)
`

interface FromClient {
  readonly kind: 'ready' | 'exact' | 'failed'
  readonly bytes: number
  readonly messages: number
  /** Frames of video streams. */
  readonly video: number
  readonly error?: string
}

interface Figures {
  readonly bytes: number
  readonly messages: number
  readonly images: ReadonlyMap<string, number>
  readonly merged: number
  readonly cpuMs: number
  readonly behindMs: number
  readonly queue: number
}

/** The client's half, in a process of its own so that its work counts nowhere. */
async function client(port: number): Promise<void> {
  const tell = (kind: FromClient['kind'], error?: Error): void => {
    const messages = [...viewer.surface.tally].filter(([name]) => !name.includes(' '))
    process.send?.({
      kind,
      bytes: viewer.displayBytes,
      messages: messages.reduce((sum, [, { count }]) => sum + count, 0),
      video: viewer.surface.count('streamData') + viewer.surface.count('streamDataSized'),
      ...(error === undefined ? {} : { error: `${error.stack}, ${String(error.cause)}` }),
    })
  }
  const viewer = await TraceClient.connect({ port })
  let seen = -1
  let digest = ''
  const now = (): string => {
    const bytes = viewer.displayBytes
    digest = bytes === seen ? digest : digestOf(viewer.surface.pixels)
    seen = bytes
    return digest
  }
  process.on('message', (wanted: { readonly digest: string; readonly kind: 'ready' | 'exact' }) => {
    viewer
      .until('the picture is there', () => now() === wanted.digest)
      .then(
        () => tell(wanted.kind),
        (error: unknown) => tell('failed', error as Error),
      )
  })
  process.on('disconnect', () => process.exit())
}

/** Waits until the client has exactly these pixels. */
const agreed = async (
  child: ChildProcess,
  kind: 'ready' | 'exact',
  { pixels }: TraceScreen,
): Promise<FromClient> => {
  const answer = new Promise<FromClient>((resolve) => child.once('message', resolve))
  child.send({ kind, digest: digestOf(pixels) })
  const said = await answer
  if (said.kind !== kind) {
    throw new Error(`the client: ${said.error ?? said.kind}`)
  }
  return said
}

/** Keeps the largest value that it was ever set to. */
class Peak extends Counted {
  most = 0

  override set(value: number, labels = {}): void {
    super.set(value, labels)
    this.most = Math.max(this.most, value)
  }
}

/** Settings of the channel. */
interface Settings {
  readonly compression: CompressionSetting
  readonly streaming: 'filter' | 'all' | undefined
}

async function playOnce(trace: Trace, { compression, streaming }: Settings): Promise<Figures> {
  const images = new Counted()
  const merged = new Counted()
  const waiting = new Peak()
  const pool = new EncoderPool({
    clock: systemClock,
    logger: silentLogger,
    metrics: { ...NO_POOL_METRICS, waiting },
  })
  const rig = new ServerRig({
    ...(streaming === undefined ? {} : { streaming }),
    display: { compression, encoders: encodersOf(pool), metrics: { ...noDisplayMetrics, images, merged } },
  })
  const screen = new TraceScreen(trace)
  rig.model.consolesChanged([{ index: 0, label: 'trace', head: 0 }])
  screen.draw(trace, trace.frames[0]!)
  const { width, height, stride, pixels } = screen
  rig.model.scanout(0, { generation: 1, width, height, stride, pixels })
  await rig.start()
  const child = fork(fileURLToPath(import.meta.url), ['--client', String(rig.port)])
  try {
    const before = await agreed(child, 'ready', screen)
    const cpuBefore = process.cpuUsage()
    const startMs = nowMs()
    let drawingMs = 0
    for (const frame of trace.frames.slice(1)) {
      await pause(Math.max(0, startMs + frame.atMs - nowMs()))
      const drawMs = nowMs()
      screen.draw(trace, frame)
      drawingMs += nowMs() - drawMs
      rig.model.damage(0, frame.damage)
    }
    const endMs = nowMs()
    const after = await agreed(child, 'exact', screen)
    const behindMs = nowMs() - endMs
    const { user, system } = process.cpuUsage(cpuBefore)
    return {
      bytes: after.bytes - before.bytes,
      messages: after.messages - before.messages,
      images: new Map([...images.values, ['frames of video', after.video - before.video]]),
      merged: merged.get(),
      cpuMs: (user + system) / 1000 - drawingMs,
      behindMs,
      queue: waiting.most,
    }
  } finally {
    child.disconnect()
    await rig.close()
    await pool.close()
  }
}

const listed = (images: ReadonlyMap<string, number>): string =>
  [...images]
    .filter(([, count]) => count > 0)
    .sort(([, a], [, b]) => b - a)
    .map(([codec, count]) => `${count} ${codec}`)
    .join(', ')

async function rowOf(maker: TraceMaker, rounds: number, settings: Settings): Promise<string[]> {
  const trace = benchTrace(maker)
  const played: Figures[] = []
  for (let round = 0; round < rounds; round++) {
    played.push(await playOnce(trace, settings))
  }
  const middle = (figure: (of: Figures) => number): string => short(median(played.map(figure)))
  return [
    maker.name,
    String(trace.frames.length),
    middle(({ bytes }) => bytes / 1e6),
    middle(({ cpuMs }) => cpuMs),
    middle(({ messages }) => messages),
    middle(({ merged }) => merged),
    middle(({ queue }) => queue),
    middle(({ behindMs }) => behindMs),
    listed(played.at(-1)?.images ?? new Map()),
  ]
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '3' },
      only: { type: 'string', default: '' },
      compression: { type: 'string', default: 'auto' },
      streaming: { type: 'string', default: 'filter' },
      client: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.client !== undefined) {
    await client(Number(values.client))
    return
  }
  if (values.help) {
    console.log(HELP)
    return
  }
  const head = ['', 'frames', 'MB', 'CPU ms', 'messages', 'merged', 'queue', 'behind ms', 'images']
  const rows = [head]
  const settings: Settings = {
    compression: values.compression as CompressionSetting,
    streaming: values.streaming === 'filter' || values.streaming === 'all' ? values.streaming : undefined,
  }
  for (const maker of TRACES.filter(({ name }) => name.includes(values.only))) {
    rows.push(await rowOf(maker, Number(values.rounds), settings))
    console.error(`${maker.name} done`)
  }
  console.log(table(rows))
  console.log(
    '\nMedians of the rounds. CPU of all threads without the drawing; queue: most jobs that waited for a coder; behind: from ' +
      'the last frame to the exact picture. Every last picture was verified.',
  )
}

await main()
