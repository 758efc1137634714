import test from 'ava'
import { TRACES } from '../../bench/traces/catalogue.js'
import { TraceScreen } from '../../bench/traces/trace.js'
import { withServer } from '../helpers/server-rig.js'
import { TraceClient } from '../helpers/trace-client.js'

const SIZE = { width: 320, height: 200, steps: 20 }

const traces = TRACES.map((maker) => maker.make(SIZE))

/** Ends a turn of the event loop. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Coders in threads and dictionaries are not to be had on a clock that stands still. */
for (const compression of ['auto', 'glz', 'auto_glz'] as const) {
  for (const mini of [true, false]) {
    test.serial(
      `${compression}, coded by threads, ${mini ? 'mini' : 'full'} headers: over TCP a client ends with the exact picture`,
      withServer(
        { threads: true, streaming: 'filter', display: { compression, zlibGlzWan: 'always' } },
        async (t, rig) => {
          const viewers: TraceClient[] = []
          rig.model.consolesChanged([{ index: 0, label: 'a', head: 0 }])
          for (const trace of traces) {
            const screen = new TraceScreen(trace)
            const { width, height, stride, pixels } = screen
            rig.model.scanout(0, undefined)
            screen.draw(trace, trace.frames[0]!)
            rig.model.scanout(0, { generation: 1, width, height, stride, pixels })
            const viewer = viewers[0] ?? (await TraceClient.connect({ port: rig.port, mini }))
            viewers[0] = viewer
            for (const frame of trace.frames.slice(1)) {
              screen.draw(trace, frame)
              rig.model.damage(0, frame.damage)
              await turn()
            }
            const { surface } = viewer
            await viewer.until(`${trace.name} is exact`, () => Buffer.compare(surface.pixels, pixels) === 0)
            t.is(surface.lossyPixels, 0)
          }
          t.true(
            viewers[0]!.surface.count('image glzRgb') + viewers[0]!.surface.count('image zlibGlzRgb') > 0,
          )
          viewers[0]!.close()
        },
      ),
    )
  }
}
