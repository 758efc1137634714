import { readdirSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import ts from 'typescript'

/** A TypeScript file by its path in the repository, such as `src/core/bytes.ts`. */
export interface SourceFile {
  readonly path: string
  readonly tree: ts.SourceFile
}

/** One import; `target` is a path in the repository, or the name of a module for what is not relative. */
export interface Import {
  readonly from: string
  readonly line: number
  readonly target: string
  readonly relative: boolean
  /** `import type`: gone at run time. */
  readonly typeOnly: boolean
  /** The entry of a thread: loaded there, not here. */
  readonly worker: boolean
}

/** Tests run in the root of the repository. */
export const ROOT = process.cwd()

const SKIPPED = /^(?:node_modules|build.*|cache|\.git|coverage)$/

/** Paths of all files below `folder` that belong to the repository, sorted. */
export const filesBelow = (folder: string, endings: readonly string[] = ['']): string[] =>
  readdirSync(join(ROOT, folder), { withFileTypes: true })
    .flatMap((entry) => {
      const path = posix.join(folder, entry.name)
      if (entry.isDirectory()) {
        return SKIPPED.test(entry.name) ? [] : filesBelow(path, endings)
      }
      return entry.isFile() && endings.some((ending) => entry.name.endsWith(ending)) ? [path] : []
    })
    .sort()

export const parse = (path: string, text: string): SourceFile => ({
  path,
  tree: ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true),
})

/** AssemblyScript, which only looks like TypeScript. */
const KERNELS = 'src/kernels/assembly/'

/** Every TypeScript file of `src`. */
export const sources = (): SourceFile[] =>
  filesBelow('src', ['.ts'])
    .filter((path) => !path.startsWith(KERNELS))
    .map((path) => parse(path, readFileSync(join(ROOT, path), 'utf8')))

export const lineOf = ({ tree }: SourceFile, node: ts.Node): number =>
  tree.getLineAndCharacterOfPosition(node.getStart(tree)).line + 1

/** Every node of a file, in order. */
export function* nodesOf(node: ts.Node): Generator<ts.Node> {
  yield node
  for (const child of node.getChildren()) {
    yield* nodesOf(child)
  }
}

const literalText = (node: ts.Node | undefined): string | undefined =>
  node !== undefined && ts.isStringLiteralLike(node) ? node.text : undefined

/** `new URL('./worker.js', import.meta.url)`: how a worker thread is started. */
const workerOf = (node: ts.Node): string | undefined => {
  if (!ts.isNewExpression(node) || node.expression.getText() !== 'URL') {
    return undefined
  }
  const [path, base] = node.arguments ?? []
  const text = base?.getText() === 'import.meta.url' ? literalText(path) : undefined
  return text?.endsWith('.js') === true ? text : undefined
}

interface Specifier {
  readonly text: string
  readonly typeOnly: boolean
  readonly worker: boolean
}

const specifierOf = (node: ts.Node): Specifier | undefined => {
  const worker = workerOf(node)
  if (worker !== undefined) {
    return { text: worker, typeOnly: false, worker: true }
  }
  let text: string | undefined
  let typeOnly = false
  if (ts.isImportDeclaration(node)) {
    text = literalText(node.moduleSpecifier)
    typeOnly = node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword
  } else if (ts.isExportDeclaration(node)) {
    text = literalText(node.moduleSpecifier)
    typeOnly = node.isTypeOnly
  } else if (ts.isImportTypeNode(node)) {
    text = ts.isLiteralTypeNode(node.argument) ? literalText(node.argument.literal) : undefined
    typeOnly = true
  } else if (ts.isCallExpression(node)) {
    const dynamic = node.expression.kind === ts.SyntaxKind.ImportKeyword
    const builtin = /^(?:process\.getBuiltinModule|(?:createRequire\(import\.meta\.url\)|require))$/.test(
      node.expression.getText(),
    )
    text = dynamic || builtin ? literalText(node.arguments[0]) : undefined
  }
  return text === undefined ? undefined : { text, typeOnly, worker: false }
}

/** All imports of a file, static, dynamic, of types, and of workers. */
export const importsOf = (file: SourceFile): Import[] =>
  Array.from(nodesOf(file.tree)).flatMap((node) => {
    const found = specifierOf(node)
    if (found === undefined) {
      return []
    }
    const relative = found.text.startsWith('.')
    const target = relative
      ? posix.join(posix.dirname(file.path), found.text).replace(/\.js$/, '.ts')
      : found.text
    return [
      {
        from: file.path,
        line: lineOf(file, node),
        target,
        relative,
        typeOnly: found.typeOnly,
        worker: found.worker,
      },
    ]
  })
