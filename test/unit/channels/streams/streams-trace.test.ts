import test from 'ava'
import { TRACES } from '../../../../bench/traces/catalogue.js'
import type { Trace } from '../../../../bench/traces/trace.js'
import { overReported, TraceRig } from '../../../helpers/trace-rig.js'

const SIZE = { width: 320, height: 200, steps: 60 }
const traceOf = (name: string): Trace => TRACES.find((maker) => maker.name === name)!.make(SIZE)
const noStreams = (rig: TraceRig): boolean => rig.surface.count('streamCreate') === 0

for (const name of ['terminal', 'editor', 'page', 'drag', 'photos']) {
  test(`${name}: nothing in it is film`, (t) => {
    const rig = new TraceRig(traceOf(name), { streaming: 'filter' })
    rig.play()
    t.true(noStreams(rig))
    rig.close()
  })
}

test('film becomes a stream, which takes a fraction of the bytes and leaves the exact picture', (t) => {
  const film = overReported(traceOf('video'))
  const bytes = (rig: TraceRig): number => {
    rig.play()
    t.not(rig.quiet(), undefined)
    t.is(rig.surface.lossyPixels, 0)
    rig.close()
    return [...rig.surface.tally].reduce(
      (sum, [name, { bytes: size }]) => sum + (name.startsWith('image') ? 0 : size),
      0,
    )
  }
  const stream = new TraceRig(film, { streaming: 'filter', streamLag: 2 })
  const still = new TraceRig(film)
  t.true(bytes(stream) < 0.7 * bytes(still), 'although it begins as pictures')
  t.true(stream.surface.count('streamData') > 20)
  t.true(noStreams(still))
})

test('a hand-over in the middle of film leaves the exact picture, whatever the client has', (t) => {
  for (const streamLag of [0, 3]) {
    const rig = new TraceRig(traceOf('mixed'), { streaming: 'filter', streamLag })
    rig.play((frame) => {
      if (frame === 90 || frame === 97) {
        rig.handOver()
      }
    })
    t.true(rig.surface.count('streamData') > 0)
    t.not(rig.quiet(), undefined)
    t.is(rig.surface.lossyPixels, 0)
    t.deepEqual(rig.surface.streams.ids, [])
    rig.close()
  }
})
