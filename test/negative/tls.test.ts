import { once } from 'node:events'
import { chmodSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls'
import test, { type ExecutionContext } from 'ava'
import { SidecarError } from '../../src/core/errors.js'
import { CHANNEL_TYPES, LINK_ERROR, mainClient, mainServer } from '../../src/protocol/index.js'
import type { TlsFront } from '../../src/server/index.js'
import { systemClock } from '../../src/app/system-clock.js'
import { linkOver, openSocket, SocketReader } from '../helpers/scripted-client.js'
import { Counted, KeptLog, ServerRig, SteppedClock, type ServerRigOptions } from '../helpers/server-rig.js'
import {
  certificates,
  clientCertificate,
  freshCertificates,
  mountSecret,
  openTls,
  writeX509,
} from '../helpers/tls.js'
import { tlsFrontOf } from '../helpers/tls-front.js'
import { removeTempDirectory, tempDirectory } from '../helpers/temp.js'
import { poll, withDeadline } from '../helpers/temp-deadline.js'
import type { Clock } from '../../src/core/clock.js'

interface TlsRig {
  readonly rig: ServerRig
  readonly front: TlsFront
  readonly reloads: Counted
  readonly directory: string
  readonly log: KeptLog
  /** How a good client connects. */
  readonly where: ConnectionOptions
}

interface TlsRigOptions {
  readonly clientCa?: boolean
  readonly clientNames?: readonly string[]
  readonly clock?: Clock
  readonly security?: NonNullable<ServerRigOptions['doors']>['security']
  /** The files as a mounted Secret. */
  readonly secret?: boolean
}

/** What the client certificate of these tests says. */
const CLIENT = {
  subject: [
    { shortName: 'C', value: 'DE' },
    { shortName: 'O', value: 'Example, Inc.' },
    { shortName: 'CN', value: 'a client' },
  ],
  names: [
    { type: 1, value: 'anna@example.com' },
    { type: 2, value: 'laptop.example.com' },
    { type: 2, value: 'x, DNS:evil.example.com' },
    { type: 7, ip: '192.0.2.7' },
  ],
}
const SUBJECT = 'CN=a client,O=Example\\, Inc.,C=DE'

/** A server with one plain address and one with TLS. */
const startTls = async (t: ExecutionContext, options: TlsRigOptions = {}): Promise<TlsRig> => {
  const set = await certificates()
  const directory = tempDirectory()
  t.teardown(() => removeTempDirectory(directory))
  if (options.secret === true) {
    mountSecret(directory, 'first', set)
  } else {
    writeX509(directory, set)
  }
  const reloads = new Counted()
  const log = new KeptLog()
  const front = tlsFrontOf(directory, {
    clientCa: options.clientCa === true ? join(directory, 'ca-cert.pem') : undefined,
    clientNames: options.clientNames ?? [],
    clock: options.clock ?? systemClock,
    logger: log,
    metrics: { reloads, expires: new Counted() },
  })
  front.start()
  const rig = new ServerRig({
    clients: 'share',
    ...(options.clock === undefined ? {} : { clock: options.clock, limits: { 'answer-ms': 0 } }),
    doors: {
      tlsListen: [{ kind: 'tcp', host: '127.0.0.1', port: 0 }],
      tls: front,
      ...(options.security === undefined ? {} : { security: options.security }),
    },
  })
  await rig.start()
  t.teardown(() => rig.server.close())
  return {
    rig,
    front,
    reloads,
    directory,
    log,
    where: { host: '127.0.0.1', port: rig.ports[1] ?? 0, ca: set.ca },
  }
}

/** Code of the error that ends a handshake, or of the connection right after it. */
const handshakeError = async (where: ConnectionOptions): Promise<string> => {
  const socket = connectTls(where)
  const failed = new Promise<string>((resolve) => {
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    socket.on('close', () => resolve('closed'))
  })
  socket.resume()
  return withDeadline(failed, 10_000, 'the end of the handshake')
}

const serves = async (where: ConnectionOptions): Promise<TLSSocket> => {
  const socket = await openTls(where)
  const { result, channel } = await linkOver(new SocketReader(socket), { type: 1, ticket: 'secret' })
  if (result !== 0) {
    throw new Error(`link refused: ${String(result)}`)
  }
  await channel.expect(mainServer.init)
  return socket
}

for (const version of ['TLSv1', 'TLSv1.1'] as const) {
  test(`N-TLS-01: ${version} is refused`, async (t) => {
    const { where, rig } = await startTls(t)
    const old = { ...where, minVersion: version, maxVersion: version, ciphers: 'ALL:@SECLEVEL=0' }
    t.not(await handshakeError(old), 'closed')
    ;(await serves(where)).destroy()
    t.is(rig.metrics.linkRefusals.get('tls'), 1)
  })
}

for (const cipher of ['ECDHE-RSA-AES128-SHA256', 'AES128-GCM-SHA256']) {
  test(`N-TLS-01: TLS 1.2 with only ${cipher} finds no common suite`, async (t) => {
    const { where } = await startTls(t)
    t.is(
      await handshakeError({ ...where, maxVersion: 'TLSv1.2', ciphers: cipher }),
      'ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE',
    )
  })
}

test('N-TLS-01: a client without a certificate, or with one of a stranger, is refused where one is required', async (t) => {
  const { where, rig } = await startTls(t, { clientCa: true })
  const [own, stranger] = await Promise.all([certificates(), freshCertificates()])
  t.regex(await handshakeError(where), /CERTIFICATE_REQUIRED/)
  const theirs = await clientCertificate(stranger)
  await handshakeError({ ...where, ...theirs })
  const refusals = (): number => rig.metrics.linkRefusals.get('tls') + rig.metrics.linkRefusals.get('gone')
  await poll('both to be refused', () => refusals() === 2)
  t.is(rig.metrics.clients.get(), 0)
  const ours = await clientCertificate(own)
  ;(await serves({ ...where, ...ours })).destroy()
})

test('N-TLS-02: renegotiation under TLS 1.2 is refused and closes nothing else', async (t) => {
  const { where } = await startTls(t)
  const [session, attacker] = [await serves(where), await openTls({ ...where, maxVersion: 'TLSv1.2' })]
  const refused = await withDeadline(
    new Promise<Error | null>((resolve) => {
      attacker.on('error', resolve)
      attacker.renegotiate({}, resolve)
    }),
    10_000,
    'an answer to the renegotiation',
  )
  t.truthy(refused)
  t.false(session.destroyed)
  attacker.destroy()
  session.destroy()
})

test('N-TLS-03, L-stage: a peer that stops after its first bytes is closed when its handshake took too long', async (t) => {
  const clock = new SteppedClock()
  const { where, rig } = await startTls(t, { clock })
  const socket = connect(Number(where.port), '127.0.0.1')
  await once(socket, 'connect')
  socket.on('error', () => undefined)
  socket.write(Buffer.from('16030100c8010000c40303', 'hex'))
  const closed = new Promise((resolve) => socket.once('close', resolve))
  socket.resume()
  await poll('the handshake to begin', () => clock.pending === 2)
  clock.advance(4999)
  t.is(rig.metrics.linkRefusals.get('deadline'), 0)
  clock.advance(1)
  await withDeadline(closed, 10_000, 'the end of the connection')
  t.is(rig.metrics.limitHits.get('handshake-ms'), 1)
})

test('N-TLS-03: resets during the handshake leave the server as it was', async (t) => {
  const { where, rig } = await startTls(t)
  for (let i = 0; i < 20; i++) {
    const socket = connect(Number(where.port), '127.0.0.1')
    await once(socket, 'connect')
    socket.write(Buffer.from('16030100c8010000c40303', 'hex'))
    socket.resetAndDestroy()
  }
  ;(await serves(where)).destroy()
  t.false(rig.log.lines.some(({ level }) => level === 'error'))
})

test('N-TLS-04: a new key pair that does not match leaves the old one in use and sessions alive', async (t) => {
  const { where, front, reloads, directory, log } = await startTls(t)
  const session = await serves(where)
  const other = await freshCertificates()
  writeFileSync(join(directory, 'server-cert.pem'), other.cert)
  front.reload()
  t.is(reloads.get('failed'), 1)
  t.true(log.lines.some(({ message }) => message === 'TLS key pair not loaded; the old one stays'))
  t.false(session.destroyed)
  ;(await serves(where)).destroy()
  session.destroy()
})

test('a new key pair is for new connections, and sessions go on with theirs', async (t) => {
  const { where, front, reloads, directory } = await startTls(t)
  const session = await serves(where)
  const fresh = await freshCertificates()
  writeX509(directory, fresh)
  front.reload()
  t.is(reloads.get('ok'), 1)
  ;(await serves({ ...where, ca: fresh.ca })).destroy()
  t.regex(await handshakeError(where), /SELF_SIGNED|UNABLE_TO|SIGNATURE/)
  t.false(session.destroyed)
  session.destroy()
})

test('a Secret whose link is swapped is loaded at the next connection', async (t) => {
  const clock = new SteppedClock()
  const { where, reloads, directory } = await startTls(t, { secret: true, clock })
  const fresh = await freshCertificates()
  mountSecret(directory, 'second', fresh)
  ;(await serves(where)).destroy()
  t.is(reloads.get('ok'), 0, 'looked at once a second at most')
  clock.advance(1000)
  ;(await serves({ ...where, ca: fresh.ca })).destroy()
  t.is(reloads.get('ok'), 1)
})

test('a key that others may read is refused', async (t) => {
  const set = await certificates()
  const directory = tempDirectory()
  t.teardown(() => removeTempDirectory(directory))
  writeX509(directory, set)
  chmodSync(join(directory, 'server-key.pem'), 0o644)
  const front = tlsFrontOf(directory)
  const error = t.throws(() => front.start(), { instanceOf: SidecarError })
  t.is(error.code, 'SIDECAR_CONFIG')
  t.regex(error.message, /open to others \(mode 644\)/)
})

test('N-LINK-02: a TLS client hello on the plain port gets no more than an error of the protocol', async (t) => {
  const { rig } = await startTls(t)
  t.regex(await handshakeError({ host: '127.0.0.1', port: rig.port }), /WRONG_VERSION_NUMBER|PACKET_LENGTH/)
})

for (const [what, bytes] of [
  ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
  ['a plain link message', Buffer.from('REDQ\x02\0\0\0\x02\0\0\0\x12\0\0\0')],
] as const) {
  test(`N-LINK-02: ${what} on the TLS port is closed without an answer`, async (t) => {
    const { where, rig } = await startTls(t)
    const reader = await openSocket({ host: '127.0.0.1', port: Number(where.port) })
    reader.socket.write(bytes)
    t.is((await reader.readToEnd()).length, 0)
    t.is(rig.metrics.linkRefusals.get('carrier'), 1)
  })
}

test('N-LINK-16: a plain connection for a channel that needs TLS is told NEED_SECURED before any ticket', async (t) => {
  const { rig, where } = await startTls(t, { security: { tls: ['inputs'], plain: [] } })
  const { connectionId } = await rig.client()
  const request = { type: CHANNEL_TYPES.inputs, connectionId, ticket: 'secret' }
  t.is((await rig.link({ ...request, ticket: 'wrong' })).replyError, LINK_ERROR.needSecured)
  t.is(rig.metrics.authFailures.get('ticket'), 0)
  const secured = await linkOver(new SocketReader(await openTls(where)), request)
  t.is(secured.result, LINK_ERROR.ok)
  secured.channel.destroy()
})

test('N-LINK-16: a TLS connection for a channel that must be plain is told NEED_UNSECURED', async (t) => {
  const { where } = await startTls(t, { security: { tls: [], plain: ['default'] } })
  const { replyError } = await linkOver(new SocketReader(await openTls(where)), { type: 1, ticket: 'secret' })
  t.is(replyError, LINK_ERROR.needUnsecured)
})

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`${version}: no two messages share a record, link result included`, async (t) => {
    const { where } = await startTls(t)
    let records = 0
    const port = await relayTo(t, Number(where.port), (type) => {
      records += type === 23 ? 1 : 0
    })
    const socket = await openTls({ ...where, port, minVersion: version, maxVersion: version })
    const reader = new SocketReader(socket)
    const { channel } = await linkOver(reader, { type: 1, ticket: 'secret' })
    await channel.expect(mainServer.init)
    const before = records
    for (let i = 0; i < 5; i++) {
      channel.send(mainClient.attachChannels, {})
    }
    for (let i = 0; i < 5; i++) {
      await channel.expect(mainServer.channelsList)
    }
    t.true(records - before >= 5, `${records - before} records for 5 messages`)
    channel.destroy()
  })
}

