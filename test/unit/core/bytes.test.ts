import test from 'ava'
import { ByteReader, ByteWriter } from '../../../src/core/bytes.js'
import { SidecarError } from '../../../src/core/errors.js'

test('a writer grows in the middle of any field and a reader gets the same values back', (t) => {
  for (let capacity = 1; capacity < 40; capacity++) {
    const out = new ByteWriter(capacity)
    out.u8(1)
    out.u16(0x203)
    out.u32(0x4050607)
    out.i16(-2)
    out.i32(-3)
    out.u64(2n ** 63n)
    out.i64(-4n)
    out.bytes(Uint8Array.of(9, 8))
    out.patchU32(3, 7)
    const reader = new ByteReader(out.finish())
    t.deepEqual(
      [reader.u8(), reader.u16(), reader.u32(), reader.i16(), reader.i32(), reader.u64(), reader.i64()],
      [1, 0x203, 7, -2, -3, 2n ** 63n, -4n],
    )
    t.deepEqual([...reader.bytes(2)], [9, 8])
    t.is(reader.left, 0)
  }
})

test('reading past the end is a protocol error and moves nothing', (t) => {
  const reader = new ByteReader(Uint8Array.of(1, 2, 3))
  for (const read of [
    () => reader.u32(),
    () => reader.u64(),
    () => reader.bytes(4),
    () => reader.bytes(-1),
  ]) {
    const error = t.throws(read, { instanceOf: SidecarError })
    t.is(error.code, 'SIDECAR_PROTOCOL')
  }
  t.is(reader.offset, 0)
  t.is(reader.u16(), 0x201)
})
