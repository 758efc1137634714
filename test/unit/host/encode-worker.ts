import { randomFillSync } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'
import { loadLz4 } from '../../../src/host/lz4.js'
import { loadTurboJpeg } from '../../../src/host/turbojpeg.js'

/** Keeps calls in flight and says so; whoever started this ends it meanwhile. */
const [width, height] = [1600, 1200]
const pixels = randomFillSync(new Uint8Array(width * height * 4))

const run = (call: () => Promise<number> | undefined): void => {
  const goOn = async (): Promise<void> => {
    while ((await call()) !== undefined) {
      // The next one.
    }
  }
  for (let count = 0; count < 3; count++) {
    void goOn()
  }
}

if (workerData === 'jpeg' || process.argv[2] === 'jpeg') {
  const compressor = loadTurboJpeg()?.compressor()
  const source = { layout: 'bgrx', width, height, stride: width * 4, topDown: true, pixels } as const
  const options = { quality: 100, subsampling: '4:4:4', dct: 'accurate' } as const
  run(() => compressor?.compressAsync(source, options, new Uint8Array(1 << 24)))
} else {
  const compressor = loadLz4()?.compressor()
  run(() => compressor?.compressAsync(pixels, new Uint8Array(1 << 24)))
}

if (parentPort === null) {
  process.exit(42)
}
parentPort.postMessage('begun')
