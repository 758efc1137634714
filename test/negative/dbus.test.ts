import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs'
import test from 'ava'
import { DEFAULT_LIMITS } from '../../src/core/limits.js'
import { createEventFd, createMemfd, socketPair } from '../../src/host/index.js'
import {
  encodeMessage,
  ERROR,
  marshal,
  METHOD_CALL,
  METHOD_RETURN,
  SIGNAL,
  Variant,
  type DbusValue,
} from '../../src/qemu-io/index.js'
import { X8R8G8B8, type FakeListener } from '../helpers/fake-dbus-qemu.js'
import { Rig, openDescriptors, pixels, withRig } from '../unit/gpu-bridge/dbus-rig.js'

const WIDTH = 64
const HEIGHT = 48
const GOOD = pixels(WIDTH, HEIGHT)
const LISTENER = 'org.qemu.Display1.Listener'
const TARGET = { type: METHOD_CALL, path: '/org/qemu/Display1/Listener', interface: LISTENER }

/** A registered console that shows GOOD. */
const shown = async (rig: Rig): Promise<FakeListener> => {
  const listener = await rig.listener()
  listener.scanout(WIDTH, HEIGHT, GOOD)
  await rig.until('the good picture', () => rig.shows(GOOD))
  return listener
}

/** The console still works: whatever listener is registered now shows a new picture. */
const stillWorks = async (rig: Rig, next: FakeListener): Promise<void> => {
  const after = pixels(WIDTH, HEIGHT, 7)
  next.scanout(WIDTH, HEIGHT, after)
  await rig.until('the picture after it', () => rig.shows(after))
}

const header = (changes: readonly (readonly [number, number])[]): Uint8Array => {
  const bytes = encodeMessage({ ...TARGET, member: 'Disable' }, 1).slice()
  changes.forEach(([at, byte]) => (bytes[at] = byte))
  return bytes
}

const nested = (depth: number): Uint8Array => {
  let value: DbusValue = 1
  let signature = 'y'
  for (let i = 0; i < depth; i++) {
    value = new Variant(signature, value)
    signature = 'v'
  }
  return marshal('v', [value])
}

