import { request } from 'node:http'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import test, { type ExecutionContext } from 'ava'
import { SidecarError } from '../../../src/core/errors.js'
import { DEFAULT_LIMITS } from '../../../src/core/limits.js'
import { silentLogger } from '../../../src/core/logger.js'
import {
  createMetricsEndpoint,
  type MetricsEndpoint,
  type MetricsEndpointOptions,
} from '../../../src/metrics/index.js'
import { chooseFormat } from '../../../src/metrics/endpoint.js'
import { FakeClock } from '../../helpers/fake-clock.js'

interface Rig {
  readonly port: number
  readonly clock: FakeClock
  readonly endpoint: MetricsEndpoint
  readonly hits: string[]
}

const rig = async (t: ExecutionContext, options: Partial<MetricsEndpointOptions> = {}): Promise<Rig> => {
  const clock = new FakeClock()
  const hits: string[] = []
  const endpoint = createMetricsEndpoint({
    host: '127.0.0.1',
    port: 0,
    limits: DEFAULT_LIMITS,
    clock,
    logger: silentLogger,
    limitHits: { add: (_, labels) => hits.push(labels?.['limit'] ?? '') },
    render: (format) => Promise.resolve(`page in ${format}\n`),
    notReady: () => undefined,
    ...options,
  })
  const port = await endpoint.start()
  t.teardown(() => endpoint.close())
  return { port, clock, endpoint, hits }
}

interface Answer {
  readonly status: number
  readonly body: string
  readonly headers: Readonly<Record<string, unknown>>
}

const ask = (
  port: number,
  path: string,
  method = 'GET',
  headers: Record<string, string> = {},
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (text: string) => (body += text))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body, headers: response.headers }))
    })
      .on('error', reject)
      .end()
  })

/** A raw connection; `end` resolves with all that came once the other side closed it. */
const raw = async (t: ExecutionContext, port: number): Promise<{ socket: Socket; end: Promise<string> }> => {
  const socket = connect(port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  let text = ''
  socket.setEncoding('latin1').on('data', (part: string) => (text += part))
  socket.on('error', () => undefined)
  const end = new Promise<string>((resolve) => socket.once('close', () => resolve(text)))
  return { socket, end }
}

test('the paths', async (t) => {
  const { port } = await rig(t)
  const page = await ask(port, '/metrics')
  t.like(page, { status: 200, body: 'page in text\n' })
  t.is(page.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8')
  t.is(page.headers['connection'], 'close')
  t.like(await ask(port, '/livez'), { status: 200, body: 'ok\n' })
  t.like(await ask(port, '/healthz'), { status: 200, body: 'ok\n' })
  t.like(await ask(port, '/readyz'), { status: 200, body: 'ok\n' })
  t.is((await ask(port, '/metrics?name=x')).status, 200)
  for (const path of ['/', '/metrics/', '/Metrics', '/../metrics', '//metrics']) {
    t.is((await ask(port, path)).status, 404, path)
  }
})

test('not ready is 503 with the reason; alive all the same', async (t) => {
  let reason: string | undefined = 'no listener is open'
  const { port } = await rig(t, { notReady: () => reason })
  t.like(await ask(port, '/readyz'), { status: 503, body: 'no listener is open\n' })
  t.is((await ask(port, '/livez')).status, 200)
  reason = undefined
  t.is((await ask(port, '/readyz')).status, 200)
})

test('HEAD has the headers and no body', async (t) => {
  const { port } = await rig(t)
  const answer = await ask(port, '/metrics', 'HEAD')
  t.like(answer, { status: 200, body: '' })
  t.is(answer.headers['content-length'], String('page in text\n'.length))
})

test('OpenMetrics when asked for', async (t) => {
  const { port } = await rig(t)
  const answer = await ask(port, '/metrics', 'GET', { accept: 'application/openmetrics-text; version=1.0.0' })
  t.is(answer.body, 'page in openmetrics\n')
  t.is(answer.headers['content-type'], 'application/openmetrics-text; version=1.0.0; charset=utf-8')
})

test('the wished format', (t) => {
  t.is(chooseFormat(undefined), 'text')
  t.is(chooseFormat('*/*'), 'text')
  t.is(chooseFormat('text/plain;version=0.0.4'), 'text')
  t.is(
    chooseFormat('application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1'),
    'openmetrics',
  )
  t.is(chooseFormat('application/openmetrics-text;q=0.2,text/plain;q=0.5'), 'text')
  t.is(chooseFormat('application/openmetrics-text;q=0'), 'text')
  t.is(chooseFormat('application/openmetrics-text;q=x,,;;'), 'text')
})

test('a page that cannot be rendered is 500, and the next one is fine', async (t) => {
  let fails = true
  const { port } = await rig(t, {
    render: () => (fails ? Promise.reject(new Error('inner detail')) : Promise.resolve('x')),
  })
  const answer = await ask(port, '/metrics')
  t.is(answer.status, 500)
  t.false(answer.body.includes('inner detail'))
  fails = false
  t.is((await ask(port, '/metrics')).status, 200)
})

test('a port in use is one clear sentence', async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => other.close())
  const { port } = other.address() as AddressInfo
  const error = await t.throwsAsync(rig(t, { port }), { instanceOf: SidecarError, code: 'SIDECAR_CONFIG' })
  t.is(error.message, `metrics cannot listen on 127.0.0.1 port ${port}: the port is in use`)
})

