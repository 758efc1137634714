import test from 'ava'
import fc from 'fast-check'
import { LineSplitter } from '../../../src/qmp/line-splitter.js'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const text = (line: Uint8Array): string => new TextDecoder().decode(line)

const take = (splitter: LineSplitter, chunk: Uint8Array): string[] => {
  splitter.push(chunk)
  const lines: string[] = []
  for (let line = splitter.next(); line !== undefined; line = splitter.next()) {
    lines.push(text(line))
  }
  return lines
}

test('lines of one chunk come one by one and the rest waits', (t) => {
  const splitter = new LineSplitter(100)
  t.deepEqual(take(splitter, bytes('one\n\ntwo\nthr')), ['one', '', 'two'])
  t.is(splitter.waitingBytes, 3)
  t.deepEqual(take(splitter, bytes('ee\n')), ['three'])
  t.is(splitter.waitingBytes, 0)
})

test('a line of exactly the limit is taken, one more byte is refused before its end comes', (t) => {
  const splitter = new LineSplitter(8)
  t.deepEqual(take(splitter, bytes('12345678\n')), ['12345678'])
  t.deepEqual(take(splitter, bytes('1234')), [])
  t.throws(() => take(splitter, bytes('56789')), { code: 'SIDECAR_LIMIT' })
})

test('a long line that comes byte by byte is put together', (t) => {
  const splitter = new LineSplitter(200_000)
  const long = 'x'.repeat(100_000)
  for (const code of bytes(long)) {
    t.deepEqual(take(splitter, Uint8Array.of(code)).length, 0)
  }
  t.deepEqual(take(splitter, bytes('\nshort\n')), [long, 'short'])
})

test('bytes that were not taken are not overwritten', (t) => {
  const splitter = new LineSplitter(100)
  splitter.push(bytes('a\nb\n'))
  t.throws(() => splitter.push(bytes('c\n')), { code: 'SIDECAR_BUG' })
})

test('any split of the stream gives the same lines', (t) => {
  const line = fc.string({ maxLength: 40 }).map((value) => value.replaceAll('\n', ' '))
  fc.assert(
    fc.property(fc.array(line, { maxLength: 20 }), fc.array(fc.nat(30), { maxLength: 60 }), (lines, cuts) => {
      const stream = bytes(lines.map((value) => `${value}\n`).join(''))
      const splitter = new LineSplitter(400)
      const got: string[] = []
      let at = 0
      for (const size of cuts) {
        got.push(...take(splitter, stream.slice(at, at + size)))
        at += size
      }
      got.push(...take(splitter, stream.slice(at)))
      t.deepEqual(got, lines)
    }),
  )
})
