import test from 'ava'
import { halveRgb32 } from '../../../../src/codecs/jpeg/halve.js'

test('each pixel is the mean of four, a last column and row without partner are left out', (t) => {
  const [width, height, stride] = [5, 3, 24]
  const pixels = new Uint8Array(1 + stride * height)
  const at = (x: number, y: number, value: readonly number[]): void =>
    pixels.set(value, 1 + y * stride + x * 4)
  at(0, 0, [0, 100, 255, 0])
  at(1, 0, [0, 100, 255, 0])
  at(0, 1, [40, 200, 255, 0])
  at(1, 1, [40, 200, 255, 0])
  at(2, 0, [8, 8, 8, 0])
  at(4, 0, [255, 255, 255, 0])
  const out = new Uint32Array(2)
  const image = { format: 'rgb32', width, height, stride, topDown: true, pixels: pixels.subarray(1) } as const
  halveRgb32(image, out)
  t.deepEqual([...new Uint8Array(out.buffer)], [20, 150, 255, 0, 2, 2, 2, 0])
})