/** What is not D-Bus, or above its limits: the listener is closed and registered again. */
const CLOSING: Readonly<Record<string, (listener: FakeListener) => void>> = {
  'the byte of the byte order is wrong': ({ peer }) => peer.raw(header([[0, 0x42]])),
  'the byte order is none': ({ peer }) => peer.raw(header([[0, 0]])),
  'another protocol version': ({ peer }) => peer.raw(header([[3, 2]])),
  'a message of type 0': ({ peer }) => peer.raw(header([[1, 0]])),
  'serial 0': ({ peer }) => peer.raw(header([[8, 0]])),
  'a header of 4 GiB': ({ peer }) => peer.raw(header([12, 13, 14, 15].map((at) => [at, 0xff] as const))),
  'a body of 4 GiB': ({ peer }) => peer.raw(header([4, 5, 6, 7].map((at) => [at, 0xff] as const))),
  'a body above the limit on a call without pixels': ({ peer }) =>
    peer.raw(
      encodeMessage({ ...TARGET, member: 'MouseSet', signature: 'ay', args: [new Uint8Array(65_537)] }, 1),
    ),
  'an array of 64 MiB and a byte': ({ peer }) => {
    const bytes = encodeMessage(
      { ...TARGET, member: 'Scanout', signature: 'uuuuay', args: [64, 48, 256, X8R8G8B8, new Uint8Array(8)] },
      1,
    ).slice()
    new DataView(bytes.buffer).setUint32(4, 64 * 1024 * 1024 + 21, true)
    peer.raw(bytes)
  },
  'an array that is longer than its message': ({ peer }) => {
    const bytes = encodeMessage(
      { ...TARGET, member: 'Scanout', signature: 'uuuuay', args: [64, 48, 256, X8R8G8B8, new Uint8Array(8)] },
      1,
    ).slice()
    new DataView(bytes.buffer).setUint32(bytes.length - 12, 64 * 1024 * 1024 + 1, true)
    peer.raw(bytes)
  },
  'a signature that is nested 65 deep': ({ peer }) => {
    const bytes = encodeMessage(
      { ...TARGET, member: 'Disable', signature: 'a'.repeat(10) + 'y', args: [[]] },
      1,
    )
    const at = Buffer.from(bytes).indexOf('aaaaaaaaaay')
    const long = encodeMessage({ type: METHOD_CALL, path: '/a', member: 'a'.repeat(66) }, 1).slice()
    // The member field becomes a signature field of the same length.
    const member = Buffer.from(long).indexOf('a'.repeat(66))
    long[member - 8] = 8
    peer.raw(at > 0 ? long : bytes)
  },
  'a pointer shape above the limit': (listener) =>
    listener.cursorDefine(513, 513, 0, 0, new Uint8Array(513 * 513 * 4)),
  'an answer that was not asked for': ({ peer }) =>
    peer.raw(encodeMessage({ type: METHOD_RETURN, replySerial: 4_000_000 }, 1)),
  'descriptors that were not announced': ({ peer }) => {
    const fd = createEventFd()
    peer.raw(encodeMessage({ ...TARGET, member: 'Disable' }, 1), [fd])
    fd.close()
  },
  'descriptors that did not come': ({ peer }) =>
    peer.raw(encodeMessage({ ...TARGET, member: 'Disable', fds: 3 }, 1)),
  'five descriptors': ({ peer }) => {
    const fds = [1, 2, 3, 4, 5].map(() => createEventFd())
    peer.raw(encodeMessage({ ...TARGET, member: 'Disable', fds: 5 }, 1), fds)
    fds.forEach((fd) => fd.close())
  },
  'bytes at random': ({ peer }) => peer.raw(new Uint8Array(4096).map((_, i) => (i * 167) % 256)),
  'the end of the stream in the middle of a picture': (listener) => {
    const bytes = encodeMessage(
      { ...TARGET, member: 'Scanout', signature: 'uuuuay', args: [64, 48, 256, X8R8G8B8, GOOD] },
      1,
    )
    listener.peer.raw(bytes.subarray(0, 5000))
    listener.peer.close()
  },
}

for (const [what, send] of Object.entries(CLOSING)) {
  test.serial(`N-DBUS-01: ${what}: the listener is closed and registered anew, the picture kept`, (t) =>
    withRig(t, async (rig) => {
      const listener = await shown(rig)
      send(listener)
      const next = await rig.until('another listener', () => {
        const last = rig.qemu.listener()
        return last !== listener && last?.peer.begun === true ? last : undefined
      })
      await rig.refused('listener')
      t.true(rig.shows(GOOD))
      await stillWorks(rig, next)
    }),
  )
}

const scanout = (width: number, height: number, stride: number, format: number, data: Uint8Array) =>
  ['Scanout', 'uuuuay', [width, height, stride, format, data]] as const

/** Impossible calls: refused one by one, the listener stays. */
const REFUSED: Readonly<
  Record<string, readonly [reason: string, ...call: readonly [string, string, readonly DbusValue[]]]>
