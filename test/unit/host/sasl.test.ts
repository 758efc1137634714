import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import test from 'ava'
import { SidecarError } from '../../../src/core/errors.js'
import { DEFAULT_LIMITS } from '../../../src/core/limits.js'
import { silentLogger } from '../../../src/core/logger.js'
import { noCounter } from '../../../src/core/metrics.js'
import { CallSlots } from '../../../src/host/call-slots.js'
import { SaslLibrary, type SaslServerExchange } from '../../../src/host/sasl.js'
import { FakeClock } from '../../helpers/fake-clock.js'
import { poll } from '../../helpers/temp-deadline.js'
import { tempDirectory } from '../../helpers/temp.js'

// The library reads its configuration once in a process. Passwords are judged by a daemon, which is this test.
const directory = tempDirectory()
const daemonPath = join(directory, 'mux')
writeFileSync(
  join(directory, 'qemu.conf'),
  `mech_list: SCRAM-SHA-256 PLAIN ANONYMOUS
pwcheck_method: saslauthd
saslauthd_path: ${daemonPath}
auxprop_plugin: sasldb
sasldb_path: ${directory}/none
`,
)
process.env['SASL_CONF_PATH'] = directory

const library = ((): SaslLibrary | undefined => {
  try {
    return SaslLibrary.open()
  } catch {
    return undefined
  }
})()
const serial = library === undefined ? test.serial.skip : test.serial

const TLS = 128

const clock = new FakeClock()
const states = new Map<string, number>()
const slots = new CallSlots({
  clock,
  logger: silentLogger,
  limits: DEFAULT_LIMITS,
  metrics: {
    limitHits: noCounter,
    calls: { set: (value, labels) => void states.set(labels?.['state'] ?? '', value) },
  },
})
const PLAIN = Buffer.from('\0alice\0open sesame')

/** Who asks, by user, and what answers them. */
const asking: { readonly user: string; readonly socket: Socket }[] = []
let daemon: Server

test.before(async () => {
  daemon = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', (request: Buffer) => {
      asking.push({ user: request.subarray(2, 2 + request.readUInt16BE(0)).toString(), socket })
    })
  })
  daemon.listen(daemonPath)
  await once(daemon, 'listening')
})

test.after.always(() => {
  daemon.close()
  for (const { socket } of asking) {
    socket.destroy()
  }
})

const answer = (text: 'OK' | 'NO', socket: Socket): void => {
  socket.end(Buffer.concat([Buffer.of(0, text.length), Buffer.from(text)]))
}

const nextAsking = async (): Promise<Socket> => {
  await poll('the daemon is asked', () => asking.length > 0)
  return asking.shift()!.socket
}

const begun = async (strength: number): Promise<SaslServerExchange> => {
  const exchange = library!.exchange(strength, slots)
  await exchange.mechanisms()
  return exchange
}

serial('one library in a process', (t) => {
  t.is(SaslLibrary.open(), library!)
})

serial('inside TLS all configured mechanisms but the anonymous one are offered', async (t) => {
  const exchange = library!.exchange(TLS, slots)
  t.deepEqual((await exchange.mechanisms()).split(',').sort(), ['', '', 'PLAIN', 'SCRAM-SHA-256'])
  exchange.dispose()
  exchange.dispose()
})

serial('outside TLS a mechanism without a layer is not offered', async (t) => {
  const exchange = library!.exchange(0, slots)
  const error = await t.throwsAsync(exchange.mechanisms(), { instanceOf: SidecarError })
  t.is(error.code, 'SIDECAR_HOST')
  exchange.dispose()
})

serial('the event loop goes on while the library waits: this very process answers it', async (t) => {
  const exchange = await begun(TLS)
  const result = exchange.start('PLAIN', PLAIN)
  answer('OK', await nextAsking())
  t.deepEqual(await result, { complete: true, data: undefined })
  t.deepEqual(exchange.outcome(), { user: 'alice', strength: 0, maxPiece: 0 })
  exchange.dispose()
})

