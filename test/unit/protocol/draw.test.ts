import test from 'ava'
import {
  BITMAP_FORMAT,
  DRAW_COPY_BITMAP_PREFIX_SIZE,
  DRAW_COPY_LZ_PREFIX_SIZE,
  drawCopyPaletteSize,
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
  writeDrawCopyPalette,
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

test('DRAW_COPY of indexes that brings its palette, laid out by hand', (t) => {
  const palette = { id: 0x0d_0000_0102, colours: [0x000000, 0xaabbcc, 0xffffff] }
  t.is(drawCopyPaletteSize(palette, 2), 84 + 2 + 10 + 12)
  const out = new Uint8Array(3 + drawCopyPaletteSize(palette, 2)).fill(0xee)
  t.is(writeDrawCopyPalette(out, 3, place, palette, 2), 3 + 84)
  const head = `${FIXED} 02000000 09000000 64 00 03000000 02000000`
  // The palette is at 86 = 0x56 of the body.
  const indexed = '05 02000000 56000000 eeee 020100000d000000 0300 00000000 ccbbaa00 ffffff00'
  t.deepEqual(out, hex(`eeeeee ${head} ${indexed}`))
  t.deepEqual(decodeDrawCopy(out.subarray(3)).image?.payload, {
    kind: 'indexed',
    palette: { id: 0x0d_0000_0102n, colours: palette.colours, keep: true },
    data: hex('eeee'),
  })
})

test('DRAW_COPY of indexes into a palette that the client has, laid out by hand', (t) => {
  const palette = { id: 0x0d_0000_0102 }
  t.is(drawCopyPaletteSize(palette, 2), 88 + 2)
  const out = new Uint8Array(drawCopyPaletteSize(palette, 2)).fill(0xee)
  t.is(writeDrawCopyPalette(out, 0, { ...place, imageFlags: IMAGE_FLAG.cacheMe }, palette, 2), 88)
  const head = `${FIXED} 02000000 09000000 64 01 03000000 02000000`
  t.deepEqual(out, hex(`${head} 06 02000000 020100000d000000 eeee`))
  t.deepEqual(decodeDrawCopy(out).image?.payload, {
    kind: 'indexed',
    palette: { id: 0x0d_0000_0102n, colours: undefined, keep: false },
    data: hex('eeee'),
  })
})

test('a message with a palette that has no room is not begun', (t) => {
  const palette = { id: 1, colours: [1, 2] }
  const out = new Uint8Array(drawCopyPaletteSize(palette, 5)).fill(0xee)
  t.throws(() => writeDrawCopyPalette(out, 0, place, palette, 6), { code: 'SIDECAR_BUG' })
  t.throws(() => writeDrawCopyPalette(out, 1, place, palette, 5), { code: 'SIDECAR_BUG' })
  t.throws(() => writeDrawCopyPalette(out, -1, place, palette, 1), { code: 'SIDECAR_BUG' })
  t.true(out.every((byte) => byte === 0xee))
})

test('a palette outside of its message, of no colours, of too many or cut off is refused', (t) => {
  const head = '01000000 02000000 64 00 01000000 01000000'
  const id = '0100000000000000'
  t.notThrows(() => decodeImage(hex(`${head} 05 01000000 1c000000 00 ${id} 0100 11223300`), 0))
  for (const body of [
    `${head} 05 01000000 2b000000 00 ${id} 0100 11223300`,
    `${head} 05 01000000 ffffffff 00 ${id} 0100 11223300`,
    `${head} 05 01000000 1c000000 00 ${id} 0000`,
    `${head} 05 01000000 1c000000 00 ${id} 0101 ${'11223300'.repeat(257)}`,
    `${head} 05 01000000 1c000000 00 ${id} 0200 11223300`,
    `${head} 05 ffffffff 1c000000 00 ${id} 0100 11223300`,
    `${head} 06 01000000 01000000`,
  ]) {
    t.throws(() => decodeImage(hex(body), 0), { code: 'SIDECAR_PROTOCOL' }, body)
  }
})
