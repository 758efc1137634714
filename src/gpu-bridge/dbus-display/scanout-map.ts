import { SidecarError } from '../../core/errors.js'
import { isEmpty, type Rect } from '../../core/region.js'
import { addSize, mulSize } from '../../core/sizes.js'
import type { Descriptor } from '../../qemu-io/index.js'
import type { FrameStore } from './frame-store.js'
import { refuse } from './refusals.js'

/** What the screen needs of the host; the worker hands in the real ones. */
export interface FileAccess {
  /** @returns bytes read, less than asked only at the end of the file */
  readAt(fd: number, into: Uint8Array, offset: number): number
  status(fd: number): FileFacts
}

export interface FileFacts {
  readonly isRegular: boolean
  readonly sizeBytes: number
  /** Same text, same file. */
  readonly identity: string
}

/** Where QEMU says that the pixels are; already inside the limits. */
export interface MapShape {
  readonly offset: number
  readonly width: number
  readonly height: number
  readonly stride: number
}

const BAND_BYTES = 256 * 1024

/**
 * Display memory of QEMU behind a descriptor. It is not sealed, its owner can cut it at any time: it is never mapped
 * but read in bands that stay in the processor's cache (threat model R12).
 */
export class ScanoutMap {
  /** Same text: the same pixels of the same file. */
  readonly identity: string
  readonly shape: MapShape
  readonly #fd: Descriptor
  readonly #files: FileAccess
  readonly #band: Buffer

  /**
   * Takes over `fd` in any case.
   *
   * @throws SidecarError SIDECAR_GUEST for anything but a regular file that is large enough
   */
  constructor(fd: Descriptor, shape: MapShape, files: FileAccess) {
    this.#fd = fd
    this.#files = files
    this.shape = shape
    try {
      const status = files.status(fd.fd)
      const pixels = mulSize(shape.stride, shape.height, Number.MAX_SAFE_INTEGER, 'scanout map')
      const end = addSize(shape.offset, pixels, Number.MAX_SAFE_INTEGER, 'scanout map')
      if (!status.isRegular || status.sizeBytes < end) {
        refuse('map-descriptor', 'scanout map is not a file that holds its frame', { wanted: end })
      }
      this.identity = `${status.identity}:${shape.offset}:${shape.stride}`
      this.#band = Buffer.alloc(Math.max(BAND_BYTES, shape.width * 4))
    } catch (thrown) {
      fd.close()
      throw thrown
    }
  }

  /**
   * Reads `rect`, which must be inside the map and the store, into `store`. HOT PATH: once per flush of the guest.
   *
   * @throws SidecarError SIDECAR_HOST when the file was cut
   */
  read(store: FrameStore, rect: Rect, changed: (rect: Rect) => void): void {
    if (isEmpty(rect)) {
      return
    }
    const { stride, offset } = this.shape
    const rowBytes = (rect.right - rect.left) * 4
    const rows = Math.max(1, Math.floor((this.#band.length - rowBytes) / stride) + 1)
    for (let top = rect.top; top < rect.bottom; top += rows) {
      const bottom = Math.min(rect.bottom, top + rows)
      const wanted = (bottom - top - 1) * stride + rowBytes
      const into = this.#band.subarray(0, wanted)
      if (this.#files.readAt(this.#fd.fd, into, offset + top * stride + rect.left * 4) < wanted) {
        throw new SidecarError('SIDECAR_HOST', 'display memory was cut while it was read')
      }
      store.update(into, 0, stride, { left: rect.left, top, right: rect.right, bottom }, changed)
    }
  }

  close(): void {
    this.#fd.close()
  }
}
