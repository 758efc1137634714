import { readFileSync, readdirSync } from 'node:fs'
import test from 'ava'
import { mutate, SeededRandom } from './mutate.js'
import { decodeLz4Oracle as oracle } from './oracles/decode-lz4.js'

const REGRESSIONS = new URL('../../../test/fuzz/regressions/decode-lz4/', import.meta.url)
const MUTATIONS = 6000

const names = readdirSync(REGRESSIONS).filter((name) => name.endsWith('.hex'))

test('there are regressions to replay', (t) => {
  t.true(names.length > 0)
})

for (const name of names) {
  test(`decode-lz4 holds for regression ${name}`, (t) => {
    const bytes = Buffer.from(readFileSync(new URL(name, REGRESSIONS), 'utf8').replaceAll(/\s/g, ''), 'hex')
    t.true(bytes.length > 0)
    t.is(oracle.run(new Uint8Array(bytes)), name.startsWith('image-'))
  })
}

test('decode-lz4 holds for its seeds, which are all good', (t) => {
  t.true(oracle.seeds().every((seed) => oracle.run(seed)))
})

test('decode-lz4 holds for mutated seeds', (t) => {
  const seeds = oracle.seeds()
  const seed = Number(process.env['FUZZ_SEED'] ?? 1)
  const runs = Number(process.env['FUZZ_RUNS'] ?? MUTATIONS)
  const random = new SeededRandom(seed)
  let images = 0
  for (let run = 0; run < runs; run++) {
    const input = mutate(seeds[random.next(seeds.length)]!, seeds[random.next(seeds.length)]!, random)
    try {
      images += Number(oracle.run(input))
    } catch (error) {
      t.log(`seed ${seed}, run ${run}, add to the regressions: ${Buffer.from(input).toString('hex')}`)
      throw error
    }
  }
  t.true(images > 0 && images < runs, `${images} images in ${runs} inputs`)
})
