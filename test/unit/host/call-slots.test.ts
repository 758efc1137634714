import { setImmediate } from 'node:timers/promises'
import test from 'ava'
import { SidecarError } from '../../../src/core/errors.js'
import { DEFAULT_LIMITS, type Limits } from '../../../src/core/limits.js'
import { silentLogger } from '../../../src/core/logger.js'
import { CallSlots } from '../../../src/host/call-slots.js'
import { FakeClock } from '../../helpers/fake-clock.js'

/** A library whose calls return when the test says so, or never. */
class HangingLibrary {
  readonly clock = new FakeClock()
  readonly hits: string[] = []
  readonly states = new Map<string, number>()
  readonly slots: CallSlots
  /** Calls that have begun, oldest first; each ends when its function is called. */
  readonly begun: (() => void)[] = []

  constructor(limits: Partial<Limits> = {}) {
    this.slots = new CallSlots({
      clock: this.clock,
      logger: silentLogger,
      limits: { ...DEFAULT_LIMITS, ...limits },
      metrics: {
        limitHits: { add: (_, labels) => void this.hits.push(labels?.['limit'] ?? '') },
        calls: { set: (value, labels) => void this.states.set(labels?.['state'] ?? '', value) },
      },
    })
  }

  get lost(): number {
    return this.states.get('lost') ?? 0
  }

  call(): Promise<string> {
    return this.slots.run(() => new Promise((resolve) => this.begun.push(() => resolve('done'))))
  }

  /** Makes a call that is given up. */
  async lose(): Promise<unknown> {
    const call = this.call().catch((error: unknown) => error)
    await setImmediate()
    this.clock.advance(DEFAULT_LIMITS['sasl-call-ms'])
    return call
  }
}

const codeOf = (error: unknown): string => (error instanceof SidecarError ? error.code : String(error))

test('L-sasl: two calls run at once, the others wait their turn', async (t) => {
  const library = new HangingLibrary()
  const calls = [library.call(), library.call(), library.call(), library.call()]
  await setImmediate()
  t.is(library.begun.length, 2)
  library.begun[0]?.()
  await setImmediate()
  t.is(library.begun.length, 3)
  library.begun.slice(1).forEach((end) => end())
  await setImmediate()
  library.begun[3]?.()
  t.deepEqual(await Promise.all(calls), ['done', 'done', 'done', 'done'])
  t.deepEqual(library.hits, ['sasl-calls', 'sasl-calls'])
  t.deepEqual(
    [...library.states],
    [
      ['running', 0],
      ['lost', 0],
    ],
  )
  t.is(library.clock.pending, 0, 'no deadline is left')
})

test('L-sasl: a call that hangs is given up at its deadline, and one that waited takes its place', async (t) => {
  const library = new HangingLibrary({ 'sasl-calls': 1 })
  const hanging = library.call()
  const next = library.call()
  await setImmediate()
  library.clock.advance(4999)
  t.is(library.begun.length, 1)
  library.clock.advance(1)
  t.is(codeOf(await t.throwsAsync(hanging)), 'SIDECAR_TIMEOUT')
  await setImmediate()
  t.is(library.begun.length, 2)
  t.is(library.lost, 1)
  library.begun[1]?.()
  t.is(await next, 'done')
  library.begun[0]?.()
  await setImmediate()
  t.is(library.lost, 0, 'it returned after all')
})

test('L-sasl: when four calls are lost everybody is refused at once, until one returns', async (t) => {
  const library = new HangingLibrary()
  for (let i = 0; i < 4; i++) {
    t.is(codeOf(await library.lose()), 'SIDECAR_TIMEOUT')
  }
  t.is(library.lost, 4)
  t.is(codeOf(await t.throwsAsync(library.call())), 'SIDECAR_HOST')
  t.is(library.begun.length, 4, 'no thread was asked for')
  t.is(library.hits.filter((limit) => limit === 'sasl-lost').length, 1)
  library.begun[0]?.()
  await setImmediate()
  const served = library.call()
  await setImmediate()
  library.begun[4]?.()
  t.is(await served, 'done')
})

test('L-sasl: those who wait when the last call is lost are refused, too', async (t) => {
  const library = new HangingLibrary({ 'sasl-calls': 1, 'sasl-lost': 1 })
  const hanging = library.call()
  const waiting = library.call()
  await setImmediate()
  library.clock.advance(5000)
  t.is(codeOf(await t.throwsAsync(hanging)), 'SIDECAR_TIMEOUT')
  t.is(codeOf(await t.throwsAsync(waiting)), 'SIDECAR_HOST')
  t.is(library.begun.length, 1)
})

test('a call that fails, at once or later, gives its place back', async (t) => {
  const library = new HangingLibrary({ 'sasl-calls': 1 })
  await t.throwsAsync(
    library.slots.run(() => {
      throw new SidecarError('SIDECAR_AUTH', 'no')
    }),
  )
  await t.throwsAsync(library.slots.run(() => Promise.reject(new SidecarError('SIDECAR_AUTH', 'no'))))
  const good = library.call()
  await setImmediate()
  library.begun[0]?.()
  t.is(await good, 'done')
})
