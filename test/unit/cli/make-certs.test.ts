import { X509Certificate } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { runCli, systemIo } from '../../../src/cli/index.js'
import { removeTempDirectory, tempDirectory } from '../../helpers/temp.js'

const call = async (...words: string[]): Promise<{ code: number; out: string; err: string }> => {
  let [out, err] = ['', '']
  const io = {
    ...systemIo({}),
    stdout: (text: string): void => void (out += text),
    stderr: (text: string): void => void (err += text),
  }
  const run = (): Promise<number> => Promise.reject(new Error('not asked for'))
  return { code: await runCli(words, io, { run }, '1'), out, err }
}

test('make-certs writes a set in the layout of QEMU, which viewer-file takes, and never twice', async (t) => {
  const directory = tempDirectory()
  t.teardown(() => removeTempDirectory(directory))
  const x509 = join(directory, 'x509')
  const made = await call(
    'make-certs',
    '--output',
    x509,
    '--host',
    'vm.example',
    '--host',
    '::1',
    '--days',
    '30',
  )
  t.deepEqual(made, { code: 0, out: 'O=spice-sidecar,CN=vm.example\n', err: '' })
  t.deepEqual(readdirSync(x509).sort(), ['ca-cert.pem', 'ca-key.pem', 'server-cert.pem', 'server-key.pem'])
  for (const key of ['ca-key.pem', 'server-key.pem']) {
    t.is(statSync(join(x509, key)).mode & 0o777, 0o600)
  }
  const [ca, cert] = ['ca-cert.pem', 'server-cert.pem'].map(
    (name) => new X509Certificate(readFileSync(join(x509, name))),
  )
  t.true(ca?.ca)
  t.false(cert?.ca)
  t.true(ca !== undefined && cert?.checkIssued(ca) === true && cert.verify(ca.publicKey))
  t.is(cert?.checkHost('vm.example'), 'vm.example')
  t.is(cert?.checkIP('::1'), '::1')
  t.is(cert?.checkHost('other.example'), undefined)

  const again = await call('make-certs', '--output', x509)
  t.is(again.code, 73)
  t.regex(again.err, /ca-cert\.pem is already there/)

  const viewer = await call('viewer-file', '--tls-listen', '192.0.2.1:5901', '--x509-dir', x509)
  t.is(viewer.code, 0, viewer.err)
  t.regex(viewer.out, /^tls-port=5901$/m)
  t.notRegex(viewer.out, /^port=/m)
  t.regex(viewer.out, /^ca=-----BEGIN CERTIFICATE-----\\n.*-----END CERTIFICATE-----\\n$/m)
  t.regex(viewer.out, /^host-subject=O=spice-sidecar,CN=vm\.example$/m)
  t.regex(viewer.out, /^secure-channels=main;display;inputs;cursor;/m)

  const swapped = await call(
    ...['check-config', '--qmp', '/q', '--tls-listen', '192.0.2.1:5901', '--disable-ticketing'],
    ...['--x509-cert-file', join(x509, 'server-cert.pem'), '--x509-key-file', join(x509, 'ca-key.pem')],
  )
  t.is(swapped.code, 78)
  t.regex(swapped.err, /does not belong to the certificate/)
})

for (const words of [[], ['--output', 'x', '--days', '0'], ['--output', 'x', '--host', 'a b']]) {
  test(`make-certs ${words.join(' ')} is a usage error`, async (t) => {
    t.is((await call('make-certs', ...words)).code, 64)
  })
}

for (const [words, reason] of [
  [['--tls-listen', '192.0.2.1:1'], /tls-listen needs a certificate/],
  [['--tls-listen', 'unix:/s', '--x509-dir', '/x'], /no TLS on unix sockets/],
  [['--websocket-listen', '192.0.2.1:1'], /without encryption/],
  [['--listen', '127.0.0.1:1', '--websocket-listen', '127.0.0.1:1'], /takes web clients anyhow/],
  [['--listen', '127.0.0.1:1', '--tls-channel', 'main'], /tls-channel needs tls-listen/],
  [['--listen', '127.0.0.1:1', '--tls-channel', 'vdagent'], /"vdagent"/],
  [['--tls-listen', '127.0.0.1:1', '--x509-dir', '/nonexistent'], /neither server-cert\.pem nor tls\.crt/],
] as const) {
  test(`check-config ${words.join(' ')} is refused`, async (t) => {
    const { code, err } = await call('check-config', '--qmp', '/q', '--disable-ticketing', ...words)
    t.is(code, 78)
    t.regex(err, reason)
  })
}