> = {
  'scanout 0x0': ['scanout-size', ...scanout(0, 0, 0, X8R8G8B8, new Uint8Array(0))],
  'scanout 64x0': ['scanout-size', ...scanout(64, 0, 256, X8R8G8B8, GOOD)],
  'scanout 65536x65536': ['scanout-size', ...scanout(65_536, 65_536, 262_144, X8R8G8B8, GOOD)],
  'scanout 16385x1': ['scanout-size', ...scanout(16_385, 1, 65_540, X8R8G8B8, GOOD)],
  'scanout 16384x16384': ['scanout-size', ...scanout(16_384, 16_384, 65_536, X8R8G8B8, GOOD)],
  'stride below the width': ['scanout-size', ...scanout(64, 48, 255, X8R8G8B8, GOOD)],
  'stride 0': ['scanout-size', ...scanout(64, 48, 0, X8R8G8B8, GOOD)],
  'stride of 4 GiB': ['short-data', ...scanout(64, 48, 0xffffffff, X8R8G8B8, GOOD)],
  'stride times height that wraps 32 bits': ['short-data', ...scanout(64, 0x4000, 0x40000, X8R8G8B8, GOOD)],
  'data a byte too short': ['short-data', ...scanout(64, 48, 256, X8R8G8B8, GOOD.subarray(1))],
  'no data': ['short-data', ...scanout(64, 48, 256, X8R8G8B8, new Uint8Array(0))],
  'an unknown pixel format': ['pixel-format', ...scanout(64, 48, 256, 0x10020565, GOOD)],
  'update with an unknown pixel format': ['pixel-format', 'Update', 'iiiiuuay', [0, 0, 4, 4, 16, 1, GOOD]],
  'update with data too short': [
    'short-data',
    'Update',
    'iiiiuuay',
    [0, 0, 4, 4, 16, X8R8G8B8, new Uint8Array(63)],
  ],
  'update of no size': ['scanout-size', 'Update', 'iiiiuuay', [0, 0, 0, -4, 16, X8R8G8B8, GOOD]],
  'pointer of 513x1': ['cursor', 'CursorDefine', 'iiiiay', [513, 1, 0, 0, new Uint8Array(513 * 4)]],
  'pointer of 0x0': ['cursor', 'CursorDefine', 'iiiiay', [0, 0, 0, 0, GOOD]],
  'pointer of -1x-1': ['cursor', 'CursorDefine', 'iiiiay', [-1, -1, 0, 0, GOOD]],
  'pointer with its hot spot outside': ['cursor', 'CursorDefine', 'iiiiay', [8, 8, 8, 0, GOOD]],
  'pointer with its hot spot before it': ['cursor', 'CursorDefine', 'iiiiay', [8, 8, 0, -1, GOOD]],
  'pointer with data too short': [
    'cursor',
    'CursorDefine',
    'iiiiay',
    [64, 64, 0, 0, new Uint8Array(64 * 64 * 4 - 1)],
  ],
  'a signature that is not the method’s': ['call', 'Scanout', 'uuuu', [64, 48, 256, X8R8G8B8]],
  'a method that is not known': ['call', 'Explode', '', []],
  'dma buffers': ['dmabuf', 'UpdateDMABUF', 'iiii', [0, 0, 1, 1]],
}

for (const [what, [reason, member, signature, args]] of Object.entries(REFUSED)) {
  test.serial(`N-DBUS-01: ${what}: refused, the picture kept`, (t) =>
    withRig(t, async (rig) => {
      const listener = await shown(rig)
      listener.call(member, signature, args)
      const answer = await rig.until('the answer', () => listener.peer.messages.at(-1))
      t.is(answer.header.type, ERROR)
      t.is(await rig.refused(reason), 1)
      t.true(rig.shows(GOOD))
      t.is(rig.model.picture(0).shape, undefined)
      t.false(listener.peer.ended)
      await stillWorks(rig, listener)
      t.is(rig.warnings.length, 1)
    }),
  )
}

for (const [x, y, width, height] of [
  [60, 0, 5, 1],
  [0, 47, 1, 2],
  [-1, 0, 4, 4],
  [0x7fffffff, 0, 4, 4],
  [0, 0, 65, 48],
] as const) {
  test.serial(
    `N-DBUS-01: update ${width}x${height}+${x}+${y} outside the scanout: dropped, the picture kept`,
    (t) =>
      withRig(t, async (rig) => {
        const listener = await shown(rig)
        listener.update(x, y, width, height, pixels(width, height, 3))
        await rig.refused('update-outside')
        t.true(rig.shows(GOOD))
        const next = await rig.until('another listener', () => {
          const last = rig.qemu.listener()
          return last !== listener && last?.peer.begun === true ? last : undefined
        })
        await stillWorks(rig, next)
      }),
  )
}

