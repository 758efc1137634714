import { readdirSync, readFileSync } from 'node:fs'
import test from 'ava'
import { mutate, SeededRandom } from './mutate.js'
import type { Oracle } from './oracle.js'
import { ORACLES } from './registry.js'

const regressionsOf = ({ name }: Oracle): URL =>
  new URL(`../../../test/fuzz/regressions/${name}/`, import.meta.url)

const runs = (initial: number): number => Number(process.env['FUZZ_RUNS'] ?? initial)

/** Mutated seeds of an oracle: what a few seconds allow. */
const MUTATIONS: Readonly<Record<string, number>> = {
  'decode-any-message': 20_000,
  'decode-glz': 1500,
  'decode-jpeg': 1500,
  'decode-lz': 4000,
  'decode-lz4': 6000,
  'decode-quic': 600,
  'driven-clients': 1000,
  'whole-session': 1500,
}
const FEW_MUTATIONS = 3000

for (const oracle of ORACLES) {
  const mutations = MUTATIONS[oracle.name] ?? FEW_MUTATIONS
  const regressions = regressionsOf(oracle)
  const names = readdirSync(regressions).filter((name) => name.endsWith('.hex'))

  test(`${oracle.name} has regressions to replay`, (t) => {
    t.true(names.length > 0)
  })

  for (const name of names) {
    test(`${oracle.name} holds for regression ${name}`, (t) => {
      const digits = readFileSync(new URL(name, regressions), 'utf8').replaceAll(/\s/g, '')
      t.is(oracle.run(new Uint8Array(Buffer.from(digits, 'hex'))), name.startsWith('good-'))
    })
  }

  test(`${oracle.name} holds for its seeds`, (t) => {
    const good = oracle.seeds().filter((seed) => oracle.run(seed))
    t.true(good.length > 0)
  })

  test(`${oracle.name} holds for mutated seeds`, (t) => {
    const seeds = oracle.seeds()
    const seed = Number(process.env['FUZZ_SEED'] ?? 1)
    const random = new SeededRandom(seed)
    let good = 0
    for (let run = 0; run < runs(mutations); run++) {
      const input = mutate(seeds[random.next(seeds.length)]!, seeds[random.next(seeds.length)]!, random)
      try {
        good += Number(oracle.run(input))
      } catch (error) {
        t.log(`seed ${seed}, run ${run}, add to the regressions: ${Buffer.from(input).toString('hex')}`)
        throw error
      }
    }
    t.true(good > 0 && good < runs(mutations), `${good} good inputs`)
  })
}
