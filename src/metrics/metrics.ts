import type { Gauge } from '../core/metrics.js'
import { HistogramCells, NumberCells } from './cells.js'
import {
  COLLECTED_METRICS,
  METRICS,
  type MetricDefinition,
  type MetricFields,
  type Metrics,
} from './definitions.js'
import { Exposition, type Cells } from './exposition.js'
import { collectProcess, DelayMonitor } from './process-stats.js'

const cellsOf = (definition: MetricDefinition): Cells =>
  definition.type === 'histogram' ? new HistogramCells(definition) : new NumberCells(definition)

const cellsByKey = (
  definitions: Readonly<Record<string, MetricDefinition>>,
): Readonly<Record<string, Cells>> =>
  Object.fromEntries(Object.entries(definitions).map(([key, definition]) => [key, cellsOf(definition)]))

/**
 * All metrics of the process, at 0. Setting the gauge `clients` above 0 also starts the measuring of the event loop's
 * delay, and setting it to 0 stops that.
 */
export const createMetrics = (): Metrics => {
  const counted = cellsByKey(METRICS)
  const collected = cellsByKey(COLLECTED_METRICS)
  const fields = counted as unknown as MetricFields
  const stats = collected as unknown as Readonly<Record<keyof typeof COLLECTED_METRICS, Gauge>>
  const delay = new DelayMonitor()
  const definitions = Object.entries<MetricDefinition>({ ...METRICS, ...COLLECTED_METRICS })
  const cells: Readonly<Record<string, Cells>> = { ...counted, ...collected }
  const exposition = new Exposition(
    definitions.flatMap(([key, definition]) => {
      const behind = cells[key]
      return behind === undefined ? [] : [[definition, behind] as const]
    }),
  )
  const clients: Gauge = {
    set: (value) => {
      fields.clients.set(value)
      delay.watch(value > 0)
    },
  }
  return Object.freeze({
    ...fields,
    clients,
    render: (format: Parameters<Metrics['render']>[0]) => {
      delay.collect(stats.eventLoopDelay)
      collectProcess(stats)
      return exposition.render(format)
    },
    close: () => delay.watch(false),
  })
}
