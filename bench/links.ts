// The scene of bench/slow-line.ts on lines of every rate and distance, with the sidecar and with the SPICE server that is
// built into QEMU: key to pixel and bytes, as a table. `--help` tells the options.
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { linksPicture, type Bar } from './links-picture.js'
import { oneTurn, SERVERS, type Scene, type ServerName, type Turn } from './slow-line.js'
import { median, quantile, short, table } from './statistics.js'

const HELP = `Times key presses on lines of every rate and distance; the scene is that of slow-line.

  --presses N    key presses timed on each line in each round (20)
  --seconds N    at most so long on each line in each round, but for a few presses (60)
  --rounds N     rounds, each with both servers in turn (1)
  --mbit LIST    megabits a second each way (100,10,1)
  --ms LIST      round trips in milliseconds (1,80,200)
  --lines N      lines of text a second (20)
  --flag TEXT    a flag for the sidecar, as --flag=--name=value; can be given again
  --svg FILE     writes a picture of the medians, too
`

interface Line {
  readonly mbit: number
  readonly ms: number
}

interface Cell {
  readonly line: Line
  readonly turns: Record<ServerName, Turn[]>
  /** What went wrong, by server: the reference may need longer for a press than anybody waits. */
  readonly failed: Partial<Record<ServerName, string>>
}

const numbers = (text: string): number[] => text.split(',').map(Number)

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      presses: { type: 'string', default: '20' },
      seconds: { type: 'string', default: '60' },
      rounds: { type: 'string', default: '1' },
      mbit: { type: 'string', default: '100,10,1' },
      ms: { type: 'string', default: '1,80,200' },
      lines: { type: 'string', default: '20' },
      flag: { type: 'string', multiple: true, default: [] },
      svg: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    console.log(HELP)
    return
  }
  const scene = {
    presses: Number(values.presses),
    mostSeconds: Number(values.seconds),
    busy: `term 640 0 640 800 ${Number(values.lines)} 0`,
    flags: values.flag,
  }
  const cells: Cell[] = []
  for (const mbit of numbers(values.mbit)) {
    for (const ms of numbers(values.ms)) {
      cells.push(await onLine({ mbit, ms }, scene, Number(values.rounds)))
    }
  }
  report(cells)
  if (values.svg !== undefined) {
    writeFileSync(values.svg, linksPicture(cells.map(barOf)))
  }
  if (cells.some(({ failed }) => failed.sidecar !== undefined)) {
    process.exitCode = 1
  }
}

async function onLine(line: Line, scene: Omit<Scene, 'shape'>, rounds: number): Promise<Cell> {
  const cell: Cell = { line, turns: { 'built-in': [], sidecar: [] }, failed: {} }
  const shape = { delayMs: line.ms / 2, bitsPerSecond: line.mbit * 1e6 }
  for (let round = 0; round < rounds; round++) {
    for (const name of round % 2 === 0 ? SERVERS : SERVERS.toReversed()) {
      try {
        cell.turns[name].push(await oneTurn(name, { ...scene, shape }))
      } catch (error) {
        cell.failed[name] = String(error).split('\n', 1)[0]!
      }
      console.error(`${titleOf(line)}, round ${round + 1}, ${name}: ${cell.failed[name] ?? 'done'}`)
    }
  }
  return cell
}

const titleOf = ({ mbit, ms }: Line): string => `${mbit} Mbit/s, ${ms} ms`

const presses = (turns: readonly Turn[]): number[] => turns.flatMap(({ times }) => times)

/** NaN where there is nothing. */
const FIGURES: readonly (readonly [string, (of: readonly Turn[]) => number])[] = [
  ['median ms', (of) => quantile(presses(of), 0.5)],
  ['p99 ms', (of) => quantile(presses(of), 0.99)],
  ['KB/s', (of) => median(of.map(({ bytesPerSecond }) => bytesPerSecond / 1000))],
  ['behind s', (of) => median(of.map(({ behindSeconds }) => behindSeconds))],
]

function report(cells: readonly Cell[]): void {
  const rows = [['', ...FIGURES.flatMap(([name]) => [`built-in ${name}`, 'sidecar', 'ratio'])]]
  for (const { line, turns } of cells) {
    const values = FIGURES.flatMap(([, figure]) => {
      const [theirs, ours] = [figure(turns['built-in']), figure(turns.sidecar)]
      return [short(theirs), short(ours), short(ours / theirs)]
    })
    rows.push([titleOf(line), ...values])
  }
  console.log(table(rows))
  console.log('\nKey to pixel, bytes of the display channel, time to catch up; ratio: sidecar to built-in.')
  console.log('Every last picture was verified. A dash: no turn came to its end.')
  for (const { line, failed } of cells) {
    for (const [name, why] of Object.entries(failed)) {
      console.log(`${titleOf(line)}, ${name}: ${why}`)
    }
  }
}

const barOf = ({ line, turns }: Cell): Bar => ({
  title: titleOf(line),
  builtIn: quantile(presses(turns['built-in']), 0.5),
  sidecar: quantile(presses(turns.sidecar), 0.5),
})

await main()
