import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { readTicketFile } from '../../../src/config/index.js'
import { SidecarError } from '../../../src/core/errors.js'

const folder = mkdtempSync(join(tmpdir(), 'spice-sidecar-test-'))
test.after.always(() => rmSync(folder, { recursive: true }))

let count = 0
const fileWith = (content: string | Uint8Array, mode = 0o600): string => {
  const path = join(folder, `ticket-${count++}`)
  writeFileSync(path, content)
  chmodSync(path, mode)
  return path
}

const textIn = (content: string | Uint8Array, mode?: number): string | undefined => {
  const ticket = readTicketFile(fileWith(content, mode))
  return ticket === undefined ? undefined : Buffer.from(ticket).toString()
}

const CONFIG = { instanceOf: SidecarError, code: 'SIDECAR_CONFIG' } as const

test('the first line without its end', (t) => {
  t.is(textIn('secret'), 'secret')
  t.is(textIn('secret\n'), 'secret')
  t.is(textIn('secret\r\nmore\n'), 'secret')
  t.is(textIn(' a b \nx'), ' a b ')
  t.is(textIn('secret', 0o400), 'secret')
})

test('an empty first line locks', (t) => {
  t.is(textIn(''), undefined)
  t.is(textIn('\nsecret\n'), undefined)
  t.is(textIn('\r\n'), undefined)
})

test('60 bytes are the most, in bytes and not in characters', (t) => {
  t.is(textIn('x'.repeat(60))?.length, 60)
  t.is(textIn('ä'.repeat(30) + '\n')?.length, 30)
  t.throws(() => textIn('x'.repeat(61)), { ...CONFIG, message: /longer than 60 bytes/ })
  t.throws(() => textIn('ä'.repeat(31)), CONFIG)
  t.throws(() => textIn('x'.repeat(100_000)), CONFIG)
})

test('a zero byte is refused: a client would end the ticket there', (t) => {
  t.throws(() => textIn(Uint8Array.of(65, 0, 66)), { ...CONFIG, message: /zero byte/ })
})

for (const mode of [0o440, 0o640]) {
  test(`a ticket file of mode ${mode.toString(8)} is good, as Kubernetes mounts it with fsGroup`, (t) => {
    t.is(textIn('secret', mode), 'secret')
  })
}

for (const mode of [0o604, 0o660, 0o644, 0o601, 0o620, 0o650]) {
  test(`N-K8S-05: a ticket file of mode ${mode.toString(8)} is refused`, (t) => {
    const error = t.throws(() => textIn('topsecret', mode), {
      ...CONFIG,
      message: /open to others/,
    })
    t.true(error.message.includes(mode.toString(8)))
    t.false(error.message.includes('topsecret'))
  })
}

test('what is no readable regular file is refused', (t) => {
  t.throws(() => readTicketFile(join(folder, 'none')), { ...CONFIG, message: /cannot be read: ENOENT/ })
  t.throws(() => readTicketFile(folder), { ...CONFIG, message: /not a regular file/ })
  t.throws(() => readTicketFile('/dev/zero'), { ...CONFIG, message: /not a regular file/ })
})

test('a symbolic link counts as the file it names, as in a Secret volume', (t) => {
  const link = join(folder, 'link')
  symlinkSync(fileWith('secret'), link)
  t.is(Buffer.from(readTicketFile(link) ?? []).toString(), 'secret')
  const open = join(folder, 'open-link')
  symlinkSync(fileWith('secret', 0o644), open)
  t.throws(() => readTicketFile(open), CONFIG)
})
