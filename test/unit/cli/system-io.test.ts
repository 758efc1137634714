import {
  chmodSync,
  linkSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import test from 'ava'
import { systemIo } from '../../../src/cli/index.js'

const folder = mkdtempSync(join(tmpdir(), 'spice-sidecar-test-'))
test.after.always(() => rmSync(folder, { recursive: true }))

const io = systemIo({})

test('a secret file is mode 0600, also one that was there and open to others', (t) => {
  const fresh = join(folder, 'fresh.vv')
  io.writeSecretFile(fresh, 'one')
  t.is(statSync(fresh).mode & 0o777, 0o600)
  const old = join(folder, 'old.vv')
  writeFileSync(old, 'something much longer')
  chmodSync(old, 0o644)
  io.writeSecretFile(old, 'two')
  t.is(statSync(old).mode & 0o777, 0o600)
  t.is(readFileSync(old, 'utf8'), 'two')
})

test('other names of an old file keep the old text, and nothing else is left behind', (t) => {
  const target = join(folder, 'target')
  writeFileSync(target, 'mine')
  const soft = join(folder, 'soft.vv')
  symlinkSync(target, soft)
  const hard = join(folder, 'hard.vv')
  linkSync(target, hard)
  for (const path of [soft, hard]) {
    io.writeSecretFile(path, 'secret')
    t.is(readFileSync(path, 'utf8'), 'secret')
    t.is(readFileSync(target, 'utf8'), 'mine')
  }
  t.throws(() => io.writeSecretFile(folder, 'secret'), { code: 'EISDIR' })
  t.throws(() => io.writeSecretFile(join(folder, 'none', 'x'), 'secret'), { code: 'ENOENT' })
  t.deepEqual(
    readdirSync(dirname(folder)).filter((name) => name.startsWith(`${basename(folder)}.`)),
    [],
  )
})

test('a GET brings status and the beginning of the body', async (t) => {
  const server = createServer((request, response) => {
    response.writeHead(503).end(`${request.url ?? ''} ${'x'.repeat(100_000)}`)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const { status, body } = await io.get('127.0.0.1', port, '/readyz')
  t.is(status, 503)
  t.true(body.startsWith('/readyz x'))
  t.is(body.length, 512)
})

test('nobody there rejects with the reason', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  await t.throwsAsync(io.get('127.0.0.1', port, '/livez'), { code: 'ECONNREFUSED' })
})
