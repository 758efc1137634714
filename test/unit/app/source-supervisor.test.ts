import test from 'ava'
import { SourceSupervisor } from '../../../src/app/source-supervisor.js'
import { silentLogger } from '../../../src/core/logger.js'
import { DisplayModel, type DisplaySource, type SourceEnd } from '../../../src/display/index.js'
import { createPictureStore } from '../../../src/kernels/index.js'
import { FakeClock } from '../../helpers/fake-clock.js'
import { Counted } from '../../helpers/server-rig.js'

/** A source that runs until it is told how to end. */
class PlayedSource implements DisplaySource {
  readonly kind = 'dbus-display'
  runs = 0
  end: ((end: SourceEnd) => void) | undefined

  run(_sink: unknown, signal: AbortSignal): Promise<SourceEnd> {
    this.runs += 1
    return new Promise((resolve) => {
      this.end = resolve
      signal.addEventListener('abort', () => resolve({ kind: 'closed' }))
    })
  }

  setHeads(): void {
    return
  }
}

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

const rig = () => {
  const clock = new FakeClock()
  const source = new PlayedSource()
  const up = new Counted()
  const supervisor = new SourceSupervisor({
    source,
    sink: new DisplayModel(createPictureStore),
    clock,
    logger: silentLogger,
    up,
  })
  return { clock, source, up, supervisor }
}

test('the source runs only while somebody looks and QEMU answers', (t) => {
  const { source, up, supervisor } = rig()
  supervisor.reachable(true)
  t.is(source.runs, 0)
  supervisor.reachable(false)
  supervisor.watched(true)
  t.is(source.runs, 0)
  supervisor.reachable(true)
  t.is(source.runs, 1)
  t.is(up.get('dbus-display'), 1)
})

test('it lingers for a client that comes right back, then stops', async (t) => {
  const { clock, source, up, supervisor } = rig()
  supervisor.reachable(true)
  supervisor.watched(true)
  supervisor.watched(false)
  clock.advance(2999)
  supervisor.watched(true)
  clock.advance(60_000)
  await settle()
  t.is(source.runs, 1)
  t.is(up.get('dbus-display'), 1)
  supervisor.watched(false)
  clock.advance(3000)
  await settle()
  t.is(up.get('dbus-display'), 0)
  supervisor.watched(true)
  t.is(source.runs, 2)
})

test('a source that is lost comes back with growing pauses, and at once when QEMU answers anew', async (t) => {
  const { clock, source, supervisor } = rig()
  supervisor.reachable(true)
  supervisor.watched(true)
  for (const [run, pauseMs] of [250, 500, 1000, 2000, 4000, 5000, 5000].entries()) {
    source.end?.({ kind: 'peerGone', reason: 'test' })
    await settle()
    clock.advance(pauseMs - 1)
    t.is(source.runs, run + 1)
    clock.advance(1)
    t.is(source.runs, run + 2)
  }
  source.end?.({ kind: 'failed', reason: 'test' })
  await settle()
  supervisor.reachable(true)
  t.is(source.runs, 9)
})

test('closing ends the run and begins no other', async (t) => {
  const { source, supervisor } = rig()
  supervisor.reachable(true)
  supervisor.watched(true)
  await supervisor.close()
  supervisor.watched(true)
  supervisor.reachable(true)
  t.is(source.runs, 1)
})
