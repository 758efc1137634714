import test from 'ava'
import fc from 'fast-check'
import { SidecarError } from '../../src/core/errors.js'
import { DEFAULT_LIMITS } from '../../src/core/limits.js'
import { contains, rectOf } from '../../src/core/region.js'
import { FramePool } from '../../src/gpu-bridge/dbus-display/frame-pool.js'
import { PendingUpdate } from '../../src/gpu-bridge/dbus-display/pending.js'
import type { FileAccess } from '../../src/gpu-bridge/dbus-display/scanout-map.js'
import { Screen } from '../../src/gpu-bridge/dbus-display/screen.js'
import { DbusConnection } from '../../src/qemu-io/index.js'
import { FakeDbusPeer, FakeListener, X8R8G8B8 } from '../helpers/fake-dbus-qemu.js'
import { FakeFd, MemoryTransport } from '../unit/qemu-io/memory-transport.js'

const SIDE = 24
const MAP_BYTES = SIDE * SIDE * 4 * 2

type Call =
  | {
      readonly kind: 'scanout'
      readonly width: number
      readonly height: number
      readonly extra: number
      readonly seed: number
    }
  | {
      readonly kind: 'update'
      readonly x: number
      readonly y: number
      readonly width: number
      readonly height: number
      readonly seed: number
    }
  | {
      readonly kind: 'map'
      readonly width: number
      readonly height: number
      readonly extra: number
      readonly file: number
    }
  | {
      readonly kind: 'updateMap'
      readonly x: number
      readonly y: number
      readonly width: number
      readonly height: number
    }
  | { readonly kind: 'paint'; readonly file: number; readonly at: number; readonly byte: number }
  | { readonly kind: 'cursor'; readonly width: number; readonly hot: number; readonly length: number }
  | { readonly kind: 'mouse'; readonly x: number; readonly on: number }
  | { readonly kind: 'disable' }
  | { readonly kind: 'size'; readonly width: number; readonly height: number }

/** Mostly a value that makes sense, rarely one that does not. */
const rarely = (good: fc.Arbitrary<number>): fc.Arbitrary<number> =>
  fc.oneof(
    { weight: 12, arbitrary: good },
    { weight: 1, arbitrary: fc.constantFrom(0, -1, 0x7fffffff, 65_536) },
  )

const size = rarely(fc.integer({ min: 1, max: SIDE }))
const place = rarely(fc.nat(SIDE))
const file = fc.nat(1)
const extra = fc.constantFrom(0, 0, 4, 7)

const call: fc.Arbitrary<Call> = fc.oneof(
  fc.record({ kind: fc.constant('scanout' as const), width: size, height: size, extra, seed: fc.nat(9) }),
  fc.record({
    kind: fc.constant('update' as const),
    x: place,
    y: place,
    width: size,
    height: size,
    seed: fc.nat(9),
  }),
  fc.record({ kind: fc.constant('map' as const), width: size, height: size, extra, file }),
  fc.record({ kind: fc.constant('updateMap' as const), x: place, y: place, width: size, height: size }),
  fc.record({ kind: fc.constant('paint' as const), file, at: fc.nat(MAP_BYTES - 1), byte: fc.nat(255) }),
  fc.record({
    kind: fc.constant('cursor' as const),
    width: size,
    hot: place,
    length: fc.nat(SIDE * SIDE * 4),
  }),
  fc.record({ kind: fc.constant('mouse' as const), x: place, on: fc.nat(2) }),
  fc.record({ kind: fc.constant('disable' as const) }),
  fc.record({ kind: fc.constant('size' as const), width: size, height: size }),
)

const paint = (length: number, seed: number): Uint8Array =>
  new Uint8Array(Math.max(0, Math.min(length, 1 << 16))).map((_, i) => (i * 31 + seed * 17) % 256)

/** A screen behind a connection, with files in memory. */
const rig = () => {
  const files = [new Uint8Array(MAP_BYTES), new Uint8Array(MAP_BYTES)]
  const byFd = new Map<number, number>()
  const access: FileAccess = {
    readAt: (fd, into, offset) => {
      const bytes = files[byFd.get(fd) ?? 0]!.subarray(offset, offset + into.length)
      into.set(bytes)
      return bytes.length
    },
    status: (fd) => ({ isRegular: true, sizeBytes: MAP_BYTES, identity: String(byFd.get(fd)) }),
  }
  const pool = new FramePool(() => true)
  const pending = new PendingUpdate(pool)
  let generation = 0
  const screen = new Screen({
    limits: DEFAULT_LIMITS,
    files: access,
    pending,
    pool,
    pointerIsHotSpot: false,
    nextGeneration: () => (generation += 1),
    stale: () => undefined,
    taken: () => undefined,
  })
  const [ours, theirs] = MemoryTransport.pair(1 << 20)
  const failures: SidecarError[] = []
  const connection = new DbusConnection(
    ours,
    { uid: 0, limits: DEFAULT_LIMITS, maxBody: (header) => screen.maxBody(header) },
    {
      methods: screen.methods,
      refused: (error) => failures.push(error),
      closed: (error) => failures.push(error),
    },
  )
  const peer = new FakeDbusPeer(theirs)
  const pump = (): void => {
    for (let i = 0; i < 6; i++) {
      peer.pump()
      connection.readable()
    }
  }
  connection.start()
  pump()
  return { files, byFd, pending, screen, connection, failures, pump, listener: new FakeListener(0, peer) }
}

