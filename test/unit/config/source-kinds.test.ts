import test from 'ava'
import { formatConfig, loadConfig, type LoadedConfig } from '../../../src/config/index.js'
import { SidecarError } from '../../../src/core/errors.js'

const load = (
  flags: readonly (readonly [string, string])[],
  files: Record<string, string> = {},
): LoadedConfig =>
  loadConfig({
    flags: flags.map(([key, text]) => ({ key, text })),
    environment: {},
    readFile: (path) => files[path] ?? '',
  })

test('ranges, the admin socket and session limits, and they can be loaded again as they are printed', (t) => {
  const first = load([
    ['allow-from', '10.0.0.0/8'],
    ['allow-from', 'fd00::1'],
    ['trusted-proxies', '192.0.2.0/24'],
    ['admin', 'unix:/run/vm/admin.sock'],
    ['session-idle-timeout', '600'],
    ['ticket-single-use', 'true'],
  ])
  t.deepEqual(first.config.allowFrom, [
    { address: '10.0.0.0', prefix: 8, family: 'ipv4' },
    { address: 'fd00::1', prefix: 128, family: 'ipv6' },
  ])
  t.deepEqual(first.config.admin, { kind: 'unix', path: '/run/vm/admin.sock' })
  const again = load([['config', '/c']], { '/c': formatConfig(first) })
  t.deepEqual({ ...again.config, config: undefined }, first.config)
})

for (const [key, text] of [
  ['allow-from', 'localhost'],
  ['allow-from', '10.0.0.0/33'],
  ['trusted-proxies', '*'],
  ['admin', '127.0.0.1:80'],
  ['admin', `unix:/${'x'.repeat(107)}`],
  ['session-max-duration', '-1'],
] as const) {
  test(`refused: ${key} ${text.slice(0, 20)}`, (t) => {
    const error = t.throws(() => load([[key, text]]), { instanceOf: SidecarError })
    t.is(error.code, 'SIDECAR_CONFIG')
    t.true(error.message.startsWith(key))
  })
}

test('a view-only ticket makes no sense where nobody needs a ticket', (t) => {
  const flags = [
    ['view-only-ticket-file', '/t'],
    ['disable-ticketing', 'true'],
  ] as const
  t.throws(() => load(flags), { message: /exclude each other/ })
})

test('with an admin socket a missing ticket is no reason to warn', (t) => {
  t.deepEqual(load([['admin', 'unix:/a']]).warnings, [])
})