/** A relay that tells the type of each TLS record from the server. */
const relayTo = async (t: ExecutionContext, port: number, each: (type: number) => void): Promise<number> => {
  const relay = createServer((near) => {
    const far = connect(port, '127.0.0.1')
    far.on('data', recordsOf(each))
    near.pipe(far).pipe(near)
    for (const socket of [near, far]) {
      socket.on('error', () => undefined)
      t.teardown(() => socket.destroy())
    }
  })
  t.teardown(() => relay.close())
  relay.listen(0, '127.0.0.1')
  await once(relay, 'listening')
  const address = relay.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** Cuts a stream into TLS records and tells the content type of each. */
const recordsOf = (each: (type: number) => void): ((chunk: Buffer) => void) => {
  let rest = Buffer.alloc(0)
  return (chunk) => {
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= 5 && rest.length >= 5 + rest.readUInt16BE(3)) {
      each(rest[0] ?? 0)
      rest = rest.subarray(5 + rest.readUInt16BE(3))
    }
  }
}

for (const [names, good] of [
  [['a client'], true],
  [['CN=a client,O=Example\\, Inc.,C=DE'], true],
  [['anna@example.com'], true],
  [['laptop.example.com'], true],
  [['somebody', 'laptop.example.com'], true],
  [['A client'], false],
  [['a'], false],
  [['CN=a client'], false],
  [['C=DE,O=Example\\, Inc.,CN=a client'], false],
  [['example.com'], false],
  [['evil.example.com'], false],
  [['192.0.2.7'], false],
] as const) {
  test(`N-TLS-01: a client certificate is ${good ? 'good' : 'refused'} where tls-client-name has ${names.join(' and ')}`, async (t) => {
    const { where, rig } = await startTls(t, { clientCa: true, clientNames: names })
    const client = await clientCertificate(await certificates(), CLIENT)
    if (good) {
      await t.notThrowsAsync(serves({ ...where, ...client }))
      return
    }
    t.not(await handshakeError({ ...where, ...client }), 'secureConnect')
    await poll('the refusal to be counted', () => rig.metrics.linkRefusals.get('tls') === 1)
    const [line] = rig.log.lines.filter(({ fields }) => fields['audit'] === 'refusal')
    t.deepEqual((line?.fields['err'] as SidecarError).context, { certificate: SUBJECT })
    t.is(rig.metrics.clients.get(), 0)
  })
}

