import { SidecarError } from '../core/errors.js'
import {
  CODEC_ID,
  FORMAT_BGR0,
  FORMAT_YUV420P,
  MEDIA_VIDEO,
  PARAMETERS_CODEC_ID,
  PARAMETERS_CODEC_TYPE,
  PICTURE_ANY,
  PICTURE_KEY,
} from './avcodec-layout.js'
import type { AvLedger, LedgerEntry } from './avcodec-ledger.js'
import type { Avcodec } from './avcodec.js'
import { AddressCell, copyInto, peek, pokeInt32, pokeInt64 } from './native-memory.js'
import { memory, type Whole } from './sasl-memory.js'
import { SWS_BILINEAR, SWS_MATRIX, SWS_ONE, type ColourMatrix } from './swscale.js'

export type { ColourMatrix } from './swscale.js'

/** The coder wants the next picture before it gives more: AVERROR(EAGAIN). */
const AVERROR_EAGAIN = -11

/** libswscale is fastest with rows that begin at multiples of this, and may read so far behind the last one; bytes. */
const ROW_ALIGNMENT = 64

/** Longest side of a picture that the coders are asked for, pixels. */
export const AV_MAX_SIDE = 8192

const PIXEL_BYTES = 4

export interface AvEncoderOptions {
  /** Name of the coder in the library. */
  readonly coder: string
  readonly codec: keyof typeof CODEC_ID
  /** Pixels, 2 to {@link AV_MAX_SIDE}. */
  readonly width: number
  readonly height: number
  /** Unit of the time stamps: so many in a second. */
  readonly ticks: number
  readonly matrix: ColourMatrix
  /** Options by name; one that the coder does not have is an error. */
  readonly options: Readonly<Record<string, string>>
}

/** The longest packet is asked for its fields only. */
const PACKET_FIELDS = 44

/**
 * One coder of the library: pictures in, packets out, on this thread. What it holds of the library stands in a ledger
 * until `close`.
 */
export class AvEncoder {
  readonly #library: Avcodec
  readonly #entry: LedgerEntry
  readonly #height: number
  /** Address and bytes per row of the picture's one plane, as libswscale takes those of four. */
  readonly #planes = memory(4 * 8)
  readonly #strides = memory(4 * 4)
  /** The picture to code, BGRX, first row on top: `stride` bytes from row to row. The caller writes it. */
  readonly pixels: Uint8Array
  readonly stride: number

  /**
   * @param ledger of this thread
   * @throws SidecarError SIDECAR_HOST when the library has no such coder or does not open it, SIDECAR_LIMIT when the ledger
   * is full, SIDECAR_BUG for a size out of range
   */
  constructor(library: Avcodec, ledger: AvLedger, options: AvEncoderOptions) {
    const { width, height } = options
    checkSize(width, height)
    const entry = ledger.entry()
    if (entry === undefined) {
      throw new SidecarError('SIDECAR_LIMIT', 'too many video coders in one thread')
    }
    this.#library = library
    this.#entry = entry
    this.#height = height
    this.stride = Math.ceil((width * PIXEL_BYTES) / ROW_ALIGNMENT) * ROW_ALIGNMENT
    const { bytes, address } = memory(this.stride * height + ROW_ALIGNMENT)
    this.pixels = bytes
    new DataView(this.#planes.bytes.buffer).setBigUint64(0, address, true)
    new DataView(this.#strides.bytes.buffer).setInt32(0, this.stride, true)
    try {
      this.#open(options)
    } catch (thrown) {
      this.close()
      throw thrown
    }
  }

  /** Changes an option while it runs. @returns whether the coder knows it; not whether it minds */
  setOption(name: string, value: string): boolean {
    return this.#library.setOption(this.#context, name, value)
  }

  /**
   * Codes what lies in `pixels`.
   *
   * HOT PATH: some foreign calls; the packet is copied once.
   *
   * @param pts time stamp in ticks, above that of the picture before
   * @param keyFrame the picture is to stand for itself
   * @returns bytes written to `out`; 0 when the coder left the picture out, -1 when `out` is too small
   * @throws SidecarError SIDECAR_HOST when the library fails, SIDECAR_PEER_GONE once closed; close it then
   */
  encode(pts: number, keyFrame: boolean, out: Uint8Array): number {
    const { functions, swscale, layout } = this.#library
    const frame = this.#held('frame')
    const context = this.#context
    const { data, lineSize, pictureType, pts: ptsAt } = layout.frame
    this.#check('has no memory for a picture', functions.frameWritable(frame))
    swscale.scale(
      ...[this.#held('scaler'), this.#planes.address, this.#strides.address, 0, this.#height],
      ...[frame + BigInt(data), frame + BigInt(lineSize)],
    )
    pokeInt32(frame + BigInt(pictureType), keyFrame ? PICTURE_KEY : PICTURE_ANY)
    pokeInt64(frame + BigInt(ptsAt), pts)
    this.#check('cannot code a picture', functions.sendFrame(context, frame))
    const packet = this.#held('packet')
    const result = functions.receivePacket(context, packet)
    if (result === AVERROR_EAGAIN) {
      return 0
    }
    this.#check('gives no packet', result)
    try {
      const fields = peek(packet, PACKET_FIELDS)
      const size = fields.getInt32(layout.packet.size, true)
      if (size > out.length) {
        return -1
      }
      copyInto(out, fields.getBigUint64(layout.packet.data, true), Math.max(0, size))
      return Math.max(0, size)
    } finally {
      functions.clearPacket(packet)
    }
  }

  /** Gives everything back; callable any number of times. */
  close(): void {
    this.#entry.release(this.#library)
  }

  get #context(): bigint {
    return this.#held('context')
  }

  #held(kind: 'context' | 'frame' | 'packet' | 'scaler'): bigint {
    const address = this.#entry.get(kind)
    if (address === 0n) {
      throw new SidecarError('SIDECAR_PEER_GONE', 'the video coder is closed')
    }
    return address
  }

  #open(options: AvEncoderOptions): void {
    const { functions } = this.#library
    const { coder } = options
    const codec = this.#library.encoder(coder)
    if (codec === undefined) {
      throw new SidecarError('SIDECAR_HOST', 'libavcodec was built without a coder', { coder })
    }
    this.#entry.set('context', this.#made(functions.allocContext(codec)))
    this.#useParameters(options)
    for (const [name, value] of Object.entries({ time_base: `1/${options.ticks}`, ...options.options })) {
      if (!this.setOption(name, value)) {
        throw new SidecarError('SIDECAR_HOST', 'video coder does not know an option', { coder, name, value })
      }
    }
    this.#check('cannot open a coder', functions.open(this.#context, codec, 0n))
    this.#entry.set('packet', this.#made(functions.allocPacket()))
    this.#makeFrame(options)
    this.#makeScaler(options)
  }

