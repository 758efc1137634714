import test from 'ava'
import { bannedUses, busyIndex, nodeGlobals, unwantedShapes } from './code-rules.js'
import { parse, sources, type SourceFile } from './source-tree.js'

const files = sources()

test('what has one home stays there', (t) => {
  t.deepEqual(files.flatMap(bannedUses), [])
})

test('no default export, enum, namespace or any', (t) => {
  t.deepEqual(files.flatMap(unwantedShapes), [])
})

test('index.ts only re-exports', (t) => {
  t.deepEqual(files.flatMap(busyIndex), [])
})

test('core, protocol and decoders use no global of Node', (t) => {
  t.deepEqual(files.flatMap(nodeGlobals), [])
})

const sees = test.macro({
  exec(t, rule: (file: SourceFile) => string[], path: string, text: string, count: number) {
    t.is(rule(parse(path, text)).length, count)
  },
  title: (_, rule: { readonly name: string }, path: string, text: string) =>
    `${rule.name}: ${text} in ${path}`,
})

for (const text of [
  'process.exit(1)',
  'Date.now()',
  'performance.now()',
  'setTimeout(f, 1)',
  'globalThis.setInterval(f)',
  'setImmediate(f)',
  'Math.random()',
  'console.log(1)',
  'process.env.X',
  'eval("1")',
  'const later = setTimeout',
  "import { setTimeout } from 'node:timers/promises'",
  'process.hrtime.bigint()',
]) {
  test(sees, bannedUses, 'src/server/x.ts', text, 1)
}
for (const text of [
  'clock.setTimeout(f)',
  'socket.setTimeout(0)',
  'const a = { console: 1 }',
  'interface A { eval(): void }',
  '// Date.now()',
  '"console.log"',
  'console.index',
  'x.process.exit()',
]) {
  test(sees, bannedUses, 'src/server/x.ts', text, 0)
}
test(sees, bannedUses, 'src/main.ts', 'process.exit(1)', 0)
test(sees, bannedUses, 'src/main.ts', 'Date.now()', 1)
test(sees, bannedUses, 'src/app/system-clock.ts', 'setTimeout(f, performance.now())', 0)
test(sees, bannedUses, 'src/cli/x.ts', 'process.env', 0)
test(sees, unwantedShapes, 'src/core/x.ts', 'export default 1', 1)
test(sees, unwantedShapes, 'src/core/x.ts', 'export default class A {}', 1)
test(sees, unwantedShapes, 'src/core/x.ts', 'export { a as default }', 1)
test(sees, unwantedShapes, 'src/core/x.ts', 'enum A { B }', 1)
test(sees, unwantedShapes, 'src/core/x.ts', 'namespace A {}', 1)
test(sees, unwantedShapes, 'src/core/x.ts', 'const a: any = 1', 1)
test(sees, unwantedShapes, 'src/core/x.ts', 'export const a = 1', 0)
test(sees, busyIndex, 'src/core/index.ts', 'export const a = 1', 1)
test(sees, busyIndex, 'src/core/index.ts', "export { a } from './a.js'", 0)
test(sees, nodeGlobals, 'src/core/x.ts', 'Buffer.from(a)', 1)
test(sees, nodeGlobals, 'src/codecs/lz/decode.ts', 'process.platform', 1)
test(sees, nodeGlobals, 'src/server/x.ts', 'Buffer.from(a)', 0)
