import test from 'ava'
import {
  BITMAP_FORMAT,
  DRAW_COPY_BITMAP_PREFIX_SIZE,
  DRAW_COPY_LZ_PREFIX_SIZE,
  IMAGE_FLAG,
  IMAGE_TYPE,
  decodeDrawCopy,
  decodeImage,
  BRUSH_TYPE,
  CLIP_TYPE,
  displayServer,
  ROP,
  writeDrawCopyBitmap,
  writeDrawCopyLz,
} from '../../../src/protocol/index.js'
import { hex } from './hex.js'

const place = {
  surfaceId: 0,
  box: { left: 1, top: 2, right: 4, bottom: 4 },
  imageIdLow: 2,
  imageIdHigh: 9,
} as const

const FIXED = `00000000 02000000 01000000 04000000 04000000 00
  39000000 00000000 00000000 02000000 03000000 0800 00 00 00000000 00000000 00000000`

test('DRAW_COPY of a coded image, laid out by hand', (t) => {
  const out = new Uint8Array(DRAW_COPY_LZ_PREFIX_SIZE + 2).fill(0xee)
  const at = writeDrawCopyLz(out, 0, place, 2)
  t.is(at, DRAW_COPY_LZ_PREFIX_SIZE)
  t.deepEqual(out, hex(`${FIXED} 02000000 09000000 65 00 03000000 02000000 02000000 eeee`))
})

test('DRAW_COPY of a raw image, laid out by hand', (t) => {
  const out = new Uint8Array(DRAW_COPY_BITMAP_PREFIX_SIZE + 24).fill(0xee)
  const at = writeDrawCopyBitmap(out, 0, place)
  t.is(at, DRAW_COPY_BITMAP_PREFIX_SIZE)
  const head = `${FIXED} 02000000 09000000 00 00 03000000 02000000`
  const bitmap = '08 04 03000000 02000000 0c000000 00000000'
  t.deepEqual(out, hex(`${head} ${bitmap} ${'ee'.repeat(24)}`))
})

test('type, flags, format and stride of an image can be chosen', (t) => {
  const out = new Uint8Array(DRAW_COPY_BITMAP_PREFIX_SIZE + 32)
  writeDrawCopyBitmap(out, 0, {
    ...place,
    stride: 16,
    format: BITMAP_FORMAT.rgba,
    imageFlags: IMAGE_FLAG.cacheMe,
  })
  const { image } = decodeDrawCopy(out)
  t.is(image?.flags, IMAGE_FLAG.cacheMe)
  t.true(image?.payload.kind === 'bitmap' && image.payload.stride === 16)
  t.true(image?.payload.kind === 'bitmap' && image.payload.format === BITMAP_FORMAT.rgba)
  t.true(image?.payload.kind === 'bitmap' && image.payload.data.length === 32)
  writeDrawCopyLz(out, 0, { ...place, imageType: IMAGE_TYPE.quic }, 3)
  t.is(decodeDrawCopy(out).image?.type, IMAGE_TYPE.quic)
})

test('a body that does not fit is not begun', (t) => {
  const out = new Uint8Array(DRAW_COPY_LZ_PREFIX_SIZE + 10).fill(0xee)
  t.throws(() => writeDrawCopyLz(out, 0, place, 11), { code: 'SIDECAR_BUG' })
  t.throws(() => writeDrawCopyLz(out, 1, place, 10), { code: 'SIDECAR_BUG' })
  t.throws(() => writeDrawCopyLz(out, -1, place, 1), { code: 'SIDECAR_BUG' })
  t.throws(() => writeDrawCopyBitmap(out, 0, place), { code: 'SIDECAR_BUG' })
  t.true(out.every((byte) => byte === 0xee))
})

test('a solid fill, laid out by hand', (t) => {
  t.deepEqual(
    displayServer.drawFill.encode({
      surfaceId: 0,
      box: { left: 1, top: 2, right: 3, bottom: 4 },
      clip: { type: CLIP_TYPE.none },
      brush: { type: BRUSH_TYPE.solid, color: 0x112233 },
      rop: ROP.put,
      mask: { flags: 0, pos: { x: 0, y: 0 }, imageAt: 0 },
      pointed: new Uint8Array(0),
    }),
    hex(`00000000 02000000 01000000 04000000 03000000 00 01 33221100 0800 00 00000000 00000000 00000000`),
  )
})

test('a copy within a surface, laid out by hand', (t) => {
  t.deepEqual(
    displayServer.copyBits.encode({
      surfaceId: 1,
      box: { left: 1, top: 2, right: 3, bottom: 4 },
      clip: { type: CLIP_TYPE.none },
      srcPos: { x: 5, y: 6 },
    }),
    hex(`01000000 02000000 01000000 04000000 03000000 00 05000000 06000000`),
  )
})

test('an image offset inside the fixed part or outside the body is refused', (t) => {
  const out = new Uint8Array(DRAW_COPY_LZ_PREFIX_SIZE)
  for (const offset of [1, 56, 58, 79, 80, 0xffff_ffff]) {
    writeDrawCopyLz(out, 0, place, 0)
    new DataView(out.buffer).setUint32(21, offset, true)
    t.throws(() => decodeDrawCopy(out), { code: 'SIDECAR_PROTOCOL' }, String(offset))
  }
  new DataView(out.buffer).setUint32(21, 0, true)
  t.is(decodeDrawCopy(out).image, undefined)
})

test('an image that would make sense inside the fixed part is refused all the same', (t) => {
  const out = new Uint8Array(DRAW_COPY_LZ_PREFIX_SIZE)
  const box = { left: 0, top: 0, right: 1, bottom: IMAGE_TYPE.fromCache }
  writeDrawCopyLz(out, 0, { ...place, box }, 0)
  t.is(decodeImage(out, 25).type, IMAGE_TYPE.fromCache)
  new DataView(out.buffer).setUint32(21, 25, true)
  t.throws(() => decodeDrawCopy(out), { code: 'SIDECAR_PROTOCOL' })
})

test('image payloads that are not coded data', (t) => {
  const head = '01000000 02000000'
  t.deepEqual(decodeImage(hex(`${head} 68 00 01000000 01000000 05000000`), 0).payload, {
    kind: 'surface',
    surfaceId: 5,
  })
  t.deepEqual(decodeImage(hex(`ff ${head} 67 00 01000000 01000000`), 1).payload, { kind: 'cached' })
  t.is(decodeImage(hex(`${head} 67 00 01000000 01000000`), 0).id, 0x2_0000_0001n)
  t.throws(() => decodeImage(hex(`${head} 07 00 01000000 01000000`), 0), { code: 'SIDECAR_PROTOCOL' })
})

test('a bitmap with a palette or without all its pixels is refused', (t) => {
  const head = '01000000 02000000 00 00 01000000 01000000'
  t.notThrows(() => decodeImage(hex(`${head} 08 04 01000000 01000000 04000000 00000000 11223344`), 0))
  for (const body of [
    `${head} 08 04 01000000 01000000 04000000 00000000 112233`,
    `${head} 05 04 01000000 01000000 04000000 20000000 11223344`,
    `${head} 05 06 01000000 01000000 04000000 0000000000000000 11223344`,
    `${head} 08 04 ffffffff ffffffff ffffffff 00000000 11223344`,
  ]) {
    t.throws(() => decodeImage(hex(body), 0), { code: 'SIDECAR_PROTOCOL' })
  }
})
