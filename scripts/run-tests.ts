/**
 * Builds, lints and runs the tests, shows each as it finishes, and ends with one line: `N passed, N failed`, followed by
 * `, N skipped` when there are any. Started by `scripts/test`; Node runs this file as it is.
 *
 * usage: node scripts/run-tests.ts [--fast | --e2e]
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const root = join(import.meta.dirname, '..')

interface Totals {
  passed: number
  readonly failed: string[]
  readonly skipped: string[]
}

const totals: Totals = { passed: 0, failed: [], skipped: [] }
let current: ChildProcess | undefined

const seconds = (since: number): string => `${((performance.now() - since) / 1000).toFixed(1)} s`

const say = (line: string): void => console.log(line)

const start = (command: string, args: readonly string[], output: 'inherit' | 'pipe'): ChildProcess => {
  current = spawn(command, args, { cwd: root, stdio: ['ignore', output, 'inherit'] })
  return current
}

const ended = (child: ChildProcess): Promise<number> =>
  new Promise((resolve) => {
    child.once('error', () => resolve(127))
    child.once('close', (code) => resolve(code ?? 1))
  })

/** A command that only succeeds or fails; a failure counts as one failed test. */
const check = async (name: string, command: string, args: readonly string[]): Promise<boolean> => {
  const since = performance.now()
  say(`\n# ${name}`)
  const code = await ended(start(command, args, 'inherit'))
  say(`# ${name}: ${code === 0 ? 'good' : `failed with ${code}`}, ${seconds(since)}`)
  if (code !== 0) {
    totals.failed.push(name)
  }
  return code === 0
}

const TEST_LINE = /^(ok|not ok) \d+(?: - (.*?))?(?: # (SKIP|TODO)\b ?(.*))?$/
/** What a test said with `t.log`; other comments are about hooks and totals. */
const LOG_LINE = /^#   /

/** Counts the results of one AVA run and shows them with the time since the result before. */
class Suite {
  readonly #files = new Map<string, { tests: number; ms: number }>()
  #last = performance.now()
  #failing = false

  line(line: string): void {
    const match = TEST_LINE.exec(line)
    if (match !== null) {
      this.#result(match[1] === 'ok', match[2] ?? 'a test without a title', match[3])
    } else if ((this.#failing && line.startsWith('  ')) || LOG_LINE.test(line)) {
      say(`        ${line}`)
    }
  }

  #result(ok: boolean, title: string, directive: string | undefined): void {
    const now = performance.now()
    const ms = now - this.#last
    this.#last = now
    const skipped = directive !== undefined
    this.#failing = !ok && !skipped
    const file = title.split(' › ').slice(0, -1).join(' › ')
    const entry = this.#files.get(file) ?? { tests: 0, ms: 0 }
    this.#files.set(file, { tests: entry.tests + 1, ms: entry.ms + ms })
    if (skipped) {
      totals.skipped.push(title)
    } else if (ok) {
      totals.passed++
    } else {
      totals.failed.push(title)
    }
    const state = skipped ? 'skip' : ok ? 'ok' : 'FAIL'
    say(`${state.padEnd(5)}${(ms / 1000).toFixed(1).padStart(6)} s  ${title}`)
  }

  summary(): void {
    for (const [file, { tests, ms }] of [...this.#files].sort((a, b) => b[1].ms - a[1].ms).slice(0, 12)) {
      say(
        `#   ${(ms / 1000).toFixed(1).padStart(6)} s  ${file === '' ? '(no file name)' : file}: ${tests} tests`,
      )
    }
  }
}

const suite = async (name: string, config: string): Promise<void> => {
  const since = performance.now()
  say(`\n# ${name}`)
  const failedBefore = totals.failed.length
  const child = start(join(root, 'node_modules/.bin/ava'), ['--config', config, '--tap'], 'pipe')
  const results = new Suite()
  const lines = createInterface({ input: child.stdout! })
  lines.on('line', (line) => results.line(line))
  const drained = new Promise<void>((resolve) => lines.once('close', resolve))
  const code = await ended(child)
  await drained
  if (code !== 0 && totals.failed.length === failedBefore) {
    totals.failed.push(`${name}: AVA ended with ${code}`)
  }
  say(`# ${name}: ${seconds(since)}; where the time went:`)
  results.summary()
}

/** A compiled file whose source is gone would still run. */
const removeStale = (folder: string): void => {
  const built = join(root, 'build', folder)
  for (const entry of existsSync(built) ? readdirSync(built, { withFileTypes: true }) : []) {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) {
      removeStale(path)
    } else if (/\.js(\.map)?$/.test(path) && !existsSync(join(root, path.replace(/\.js(\.map)?$/, '.ts')))) {
      rmSync(join(root, 'build', path))
    }
  }
}

const list = (title: string, names: readonly string[]): void => {
  if (names.length > 0) {
    say(`\n${title}`)
    names.forEach((name) => say(`  ${name}`))
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    totals.failed.push(`stopped by ${signal}`)
    current?.kill(signal)
  })
}

const only = process.argv[2]
const stopped = (): boolean => totals.failed.some((name) => name.startsWith('stopped by'))
for (const folder of ['src', 'test', 'bench', 'scripts']) {
  removeStale(folder)
}
if (await check('build', 'npm', ['run', '--silent', 'build'])) {
  if (only !== '--e2e' && !stopped()) {
    await check('lint', 'npm', ['run', '--silent', 'lint'])
  }
  if (only !== '--e2e' && !stopped()) {
    await suite('fast tests', 'ava.config.js')
  }
  if (only !== '--fast' && !stopped()) {
    await suite('end-to-end tests', 'ava.e2e.config.js')
  }
}
list('Skipped:', totals.skipped)
list('Failed:', totals.failed)
const skipped = totals.skipped.length > 0 ? `, ${totals.skipped.length} skipped` : ''
say(`\n${totals.passed} passed, ${totals.failed.length} failed${skipped}`)
process.exitCode = totals.failed.length > 0 || totals.passed === 0 ? 1 : 0