test.serial('N-DBUS-01: a listener that is never authenticated shows nothing and costs nothing', (t) =>
  withRig(
    t,
    async (rig) => {
      await rig.until('the greeting', () => rig.qemu.listener()?.peer.lines.length === 1)
      await rig.until('input works meanwhile', () => {
        rig.source.input.keyDown(30)
        return rig.qemu.input.length > 0
      })
      t.is(rig.frame(), undefined)
      t.is(rig.qemu.listeners.length, 1)
    },
    { listenerSasl: { '\0AUTH EXTERNAL': '' } },
  ),
)

test.serial('N-DBUS-01: a listener that is refused is not asked for without end', (t) =>
  withRig(
    t,
    async (rig) => {
      await rig.until('it gives up', () => rig.refusals.size > 0 && rig.qemu.listeners.length === 8)
      await rig.until('the last is closed', () => rig.qemu.listener() === undefined)
      rig.source.input.keyDown(30)
      await rig.until('input still works', () => rig.qemu.input.length > 0)
      t.is(rig.qemu.listeners.length, 8)
    },
    { listenerSasl: { '\0AUTH EXTERNAL': 'REJECTED\r\n' } },
  ),
)

const signal = (signature: string, args: readonly DbusValue[]): Uint8Array =>
  encodeMessage(
    { type: SIGNAL, path: '/org/qemu/Display1', interface: 'x.y', member: 'Z', signature, args },
    1,
  )

/** A signal whose body is a value inside 65 variants. */
const nestedSignal = (): Uint8Array => {
  const body = nested(64)
  const plain = signal('v', [new Variant('y', 1)])
  const bytes = Buffer.concat([plain.subarray(0, plain.length - 4), body])
  bytes.writeUInt32LE(body.length, 4)
  return bytes
}

for (const [what, bytes] of [
  ['garbage', new Uint8Array(64).fill(0xff)],
  ['a value that is nested 65 deep', nestedSignal()],
  ['a body above the limit', signal('ay', [new Uint8Array(65_537)])],
  ['a string that is not UTF-8', signal('s', ['abcd']).map((byte) => (byte === 0x62 ? 0xff : byte))],
  ['an answer that was not asked for', encodeMessage({ type: METHOD_RETURN, replySerial: 4_000_000 }, 1)],
] as const) {
  test.serial(`N-DBUS-01: ${what} on the main connection ends the run, nothing else`, async (t) => {
    const before = openDescriptors()
    const rig = new Rig()
    await shown(rig)
    rig.qemu.main?.raw(bytes)
    t.is((await rig.ended).kind, 'failed')
    await rig.until('the listener is closed', () => rig.qemu.listener() === undefined)
    await rig.stop()
    await rig.until('no descriptor is left', () => openDescriptors() <= before)
  })
}

test.serial('N-DBUS-01: a flood of consoles is cut at the limit', (t) =>
  withRig(
    t,
    async (rig) => {
      await rig.until('consoles', () => rig.model.consoles.length > 0)
      t.is(rig.model.consoles.length, DEFAULT_LIMITS.heads)
      await rig.until('listeners', () => rig.qemu.listeners.length === DEFAULT_LIMITS.heads)
    },
    { consoles: Array.from({ length: 40 }, (_, number) => ({ number })) },
  ),
)

test.serial(
  'N-MEM-04: display memory that is cut while frames are read: registered anew, the picture kept',
  (t) =>
    withRig(t, async (rig) => {
      const first = await rig.listener()
      const map = createMemfd('cut', GOOD.length)
      writeSync(map.fd, GOOD, 0, GOOD.length, 0)
      first.scanoutMap(map, WIDTH, HEIGHT)
      await rig.until('the picture', () => rig.shows(GOOD))
      ftruncateSync(map.fd, 0)
      map.close()
      first.updateMap(0, 0, WIDTH, HEIGHT)
      const next = await rig.until('another listener', () => {
        const last = rig.qemu.listener()
        return last !== first && last?.peer.begun === true ? last : undefined
      })
      await rig.refused('map-short')
      t.true(rig.shows(GOOD))
      await stillWorks(rig, next)
    }),
)

const opened = (path: string) => {
  const fd = openSync(path, 'r')
  return { fd, close: () => closeSync(fd) }
}

