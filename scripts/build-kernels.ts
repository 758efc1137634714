/**
 * Compiles every kernel of `src/kernels/assembly` (AssemblyScript) to `build/src/kernels/NAME.wasm`. A kernel newer than all
 * sources is left as it is. Node runs this file as it is, without a compiler.
 *
 * usage: node scripts/build-kernels.ts [--out DIR]
 *   --out DIR  the build folder, default `build`
 */
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

const root = join(import.meta.dirname, '..')
const { values } = parseArgs({ options: { out: { type: 'string', default: 'build' } } })

const sources = join(root, 'src', 'kernels', 'assembly')
const target = join(root, values.out, 'src', 'kernels')

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
  const asc = await import('assemblyscript/asc')
  for (const { file, wasm } of stale) {
    let words = ''
    const stderr = { write: (chunk: string | Uint8Array) => void (words += String(chunk)) }
    const { error } = await asc.main([join(sources, file), '--outFile', wasm, ...FLAGS], { stderr })
    if (error !== null) {
      console.error(`${file} does not compile:\n${words}`)
      process.exitCode = 1
    }
  }
}
