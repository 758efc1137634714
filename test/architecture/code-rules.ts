import ts from 'typescript'
import { isDecoder } from './import-rules.js'
import { lineOf, nodesOf, type SourceFile } from './source-tree.js'

interface Ban {
  readonly name: string
  readonly homes: readonly string[]
  readonly instead: string
}

/** `console` alone is also a word of QEMU, and a good name for a variable. */
const CONSOLE = [
  'log',
  'error',
  'warn',
  'info',
  'debug',
  'trace',
  'dir',
  'table',
  'assert',
  'time',
  'timeEnd',
]

const CLOCK = ['src/app/system-clock.ts']

/** What has one home, or none. A home that ends in `/` is a folder. */
const BANS: readonly Ban[] = [
  { name: 'process.exit', homes: ['src/main.ts'], instead: 'return to main.ts' },
  { name: 'process.exitCode', homes: ['src/main.ts'], instead: 'return to main.ts' },
  { name: 'process.abort', homes: [], instead: 'return to main.ts' },
  { name: 'process.env', homes: ['src/main.ts', 'src/cli/'], instead: 'use the configuration' },
  ...['Date.now', 'performance.now', 'process.hrtime', 'setTimeout', 'setInterval', 'setImmediate'].map(
    (name) => ({
      name,
      homes: CLOCK,
      instead: 'use the Clock of core',
    }),
  ),
  { name: 'Math.random', homes: [], instead: 'use node:crypto' },
  ...CONSOLE.map((name) => ({ name: `console.${name}`, homes: [], instead: 'use the Logger of core' })),
  { name: 'eval', homes: [], instead: 'build from closures' },
]

const isHome = (path: string, homes: readonly string[]): boolean =>
  homes.some((home) => (home.endsWith('/') ? path.startsWith(home) : path === home))

/** The name as it is used: `setTimeout`, `Date.now`; not a property, key or declaration of that name. */
const usedName = (node: ts.Node): string | undefined => {
  if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression)) {
    const base = node.expression.text
    return base === 'globalThis' ? node.name.text : `${base}.${node.name.text}`
  }
  if (!ts.isIdentifier(node)) {
    return undefined
  }
  const { parent } = node
  const isName =
    (ts.isPropertyAccessExpression(parent) && parent.name === node) ||
    ((ts.isPropertyAssignment(parent) ||
      ts.isMethodDeclaration(parent) ||
      ts.isPropertySignature(parent) ||
      ts.isMethodSignature(parent) ||
      ts.isPropertyDeclaration(parent)) &&
      parent.name === node)
  return isName ? undefined : node.text
}

/** Uses of what is banned. */
export const bannedUses = (file: SourceFile): string[] =>
  Array.from(nodesOf(file.tree)).flatMap((node) => {
    const name = usedName(node)
    const ban = BANS.find((each) => each.name === name)
    return ban === undefined || isHome(file.path, ban.homes)
      ? []
      : [`${file.path}:${lineOf(file, node)} uses ${ban.name}; ${ban.instead}`]
  })

const hasModifier = (node: ts.Node, kind: ts.SyntaxKind): boolean =>
  ts.canHaveModifiers(node) && ts.getModifiers(node)?.some((modifier) => modifier.kind === kind) === true

const shapeProblem = (node: ts.Node): string | undefined => {
  if (ts.isExportAssignment(node) || hasModifier(node, ts.SyntaxKind.DefaultKeyword)) {
    return 'has a default export'
  }
  if (ts.isExportSpecifier(node) && node.name.text === 'default') {
    return 'has a default export'
  }
  if (ts.isEnumDeclaration(node)) {
    return 'has an enum'
  }
  if (ts.isModuleDeclaration(node)) {
    return 'has a namespace'
  }
  return node.kind === ts.SyntaxKind.AnyKeyword ? 'has the type any' : undefined
}

/** Default exports, enums, namespaces, `any`. */
export const unwantedShapes = (file: SourceFile): string[] =>
  Array.from(nodesOf(file.tree)).flatMap((node) => {
    const problem = shapeProblem(node)
    return problem === undefined ? [] : [`${file.path}:${lineOf(file, node)} ${problem}`]
  })

/** An index.ts that does more than re-export. */
export const busyIndex = (file: SourceFile): string[] =>
  file.path.endsWith('/index.ts')
    ? file.tree.statements
        .filter((statement) => !ts.isExportDeclaration(statement) || statement.moduleSpecifier === undefined)
        .map((statement) => `${file.path}:${lineOf(file, statement)} does more than re-export`)
    : []

const NODE_GLOBALS = ['process', 'Buffer', 'global', '__dirname', '__filename', 'require']
const BROWSER_FOLDERS = ['src/core/', 'src/protocol/']

/** Globals of Node in what a web client runs, too. */
export const nodeGlobals = (file: SourceFile): string[] =>
  BROWSER_FOLDERS.some((folder) => file.path.startsWith(folder)) || isDecoder(file.path)
    ? Array.from(nodesOf(file.tree)).flatMap((node) =>
        ts.isIdentifier(node) && NODE_GLOBALS.includes(usedName(node) ?? '')
          ? [`${file.path}:${lineOf(file, node)} uses ${node.text}, which only Node has`]
          : [],
      )
    : []
