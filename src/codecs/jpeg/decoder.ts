import type { Image } from '../image.js'
import { readFrame, readHuffmanTables, readQuantTables, type Tables } from './headers.js'
import { BLOCK_SIZE, MARKER, refuse, type Coding, type Frame } from './jpeg-format.js'
import { joinPlanes, type ColourSpace } from './planes.js'
import { ScanReader, type ScanPart } from './scan.js'

/** Bits that a block takes at least: a code for its first coefficient and one for the end. */
const MIN_BLOCK_BITS = 2

/** Blocks of one unit at most (T.81, B.2.3). */
const MAX_UNIT_BLOCKS = 10

const isKind = (marker: number): boolean =>
  marker >= MARKER.sof0 && marker <= 0xcf && marker !== MARKER.dht && marker !== 0xc8 && marker !== 0xcc

/** Reads one image from its first marker to its last. */
class JpegReader {
  readonly #bytes: Uint8Array
  readonly #maxPixels: number
  readonly #tables: Tables = { quant: [], dc: [], ac: [] }
  #at = 0
  #interval = 0
  #frame: Frame | undefined
  #planes: (Uint8ClampedArray | undefined)[] = []
  #adobeTransform: number | undefined
  #isJfif = false

  constructor(bytes: Uint8Array, maxPixels: number) {
    this.#bytes = bytes
    this.#maxPixels = maxPixels
  }

