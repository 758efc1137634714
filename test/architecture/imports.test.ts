import test from 'ava'
import { againstTable, circles, impure, missing, pastIndex } from './import-rules.js'
import { importsOf, parse, sources, type Import } from './source-tree.js'

const files = sources()
const imports = files.flatMap(importsOf)

const inFile = (path: string, text: string): Import[] => importsOf(parse(path, text))

test('there is something to look at', (t) => {
  t.true(files.length > 20)
  t.true(imports.length > files.length)
})

test('folders import what the table of the design allows', (t) => {
  t.deepEqual(againstTable(imports), [])
})

test('a subfolder imports its siblings through their index.ts', (t) => {
  t.deepEqual(pastIndex(imports), [])
})

test('there is no circle of imports', (t) => {
  t.deepEqual(circles(imports), [])
})

test('every relative import is a file of the tree', (t) => {
  t.deepEqual(missing(imports, new Set(files.map(({ path }) => path))), [])
})

test('core, protocol, display, channels and decoders need neither Node nor packages', (t) => {
  t.deepEqual(impure(imports), [])
})

test('the reader sees every way to import', (t) => {
  const text = `
    import { a } from './a.js'
    import type { B } from '../core/b.js'
    export * from './c.js'
    export type { D } from './d.js'
    const e = await import('./e.js')
    type F = import('./f.js').F
    new Worker(new URL('./g.js', import.meta.url))
    import { type H } from './h.js'
    process.getBuiltinModule('node:http')
    createRequire(import.meta.url)('yaml')
  `
  const found = inFile('src/app/x.ts', text).map(
    ({ target, typeOnly }) => `${target}${typeOnly ? ' (type)' : ''}`,
  )
  t.deepEqual(found, [
    'src/app/a.ts',
    'src/core/b.ts (type)',
    'src/app/c.ts',
    'src/app/d.ts (type)',
    'src/app/e.ts',
    'src/app/f.ts (type)',
    'src/app/g.ts',
    'src/app/h.ts',
    'node:http',
    'yaml',
  ])
})

const finds = test.macro({
  exec(
    t,
    rule: (imports: readonly Import[]) => string[],
    sourcesOf: Readonly<Record<string, string>>,
    pattern: RegExp,
  ) {
    const found = rule(Object.entries(sourcesOf).flatMap(([path, text]) => inFile(path, text)))
    t.is(found.length, 1)
    t.regex(found[0] ?? '', pattern)
  },
  title: (title = '') => `the rule sees ${title}`,
})

test(
  'a forbidden folder',
  finds,
  againstTable,
  { 'src/core/x.ts': "import { y } from '../host/y.js'" },
  /x\.ts:1 imports src\/host\/y\.ts: core may not import host/,
)
test(
  'a value where only types may come in',
  finds,
  againstTable,
  { 'src/display/x.ts': "import { y } from '../codecs/y.js'" },
  /only types of codecs/,
)
test(
  'an unknown folder',
  finds,
  againstTable,
  { 'src/utils/x.ts': "import { y } from './y.js'" },
  /not in the import table/,
)
test(
  'an import of a test',
  finds,
  againstTable,
  { 'src/app/x.ts': "import { y } from '../../test/y.js'" },
  /outside of src/,
)
test(
  'a way past index.ts',
  finds,
  pastIndex,
  { 'src/channels/main/x.ts': "import { y } from '../inputs/y.js'" },
  /use the index\.ts of src\/channels\/inputs/,
)
test(
  'a circle',
  finds,
  circles,
  {
    'src/core/a.ts': "import './b.js'",
    'src/core/b.ts': "import './c.js'",
    'src/core/c.ts': "import './a.js'",
  },
  /a\.ts -> .*b\.ts -> .*c\.ts -> .*a\.ts/,
)
test(
  'Node in pure code',
  finds,
  impure,
  { 'src/protocol/x.ts': "import { y } from 'node:fs'" },
  /imports node:fs: not in pure code/,
)
test(
  'Node behind a decoder',
  finds,
  impure,
  { 'src/codecs/lz/decode.ts': "import './y.js'", 'src/codecs/lz/y.ts': "import 'node:fs'" },
  /y\.ts:1 imports node:fs, which src\/codecs\/lz\/decode\.ts reaches/,
)

test('the rules let through what is right', (t) => {
  const good = [
    ...inFile('src/display/x.ts', "import type { y } from '../codecs/y.js'\nimport '../core/z.js'"),
    ...inFile(
      'src/channels/main/x.ts',
      "import { y } from '../inputs/index.js'\nimport '../channel.js'\nimport './own.js'",
    ),
    ...inFile('src/core/a.ts', "import type { B } from './b.js'"),
    ...inFile('src/core/b.ts', "import { a } from './a.js'"),
    ...inFile('src/main.ts', "import './server/index.js'"),
  ]
  t.deepEqual([...againstTable(good), ...pastIndex(good), ...circles(good), ...impure(good)], [])
})
