// Plays the traces in a real guest, served by the sidecar and by the SPICE server that is built into QEMU, and prints
// ratios for each trace. Run it with scripts/bench-traces; `--help` tells the options.
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Picture } from '../test/helpers/picture.js'
import { startRig, untilSame, type Rig } from '../test/helpers/qemu-rig.js'
import type { QemuVersion } from '../test/helpers/qemu.js'
import { SpiceClient } from '../test/helpers/spice-client.js'
import { nowMs, poll } from '../test/helpers/temp-deadline.js'
import { cpuSeconds } from '../test/helpers/temp-process.js'
import { Cleanup, tempDirectory } from '../test/helpers/temp.js'
import { loadTrace, playTrace } from '../test/helpers/trace-guest.js'
import { median, short, table } from './statistics.js'
import { benchTrace, TRACES } from './traces/catalogue.js'
import { lastPicture, writeTraceDisk } from './traces/disk.js'
import { probeOf, type Probe } from './traces/probe.js'
import type { Trace } from './traces/trace.js'

const HELP = `Plays the traces in a guest, with the sidecar and with the SPICE server that is built into QEMU.

  --rounds N     rounds, each with both servers in turn (3)
  --qemu V       7.2 or 11 (7.2)
  --kernel V     12 or 13: the guest's kernel (this machine's)
  --only TEXT    only traces whose name contains it
  --flag TEXT    a flag for the sidecar, as --flag=--name=value; can be given again
  --spice TEXT   further settings of QEMU's -spice, such as streaming-video=all
`

const SERVERS = ['built-in', 'sidecar'] as const
type ServerName = (typeof SERVERS)[number]

/** A trace on the disk of the guest, and what is known of it. */
interface OnDisk {
  readonly name: string
  readonly frames: number
  readonly number: number
  readonly probe: Probe
  readonly last: Picture
}

type Figures = Readonly<Record<string, number>>
type Results = Map<OnDisk, Record<ServerName, Figures[]>>

const END_DEADLINE_MS = 120_000

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '3' },
      qemu: { type: 'string', default: '7.2' },
      kernel: { type: 'string' },
      only: { type: 'string', default: '' },
      flag: { type: 'string', multiple: true, default: [] },
      spice: { type: 'string', default: '' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(HELP)
    return
  }
  const cleanup = new Cleanup()
  try {
    const disk = join(tempDirectory(), 'traces')
    const traces = makeDisk(disk, values.only)
    const results: Results = new Map(traces.map((trace) => [trace, { 'built-in': [], sidecar: [] }]))
    const options = {
      version: values.qemu === '11' ? '11' : '7.2',
      traces: disk,
      spice: `disable-ticketing=on${values.spice === '' ? '' : `,${values.spice}`}`,
      ...(values.kernel === '12' || values.kernel === '13' ? { kernel: values.kernel } : {}),
    } as const
    const rigs = await bothRigs(options, values.flag, cleanup)
    for (let round = 0; round < Number(values.rounds); round++) {
      // Who goes first alternates, so that a drift of the machine's speed favours nobody.
      for (const name of round % 2 === 0 ? SERVERS : SERVERS.toReversed()) {
        await oneTurn(rigs[name], name, results)
      }
      console.error(`round ${round + 1} done`)
    }
    report(results)
  } finally {
    await cleanup.run()
  }
}

function makeDisk(path: string, only: string): OnDisk[] {
  const made: OnDisk[] = []
  const makers = TRACES.filter(({ name }) => name.includes(only))
  function* traces(): Generator<Trace> {
    for (const [number, maker] of makers.entries()) {
      const trace = benchTrace(maker)
      const { width, height, stride, pixels } = lastPicture(trace)
      const last = Picture.fromBgrx(width, height, stride, pixels)
      made.push({ name: maker.name, frames: trace.frames.length, number, probe: probeOf(trace), last })
      yield trace
    }
  }
  writeTraceDisk(path, traces())
  return made
}

/** One guest for each server; only the one on trial runs, the other is paused. */
async function bothRigs(
  qemu: { readonly version: QemuVersion; readonly traces: string; readonly spice: string },
  flags: readonly string[],
  cleanup: Cleanup,
): Promise<Record<ServerName, Rig>> {
  const start = async (server: ServerName): Promise<Rig> => {
    const rig = await startRig({ server, qemu, sidecar: { logLevel: 'info', flags } })
    cleanup.add(() => rig.stop())
    await rig.qemu.qmp('stop')
    return rig
  }
  return { 'built-in': await start('built-in'), sidecar: await start('sidecar') }
}

