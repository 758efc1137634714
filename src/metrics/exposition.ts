import { createRequire } from 'node:module'
import type * as PromClient from 'prom-client'
import { HistogramCells, type NumberCells } from './cells.js'
import type { ExpositionFormat, MetricDefinition } from './definitions.js'

export type Cells = NumberCells | HistogramCells

/** Definitions with the numbers behind them, in the order of the page. */
export type CellTable = readonly (readonly [MetricDefinition, Cells])[]

/** One line of the page as prom-client's registry wants it. */
interface Sample {
  readonly metricName?: string
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
}

/** A metric that prom-client's registry can format; it counts nothing itself. */
class CellMetric {
  /** The registry takes `_total` off the name of a counter in OpenMetrics, and adds it again to the samples. */
  name: string
  readonly help: string
  readonly type: string
  readonly #definition: MetricDefinition
  readonly #cells: Cells

  constructor(definition: MetricDefinition, cells: Cells) {
    this.name = definition.name
    this.help = definition.help
    this.type = definition.type
    this.#definition = definition
    this.#cells = cells
  }

  get(): Promise<object> {
    const { name, help, type } = this
    const values =
      this.#cells instanceof HistogramCells ? this.#buckets(this.#cells) : this.#numbers(this.#cells)
    return Promise.resolve({ name, help, type, values })
  }

  #numbers(cells: NumberCells): Sample[] {
    return Array.from(cells.series(), ([labels, value]) => ({ labels, value }))
  }

  #buckets(cells: HistogramCells): Sample[] {
    const { name, buckets } = this.#definition
    const samples: Sample[] = []
    for (const [labels, child] of cells.series()) {
      let below = 0
      buckets.forEach((le, i) => {
        below += child.counts[i] ?? 0
        samples.push({ metricName: `${name}_bucket`, labels: { ...labels, le }, value: below })
      })
      samples.push({ metricName: `${name}_bucket`, labels: { ...labels, le: '+Inf' }, value: child.count })
      samples.push({ metricName: `${name}_sum`, labels, value: child.sum })
      samples.push({ metricName: `${name}_count`, labels, value: child.count })
    }
    return samples
  }
}

/**
 * prom-client's formatter without the rest of it: the package's main file also loads the cluster module, a quantile
 * digest and OpenTelemetry, which costs an idle process 16 MB more.
 */
const loadRegistry = (): typeof PromClient.Registry =>
  createRequire(import.meta.url)('prom-client/lib/registry.js') as typeof PromClient.Registry

/**
 * Formats a table of numbers. Each format has a registry of its own, since prom-client renames counters for good when a
 * registry is rendered as OpenMetrics.
 */
export class Exposition {
  readonly #table: CellTable
  readonly #registries: Partial<Record<ExpositionFormat, PromClient.Registry>> = {}

  constructor(table: CellTable) {
    this.#table = table
  }

  render(format: ExpositionFormat): Promise<string> {
    return (this.#registries[format] ??= this.#build(format)).metrics()
  }

  #build(format: ExpositionFormat): PromClient.Registry {
    const Registry = loadRegistry()
    const registry = new Registry()
    if (format === 'openmetrics') {
      // The content type is a type parameter in prom-client, of no use to us.
      registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never)
    }
    for (const [definition, cells] of this.#table) {
      // Its type names the classes of prom-client; what it uses of them is what CellMetric has.
      registry.registerMetric(new CellMetric(definition, cells) as never)
    }
    return registry
  }
}