type Rig = ReturnType<typeof rig>

const unsigned = (value: number): number => value >>> 0

const send = ({ files, byFd, listener, screen }: Rig, fds: FakeFd[], c: Call): void => {
  switch (c.kind) {
    case 'scanout': {
      const stride = unsigned(c.width * 4 + c.extra)
      listener.scanout(
        unsigned(c.width),
        unsigned(c.height),
        paint(stride * unsigned(c.height), c.seed),
        stride,
      )
      return
    }
    case 'update': {
      const stride = unsigned(c.width * 4)
      listener.update(c.x, c.y, c.width, c.height, paint(stride * unsigned(c.height), c.seed), stride)
      return
    }
    case 'map': {
      const fd = new FakeFd()
      fds.push(fd)
      byFd.set(fd.fd, c.file)
      listener.scanoutMap(fd, unsigned(c.width), unsigned(c.height), unsigned(c.width * 4 + c.extra))
      return
    }
    case 'updateMap':
      listener.updateMap(c.x, c.y, c.width, c.height)
      return
    case 'paint':
      files[c.file]![c.at] = c.byte
      return
    case 'cursor':
      listener.cursorDefine(c.width, c.width, c.hot, c.hot, paint(c.length, 3))
      return
    case 'mouse':
      listener.mouseSet(c.x, c.x, c.on)
      return
    case 'disable':
      listener.disable()
      return
    case 'size':
      screen.sizeAnnounced(unsigned(c.width), unsigned(c.height))
  }
}

const view = (frame: { width: number; height: number; memory: SharedArrayBuffer }): Uint8Array =>
  new Uint8Array(frame.memory, 0, frame.width * frame.height * 4)

test('any sequence of listener calls leaves a picture inside its limits, damage inside the picture, no descriptor', (t) => {
  fc.assert(
    fc.property(fc.array(call, { maxLength: 40 }), (calls) => {
      const r = rig()
      const fds: FakeFd[] = []
      let frame: { width: number; height: number; memory: SharedArrayBuffer } | null | undefined
      // What the main thread has: the frame as it was announced, and copies of what was damaged.
      let copy: Uint8Array | undefined
      for (const c of calls) {
        send(r, fds, c)
        r.pump()
        if (r.pending.isEmpty) {
          continue
        }
        const update = r.pending.take(0)
        if (update.frame !== undefined) {
          frame = update.frame
          copy = frame === null ? undefined : view(frame).slice()
        }
        for (const rect of update.damage) {
          t.true(
            frame !== undefined && frame !== null && contains(rectOf(0, 0, frame.width, frame.height), rect),
          )
          if (frame !== undefined && frame !== null && copy !== undefined) {
            const now = view(frame)
            for (let y = rect.top; y < rect.bottom; y++) {
              const from = (y * frame.width + rect.left) * 4
              const to = (y * frame.width + rect.right) * 4
              copy.set(now.subarray(from, to), from)
            }
          }
        }
        // Nothing changed that was not reported.
        if (frame !== undefined && frame !== null && copy !== undefined) {
          t.is(Buffer.compare(view(frame), copy), 0)
        }
        t.true(update.shape === undefined || update.shape === null || update.shape.width <= SIDE)
      }
      t.true(
        r.failures.every((error) => error.scope === 'message'),
        r.failures.map(String).join(),
      )
      r.screen.close()
      r.connection.close()
      t.true(fds.every((fd) => fd.closed === 1))
    }),
    { numRuns: 400 },
  )
})

test('any bytes on a listener close it or are refused, and never are a bug of ours', (t) => {
  const r = rig()
  r.listener.scanout(4, 4, paint(64, 1))
  const template = fc.constantFrom(0, 1, 2, 3).map((which) => {
    const [one, other] = MemoryTransport.pair(1 << 20)
    const listener = new FakeListener(0, new FakeDbusPeer(one))
    ;[
      () => listener.scanout(4, 4, paint(64, 1)),
      () => listener.cursorDefine(4, 4, 0, 0, paint(64, 1)),
      () => listener.updateMap(0, 0, 4, 4),
      () => listener.call('Update', 'iiiiuuay', [0, 0, 2, 2, 8, X8R8G8B8, paint(16, 5)]),
    ][which]!()
    const bytes = new Uint8Array(4096)
    return bytes.slice(0, other.read(bytes)?.length ?? 0)
  })
  const changes = fc.array(fc.tuple(fc.nat(300), fc.nat(255)), { minLength: 1, maxLength: 3 })
  fc.assert(
    fc.property(template, changes, (bytes, changed) => {
      const one = rig()
      one.listener.scanout(4, 4, paint(64, 1))
      one.pump()
      for (const [at, byte] of changed) {
        bytes[at % bytes.length] = byte
      }
      one.listener.peer.raw(bytes)
      one.pump()
      for (const error of one.failures) {
        t.true(error instanceof SidecarError && error.code !== 'SIDECAR_BUG', String(error))
      }
      t.deepEqual(one.screen.size.width > 0 || one.screen.size.height === 0, true)
      one.connection.close()
    }),
    { numRuns: 1000 },
  )
  t.pass()
})
