import { readFileSync, readdirSync } from 'node:fs'
import test from 'ava'
import { mutate, SeededRandom } from './mutate.js'
import { decodeGlz } from './oracles/decode-glz.js'

const REGRESSIONS = new URL('../../../test/fuzz/regressions/decode-glz/', import.meta.url)
const MUTATIONS = 1500

const names = readdirSync(REGRESSIONS).filter((name) => name.endsWith('.hex'))

test('there are regressions to replay', (t) => {
  t.true(names.length > 0)
})

for (const name of names) {
  test(`decode-glz holds for regression ${name}`, (t) => {
    const bytes = Buffer.from(readFileSync(new URL(name, REGRESSIONS), 'utf8').replaceAll(/\s/g, ''), 'hex')
    t.true(bytes.length > 0)
    t.is(decodeGlz.run(new Uint8Array(bytes)), name.startsWith('good-'))
  })
}

test('decode-glz holds for its seeds', (t) => {
  for (const seed of decodeGlz.seeds()) {
    t.true(decodeGlz.run(seed))
  }
})

test('decode-glz holds for mutated vectors', (t) => {
  const seeds = decodeGlz.seeds()
  const seed = Number(process.env['FUZZ_SEED'] ?? 1)
  const runs = Number(process.env['FUZZ_RUNS'] ?? MUTATIONS)
  const random = new SeededRandom(seed)
  let good = 0
  for (let run = 0; run < runs; run++) {
    const input = mutate(seeds[random.next(seeds.length)]!, seeds[random.next(seeds.length)]!, random)
    try {
      good += Number(decodeGlz.run(input))
    } catch (error) {
      t.log(`seed ${seed}, run ${run}, add to the regressions: ${Buffer.from(input).toString('hex')}`)
      throw error
    }
  }
  t.true(good > 0 && good < runs, `${good} good of ${runs} inputs`)
})