const socket = () => {
  const [one, other] = socketPair()
  other.close()
  return one
}

for (const [what, open] of [
  ['a directory', () => opened('/')],
  ['a device', () => opened('/dev/null')],
  ['a socket', socket],
  ['an eventfd', createEventFd],
  ['a file shorter than claimed', () => createMemfd('short', GOOD.length - 1)],
  ['an empty file', () => createMemfd('empty', 0)],
] as const) {
  test.serial(`N-MEM-05: ${what} as display memory: refused and closed, the picture kept`, (t) =>
    withRig(t, async (rig) => {
      const listener = await shown(rig)
      const fd = open()
      const serial = listener.scanoutMap(fd, WIDTH, HEIGHT)
      fd.close()
      const answer = await rig.until('the answer', () => listener.answerTo(serial))
      t.is(answer.header.type, ERROR)
      t.is(await rig.refused('map-descriptor'), 1)
      t.true(rig.shows(GOOD))
      t.is(rig.damage.length, 0)
      await stillWorks(rig, listener)
    }),
  )
}

test.serial('N-MEM-05: a map that lies about offset, stride, size or descriptor index is refused', (t) =>
  withRig(t, async (rig) => {
    const listener = await shown(rig)
    const target = { interface: `${LISTENER}.Unix.Map`, member: 'ScanoutMap' }
    for (const args of [
      [0, 0xffffffff, WIDTH, HEIGHT, 256, X8R8G8B8],
      [0, 1, WIDTH, HEIGHT, 256, X8R8G8B8],
      [0, 0, WIDTH, HEIGHT, 0xffffffff, X8R8G8B8],
      [0, 0, WIDTH, HEIGHT, 255, X8R8G8B8],
      [0, 0, 0, 0, 0, X8R8G8B8],
      [0, 0, WIDTH, HEIGHT, 256, 1],
      [1, 0, WIDTH, HEIGHT, 256, X8R8G8B8],
      [0xffffffff, 0, WIDTH, HEIGHT, 256, X8R8G8B8],
    ]) {
      const fd = createMemfd('map', GOOD.length)
      const serial = listener.peer.call(target, 'huuuuu', args, { reply: true, fds: [fd] })
      fd.close()
      const answer = await rig.until('the answer', () => listener.answerTo(serial))
      t.is(answer.header.type, ERROR, args.join(' '))
    }
    t.true(rig.shows(GOOD))
    await stillWorks(rig, listener)
  }),
)

test.serial('N-MEM-05: a hundred maps leave no descriptor behind while the listener lives', (t) =>
  withRig(t, async (rig) => {
    const listener = await shown(rig)
    const before = openDescriptors()
    for (let i = 0; i < 100; i++) {
      const fd = createMemfd('map', GOOD.length)
      const serial = listener.scanoutMap(fd, WIDTH, HEIGHT)
      fd.close()
      await rig.until('the answer', () => listener.answerTo(serial))
    }
    // The last one stays open: it is what is shown.
    t.true(openDescriptors() <= before + 1)
  }),
)

test.serial('N-DBUS-01: a guest that changes its mode in a loop does not make us grow', (t) =>
  withRig(t, async (rig) => {
    const listener = await shown(rig)
    const side = 2048
    const map = createMemfd('large', side * side * 4)
    const flip = async (i: number): Promise<void> => {
      const serial = listener.scanoutMap(map, side - (i % 2), side)
      await rig.until('the answer', () => listener.answerTo(serial))
      await rig.until('the frame', () => rig.frame()?.width === side - (i % 2))
    }
    await flip(0)
    await flip(1)
    await flip(2)
    const before = process.memoryUsage.rss()
    for (let i = 3; i < 103; i++) {
      await flip(i)
    }
    map.close()
    // A hundred frames of 16 MiB each.
    const grown = process.memoryUsage.rss() - before
    t.true(grown < 200 * 1024 * 1024, `${grown}`)
    t.log(`${Math.round(grown / 1024 / 1024)} MiB`)
  }),
)
