import test, { type ExecutionContext } from 'ava'
import { ERROR_RULES } from '../../../src/core/errors.js'
import { LIMIT_RULES } from '../../../src/core/limits.js'
import {
  COLLECTED_METRICS,
  createMetrics,
  METRICS,
  type MetricDefinition,
  type Metrics,
} from '../../../src/metrics/index.js'

const started = (t: ExecutionContext): Metrics => {
  const metrics = createMetrics()
  t.teardown(() => metrics.close())
  return metrics
}

const ALL: readonly MetricDefinition[] = Object.values({ ...METRICS, ...COLLECTED_METRICS })

const values = (page: string): Map<string, string> =>
  new Map(
    page
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => [line.slice(0, line.lastIndexOf(' ')), line.slice(line.lastIndexOf(' ') + 1)]),
  )

test('names follow the conventions', (t) => {
  for (const { name, type, labels, buckets, known } of ALL) {
    t.regex(name, /^(?:spice_sidecar|process|nodejs)_[a-z0-9_]+$/)
    t.is(name.endsWith('_total'), type === 'counter', name)
    t.notRegex(name, /_ms\b|_kb\b|milli/)
    t.is(buckets.length > 0, type === 'histogram', name)
    t.deepEqual(
      [...buckets].sort((a, b) => a - b),
      [...buckets],
    )
    t.true(known.length === 0 || labels.length === 1, name)
    for (const label of labels) {
      t.false(['client', 'address', 'user', 'ip', 'connection_id', 'le'].includes(label), name)
    }
  }
  t.is(new Set(ALL.map(({ name }) => name)).size, ALL.length)
})

test('counters add, gauges hold the last value, labels make series', async (t) => {
  const metrics = started(t)
  metrics.channelBytesSent.add(5, { channel: 'main' })
  metrics.channelBytesSent.add(7, { channel: 'main' })
  metrics.channelBytesSent.add(1, { channel: 'cursor' })
  metrics.qemuConnected.set(1)
  metrics.qemuConnected.set(0)
  metrics.framesSent.add(3)
  metrics.buildInfo.set(1, { version: '1.2.3', node_version: 'v24.0.0' })
  const page = values(await metrics.render('text'))
  t.is(page.get('spice_sidecar_channel_bytes_sent_total{channel="main"}'), '12')
  t.is(page.get('spice_sidecar_channel_bytes_sent_total{channel="cursor"}'), '1')
  t.is(page.get('spice_sidecar_channel_bytes_sent_total{channel="display"}'), '0')
  t.is(page.get('spice_sidecar_qemu_connected'), '0')
  t.is(page.get('spice_sidecar_frames_sent_total'), '3')
  t.is(page.get('spice_sidecar_build_info{version="1.2.3",node_version="v24.0.0"}'), '1')
})

test('rendering twice counts nothing twice', async (t) => {
  const metrics = started(t)
  metrics.framesSent.add(3)
  metrics.encodeSeconds.observe(0.002, { codec: 'lz' })
  await Promise.all([metrics.render('text'), metrics.render('text'), metrics.render('openmetrics')])
  const page = values(await metrics.render('text'))
  t.is(page.get('spice_sidecar_frames_sent_total'), '3')
  t.is(page.get('spice_sidecar_encode_duration_seconds_count{codec="lz"}'), '1')
})

test('a histogram is cumulative, with sum and count', async (t) => {
  const metrics = started(t)
  for (const seconds of [0.0001, 0.0002, 0.003, 7]) {
    metrics.encodeSeconds.observe(seconds, { codec: 'lz' })
  }
  const page = values(await metrics.render('text'))
  const bucket = (le: string): string | undefined =>
    page.get(`spice_sidecar_encode_duration_seconds_bucket{codec="lz",le="${le}"}`)
  t.is(bucket('0.0001'), '1')
  t.is(bucket('0.00025'), '2')
  t.is(bucket('0.0025'), '2')
  t.is(bucket('0.005'), '3')
  t.is(bucket('0.1'), '3')
  t.is(bucket('+Inf'), '4')
  t.is(page.get('spice_sidecar_encode_duration_seconds_count{codec="lz"}'), '4')
  t.is(Number(page.get('spice_sidecar_encode_duration_seconds_sum{codec="lz"}')), 0.0001 + 0.0002 + 0.003 + 7)
})

