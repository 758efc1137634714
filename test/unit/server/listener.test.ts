import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawn } from 'node:child_process'
import test from 'ava'
import { SidecarError } from '../../../src/core/errors.js'
import { listenOn, type ListenAddress } from '../../../src/server/listener.js'

const folder = (t: { teardown(fn: () => void): void }): string => {
  const path = mkdtempSync(join(tmpdir(), 'listener-'))
  t.teardown(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** Listens, connects once, closes. */
const accepts = async (address: ListenAddress): Promise<string> => {
  let arrived: () => void = () => undefined
  const arrival = new Promise<void>((resolve) => {
    arrived = resolve
  })
  const bound = await listenOn(address, (socket) => {
    socket.destroy()
    arrived()
  })
  const socket =
    address.kind === 'unix'
      ? connect(address.path)
      : connect(Number(bound.address.split(':').at(-1)), address.host)
  socket.on('error', () => undefined)
  await arrival
  await bound.close()
  return bound.address
}

test('IPv4 and IPv6 addresses are told with their real port', async (t) => {
  t.regex(await accepts({ kind: 'tcp', host: '127.0.0.1', port: 0 }), /^127\.0\.0\.1:[1-9]\d*$/)
  t.regex(await accepts({ kind: 'tcp', host: '::1', port: 0 }), /^\[::1\]:[1-9]\d*$/)
})

test('a unix socket is gone after closing', async (t) => {
  const path = join(folder(t), 'spice.sock')
  t.is(await accepts({ kind: 'unix', path }), `unix:${path}`)
  t.false(existsSync(path))
})

test('a socket that a dead process left behind is replaced', async (t) => {
  const path = join(folder(t), 'spice.sock')
  const dead = spawn(
    process.execPath,
    ['-e', `require('node:net').createServer().listen(process.argv[1], () => console.log('up'))`, path],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  await once(dead.stdout, 'data')
  dead.kill('SIGKILL')
  await once(dead, 'exit')
  t.true(existsSync(path))
  await accepts({ kind: 'unix', path })
})

test('a socket that somebody answers on, and a file, are left alone', async (t) => {
  const path = join(folder(t), 'spice.sock')
  const server = createServer().listen(path)
  await once(server, 'listening')
  const taken = await t.throwsAsync(accepts({ kind: 'unix', path }), { instanceOf: SidecarError })
  t.is(taken.code, 'SIDECAR_CONFIG')
  server.close()
  await once(server, 'close')
  writeFileSync(path, 'not a socket')
  const file = await t.throwsAsync(accepts({ kind: 'unix', path }), { instanceOf: SidecarError })
  t.is(file.code, 'SIDECAR_CONFIG')
  t.true(existsSync(path))
})

test('a port that is taken is a configuration error that names it', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const error = await t.throwsAsync(accepts({ kind: 'tcp', host: '127.0.0.1', port }), {
    instanceOf: SidecarError,
  })
  t.is(error.code, 'SIDECAR_CONFIG')
  t.true(error.message.includes(`127.0.0.1:${port}`))
  server.close()
})
