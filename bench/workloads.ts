import type { Rig } from '../test/helpers/qemu-rig.js'
import { untilSame } from '../test/helpers/qemu-rig.js'
import type { Rect, SpiceClient } from '../test/helpers/spice-client.js'
import { nowMs, pause } from '../test/helpers/temp-deadline.js'
import { cpuSeconds } from '../test/helpers/temp-process.js'
import { quantile } from './statistics.js'

/** Raw numbers of one workload on one server in one round, by name. */
export type Figures = Readonly<Record<string, number>>

export interface Workload {
  readonly name: string
  run(rig: Rig, client: SpiceClient): Promise<Figures>
}

/** Processor seconds of everything that serves the screen: QEMU without its vCPU threads, and the sidecar if there is one. */
function servingSeconds(rig: Rig): number {
  return rig.qemu.threadCpuSeconds() + (rig.sidecar === undefined ? 0 : cpuSeconds(rig.sidecar.pid))
}

const total = (bytes: Readonly<Record<string, number>>): number =>
  Object.values(bytes).reduce((sum, value) => sum + value, 0)

/** QEMU's server cuts updates into columns of this width; a wider strip would count one frame several times. */
const PROBE_WIDTH = 32

const strip = (x: number, y: number, height: number): Rect => ({ x, y, width: PROBE_WIDTH, height })

/**
 * What the guest draws is fixed in amount and pace, so both servers get the same work. Frames are changes that a window
 * would have painted, looked at in `probe`, a strip that changes with every step of the guest. It counts only if the
 * client ends with QEMU's picture.
 */
function drawing(name: string, command: string, probe: Rect): Workload {
  return {
    name,
    run: async (rig, client) => {
      const { guest } = rig.qemu
      await guest.command(command.startsWith('scroll') ? 'text' : 'pattern 3')
      await untilSame(rig.qemu, () => client.picture(), `${name}: the client is in step before it starts`)
      await client.probe(probe)
      const bytesBefore = total((await client.counters()).bytes)
      const cpuBefore = servingSeconds(rig)
      const startMs = nowMs()
      const from = guest.events.length
      const reply = await guest.command(command, 120_000)
      if (reply.startsWith('started')) {
        await guest.event(/^finished/, from, 120_000)
      }
      const seconds = (nowMs() - startMs) / 1000
      const counters = await client.counters()
      const cpu = servingSeconds(rig) - cpuBefore
      await untilSame(rig.qemu, () => client.picture(), `${name}: the client ends with QEMU's picture`)
      return {
        'frames/s': counters.frames / seconds,
        'CPU s': cpu,
        'CPU ms/frame': (cpu * 1000) / Math.max(1, counters.frames),
        MB: (total(counters.bytes) - bytesBefore) / 1e6,
        seconds,
      }
    },
  }
}

const KEY_A = 0x1e

/** From the press of a key at the client to the changed pixel at the client; the guest does next to nothing in between. */
function echo(name: string, presses: number, beside: string | undefined): Workload {
  return {
    name,
    run: async (rig, client) => {
      const { guest } = rig.qemu
      await guest.command('pattern 2')
      if (beside !== undefined) {
        await guest.command(beside)
      }
      await guest.command('follow on')
      const times: number[] = []
      for (let press = 0; press < presses; press++) {
        // Uneven on purpose: even pauses would fall into step with a server's refresh timer.
        await pause(60 + ((press * 37) % 61))
        times.push(await client.latency(KEY_A, 96, 96))
      }
      await guest.command('stop')
      await guest.command('follow off')
      await untilSame(rig.qemu, () => client.picture(), `${name}: the client ends with QEMU's picture`)
      return { 'median ms': quantile(times, 0.5), 'p99 ms': quantile(times, 0.99) }
    },
  }
}

export interface Amounts {
  readonly lines: number
  readonly presses: number
}

export const workloads = ({ lines, presses }: Amounts): readonly Workload[] => [
  drawing('terminal', `term 0 0 1024 720 30 ${lines}`, strip(0, 704, 16)),
  drawing('torrent of text', `term 0 0 1024 720 0 ${lines * 2}`, strip(0, 704, 16)),
  // Its lines begin with their number; the last digit is in the eleventh column of 8 pixels.
  drawing('console', `scroll ${lines} 30`, strip(64, 784, 16)),
  drawing('film', `animate 0 0 640 480 25 ${Math.ceil(lines / 2)}`, strip(0, 100, 4)),
  echo('key, quiet screen', presses, undefined),
  echo('key, busy screen', presses, 'term 200 200 800 480 20 0'),
]