test('OpenMetrics names counters without _total, ends with EOF, and leaves the text format alone', async (t) => {
  const metrics = started(t)
  metrics.framesSent.add(1)
  const before = await metrics.render('text')
  const open = await metrics.render('openmetrics')
  const openAgain = await metrics.render('openmetrics')
  const after = await metrics.render('text')
  for (const page of [open, openAgain]) {
    t.regex(page, /^# TYPE spice_sidecar_frames_sent counter$/m)
    t.regex(page, /^spice_sidecar_frames_sent_total 1$/m)
    t.true(page.endsWith('\n# EOF\n'))
  }
  for (const page of [before, after]) {
    t.regex(page, /^# TYPE spice_sidecar_frames_sent_total counter$/m)
    t.regex(page, /^spice_sidecar_frames_sent_total 1$/m)
    t.false(page.includes('EOF'))
  }
})

test('numbers that are no amounts are not counted', async (t) => {
  const metrics = started(t)
  for (const amount of [-1, NaN, Infinity, 0]) {
    metrics.framesSent.add(amount)
  }
  metrics.qmpCommands.add(2)
  metrics.encodeSeconds.observe(NaN, { codec: 'lz' })
  metrics.qemuConnected.set(NaN)
  const page = values(await metrics.render('text'))
  t.is(page.get('spice_sidecar_frames_sent_total'), '0')
  t.is(page.get('spice_sidecar_qmp_commands_total'), '2')
  t.is(page.get('spice_sidecar_encode_duration_seconds_count{codec="lz"}'), '0')
  t.is(page.get('spice_sidecar_qemu_connected'), '0')
})

test('the number of series of one metric is bounded', async (t) => {
  const metrics = started(t)
  for (let i = 0; i < 1000; i++) {
    metrics.authFailures.add(1, { reason: `made-up-${i}` })
  }
  const page = [...values(await metrics.render('text'))].filter(([name]) => name.includes('auth_failures'))
  t.true(page.length <= 129)
  t.is(
    page.reduce((sum, [, value]) => sum + Number(value), 0),
    1000,
  )
  t.true(page.some(([name]) => name.includes('reason="other"')))
})

test('a missing label, and one of the prototype, are ordinary series', async (t) => {
  const metrics = started(t)
  metrics.authFailures.add(1)
  metrics.authFailures.add(1, { reason: '__proto__' })
  const page = values(await metrics.render('text'))
  t.is(page.get('spice_sidecar_auth_failures_total{reason="unknown"}'), '1')
  t.is(page.get('spice_sidecar_auth_failures_total{reason="__proto__"}'), '1')
})

test('a label value cannot break out of its line', async (t) => {
  const metrics = started(t)
  metrics.authFailures.add(1, { reason: 'a"} 5\nfake_total 7\\' })
  const page = await metrics.render('text')
  t.notRegex(page, /^fake_total/m)
  t.true(page.includes('reason="a\\"} 5\\nfake_total 7\\\\"'))
})

test('every limit and every error code is a series from the start', async (t) => {
  const page = values(await started(t).render('text'))
  for (const limit of Object.keys(LIMIT_RULES)) {
    t.is(page.get(`spice_sidecar_limit_hits_total{limit="${limit}"}`), '0')
  }
  for (const code of Object.keys(ERROR_RULES)) {
    t.is(page.get(`spice_sidecar_errors_total{code="${code}"}`), '0')
  }
})

test('what the process uses is read when asked for', async (t) => {
  const page = values(await started(t).render('text'))
  const number = (name: string): number => Number(page.get(name))
  t.true(number('process_resident_memory_bytes') > 1_000_000)
  t.true(number('process_cpu_seconds_total') > 0)
  t.true(number('process_open_fds') > 2)
  t.true(number('process_start_time_seconds') > 1_600_000_000)
  t.true(number('nodejs_heap_size_used_bytes') <= number('nodejs_heap_size_total_bytes'))
})

test('the delay of the event loop is seen while a client is connected', async (t) => {
  const metrics = started(t)
  const name = 'spice_sidecar_event_loop_delay_seconds{stat="max"}'
  t.is(values(await metrics.render('text')).get(name), '0')
  metrics.clients.set(1)
  let seen = 0
  while (seen === 0) {
    await blockLoop()
    seen = Number(values(await metrics.render('text')).get(name))
  }
  t.true(seen > 0.01, `saw ${seen}`)
  metrics.clients.set(0)
  await metrics.render('text')
  await blockLoop()
  t.is(values(await metrics.render('text')).get(name), '0')
})

/** Keeps the loop busy for a while between two turns of its timers. */
const blockLoop = async (): Promise<void> => {
  const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 25))
  await turn()
  const until = performance.now() + 100
  while (performance.now() < until) {
    // busy on purpose
  }
  await turn()
}