  #useParameters({ codec, width, height }: AvEncoderOptions): void {
    const { functions, layout } = this.#library
    const cell = new AddressCell(this.#made(functions.allocParameters()))
    const { value } = cell
    try {
      const { parameters } = layout
      pokeInt32(value + BigInt(PARAMETERS_CODEC_TYPE), MEDIA_VIDEO)
      pokeInt32(value + BigInt(PARAMETERS_CODEC_ID), CODEC_ID[codec])
      pokeInt32(value + BigInt(parameters.format), FORMAT_YUV420P)
      pokeInt32(value + BigInt(parameters.width), width)
      pokeInt32(value + BigInt(parameters.height), height)
      this.#check('refuses the parameters', functions.useParameters(this.#context, value))
    } finally {
      functions.freeParameters(cell.address)
    }
  }

  #makeFrame({ width, height }: AvEncoderOptions): void {
    const { functions, layout } = this.#library
    const frame = this.#made(functions.allocFrame())
    this.#entry.set('frame', frame)
    pokeInt32(frame + BigInt(layout.frame.width), width)
    pokeInt32(frame + BigInt(layout.frame.height), height)
    pokeInt32(frame + BigInt(layout.frame.format), FORMAT_YUV420P)
    this.#check('has no memory for a picture', functions.frameBuffer(frame, 0))
  }

  #makeScaler({ width, height, matrix }: AvEncoderOptions): void {
    const { swscale } = this.#library
    const scaler = this.#made(
      swscale.getContext(
        ...[width, height, FORMAT_BGR0],
        ...[width, height, FORMAT_YUV420P],
        ...[SWS_BILINEAR, 0n, 0n, 0n],
      ),
    )
    this.#entry.set('scaler', scaler)
    const table = BigInt(swscale.coefficients(SWS_MATRIX[matrix]))
    // from all of 0 to 255 to the narrower range of video
    this.#check('cannot convert colours', swscale.setColours(scaler, table, 1, table, 0, 0, SWS_ONE, SWS_ONE))
  }

  /** @throws SidecarError SIDECAR_HOST for the address 0 */
  #made(address: Whole): bigint {
    const made = BigInt(address)
    if (made === 0n) {
      throw new SidecarError('SIDECAR_HOST', 'libavcodec has no memory')
    }
    return made
  }

  #check(what: string, result: number): void {
    if (result < 0) {
      throw this.#library.failed(what, result)
    }
  }
}

const checkSize = (width: number, height: number): void => {
  for (const side of [width, height]) {
    if (!Number.isInteger(side) || side < 2 || side > AV_MAX_SIDE) {
      throw new SidecarError('SIDECAR_BUG', 'video picture has no size that can be coded', { width, height })
    }
  }
}
