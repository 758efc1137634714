import test from 'ava'
import { SidecarError } from '../../src/core/errors.js'
import { decodeLz } from '../../src/codecs/index.js'
import { LZ_TYPES, lzPackedStride } from '../../src/codecs/lz/lz-format.js'
import type { PixelFormat } from '../../src/codecs/image.js'

const MEBIBYTE = 2 ** 20
const MAX_PIXELS = 64 * MEBIBYTE

const lz = (format: PixelFormat, side: number, body: Uint8Array): Uint8Array => {
  const type = LZ_TYPES[format]
  const bytes = new Uint8Array(28 + body.length)
  const view = new DataView(bytes.buffer)
  const fields = [0x20205a4c, 0x00010001, type.type, side, side, lzPackedStride(type, side), 1]
  fields.forEach((value, at) => view.setUint32(at * 4, value))
  bytes.set(body, 28)
  return bytes
}

/** Bytes of array buffers that are made while `action` runs. */
const madeBy = (action: () => void): number => {
  const before = process.memoryUsage().arrayBuffers
  action()
  return process.memoryUsage().arrayBuffers - before
}

const BOMBS: readonly (readonly [string, Uint8Array])[] = [
  ['a few bytes', Uint8Array.of(0, 1, 2, 3, 0xe0, 255, 255, 0, 0)],
  ['lengths without end', new Uint8Array(4096).fill(255)],
  ['literals that stop', new Uint8Array(4096).fill(31)],
]

for (const [what, body] of BOMBS) {
  test.serial(`R3: a header that says 64 Mpx before ${what} takes no memory`, (t) => {
    for (const format of Object.keys(LZ_TYPES) as PixelFormat[]) {
      const bytes = lz(format, 8192, body)
      const made = madeBy(() => {
        const error = t.throws(() => decodeLz(bytes, MAX_PIXELS), { instanceOf: SidecarError })
        t.is(error.code, 'SIDECAR_PROTOCOL', format)
      })
      t.true(made < MEBIBYTE, `${format} ${made}`)
    }
  })
}

test.serial('R3: a refused image takes no more than its pixels', (t) => {
  const body = new Uint8Array(5000).fill(255)
  body.set([0, 1, 2, 3, 0xe0])
  const bytes = lz('rgb32', 1024, body)
  const made = madeBy(() => void t.throws(() => decodeLz(bytes, MAX_PIXELS), { instanceOf: SidecarError }))
  t.true(made < 5 * MEBIBYTE, String(made))
})
