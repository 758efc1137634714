import test from 'ava'
import {
  BRUSH_TYPE,
  COMPOSITE_FLAG,
  describeField,
  displayServer,
  flagged,
  LINE_FLAG,
  message,
  ROP,
  SCANOUT_FLAG,
  strokePath,
  u16,
  u8,
  whenSet,
} from '../../../src/protocol/index.js'
import { ByteReader, ByteWriter } from '../../../src/core/bytes.js'
import { golden } from './golden-bytes.js'
import { hex } from './hex.js'

// Laid out by hand from protocol-display.md 4, 5 and 7.
const BASE = '00000000 01000000 02000000 03000000 04000000 00'
const base = { surfaceId: 0, box: { top: 1, left: 2, bottom: 3, right: 4 }, clip: { type: 0 } }
const SOLID = '01 00ff0000'
const solid = { type: BRUSH_TYPE.solid, color: 0xff00 }
const identity = { t00: 0x10000, t01: 0, t02: 0, t10: 0, t11: 0x10000, t12: 0 }
const IDENTITY = '00000100 00000000 00000000 00000000 00000100 00000000'

test(
  'display DRAW_STROKE of a plain line',
  golden,
  displayServer.drawStroke,
  `3601 23000000 ${BASE} 23000000 00 ${SOLID} 0800 0800`,
  {
    ...base,
    pathAt: 35,
    attributes: { flags: 0 },
    brush: solid,
    foreMode: ROP.put,
    backMode: ROP.put,
    pointed: hex(''),
  },
)
test(
  'display DRAW_STROKE of a styled line',
  golden,
  displayServer.drawStroke,
  `3601 28000000 ${BASE} 23000000 0c 02 29000000 ${SOLID} 0800 0800`,
  {
    ...base,
    pathAt: 35,
    attributes: { flags: LINE_FLAG.styled | LINE_FLAG.startWithGap, style: { segments: 2, styleAt: 41 } },
    brush: solid,
    foreMode: ROP.put,
    backMode: ROP.put,
    pointed: hex(''),
  },
)
test(
  'display DRAW_TEXT',
  golden,
  displayServer.drawText,
  `3701 35000000 ${BASE} 33000000 00000000 00000000 00000000 00000000 ${SOLID} 00 0800 0800 aabb`,
  {
    ...base,
    stringAt: 51,
    backArea: { top: 0, left: 0, bottom: 0, right: 0 },
    foreBrush: solid,
    backBrush: { type: BRUSH_TYPE.none },
    foreMode: ROP.put,
    backMode: ROP.put,
    pointed: hex('aabb'),
  },
)
test(
  'display DRAW_COMPOSITE without mask and transforms',
  golden,
  displayServer.drawComposite,
  `3e01 25000000 ${BASE} 03000000 25000000 0100 0200 feff 0000`,
  {
    ...base,
    composite: {
      flags: 3,
      imageAt: 37,
      sourceOrigin: { x: 1, y: 2 },
      maskOrigin: { x: -2, y: 0 },
    },
    pointed: hex(''),
  },
)
test(
  'display DRAW_COMPOSITE with mask and both transforms',
  golden,
  displayServer.drawComposite,
  `3e01 59000000 ${BASE} 03003800 59000000 6b000000 ${IDENTITY} ${IDENTITY} 0100 0200 feff 0000`,
  {
    ...base,
    composite: {
      flags: COMPOSITE_FLAG.hasMask | COMPOSITE_FLAG.hasSourceTransform | COMPOSITE_FLAG.hasMaskTransform | 3,
      imageAt: 89,
      maskAt: 107,
      sourceTransform: identity,
      maskTransform: identity,
      sourceOrigin: { x: 1, y: 2 },
      maskOrigin: { x: -2, y: 0 },
    },
    pointed: hex(''),
  },
)
test(
  'display GL_SCANOUT_UNIX',
  golden,
  displayServer.glScanoutUnix,
  '4001 14000000 80020000 e0010000 000a0000 58523234 01000000',
  { width: 640, height: 480, stride: 2560, drmFourcc: 0x34325258, flags: SCANOUT_FLAG.y0Top },
)
test('display GL_DRAW', golden, displayServer.glDraw, '4101 10000000 01000000 02000000 03000000 04000000', {
  x: 1,
  y: 2,
  width: 3,
  height: 4,
})
test('display QUALITY_INDICATOR', golden, displayServer.qualityIndicator, '4201 02000000 0102', {
  data: hex('0102'),
})
test(
  'display GL_SCANOUT2_UNIX',
  golden,
  displayServer.glScanout2Unix,
  '4301 29000000 80020000 e0010000 58523234 00000000 02 0700000000000000 00000000 000a0000 00100000 000a0000',
  {
    width: 640,
    height: 480,
    drmFourcc: 0x34325258,
    flags: 0,
    buffer: {
      modifier: 7n,
      planes: [
        { offset: 0, stride: 2560 },
        { offset: 4096, stride: 2560 },
      ],
    },
  },
)

test('a scanout of five planes is refused', (t) => {
  const body = hex(`${'00'.repeat(16)} 05 0000000000000000 ${'00'.repeat(40)}`)
  t.throws(() => displayServer.glScanout2Unix.decode(body), { code: 'SIDECAR_PROTOCOL' })
})

test('a stroke path is segments of points', (t) => {
  const bytes = hex('01000000 09 02000000 10000000 20000000 30000000 f0ffffff')
  const path = [
    {
      flags: 9,
      points: [
        { x: 16, y: 32 },
        { x: 48, y: -16 },
      ],
    },
  ]
  t.deepEqual(strokePath.decode(new ByteReader(bytes)), path)
  const out = new ByteWriter()
  strokePath.encode(path, out)
  t.deepEqual(out.finish(), bytes)
})

test('a value that does not fit its flags is a bug', (t) => {
  const one = message(1, { f: flagged('flags', u8, { more: whenSet(2, u16) }) })
  t.deepEqual(one.encode({ f: { flags: 2, more: 5 } }), hex('02 0500'))
  t.throws(() => one.encode({ f: { flags: 2 } }), { code: 'SIDECAR_BUG' })
  t.throws(() => one.encode({ f: { flags: 1, more: 5 } }), { code: 'SIDECAR_BUG' })
  t.throws(() => one.decode(hex('02 05')), { code: 'SIDECAR_PROTOCOL' })
  t.is(describeField(one.fields), 'u8 flags, with 0x2 u16 more f')
})
