import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { mutate, SeededRandom } from './mutate.js'
import type { Oracle } from './oracle.js'
import { ORACLES } from './registry.js'

/** Inputs that are kept as further starting points, beside the seeds. */
const CORPUS_MAX = 2000
/** An input that takes longer than this is reported as a crash is. */
const SLOW_MS = 2000
const DIRECTORY = 'cache/fuzz'

/** What tells one fault from another: the text, without numbers, and where it was thrown. */
const faultOf = (error: unknown): string => {
  const [text = '', ...frames] = (
    error instanceof Error ? (error.stack ?? error.message) : String(error)
  ).split('\n')
  const where = frames.find((frame) => frame.includes('/build')) ?? ''
  return `${text.replaceAll(/\d+/g, 'N')} ${where.trim()}`
}

const save = (oracle: Oracle, input: Uint8Array): string => {
  const directory = `${DIRECTORY}/${oracle.name}`
  mkdirSync(directory, { recursive: true })
  const digits = Buffer.from(input).toString('hex')
  const path = `${directory}/${createHash('sha256').update(input).digest('hex').slice(0, 12)}.hex`
  writeFileSync(path, `${digits.replaceAll(/.{100}/g, '$&\n')}\n`)
  return path
}

const failsLike = (oracle: Oracle, input: Uint8Array, fault: string): boolean => {
  try {
    oracle.run(input)
    return false
  } catch (error) {
    return faultOf(error) === fault
  }
}

/** A shorter input with the same fault: cuts out ever smaller pieces. */
const shrink = (oracle: Oracle, input: Uint8Array, fault: string): Uint8Array => {
  let best = input
  for (let size = best.length >> 1; size > 0; size >>= 1) {
    for (let at = 0; at + size <= best.length;) {
      const shorter = Uint8Array.from([...best.subarray(0, at), ...best.subarray(at + size)])
      if (failsLike(oracle, shorter, fault)) {
        best = shorter
      } else {
        at += size
      }
    }
  }
  return best
}

const fuzz = (oracle: Oracle, seconds: number, seed: number): number => {
  const random = new SeededRandom(seed)
  const corpus = [...oracle.seeds()]
  const seeds = corpus.length
  const faults = new Set<string>()
  const startMs = performance.now()
  let runs = 0
  let good = 0
  while (performance.now() - startMs < seconds * 1000) {
    const base = corpus[random.next(corpus.length)]!
    const other = corpus[random.next(corpus.length)]!
    const input = runs < seeds ? corpus[runs]! : mutate(base, other, random)
    runs += 1
    const beforeMs = performance.now()
    try {
      if (oracle.run(input)) {
        good += 1
        if (random.next(8) === 0) {
          corpus[corpus.length < seeds + CORPUS_MAX ? corpus.length : seeds + random.next(CORPUS_MAX)] = input
        }
      }
    } catch (error) {
      const fault = faultOf(error)
      if (!faults.has(fault)) {
        faults.add(fault)
        const path = save(oracle, shrink(oracle, input, fault))
        console.log(`${oracle.name}: run ${runs} of seed ${seed}: ${path}\n  ${fault}`)
      }
    }
    const tookMs = performance.now() - beforeMs
    if (tookMs > SLOW_MS && !faults.has('slow')) {
      faults.add('slow')
      console.log(`${oracle.name}: ${Math.round(tookMs)} ms for one input: ${save(oracle, input)}`)
    }
  }
  const took = (performance.now() - startMs) / 1000
  const rate = Math.round(runs / took)
  console.log(`${oracle.name}: ${runs} runs, ${rate} a second, ${good} good inputs, ${faults.size} faults`)
  return faults.size
}

const [name = 'all', seconds = '60', seed = '1'] = process.argv.slice(2)
const chosen = ORACLES.filter((oracle) => name === 'all' || oracle.name === name)
if (chosen.length === 0 || !(Number(seconds) > 0) || !Number.isInteger(Number(seed))) {
  console.error(`usage: run.js [all|${ORACLES.map((one) => one.name).join('|')}] [seconds each] [seed]`)
  process.exitCode = 64
} else {
  const faults = chosen.map((oracle) => fuzz(oracle, Number(seconds), Number(seed)))
  process.exitCode = faults.some((count) => count > 0) ? 1 : 0
}