  read(): Image {
    if (this.#marker() !== MARKER.soi) {
      throw refuse('does not begin as one', 0)
    }
    for (let marker = this.#marker(); marker !== MARKER.eoi; marker = this.#marker()) {
      this.#readSegment(marker)
    }
    if (this.#at !== this.#bytes.length) {
      throw refuse('bytes are left over after its end', this.#at)
    }
    const frame = this.#frame
    const planes = this.#planes.filter((plane) => plane !== undefined)
    if (frame === undefined || planes.length !== frame.components.length) {
      throw refuse('ends before all of it was there', this.#at)
    }
    const { width, height } = frame
    const pixels = joinPlanes(frame, planes, this.#space(frame))
    return { format: 'rgb32', width, height, stride: width * 4, topDown: true, pixels }
  }

  /** Second byte of the next marker; any number of 0xFF may stand in front of it. */
  #marker(): number {
    const start = this.#at
    while (this.#bytes[this.#at] === 0xff) {
      this.#at++
    }
    const marker = this.#bytes[this.#at]
    if (this.#at === start || marker === undefined || marker === 0) {
      throw refuse('marker is missing', start)
    }
    this.#at++
    return marker
  }

  /** Uses up at least the two bytes of its size. */
  #readSegment(marker: number): void {
    const start = this.#at
    const size = (this.#bytes[start] ?? 0) * 256 + (this.#bytes[start + 1] ?? 0)
    if (size < 2 || size > this.#bytes.length - start) {
      throw refuse('segment goes past the end', start)
    }
    const body = this.#bytes.subarray(start + 2, start + size)
    this.#at = start + size
    if (marker === MARKER.sof0 || marker === MARKER.sof1) {
      if (this.#frame !== undefined) {
        throw refuse('has two frames', start)
      }
      this.#frame = readFrame(body, start, this.#maxPixels)
    } else if (marker === MARKER.dht) {
      readHuffmanTables(body, start, this.#tables)
    } else if (marker === MARKER.dqt) {
      readQuantTables(body, start, this.#tables)
    } else if (marker === MARKER.dri) {
      if (body.length !== 2) {
        throw refuse('restart interval has a wrong size', start)
      }
      this.#interval = (body[0] ?? 0) * 256 + (body[1] ?? 0)
    } else if (marker === MARKER.sos) {
      this.#readScan(body, start)
    } else if (marker >= MARKER.app0 && marker <= MARKER.app15) {
      this.#readApplication(marker, body)
    } else if (marker !== MARKER.com) {
      throw refuse(isKind(marker) ? 'is not of the baseline kind' : 'marker has no place here', start)
    }
  }

  #readApplication(marker: number, body: Uint8Array): void {
    const name = String.fromCharCode(...body.subarray(0, 5))
    this.#isJfif ||= marker === MARKER.app0 && name === 'JFIF\0'
    if (marker === MARKER.app14 && name === 'Adobe' && body.length >= 12) {
      this.#adobeTransform = body[11]
    }
  }

  #readScan(body: Uint8Array, offset: number): void {
    const frame = this.#frame
    const count = body[0] ?? 0
    if (
      frame === undefined ||
      count < 1 ||
      count > frame.components.length ||
      body.length !== 4 + 2 * count
    ) {
      throw refuse('scan without a frame, or of a wrong size', offset)
    }
    const [from, to, approximation] = body.subarray(1 + 2 * count)
    if (from !== 0 || to !== BLOCK_SIZE - 1 || approximation !== 0) {
      throw refuse('scan is not of the baseline kind', offset)
    }
    const wanted: [number, Coding][] = []
    let last = -1
    for (let at = 1; at < 1 + 2 * count; at += 2) {
      const index = frame.components.findIndex(({ id }) => id === body[at])
      if (index <= last || this.#planes[index] !== undefined) {
        throw refuse('scan names a wrong component', offset)
      }
      last = index
      wanted.push([index, this.#coding(frame, index, body[at + 1] ?? 0, offset)])
    }
    const parts = this.#parts(frame, wanted, offset)
    this.#at = new ScanReader(this.#bytes, this.#at, frame, parts).read(this.#interval) - 1
  }

  #coding(frame: Frame, index: number, numbers: number, offset: number): Coding {
    const quant = this.#tables.quant[frame.components[index]?.quantNumber ?? -1]
    const dc = this.#tables.dc[numbers >> 4]
    const ac = this.#tables.ac[numbers & 15]
    if (quant === undefined || dc === undefined || ac === undefined) {
      throw refuse('scan names a table that was not given', offset)
    }
    return { quant, dc, ac }
  }

  /** Takes the memory, once there are enough bits to fill it. */
  #parts(frame: Frame, wanted: readonly [number, Coding][], offset: number): ScanPart[] {
    let unitBlocks = 0
    let samples = 0
    for (const [index] of wanted) {
      const { across = 0, down = 0, width = 0, height = 0 } = frame.components[index] ?? {}
      unitBlocks += across * down
      samples += width * height
    }
    if (wanted.length > 1 && unitBlocks > MAX_UNIT_BLOCKS) {
      throw refuse('has too many blocks in one unit', offset)
    }
    if ((samples / BLOCK_SIZE) * MIN_BLOCK_BITS > (this.#bytes.length - this.#at) * 8) {
      throw refuse('data is too short for its size', offset)
    }
    return wanted.flatMap(([index, coding]) => {
      const component = frame.components[index]
      if (component === undefined) {
        return []
      }
      const plane = new Uint8ClampedArray(component.stride * component.planeRows)
      this.#planes[index] = plane
      return [{ component, coding, plane }]
    })
  }

  /** JFIF has no other colours than YCbCr; without it Adobe's marker decides, or the names of the components. */
  #space({ components }: Frame): ColourSpace {
    if (components.length === 1) {
      return 'gray'
    }
    const named = components.map(({ id }) => String.fromCharCode(id)).join('') === 'RGB'
    const rgb = this.#adobeTransform === undefined ? named : this.#adobeTransform === 0
    return rgb && !this.#isJfif ? 'rgb' : 'ycc'
  }
}

/**
 * Decodes one JPEG image (codecs.md 6): baseline or extended sequential, Huffman coded, 8 bits, gray or three components
 * of any whole subsampling, in one scan or several, with restart markers. The result is `rgb32`, packed, top row first,
 * its pad bytes 0.
 *
 * Hostile input: memory is only taken once the data is long enough to fill it, and is at most 4 bytes for a pixel, and for
 * each component one for a pixel of the image whose sides are rounded up to 32; the work is linear in the input and that.
 *
 * @param bytes one stream, nothing after it
 * @param maxPixels cap on width times height
 * @throws SidecarError SIDECAR_PROTOCOL for everything that is not a whole, well-formed image within the cap
 */
export const decodeJpeg = (bytes: Uint8Array, maxPixels: number): Image =>
  new JpegReader(bytes, maxPixels).read()
