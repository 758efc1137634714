import { systemClock } from '../../src/app/system-clock.js'
import { DEFAULT_LIMITS } from '../../src/core/limits.js'
import { silentLogger } from '../../src/core/logger.js'
import { DisplayModel } from '../../src/display/index.js'
import { createPictureStore } from '../../src/kernels/index.js'
import { createDbusDisplaySource } from '../../src/gpu-bridge/index.js'
import { openDbusDisplay, QmpClient } from '../../src/qmp/index.js'

// A process that shows a QEMU's screen and nothing else, for tests that stop or kill it.
// Arguments: path of the monitor, milliseconds of the watchdog. Says `shown` and `ended KIND`; ends orderly at the end of
// its input, at once when it is told anything.
const [path = '', watchdogMs = '5000'] = process.argv.slice(2)
const limits = { ...DEFAULT_LIMITS, 'watchdog-ms': Number(watchdogMs) }
const qmp = new QmpClient({ path, clock: systemClock, logger: silentLogger, limits })
const model = new DisplayModel(createPictureStore)
const abort = new AbortController()
let shown = false
model.observe({
  frameChanged: () => {
    if (!shown) {
      shown = true
      console.log('shown')
    }
  },
})
process.stdin.on('end', () => abort.abort())
process.stdin.on('data', () => process.exit(70))
await new Promise<void>((resolve) => {
  qmp.onState((state) => {
    if (state === 'ready') {
      resolve()
    }
  })
  qmp.start()
})
const end = await createDbusDisplaySource({
  openPeer: () => openDbusDisplay(qmp),
  clock: systemClock,
  logger: silentLogger,
  limits,
  minFrameIntervalMs: 0,
}).run(model, abort.signal)
qmp.close()
console.log(`ended ${end.kind}`)
