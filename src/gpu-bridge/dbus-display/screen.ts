import type { Limits } from '../../core/limits.js'
import { contains, rectOf, type Rect } from '../../core/region.js'
import { MAX_ARRAY, METHOD_CALL, Variant } from '../../qemu-io/index.js'
import type { DbusMethod, DbusValue, IncomingCall, MessageHeader } from '../../qemu-io/index.js'
import type { FramePool } from './frame-pool.js'
import type { FrameStore } from './frame-store.js'
import type { PendingUpdate } from './pending.js'
import { decodePointerShape } from './pointer.js'
import { refuse } from './refusals.js'
import { ScanoutMap, type FileAccess } from './scanout-map.js'

const LISTENER = 'org.qemu.Display1.Listener'
const MAPS = 'org.qemu.Display1.Listener.Unix.Map'
const PROPERTIES = 'org.freedesktop.DBus.Properties'

/** Pixman codes of 32-bit little-endian blue, green, red, alpha or unused (qemu-integration.md 2.3). */
const PIXEL_FORMATS: ReadonlySet<number> = new Set([0x20020888, 0x20028888])

/** Calls that carry pixels, with the bytes of their body before the first pixel. */
const PIXEL_CALLS: ReadonlyMap<string, { readonly signature: string; readonly fixedBytes: number }> = new Map(
  [
    ['Scanout', { signature: 'uuuuay', fixedBytes: 20 }],
    ['Update', { signature: 'iiiiuuay', fixedBytes: 28 }],
    ['CursorDefine', { signature: 'iiiiay', fixedBytes: 20 }],
  ],
)

/** Files whose content the guest is known to keep up to date by itself: it flips between two or three. */
const KNOWN_MAPS = 4

export interface ScreenOptions {
  readonly limits: Limits
  readonly files: FileAccess
  readonly pending: PendingUpdate
  /** The pointer position of this console's device is that of the hot spot, not of the shape's corner. */
  readonly pointerIsHotSpot: boolean
  readonly pool: FramePool
  /** A number for the next frame store, unique in the run. */
  nextGeneration(): number
  /** QEMU shows something else than what it announced: only a new registration gives the whole picture. */
  stale(): void
  /** An update was taken. */
  taken(): void
}

type Args = readonly DbusValue[]

const numbers = (args: Args, count: number): number[] =>
  args.slice(0, count).map((value) => (typeof value === 'number' ? value : 0))

/** A Buffer on the same memory, for its comparing and copying. */
const bytesOf = (value: DbusValue | undefined): Buffer =>
  value instanceof Uint8Array
    ? Buffer.from(value.buffer, value.byteOffset, value.byteLength)
    : Buffer.alloc(0)

/**
 * What one console shows, as its D-Bus listener is told. Everything is judged before it is used; what is refused leaves
 * the last good picture as it is (threat model N-DBUS-01).
 */
export class Screen {
  readonly methods: ReadonlyMap<string, DbusMethod>
  readonly #options: ScreenOptions
  #store: FrameStore | undefined
  #map: ScanoutMap | undefined
  #knownMaps: string[] = []
  #announcedSize: { readonly width: number; readonly height: number } | undefined
  #hot = { x: 0, y: 0 }
  #mouse: { x: number; y: number; visible: boolean } | undefined
  readonly #changed = (rect: Rect): void => this.#options.pending.damage(rect)

