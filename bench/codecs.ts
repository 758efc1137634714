// Speed and size of the image codecs beside their plain oracles and, where `bench/reference/build.sh` has built them, beside
// the C encoders of another SPICE server. Run it with `npm run bench:codecs`; `--help` lists the options.
//
// Every result is decoded and compared before anything is timed. All contestants run in one process, once per round in an
// order that rotates; a figure is the median of the ratios of the rounds, so that a busy machine moves all sides alike. Times
// are those that the thread has run, for the same reason.
import { parseArgs } from 'node:util'
import { CODECS, SIDES, type Codec } from './codecs-contestants.js'
import { frameReport } from './codecs-frames.js'
import { benchCrops, benchFrames, type Group } from './codecs-images.js'
import { libraryReport } from './codecs-libraries.js'
import { loadReference, REFERENCE_PATH } from './codecs-reference.js'
import { screenshots } from './codecs-screens.js'
import { geomean, greatest, least } from './codecs-timing.js'
import { megabytesPerSecond, ratiosOf, tryCodec, type Result } from './codecs-trial.js'
import { short, table } from './statistics.js'

const HELP = `Compares the image encoders with their plain TypeScript oracles and with C encoders.

  --reference PATH  library with the interface of bench/reference/shim.c (${REFERENCE_PATH})
  --rounds N        rounds (9)
  --codec LIST      of quic,lz,glz,glz-copy,jpeg,lz4,frame (all but glz-copy, whose times include the copy of the pixels)
  --only TEXT       only images whose name contains it
  --no-screens      no screenshots of real programs
  --no-oracle       without the plain encoders, which take most of the time
`

function detail(results: readonly Result[]): string {
  const rows = results.map((result) => {
    const ratios = ratiosOf(result)
    return [
      result.image.name,
      ...SIDES.map((side) => String(result.bytes[side] ?? '-')),
      ratios.bytes.toFixed(3),
      ...megabytesPerSecond(result),
      ...[ratios.kernelToC, ratios.oracleToC, ratios.kernelToOracle].map(short),
    ]
  })
  const head = ['', ...SIDES.map((side) => `${side} bytes`), 'bytes', ...SIDES.map((side) => `${side} MB/s`)]
  return table([[...head, 'kernel/C', 'oracle/C', 'kernel/oracle'], ...rows])
}

function summaryRow(name: string, results: readonly Result[]): string[] {
  const ratios = results.map(ratiosOf)
  const column = (pick: (ratio: (typeof ratios)[number]) => number): string[] => {
    const values = ratios.map(pick)
    return [short(geomean(values)), short(least(values))]
  }
  const bytes = ratios.map((ratio) => ratio.bytes)
  return [
    name,
    String(results.length),
    geomean(bytes).toFixed(3),
    greatest(bytes).toFixed(3),
    ...column((ratio) => ratio.kernelToC),
    ...column((ratio) => ratio.oracleToC),
    ...column((ratio) => ratio.kernelToOracle),
  ]
}

const SUMMARY_HEAD = [
  ...['', 'images', 'bytes', 'most'],
  ...['kernel/C', 'least', 'oracle/C', 'least', 'kernel/oracle', 'least'],
]

/** By group and by what is in the pictures; noise counts nowhere. */
function summary(results: ReadonlyMap<string, readonly Result[]>): string {
  const rows = [...results].flatMap(([group, all]) => {
    const list = all.filter(({ image }) => image.kind !== 'noise')
    const kinds = (['screen', 'natural'] as const)
      .map((kind) => [kind, list.filter(({ image }) => image.kind === kind)] as const)
      .filter(([, part]) => part.length > 0 && part.length < list.length)
    return list.length === 0
      ? []
      : [summaryRow(group, list), ...kinds.map(([kind, part]) => summaryRow(`  ${kind}`, part))]
  })
  return table([SUMMARY_HEAD, ...rows])
}

function runCodec(codec: Codec, groups: readonly Group[], rounds: number): void {
  console.log(`\n# ${codec.name}${codec.missing.length === 0 ? '' : `, without ${codec.missing.join(', ')}`}`)
  const results = new Map<string, readonly Result[]>()
  for (const { name, images } of groups) {
    const list = tryCodec(codec, images, rounds)
    if (list.length > 0) {
      console.log(`\n${name}\n${detail(list)}`)
      results.set(name, list)
    }
  }
  console.log(
    `\n${codec.name}: geometric means and extremes; more than 1 is faster, bytes below 1 are fewer\n${summary(results)}`,
  )
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    allowNegative: true,
    options: {
      reference: { type: 'string', default: REFERENCE_PATH },
      rounds: { type: 'string', default: '9' },
      codec: { type: 'string', default: 'quic,lz,glz,jpeg,lz4,frame' },
      only: { type: 'string', default: '' },
      screens: { type: 'boolean', default: true },
      oracle: { type: 'boolean', default: true },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(HELP)
    return
  }
  const rounds = Number(values.rounds)
  const wanted = values.codec.split(',')
  const reference = loadReference(values.reference)
  console.log(
    reference === undefined
      ? `no C reference: ${values.reference} is not there, bench/reference/build.sh makes it`
      : `C reference: ${values.reference}`,
  )
  const frames = benchFrames(values.only)
  const shots = values.screens ? await screenshots() : { images: [], note: 'no screenshots wanted' }
  console.log(shots.note)
  const groups: Group[] = [
    { name: 'frames', images: frames },
    { name: 'crops', images: benchCrops(frames) },
    { name: 'screenshots', images: shots.images.filter(({ name }) => name.includes(values.only)) },
  ]
  for (const name of Object.keys(CODECS) as (keyof typeof CODECS)[]) {
    if (wanted.includes(name)) {
      const codec = CODECS[name](reference)
      const contestants = codec.contestants.filter(({ side }) => values.oracle || side !== 'oracle')
      runCodec({ ...codec, contestants }, groups, rounds)
    }
  }
  await libraryReport(wanted, groups, rounds)
  if (wanted.includes('frame') && values.only === '') {
    frameReport(frames, rounds)
  }
}

await main()
