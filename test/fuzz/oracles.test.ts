import { readdirSync, readFileSync } from 'node:fs'
import test from 'ava'
import { mutate, SeededRandom } from './mutate.js'
import type { Oracle } from './oracle.js'
import { decodeAnyMessage } from './oracles/decode-any-message.js'
import { drivenClients } from './oracles/driven-clients.js'
import { framerStream } from './oracles/framer-stream.js'
import { linkStage } from './oracles/link-stage.js'
import { saslStage } from './oracles/sasl-stage.js'
import { wholeSession } from './oracles/whole-session.js'

const regressionsOf = ({ name }: Oracle): URL =>
  new URL(`../../../test/fuzz/regressions/${name}/`, import.meta.url)

const runs = (initial: number): number => Number(process.env['FUZZ_RUNS'] ?? initial)

for (const [oracle, mutations] of [
  [decodeAnyMessage, 20_000],
  [framerStream, 3000],
  [linkStage, 3000],
  [saslStage, 3000],
  [wholeSession, 1500],
  [drivenClients, 1000],
] as const) {
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
