import { readdirSync } from 'node:fs'
import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import type { Gauge } from '../core/metrics.js'
import type { COLLECTED_METRICS } from './definitions.js'

type Collected = Readonly<Record<keyof typeof COLLECTED_METRICS, Gauge>>

const NS_PER_S = 1e9
const US_PER_S = 1e6
/** How often the delay is sampled, ms; the monitor's figures include this interval. */
const RESOLUTION_MS = 20

/** Delay of the event loop; sampling wakes the process, so it runs only while asked to (DESIGN.md section 5 rule 6). */
export class DelayMonitor {
  #histogram: ReturnType<typeof monitorEventLoopDelay> | undefined

  /** A monitor that was stopped would take the pause for a delay: each watch has a new one. */
  watch(active: boolean): void {
    if (active === (this.#histogram !== undefined)) {
      return
    }
    this.#histogram?.disable()
    this.#histogram = active ? monitorEventLoopDelay({ resolution: RESOLUTION_MS }) : undefined
    this.#histogram?.enable()
  }

  /** Writes p50, p99 and the maximum since the last call, seconds, and starts anew. */
  collect(gauge: Gauge): void {
    const histogram = this.#histogram
    const delay = (ns: number | undefined): number =>
      ns === undefined || histogram?.count === 0 ? 0 : Math.max(0, ns / NS_PER_S - RESOLUTION_MS / 1000)
    gauge.set(delay(histogram?.percentile(50)), { stat: 'p50' })
    gauge.set(delay(histogram?.percentile(99)), { stat: 'p99' })
    gauge.set(delay(histogram?.max), { stat: 'max' })
    histogram?.reset()
  }
}

/** Writes what the operating system and the engine know about this process. */
export const collectProcess = (to: Collected): void => {
  const cpu = process.cpuUsage()
  to.cpuUser.set(cpu.user / US_PER_S)
  to.cpuSystem.set(cpu.system / US_PER_S)
  to.cpu.set((cpu.user + cpu.system) / US_PER_S)
  to.startTime.set(performance.timeOrigin / 1000)
  const memory = process.memoryUsage()
  to.residentMemory.set(memory.rss)
  to.heapTotal.set(memory.heapTotal)
  to.heapUsed.set(memory.heapUsed)
  to.externalMemory.set(memory.external)
  to.openFds.set(openDescriptors())
}

/** Descriptors of this process without the one that counts them; 0 where there is no /proc. */
const openDescriptors = (): number => {
  try {
    return readdirSync('/proc/self/fd').length - 1
  } catch {
    return 0
  }
}
