/** Labels come from closed sets: channel, direction, codec, source, reason code (style sheet B9). */
export type Labels = Readonly<Record<string, string>>

/** A number that only grows. */
export interface Counter {
  add(amount: number, labels?: Labels): void
}

/** A number that goes up and down. */
export interface Gauge {
  set(value: number, labels?: Labels): void
}

/** Counts observations, in the base unit of its name, into fixed buckets. */
export interface Histogram {
  observe(value: number, labels?: Labels): void
}

export const noCounter: Counter = { add: () => undefined }
export const noGauge: Gauge = { set: () => undefined }
export const noHistogram: Histogram = { observe: () => undefined }
