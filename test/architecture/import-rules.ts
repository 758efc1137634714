import { posix } from 'node:path'
import type { Import } from './source-tree.js'

interface Row {
  readonly may: readonly string[]
  /** Only with `import type`. */
  readonly types?: readonly string[]
}

/** DESIGN.md section 3; a folder that is not here has no place in the product. */
export const IMPORT_TABLE: Readonly<Record<string, Row | 'everything'>> = {
  core: { may: [] },
  host: { may: ['core'] },
  kernels: { may: ['core'] },
  protocol: { may: ['core'] },
  config: { may: ['core'] },
  metrics: { may: ['core'] },
  qmp: { may: ['core', 'host'] },
  'qemu-io': { may: ['core', 'host', 'kernels'] },
  codecs: { may: ['core', 'host', 'kernels'] },
  display: { may: ['core', 'protocol', 'kernels'], types: ['codecs'] },
  render: { may: ['core', 'host', 'display', 'codecs'] },
  'gpu-bridge': { may: ['core', 'host', 'kernels', 'codecs', 'display', 'qemu-io'] },
  devices: { may: ['core', 'host', 'protocol', 'qemu-io'], types: ['codecs'] },
  channels: { may: ['core', 'protocol', 'display'], types: ['codecs', 'devices'] },
  server: { may: ['core', 'host', 'protocol', 'channels'], types: ['display', 'devices'] },
  migration: { may: ['core', 'protocol'], types: ['qmp', 'channels', 'server'] },
  admin: { may: ['core'], types: ['server', 'migration'] },
  app: 'everything',
  cli: 'everything',
  'main.ts': 'everything',
}

/** `src/core/bytes.ts` is in `core`; `src/main.ts` is a row of its own. */
const folderOf = (path: string): string => path.split('/')[1] ?? ''

const show = ({ from, line, target }: Import): string => `${from}:${line} imports ${target}`

/** Imports that the table does not allow. */
export const againstTable = (imports: readonly Import[]): string[] =>
  imports
    .filter(({ relative }) => relative)
    .flatMap((each) => {
      const from = folderOf(each.from)
      const to = folderOf(each.target)
      const row = IMPORT_TABLE[from]
      if (row === undefined) {
        return [`${each.from}: the folder ${from} is not in the import table`]
      }
      if (!each.target.startsWith('src/')) {
        return [`${show(each)}, which is outside of src`]
      }
      if (row === 'everything' || from === to || row.may.includes(to)) {
        return []
      }
      if (row.types?.includes(to) !== true) {
        return [`${show(each)}: ${from} may not import ${to}`]
      }
      return each.typeOnly ? [] : [`${show(each)}: ${from} may import only types of ${to}; write import type`]
    })

/** The subfolder a file is in: `src/channels/main` for `src/channels/main/channel.ts`. */
const subfolderOf = (path: string): string | undefined => {
  const parts = path.split('/')
  return parts.length > 3 ? parts.slice(0, 3).join('/') : undefined
}

/** Imports into a sibling subfolder past its `index.ts`. */
export const pastIndex = (imports: readonly Import[]): string[] =>
  imports
    .filter(({ from, target, relative }) => {
      const there = subfolderOf(target)
      return (
        relative &&
        there !== undefined &&
        there !== subfolderOf(from) &&
        subfolderOf(from) !== undefined &&
        folderOf(from) === folderOf(target) &&
        target !== `${there}/index.ts`
      )
    })
    .map((each) => `${show(each)}: use the index.ts of ${subfolderOf(each.target) ?? ''}`)

/** Circles of imports that exist at run time, each once. */
export const circles = (imports: readonly Import[]): string[] => {
  const next = new Map<string, string[]>()
  for (const { from, target, relative, typeOnly, worker } of imports) {
    if (relative && !typeOnly && !worker) {
      next.set(from, [...(next.get(from) ?? []), target])
    }
  }
  const done = new Set<string>()
  const path: string[] = []
  const found: string[] = []
  const visit = (file: string): void => {
    const at = path.indexOf(file)
    if (at >= 0) {
      found.push(`import circle: ${[...path.slice(at), file].join(' -> ')}`)
    } else if (!done.has(file)) {
      path.push(file)
      next.get(file)?.forEach(visit)
      path.pop()
      done.add(file)
    }
  }
  ;[...next.keys()].sort().forEach(visit)
  return found
}

/** Relative imports of files that are not there. */
export const missing = (imports: readonly Import[], paths: ReadonlySet<string>): string[] =>
  imports
    .filter(({ relative, target }) => relative && !paths.has(target))
    .map((each) => `${show(each)}, which is not there`)

const PURE_FOLDERS = ['core', 'protocol', 'display', 'channels']

export const isDecoder = (path: string): boolean =>
  path.startsWith('src/codecs/') && posix.basename(path).includes('decode')

/** Must run in a browser or under a property test without a fake: nothing but our own files. */
export const isPure = (path: string): boolean => PURE_FOLDERS.includes(folderOf(path)) || isDecoder(path)

/** Modules of Node and npm packages that a pure file reaches, itself or through files of `codecs` it imports. */
export const impure = (imports: readonly Import[]): string[] => {
  const byFile = new Map<string, Import[]>()
  for (const each of imports) {
    byFile.set(each.from, [...(byFile.get(each.from) ?? []), each])
  }
  const outside = (file: string, seen: Set<string>): Import[] => {
    if (seen.has(file)) {
      return []
    }
    seen.add(file)
    return (byFile.get(file) ?? [])
      .filter(({ typeOnly }) => !typeOnly)
      .flatMap((each) => (each.relative ? outside(each.target, seen) : [each]))
  }
  return [...byFile.keys()]
    .filter(isPure)
    .flatMap((file) =>
      outside(file, new Set()).map(
        (each) => `${show(each)}${each.from === file ? '' : `, which ${file} reaches`}: not in pure code`,
      ),
    )
}