async function oneTurn(rig: Rig, name: ServerName, results: Results): Promise<void> {
  await rig.qemu.qmp('cont')
  const { guest } = rig.qemu
  const first = [...results.keys()][0]!
  await loadTrace(guest, first.number)
  const client = await SpiceClient.connected(rig.target)
  try {
    for (const [trace, figures] of results) {
      figures[name].push(await oneTrace(rig, client, trace))
    }
  } finally {
    await client.stop()
    await rig.qemu.qmp('stop')
  }
}

/** Processor seconds of what serves the screen. */
const sidecarSeconds = (rig: Rig): number => (rig.sidecar === undefined ? 0 : cpuSeconds(rig.sidecar.pid))

/** Of all that serves it: QEMU without its vCPU threads, and the sidecar if there is one. */
const servingSeconds = (rig: Rig): number => rig.qemu.threadCpuSeconds() + sidecarSeconds(rig)

const bytesOf = async (client: SpiceClient): Promise<number> =>
  Object.values((await client.counters()).bytes).reduce((sum, bytes) => sum + bytes, 0)

/** From before the second frame until the client has the last one, exactly; then QEMU is asked, too. */
async function oneTrace(rig: Rig, client: SpiceClient, trace: OnDisk): Promise<Figures> {
  const { name, number, probe, last } = trace
  const { guest } = rig.qemu
  await loadTrace(guest, number)
  await untilSame(rig.qemu, () => client.picture(), `${name}: the client is in step before it starts`, 60_000)
  const { left, top, right, bottom } = probe.rect
  await client.probe({ x: left, y: top, width: right - left, height: bottom - top })
  const bytesBefore = await bytesOf(client)
  const [cpuBefore, ownBefore] = [servingSeconds(rig), sidecarSeconds(rig)]
  const played = await playTrace(guest)
  const endMs = nowMs()
  if (played.frames !== trace.frames) {
    throw new Error(`${name}: the guest showed ${played.frames} frames of ${trace.frames}`)
  }
  const { frames } = await client.counters()
  await poll(
    `${name}: the client ends with the last picture`,
    async () => (await client.picture()).equals(last),
    { deadlineMs: END_DEADLINE_MS, everyMs: 100 },
  )
  const behind = nowMs() - endMs
  const [cpu, own] = [servingSeconds(rig) - cpuBefore, sidecarSeconds(rig) - ownBefore]
  const bytes = (await bytesOf(client)) - bytesBefore
  await untilSame(rig.qemu, () => client.picture(), `${name}: the client ends with QEMU's picture`)
  return {
    MB: bytes / 1e6,
    'CPU s': cpu,
    'of that the sidecar, s': own,
    [`frames of ${probe.changes}`]: frames,
    'KB a frame': bytes / 1000 / Math.max(1, frames),
    'CPU ms a frame': (cpu * 1000) / Math.max(1, frames),
    'behind at the end, s': behind / 1000,
    'guest late, median ms': played.lateMedianMs,
    'guest late, most ms': played.lateMostMs,
  }
}

/** Figures whose ratios over all traces are put together. */
const SUMMED = ['MB', 'CPU s', 'KB a frame', 'CPU ms a frame']

function report(results: Results): void {
  const rows = [['', 'built-in', 'sidecar', 'ratio', 'ratios of the rounds']]
  const logs = new Map<string, number[]>()
  for (const [trace, figures] of results) {
    for (const key of Object.keys(figures.sidecar[0] ?? {})) {
      const ours = figures.sidecar.map((round) => round[key] ?? Number.NaN)
      const theirs = figures['built-in'].map((round) => round[key] ?? Number.NaN)
      const ratios = ours.map((value, round) => value / theirs[round]!)
      logs.set(key, [...(logs.get(key) ?? []), Math.log(median(ratios))])
      rows.push([
        `${trace.name}: ${key}`,
        short(median(theirs)),
        short(median(ours)),
        short(median(ratios)),
        ratios.map(short).join(' '),
      ])
    }
  }
  for (const key of SUMMED) {
    const values = logs.get(key) ?? []
    const mean = Math.exp(values.reduce((sum, value) => sum + value, 0) / values.length)
    rows.push([`all traces: ${key}`, '', '', short(mean), 'geometric mean'])
  }
  console.log(table(rows))
  console.log(
    '\nMedians of the rounds; ratio: sidecar to built-in, the median of the rounds. Every last picture was verified.',
  )
}

await main()