  constructor(options: ScreenOptions) {
    this.#options = options
    const method = (signature: string, handle: (args: Args, call: IncomingCall) => void): DbusMethod => ({
      signature,
      handle: (call) => handle(call.args, call),
    })
    this.methods = new Map([
      [`${LISTENER}.Scanout`, method('uuuuay', (args) => this.#scanout(args))],
      [`${LISTENER}.Update`, method('iiiiuuay', (args) => this.#update(args))],
      [`${LISTENER}.Disable`, method('', () => this.#disable())],
      [`${LISTENER}.MouseSet`, method('iii', (args) => this.#mouseSet(args))],
      [`${LISTENER}.CursorDefine`, method('iiiiay', (args) => this.#cursorDefine(args))],
      [`${LISTENER}.ScanoutDMABUF`, method('huuuutb', () => refuse('dmabuf', 'dma buffers are not taken'))],
      [`${LISTENER}.UpdateDMABUF`, method('iiii', () => refuse('dmabuf', 'dma buffers are not taken'))],
      [`${MAPS}.ScanoutMap`, method('huuuuu', (args, call) => this.#scanoutMap(args, call))],
      [`${MAPS}.UpdateMap`, method('iiii', (args) => this.#updateMap(args))],
      [`${PROPERTIES}.GetAll`, method('s', (args, call) => getAll(args, call))],
    ])
  }

  /** Size of the last good frame; 0x0 when there is none. */
  get size(): { readonly width: number; readonly height: number } {
    return { width: this.#store?.width ?? 0, height: this.#store?.height ?? 0 }
  }

  /**
   * QEMU says on the main connection that the console has this size. Until a scanout of that size is here, updates are
   * of a surface that 7.2 has not shown us (qemu-integration.md 2.3).
   */
  sizeAnnounced(width: number, height: number): void {
    const store = this.#store
    const differs = store !== undefined && (store.width !== width || store.height !== height)
    this.#announcedSize = differs ? { width, height } : undefined
  }

  /** Bytes of the body that pixel calls may have (L-dbus: up to L-image). */
  maxBody(header: MessageHeader): number {
    if (header.type !== METHOD_CALL || header.interface !== LISTENER) {
      return 0
    }
    const call = PIXEL_CALLS.get(header.member)
    if (call?.signature !== header.signature) {
      return 0
    }
    const { limits } = this.#options
    const pixels = header.member === 'CursorDefine' ? limits['cursor-side'] ** 2 : limits['image-pixels']
    return call.fixedBytes + Math.min(pixels * 4, MAX_ARRAY)
  }

  /** The listener's socket was closed: nothing of it is valid but the last good picture. */
  disconnected(): void {
    this.#map?.close()
    this.#map = undefined
    this.#knownMaps = []
    this.#announcedSize = undefined
  }

  /** Drops the picture too. */
  close(): void {
    this.disconnected()
    this.#store = undefined
  }

  /** @returns the geometry when it is inside the limits and the format is ours */
  #checkFrame(width: number, height: number, stride: number, format: number): void {
    const { limits } = this.#options
    if (!PIXEL_FORMATS.has(format)) {
      refuse('pixel-format', 'scanout has a pixel format that is not taken', { format })
    }
    const side = limits['image-side']
    if (width < 1 || height < 1 || width > side || height > side || width * height > limits['image-pixels']) {
      refuse('scanout-size', 'scanout has an impossible size', { width, height })
    }
    if (stride < width * 4) {
      refuse('scanout-size', 'scanout has rows shorter than its width', { width, stride })
    }
  }

  /** The store for a frame of this size, and whether it is a new one (then it is to be filled and announced). */
  #storeFor(width: number, height: number): { readonly store: FrameStore; readonly fresh: boolean } {
    const store = this.#store
    if (store !== undefined && store.width === width && store.height === height) {
      return { store, fresh: false }
    }
    try {
      return { store: this.#options.pool.take(this.#options.nextGeneration(), width, height), fresh: true }
    } catch {
      return refuse('scanout-size', 'there is no memory for the scanout', { width, height })
    }
  }

  #announce(store: FrameStore, fresh: boolean): void {
    if (fresh) {
      this.#store = store
      this.#options.pending.frame(store)
    }
    if (store.width === this.#announcedSize?.width && store.height === this.#announcedSize.height) {
      this.#announcedSize = undefined
    }
    this.#options.taken()
  }

  #scanout(args: Args): void {
    const [width = 0, height = 0, stride = 0, format = 0] = numbers(args, 4)
    const data = bytesOf(args[4])
    this.#checkFrame(width, height, stride, format)
    if (data.length < stride * height) {
      refuse('short-data', 'scanout has less data than rows', { length: data.length })
    }
    this.#map?.close()
    this.#map = undefined
    const { store, fresh } = this.#storeFor(width, height)
    store.update(data, 0, stride, rectOf(0, 0, width, height), fresh ? ignore : this.#changed)
    this.#announce(store, fresh)
  }

  #update(args: Args): void {
    const [x = 0, y = 0, width = 0, height = 0, stride = 0, format = 0] = numbers(args, 6)
    const data = bytesOf(args[6])
    this.#checkFrame(width, height, stride, format)
    if (data.length < stride * height) {
      refuse('short-data', 'update has less data than rows', { length: data.length })
    }
    const { store, rect } = this.#fitting(x, y, width, height)
    store.update(data, 0, stride, rect, this.#changed)
    this.#options.taken()
  }

  /** The rectangle of an update when it is inside the frame; QEMU 7.2 changes a surface without saying so. */
  #fitting(x: number, y: number, width: number, height: number): { store: FrameStore; rect: Rect } {
    const store = this.#store
    const rect = rectOf(x, y, width, height)
    const known = store !== undefined && this.#announcedSize === undefined
    if (!known || !contains(rectOf(0, 0, store.width, store.height), rect)) {
      this.#options.stale()
      return refuse('update-outside', 'update is not inside the scanout', { x, y, width, height })
    }
    return { store, rect }
  }

  #scanoutMap(args: Args, call: IncomingCall): void {
    const [index = 0, offset = 0, width = 0, height = 0, stride = 0, format = 0] = numbers(args, 6)
    const fd = call.takeFd(index)
    if (fd === undefined) {
      refuse('map-descriptor', 'scanout map came without its descriptor')
      return
    }
    let map: ScanoutMap
    try {
      this.#checkFrame(width, height, stride, format)
      map = new ScanoutMap(fd, { offset, width, height, stride }, this.#options.files)
    } catch (thrown) {
      fd.close()
      throw thrown
    }
    // QEMU's main loop stands still until this answer (qemu-integration.md 2.3): before any reading.
    call.reply('', [])
    this.#map?.close()
    this.#map = map
    const { store, fresh } = this.#storeFor(width, height)
    const known = this.#knownMaps.includes(map.identity)
    this.#knownMaps = [map.identity, ...this.#knownMaps.filter((id) => id !== map.identity)].slice(
      0,
      KNOWN_MAPS,
    )
    if (fresh || !known) {
      try {
        map.read(store, rectOf(0, 0, width, height), fresh ? ignore : this.#changed)
      } catch (thrown) {
        if (fresh) {
          this.#options.pool.release(store)
        }
        throw thrown
      }
    }
    this.#announce(store, fresh)
  }

  #updateMap(args: Args): void {
    const [x = 0, y = 0, width = 0, height = 0] = numbers(args, 4)
    const map = this.#map
    if (map === undefined || width < 1 || height < 1) {
      refuse('update-outside', 'update of a map that is not there')
      return
    }
    const { store, rect } = this.#fitting(x, y, width, height)
    map.read(store, rect, this.#changed)
    this.#options.taken()
  }

  /** Only sent with GL, but part of the interface. */
  #disable(): void {
    this.close()
    this.#options.pending.frame(null)
  }

  #cursorDefine(args: Args): void {
    const [width = 0, height = 0, hotX = 0, hotY = 0] = numbers(args, 4)
    const shape = decodePointerShape(width, height, hotX, hotY, bytesOf(args[4]), this.#options.limits)
    this.#hot = { x: hotX, y: hotY }
    this.#options.pending.shape(shape ?? null)
    this.#pointer()
  }

  #mouseSet(args: Args): void {
    const [x = 0, y = 0, on = 0] = numbers(args, 3)
    this.#mouse = { x, y, visible: on !== 0 }
    this.#pointer()
  }

  /** Position of the hot spot. The device's number is that of the shape's corner except with qxl. */
  #pointer(): void {
    if (this.#mouse === undefined) {
      return
    }
    const { x, y, visible } = this.#mouse
    const hot = this.#options.pointerIsHotSpot ? { x: 0, y: 0 } : this.#hot
    this.#options.pending.position({ x: x + hot.x, y: y + hot.y, visible })
  }
}

const ignore = (): void => undefined

/** Maps are offered to every QEMU; 7.2 does not know them and sends payloads. */
const getAll = (args: Args, call: IncomingCall): void => {
  const properties = new Map<DbusValue, DbusValue>()
  if (args[0] === LISTENER) {
    properties.set('Interfaces', new Variant('as', [MAPS]))
  }
  call.reply('a{sv}', [properties])
}
