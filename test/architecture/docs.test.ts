import { existsSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import test from 'ava'
import { generatedDocs } from '../../scripts/generate-docs.js'
import { filesBelow, ROOT } from './source-tree.js'

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')

const withoutCode = (text: string): string =>
  text.replace(/^(```|~~~)[\s\S]*?^\1/gm, '').replace(/`[^`\n]*`/g, '')

/** The anchor that a heading gets: GitHub's rule. */
const anchorsOf = (text: string): Set<string> => {
  const seen = new Map<string, number>()
  const anchors = [...text.replace(/^(```|~~~)[\s\S]*?^\1/gm, '').matchAll(/^#+ +(.*)$/gm)].map(
    ([, heading = '']) => {
      const anchor = heading
        .trim()
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(' ', '-')
      const times = seen.get(anchor) ?? 0
      seen.set(anchor, times + 1)
      return times === 0 ? anchor : `${anchor}-${times}`
    },
  )
  return new Set(anchors)
}

const deadLinks = (path: string, text: string): string[] => {
  const targets = [
    ...[...withoutCode(text).matchAll(/\]\(<?([^)\s>]+)>?(?: "[^"]*")?\)/g)].map(([, target = '']) => target),
    ...[...withoutCode(text).matchAll(/^\[[^\]]+\]: +<?(\S+?)>?$/gm)].map(([, target = '']) => target),
  ]
  return targets
    .filter((target) => !/^[a-z][a-z+.-]*:/i.test(target))
    .flatMap((target) => {
      const [name = '', anchor] = target.split('#')
      const file = name === '' ? path : posix.join(posix.dirname(path), decodeURIComponent(name))
      if (name !== '' && !existsSync(join(ROOT, file))) {
        return [`${path}: ${target} is not there`]
      }
      const knows =
        anchor === undefined ||
        !file.endsWith('.md') ||
        anchorsOf(name === '' ? text : read(file)).has(anchor)
      return knows ? [] : [`${path}: ${target} has no such heading`]
    })
}

test('links between documents resolve', (t) => {
  t.deepEqual(
    filesBelow('.', ['.md']).flatMap((path) => deadLinks(path, read(path))),
    [],
  )
})

test('the check sees dead links', (t) => {
  const text =
    '# A b\n[x](none.md) [y](#a-b) [z](#c) [u](https://none.example) `[v](none.md)`\n\n[w]: none-either.md\n'
  t.deepEqual(deadLinks('docs/made-up.md', text), [
    'docs/made-up.md: none.md is not there',
    'docs/made-up.md: #c has no such heading',
    'docs/made-up.md: none-either.md is not there',
  ])
})

test('generated pages are up to date; npm run docs writes them', async (t) => {
  for (const [path, text] of await generatedDocs()) {
    t.is(existsSync(join(ROOT, path)) ? read(path) : '', text, path)
  }
})

/** Put together here, so that this file does not hold them itself. */
const MACHINE_PATHS = ['main', 'shared', '.library'].map((name) => ['', 'work', name].join('/'))
const FORBIDDEN = [...MACHINE_PATHS, ['', 'tmp', 'brief'].join('/'), ['', 'root', ''].join('/')]

const TEXT = [
  '.ts',
  '.js',
  '.mjs',
  '.json',
  '.md',
  '.yml',
  '.yaml',
  '.sh',
  '.toml',
  '.txt',
  '.c',
  '.h',
  '.py',
  '.service',
  '.vv',
]

const isText = (path: string): boolean => {
  const name = posix.basename(path)
  return TEXT.some((ending) => name.endsWith(ending)) || !name.slice(1).includes('.')
}

test('no file names a path of the machine it was written on', (t) => {
  const found = filesBelow('.')
    .filter(isText)
    .flatMap((path) => {
      const text = read(path)
      return FORBIDDEN.filter((word) => text.includes(word)).map((word) => `${path} has ${word}`)
    })
  t.deepEqual(found, [])
})
