// Key to pixel over a slow and far line beside a busy half of the screen, with the sidecar and with the SPICE server
// that is built into QEMU, in the same run. `--help` tells the options.
import { parseArgs } from 'node:util'
import { startRig, untilSame, type Rig } from '../test/helpers/qemu-rig.js'
import { Shaper, type LinkShape } from '../test/helpers/shaper.js'
import { SpiceClient } from '../test/helpers/spice-client.js'
import { nowMs, pause } from '../test/helpers/temp-deadline.js'
import { Cleanup } from '../test/helpers/temp.js'
import { quantile, short, table } from './statistics.js'

const HELP = `Times key presses over a slow line: 1280x800, dense text scrolls in one half, a key changes a square in the other.

  --presses N    key presses timed in each round (40)
  --rounds N     rounds, each with both servers in turn (2)
  --mbit N       megabits a second each way (10)
  --ms N         round trip in milliseconds (80)
  --lines N      lines of text a second (20)
  --busy TEXT    another command for the busy half than its text, such as "animate 640 0 320 400 20 0"
  --flag TEXT    a flag for the sidecar, as --flag=--name=value; can be given again
  --only NAME    sidecar or built-in
`

export const SERVERS = ['built-in', 'sidecar'] as const
export type ServerName = (typeof SERVERS)[number]

export interface Turn {
  /** Milliseconds from each press to the changed pixel. */
  readonly times: readonly number[]
  /** Bytes of the display channel a second. */
  readonly bytesPerSecond: number
  /** Seconds until the client shows what QEMU shows, after the text has stopped. */
  readonly behindSeconds: number
}

export interface Scene {
  readonly presses: number
  /** No press after so many seconds, when there were a few. */
  readonly mostSeconds?: number
  /** What the guest is told to do in the right half. */
  readonly busy: string
  readonly flags: readonly string[]
  readonly shape: LinkShape
}

const KEY_A = 0x1e

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      presses: { type: 'string', default: '40' },
      rounds: { type: 'string', default: '2' },
      mbit: { type: 'string', default: '10' },
      ms: { type: 'string', default: '80' },
      lines: { type: 'string', default: '20' },
      busy: { type: 'string' },
      flag: { type: 'string', multiple: true, default: [] },
      only: { type: 'string', default: '' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(HELP)
    return
  }
  const scene = {
    presses: Number(values.presses),
    busy: values.busy ?? `term 640 0 640 800 ${Number(values.lines)} 0`,
    flags: values.flag,
    shape: { delayMs: Number(values.ms) / 2, bitsPerSecond: Number(values.mbit) * 1e6 },
  }
  const chosen = SERVERS.filter((name) => name.includes(values.only))
  const turns: Record<ServerName, Turn[]> = { 'built-in': [], sidecar: [] }
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const name of round % 2 === 0 ? chosen : chosen.toReversed()) {
      turns[name].push(await oneTurn(name, scene))
      console.error(`round ${round + 1}, ${name}: done`)
    }
  }
  report(turns)
}

/** Starts a server and a client on a line of that shape, and times the scene on them. */
export async function oneTurn(server: ServerName, scene: Scene): Promise<Turn> {
  const cleanup = new Cleanup()
  try {
    const rig = await startRig({ server, sidecar: { logLevel: 'info', flags: scene.flags } })
    cleanup.add(() => rig.stop())
    const shaper = await Shaper.start(rig.target.port ?? 0, scene.shape)
    cleanup.add(() => shaper.stop())
    const { guest } = rig.qemu
    await guest.command('mode 1280x800')
    await guest.command('pattern 0')
    await guest.command('follow on')
    const client = await SpiceClient.connected({ port: shaper.port })
    cleanup.add(() => client.stop())
    await untilSame(rig.qemu, () => client.picture(), 'the client is in step before it starts', 60_000)
    return await timed(rig, client, scene)
  } finally {
    await cleanup.run()
  }
}

/** Presses that there are in any case. */
const LEAST_PRESSES = 3

async function timed(rig: Rig, client: SpiceClient, scene: Scene): Promise<Turn> {
  const { presses, busy, mostSeconds = Infinity } = scene
  const { guest } = rig.qemu
  const displayBytes = async (): Promise<number> => (await client.counters()).bytes['display'] ?? 0
  await guest.command(busy)
  // The half is full of text after 50 lines, and whatever queues has begun to.
  await pause(4000)
  const startMs = nowMs()
  const bytesBefore = await displayBytes()
  const times: number[] = []
  for (let press = 0; press < presses; press++) {
    if (press >= LEAST_PRESSES && nowMs() - startMs > mostSeconds * 1000) {
      break
    }
    // Uneven on purpose: even pauses would fall into step with the lines.
    await pause(150 + ((press * 37) % 101))
    times.push(await client.latency(KEY_A, 96, 96, 60_000))
  }
  const bytesPerSecond = ((await displayBytes()) - bytesBefore) / ((nowMs() - startMs) / 1000)
  await guest.command('stop')
  const stopMs = nowMs()
  await untilSame(rig.qemu, () => client.picture(), "the client ends with QEMU's picture", 120_000)
  return { times, bytesPerSecond, behindSeconds: (nowMs() - stopMs) / 1000 }
}

function report(turns: Record<ServerName, readonly Turn[]>): void {
  const figures: readonly (readonly [string, (of: readonly Turn[]) => number])[] = [
    [
      'key to pixel, median ms',
      (of) =>
        quantile(
          of.flatMap(({ times }) => times),
          0.5,
        ),
    ],
    [
      'key to pixel, p99 ms',
      (of) =>
        quantile(
          of.flatMap(({ times }) => times),
          0.99,
        ),
    ],
    [
      'display channel, KB/s',
      (of) =>
        quantile(
          of.map((turn) => turn.bytesPerSecond),
          0.5,
        ) / 1000,
    ],
    [
      'behind at the end, s',
      (of) =>
        quantile(
          of.map((turn) => turn.behindSeconds),
          0.5,
        ),
    ],
  ]
  const rows = [['', 'built-in', 'sidecar', 'ratio']]
  for (const [name, figure] of figures) {
    const theirs = figure(turns['built-in'])
    const ours = figure(turns.sidecar)
    rows.push([name, short(theirs), short(ours), short(ours / theirs)])
  }
  console.log(table(rows))
  console.log('\nRatio: sidecar to built-in, all presses of all rounds. Every last picture was verified.')
}

if (import.meta.main) {
  await main()
}