serial('a refusal says what the library says, without the password', async (t) => {
  const exchange = await begun(TLS)
  const result = exchange.start('PLAIN', PLAIN)
  answer('NO', await nextAsking())
  const error = await t.throwsAsync(result, { instanceOf: SidecarError })
  t.is(error.code, 'SIDECAR_AUTH')
  t.regex(String(error.context['detail']), /SASL/)
  t.false(JSON.stringify(error.context).includes('sesame'))
  exchange.dispose()
})

serial('no more than two calls wait at once; the others follow', async (t) => {
  const exchanges = await Promise.all(Array.from({ length: 6 }, () => begun(TLS)))
  const results = exchanges.map((exchange) => exchange.start('PLAIN', PLAIN))
  let most = 0
  let answered = 0
  while (answered < 6) {
    await poll('as many calls as there may be', () => asking.length >= Math.min(2, 6 - answered))
    most = Math.max(most, asking.length)
    answer('OK', asking.shift()!.socket)
    answered += 1
  }
  t.true((await Promise.all(results)).every(({ complete }) => complete))
  t.is(most, 2)
  exchanges.forEach((exchange) => exchange.dispose())
})

serial('an exchange that is let go in the middle of a call is freed after it and does no more', async (t) => {
  const exchange = await begun(TLS)
  const result = exchange.start('PLAIN', PLAIN)
  const socket = await nextAsking()
  exchange.dispose()
  answer('OK', socket)
  t.true((await result).complete)
  const error = await t.throwsAsync(exchange.step(undefined), { instanceOf: SidecarError })
  t.is(error.code, 'SIDECAR_PEER_GONE')
})

serial(
  'L-sasl: a daemon that does not answer holds up its own client and nobody else, until it answers',
  async (t) => {
    const hanging = await Promise.all([begun(TLS), begun(TLS)])
    const gone = hanging.map((exchange) =>
      t.throwsAsync(exchange.start('PLAIN', PLAIN), { instanceOf: SidecarError }),
    )
    await poll('both calls to hang', () => asking.length === 2)
    const sockets = asking.splice(0).map(({ socket }) => socket)
    const next = begun(TLS)
    clock.advance(DEFAULT_LIMITS['sasl-call-ms'])
    for (const error of await Promise.all(gone)) {
      t.is(error.code, 'SIDECAR_TIMEOUT')
    }
    hanging.forEach((exchange) => exchange.dispose())
    t.is(states.get('lost'), 2)
    const exchange = await next
    const result = exchange.start('PLAIN', PLAIN)
    answer('OK', await nextAsking())
    t.true((await result).complete, 'another client is served meanwhile')
    exchange.dispose()
    t.true((await readFile(new URL(import.meta.url))).length > 0, 'files are read meanwhile')
    sockets.forEach((socket) => answer('OK', socket))
    await poll('the lost calls to return', () => states.get('lost') === 0)
    t.throws(() => hanging[0].outcome(), { instanceOf: SidecarError }, 'a late yes is worth nothing')
  },
)

serial('garbage for a mechanism is a refusal', async (t) => {
  for (const data of [undefined, Buffer.alloc(0), Buffer.alloc(65_535, 0x61), Buffer.from('n,,n=x')]) {
    for (const mechanism of ['PLAIN', 'SCRAM-SHA-256', 'NO-SUCH', 'x'.repeat(100)]) {
      const exchange = await begun(TLS)
      try {
        const { complete } = await exchange.start(mechanism, data)
        t.false(complete)
        await t.throwsAsync(exchange.step(Buffer.from('more')), { instanceOf: SidecarError })
      } catch (error) {
        t.true(error instanceof SidecarError && error.code === 'SIDECAR_AUTH')
      }
      exchange.dispose()
    }
  }
})
