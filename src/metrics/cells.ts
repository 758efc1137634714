import type { Counter, Gauge, Histogram, Labels } from '../core/metrics.js'
import type { MetricDefinition } from './definitions.js'

/** Series of one metric at most; more label values than the closed sets have can only be a mistake. */
const MAX_SERIES = 128
const SEPARATOR = '\u0000'
const OVERFLOW = 'other'
const UNKNOWN = 'unknown'

/** Children of one metric by label value; a child is found without building a string when there is one label. */
class Children<Child> {
  readonly #byKey = new Map<string, Child>()
  readonly #labels: readonly string[]
  readonly #make: () => Child

  constructor({ labels, known }: MetricDefinition, make: () => Child) {
    this.#labels = labels
    this.#make = make
    if (labels.length === 0) {
      this.#byKey.set('', make())
    }
    known.forEach((value) => this.#byKey.set(value, make()))
  }

  of(labels: Labels | undefined): Child {
    const key = this.#keyOf(labels)
    return this.#byKey.get(key) ?? this.#add(key)
  }

  #keyOf(labels: Labels | undefined): string {
    const [first] = this.#labels
    if (first === undefined) {
      return ''
    }
    if (this.#labels.length === 1) {
      return labels?.[first] ?? UNKNOWN
    }
    return this.#labels.map((name) => labels?.[name] ?? UNKNOWN).join(SEPARATOR)
  }

  #add(key: string): Child {
    const full = this.#byKey.size >= MAX_SERIES
    const name = full ? this.#labels.map(() => OVERFLOW).join(SEPARATOR) : key
    const child = this.#byKey.get(name) ?? this.#make()
    this.#byKey.set(name, child)
    return child
  }

  *series(): Generator<readonly [Record<string, string>, Child]> {
    for (const [key, child] of this.#byKey) {
      const values = key.split(SEPARATOR)
      yield [Object.fromEntries(this.#labels.map((name, i) => [name, values[i] ?? UNKNOWN])), child]
    }
  }
}

interface NumberChild {
  value: number
}

/** Plain numbers behind a counter or a gauge; read on scrape. */
export class NumberCells implements Counter, Gauge {
  readonly #children: Children<NumberChild>

  constructor(definition: MetricDefinition) {
    this.#children = new Children(definition, () => ({ value: 0 }))
  }

  /** HOT PATH: one map look-up and one addition; what is no positive number is not counted. */
  add(amount: number, labels?: Labels): void {
    if (amount > 0 && amount < Infinity) {
      this.#children.of(labels).value += amount
    }
  }

  set(value: number, labels?: Labels): void {
    if (Number.isFinite(value)) {
      this.#children.of(labels).value = value
    }
  }

  *series(): Generator<readonly [Record<string, string>, number]> {
    for (const [labels, { value }] of this.#children.series()) {
      yield [labels, value]
    }
  }
}

/** Observations of one series: how many fell into each bucket (not cumulative), their sum and their number. */
export interface HistogramChild {
  readonly counts: Float64Array
  sum: number
  count: number
}

/** Plain numbers behind a histogram; read on scrape. */
export class HistogramCells implements Histogram {
  readonly #children: Children<HistogramChild>
  readonly #buckets: Float64Array

  constructor(definition: MetricDefinition) {
    const size = definition.buckets.length
    this.#buckets = Float64Array.from(definition.buckets)
    this.#children = new Children(definition, () => ({ counts: new Float64Array(size), sum: 0, count: 0 }))
  }

  /** HOT PATH: as {@link NumberCells.add}, and a walk over the few buckets. */
  observe(value: number, labels?: Labels): void {
    if (!Number.isFinite(value)) {
      return
    }
    const child = this.#children.of(labels)
    child.sum += value
    child.count += 1
    const at = this.#buckets.findIndex((bound) => value <= bound)
    if (at >= 0) {
      child.counts[at] = (child.counts[at] ?? 0) + 1
    }
  }

  series(): Generator<readonly [Record<string, string>, HistogramChild]> {
    return this.#children.series()
  }
}