test('the subject of a client certificate is in audit lines and reports, and further channels need the same', async (t) => {
  const { where, rig } = await startTls(t, { clientCa: true })
  const set = await certificates()
  const own = { ...where, ...(await clientCertificate(set, CLIENT)) }
  const other = { ...where, ...(await clientCertificate(set)) }
  const reader = new SocketReader(await openTls(own))
  const { channel } = await linkOver(reader, { type: 1, ticket: 'secret' })
  const { sessionId } = await channel.expect(mainServer.init)
  t.is(rig.server.clientReports()[0]?.certificate, SUBJECT)
  t.true(rig.log.lines.some(({ fields }) => fields['audit'] === 'link' && fields['certificate'] === SUBJECT))
  const inputs = { type: CHANNEL_TYPES.inputs, connectionId: sessionId, ticket: 'secret' }
  const stranger = await linkOver(new SocketReader(await openTls(other)), inputs)
  t.is(stranger.result, LINK_ERROR.permissionDenied)
  t.is(rig.metrics.authFailures.get('certificate'), 1)
  const plain = await rig.link(inputs)
  t.is(plain.result, LINK_ERROR.permissionDenied, 'nor does one without')
  t.is((await linkOver(new SocketReader(await openTls(own)), inputs)).result, LINK_ERROR.ok)
})

test('without tls-client-ca a certificate that a client offers is not looked at', async (t) => {
  const { where, rig } = await startTls(t)
  const client = await clientCertificate(await certificates(), CLIENT)
  ;(await serves({ ...where, ...client })).destroy()
  t.false(rig.log.lines.some(({ fields }) => 'certificate' in fields))
})