test('an address of another machine is refused', async (t) => {
  const error = await t.throwsAsync(rig(t, { host: '192.0.2.1' }), { code: 'SIDECAR_CONFIG' })
  t.regex(error.message, /^metrics cannot listen on 192\.0\.2\.1 port 0: /)
})

test('close may be called before start and any number of times, and drops what is connected', async (t) => {
  const never = createMetricsEndpoint({
    host: '127.0.0.1',
    port: 0,
    limits: DEFAULT_LIMITS,
    clock: new FakeClock(),
    logger: silentLogger,
    limitHits: { add: () => undefined },
    render: () => Promise.resolve(''),
    notReady: () => undefined,
  })
  await never.close()
  await never.close()
  const { port, endpoint } = await rig(t)
  const { end } = await raw(t, port)
  await endpoint.close()
  t.is(await end, '')
  await endpoint.close()
})

test('N-K8S-02, L-http: other methods are refused, also with a body', async (t) => {
  const { port } = await rig(t)
  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE']) {
    const answer = await ask(port, '/metrics', method)
    t.is(answer.status, 405, method)
    t.is(answer.headers['allow'], 'GET, HEAD')
  }
  const { socket, end } = await raw(t, port)
  socket.write(`POST /metrics HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n${'x'.repeat(1000)}`)
  t.regex(await end, /^HTTP\/1\.1 405 /)
  t.is((await ask(port, '/metrics')).status, 200)
})

test('N-K8S-02, L-http: headers of more than 8 KiB are refused', async (t) => {
  const { port } = await rig(t)
  const { socket, end } = await raw(t, port)
  socket.write(`GET /metrics HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(9000)}\r\n\r\n`)
  t.regex(await end, /^HTTP\/1\.1 431 /)
  t.is((await ask(port, '/metrics')).status, 200)
})

test('N-K8S-02, L-http: a slow request is closed at its deadline, however it dribbles', async (t) => {
  const { port, clock } = await rig(t)
  const { socket, end } = await raw(t, port)
  socket.write('GET /metrics HTTP/1.1\r\n')
  // A whole exchange on another connection comes after the bytes above.
  t.is((await ask(port, '/metrics')).status, 200)
  clock.advance(4999)
  socket.write('Host: a\r\n')
  t.is((await ask(port, '/metrics')).status, 200)
  t.false(socket.destroyed)
  clock.advance(1)
  t.is(await end, '')
})

test('N-K8S-02, L-http: a hundred idle connections do not keep a scrape out', async (t) => {
  const { port, hits } = await rig(t)
  const idle = await Promise.all(Array.from({ length: 100 }, () => raw(t, port)))
  t.like(await ask(port, '/metrics'), { status: 200, body: 'page in text\n' })
  t.true(hits.length >= 100 - 32)
  t.true(hits.every((limit) => limit === 'http-waiting'))
  await Promise.all(idle.slice(0, 10).map(({ end }) => end))
})

test('N-K8S-02, L-http: more requests at once than allowed are 503, probes are not', async (t) => {
  const renders: ((page: string) => void)[] = []
  const { port, hits } = await rig(t, {
    limits: DEFAULT_LIMITS,
    render: () => new Promise((resolve) => renders.push(resolve)),
  })
  let settled = 0
  let enough: () => void = () => undefined
  const limited = new Promise<void>((resolve) => (enough = resolve))
  const answers = Array.from({ length: 100 }, async () => {
    // A connection beyond what may wait is dropped before it is read.
    const status = await ask(port, '/metrics').then(
      (answer) => answer.status,
      () => 0,
    )
    settled += 1
    if (settled === 95) {
      enough()
    }
    return status
  })
  await limited
  t.is(renders.length, 5)
  t.is(hits.length, 95)
  t.is((await ask(port, '/livez')).status, 200)
  t.is((await ask(port, '/readyz')).status, 200)
  renders.forEach((resolve) => resolve('late\n'))
  const all = await Promise.all(answers)
  t.is(all.filter((status) => status === 200).length, 5)
  t.true(all.every((status) => [0, 200, 503].includes(status)))
})

test('N-K8S-02, L-http: what is no HTTP is answered or closed, and the next scrape works', async (t) => {
  const { port } = await rig(t)
  for (const bytes of [
    'REDQ\x02\x00\x00\x00',
    '\r\n\r\n\r\n',
    '\x16\x03\x01\x02\x00',
    'GET\r\n\r\n',
    'GET / HTTP/9.9\r\n\r\n',
    'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n',
  ]) {
    const { socket, end } = await raw(t, port)
    socket.end(bytes)
    t.notRegex(await end, /^HTTP\/1\.1 200/)
  }
  t.is((await ask(port, '/metrics')).status, 200)
})

test('a request that is dropped gives its place back', async (t) => {
  const renders: ((page: string) => void)[] = []
  const { port } = await rig(t, {
    limits: { ...DEFAULT_LIMITS, 'http-requests': 1 },
    render: () => new Promise((resolve) => renders.push(resolve)),
  })
  const { socket } = await raw(t, port)
  socket.write('GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n')
  t.is((await ask(port, '/livez')).status, 200)
  socket.destroy()
  t.is((await ask(port, '/livez')).status, 200)
  const next = ask(port, '/metrics')
  while (renders.length < 2) {
    await ask(port, '/livez')
  }
  renders.forEach((resolve) => resolve('x'))
  t.is((await next).status, 200)
})
