/** Times of one round, by kind; each kind has as many in each round. */
export type Round<K extends string> = readonly { readonly kind: K; readonly ms: number }[]

/** Places of sorted times, from 1; equal times share the mean of their places. */
const placesOf = (times: readonly number[]): number[] => {
  const sorted = times.toSorted((a, b) => a - b)
  return times.map((ms) => (sorted.indexOf(ms) + sorted.lastIndexOf(ms)) / 2 + 1)
}

/**
 * How far the places of each kind within its rounds are from those of blind chance, in standard deviations. It says
 * nothing of how long anything takes, and a machine that is slow for a while is slow for a whole round.
 */
export const rankDeviations = <K extends string>(rounds: readonly Round<K>[]): ReadonlyMap<K, number> => {
  const sums = new Map<K, number>()
  let variance = 0
  const kinds = new Set(rounds.flat().map(({ kind }) => kind))
  for (const round of rounds) {
    const places = placesOf(round.map(({ ms }) => ms))
    const size = round.length
    const each = size / kinds.size
    round.forEach(({ kind }, i) => {
      sums.set(kind, (sums.get(kind) ?? 0) + (places[i] ?? 0) - (size + 1) / 2)
    })
    variance += (each * (size - each) * (size + 1)) / 12
  }
  return new Map([...sums].map(([kind, sum]) => [kind, sum / Math.sqrt(variance)]))
}
