/**
 * Compiles every kernel of `src/kernels/assembly` (AssemblyScript) to `build/src/kernels/NAME.wasm`. A kernel newer than all
 * sources is left as it is. Node runs this file as it is, without a compiler.
 *
 * usage: node scripts/build-kernels.ts [--out DIR]
 *   --out DIR  the build folder, default `build`
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

const root = join(import.meta.dirname, '..')
const { values } = parseArgs({ options: { out: { type: 'string', default: 'build' } } })

const sources = join(root, 'src', 'kernels', 'assembly')
const target = join(root, values.out, 'src', 'kernels')

/** Run as a program: the types of its library change those of the language's own arrays. */
const COMPILER = join(root, 'node_modules', 'assemblyscript', 'bin', 'asc.js')

/** Files that a kernel may include: changes to them rebuild all. */
const SHARED_PREFIX = '_'

const FLAGS = [
  '--runtime',
  'stub',
  '--noAssert',
  '--optimizeLevel',
  '3',
  '--shrinkLevel',
  '0',
  '--enable',
  'simd',
  '--importMemory',
  '--use',
  'abort=',
]

/** Kernels whose memory other threads see. */
const SHARED = new Set(['picture.ts'])
const SHARED_FLAGS = ['--enable', 'threads', '--sharedMemory', '--maximumMemory', '65536']

const modified = (path: string): number => (existsSync(path) ? statSync(path).mtimeMs : 0)

const files = readdirSync(sources).filter((name) => name.endsWith('.ts') && name !== 'tsconfig.json')
const shared = Math.max(
  modified(import.meta.filename),
  ...files.filter((name) => name.startsWith(SHARED_PREFIX)).map((name) => modified(join(sources, name))),
)
const stale = files
  .filter((name) => !name.startsWith(SHARED_PREFIX))
  .map((file) => ({ file, wasm: join(target, file.replace(/\.ts$/, '.wasm')) }))
  .filter(({ file, wasm }) => modified(wasm) <= Math.max(shared, modified(join(sources, file))))

if (stale.length > 0) {
  mkdirSync(target, { recursive: true })
  for (const { file, wasm } of stale) {
    const flags = [...FLAGS, ...(SHARED.has(file) ? SHARED_FLAGS : [])]
    const { status } = spawnSync(process.execPath, [COMPILER, join(sources, file), '--outFile', wasm, ...flags], {
      stdio: 'inherit',
    })
    if (status !== 0) {
      console.error(`${file} does not compile`)
      process.exitCode = 1
    }
  }
}
