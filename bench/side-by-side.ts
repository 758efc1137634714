// Serves the same guest with the sidecar and with the SPICE server that is built into QEMU, round by round, and prints
// ratios. Run it with scripts/bench; `--help` tells the options.
import { parseArgs } from 'node:util'
import { startRig, type Rig } from '../test/helpers/qemu-rig.js'
import type { QemuVersion } from '../test/helpers/qemu.js'
import { SpiceClient } from '../test/helpers/spice-client.js'
import { Cleanup } from '../test/helpers/temp.js'
import { privateBytes, rssBytes } from '../test/helpers/temp-process.js'
import { median, short, table } from './statistics.js'
import { workloads, type Figures, type Workload } from './workloads.js'

const HELP = `Compares the sidecar with the SPICE server that is built into QEMU.

  --rounds N     rounds, each with both servers in turn (3)
  --qemu V       7.2 or 11 (7.2)
  --lines N      lines of text that the guest prints (150)
  --presses N    key presses timed (40)
  --only TEXT    only workloads whose name contains it
`

const SERVERS = ['built-in', 'sidecar'] as const
type ServerName = (typeof SERVERS)[number]

/** Figures of every round by workload and server. */
type Results = Map<Workload, Record<ServerName, Figures[]>>

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '3' },
      qemu: { type: 'string', default: '7.2' },
      lines: { type: 'string', default: '150' },
      presses: { type: 'string', default: '40' },
      only: { type: 'string', default: '' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(HELP)
    return
  }
  const amounts = { lines: Number(values.lines), presses: Number(values.presses) }
  const chosen = workloads(amounts).filter((workload) => workload.name.includes(values.only))
  const results: Results = new Map(chosen.map((workload) => [workload, { 'built-in': [], sidecar: [] }]))
  const cleanup = new Cleanup()
  try {
    const rigs = await bothRigs(values.qemu === '11' ? '11' : '7.2', cleanup)
    const idle = memory(rigs.sidecar)
    for (let round = 0; round < Number(values.rounds); round++) {
      // Who goes first alternates, so that a drift of the machine's speed favours nobody.
      for (const name of round % 2 === 0 ? SERVERS : SERVERS.toReversed()) {
        await oneTurn(rigs[name], name, results)
      }
      console.error(`round ${round + 1} done`)
    }
    report(results)
    console.log(`\nsidecar before its first client ${idle}, after the last ${memory(rigs.sidecar)}`)
  } finally {
    await cleanup.run()
  }
}

function memory(rig: Rig): string {
  const pid = rig.sidecar?.pid ?? 0
  return `${short(rssBytes(pid) / 1e6)} MB RSS, ${short(privateBytes(pid) / 1e6)} MB private`
}

/** One guest for each server; only the one on trial runs, the other is paused. */
async function bothRigs(version: QemuVersion, cleanup: Cleanup): Promise<Record<ServerName, Rig>> {
  const start = async (server: ServerName): Promise<Rig> => {
    const rig = await startRig({ server, qemu: { version }, sidecar: { logLevel: 'info' } })
    cleanup.add(() => rig.stop())
    await rig.qemu.guest.command('mode 1280x800')
    await rig.qemu.qmp('stop')
    return rig
  }
  return { 'built-in': await start('built-in'), sidecar: await start('sidecar') }
}

async function oneTurn(rig: Rig, name: ServerName, results: Results): Promise<void> {
  await rig.qemu.qmp('cont')
  const client = await SpiceClient.connected(rig.target)
  try {
    for (const [workload, figures] of results) {
      figures[name].push(await workload.run(rig, client))
    }
  } finally {
    await client.stop()
    await rig.qemu.qmp('stop')
  }
}

function report(results: Results): void {
  const rows = [['', 'built-in', 'sidecar', 'ratio', 'ratios of the rounds']]
  for (const [workload, figures] of results) {
    for (const key of Object.keys(figures.sidecar[0] ?? {})) {
      const ours = figures.sidecar.map((round) => round[key] ?? Number.NaN)
      const theirs = figures['built-in'].map((round) => round[key] ?? Number.NaN)
      const ratios = ours.map((value, round) => value / theirs[round]!)
      rows.push([
        `${workload.name}: ${key}`,
        short(median(theirs)),
        short(median(ours)),
        short(median(ratios)),
        ratios.map(short).join(' '),
      ])
    }
  }
  console.log(table(rows))
  console.log(
    '\nMedians of the rounds; ratio: sidecar to built-in, the median of the rounds. Every picture was verified.',
  )
}

await main()
