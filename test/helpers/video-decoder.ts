import koffi from 'koffi'
import { FORMAT_BGR0 } from '../../src/host/avcodec-layout.js'
import type { Avcodec } from '../../src/host/avcodec.js'
import { AddressCell, peek, pokeInt32 } from '../../src/host/native-memory.js'
import { memory, type Whole } from '../../src/host/sasl-memory.js'
import { SWS_BILINEAR, SWS_MATRIX, SWS_ONE, type ColourMatrix } from '../../src/host/swscale.js'

/** A decoded frame, BGRX, rows without gaps, the first one on top. */
export interface DecodedFrame {
  readonly width: number
  readonly height: number
  readonly pixels: Uint8Array
}

/** SWS_ACCURATE_RND, without which the last columns of some widths are left out. */
const SWS_ACCURATE = 0x40000

const DECODERS = { h264: 'h264', vp8: 'vp8', vp9: 'vp9' } as const

type Call = (...values: readonly (number | bigint | string)[]) => Whole

/** What a client does with the frames of a stream, by the library that coded them. */
export class VideoDecoder {
  readonly #library: Avcodec
  readonly #send: Call
  readonly #receive: Call
  readonly #context: bigint
  readonly #packet: bigint
  readonly #frame: bigint

  constructor(library: Avcodec, codec: keyof typeof DECODERS) {
    this.#library = library
    const shared = koffi.load(`libavcodec.so.${library.layout.avcodec}`)
    const bind = (declaration: string): Call => shared.func(declaration)
    this.#send = bind('int avcodec_send_packet(uint64_t, uint64_t)')
    this.#receive = bind('int avcodec_receive_frame(uint64_t, uint64_t)')
    const decoder = BigInt(bind('uint64_t avcodec_find_decoder_by_name(const char *)')(DECODERS[codec]))
    const { functions } = library
    this.#context = BigInt(functions.allocContext(decoder))
    // A decoder with threads would hold frames back.
    library.setOption(this.#context, 'threads', '1')
    library.setOption(this.#context, 'flags', '+low_delay')
    if (decoder === 0n || functions.open(this.#context, decoder, 0n) < 0) {
      throw new Error(`no decoder of ${codec}`)
    }
    this.#packet = BigInt(functions.allocPacket())
    this.#frame = BigInt(functions.allocFrame())
  }

  /** @throws Error when the bytes are no frame, or none comes of them at once */
  decode(bytes: Uint8Array, matrix: ColourMatrix): DecodedFrame {
    const { layout } = this.#library
    const held = memory(bytes.length + 64)
    held.bytes.set(bytes)
    const cell = new AddressCell(held.address)
    const data = this.#packet + BigInt(layout.packet.data)
    pokeInt32(data, Number(cell.value & 0xffffffffn) | 0)
    pokeInt32(data + 4n, Number(cell.value >> 32n) | 0)
    pokeInt32(this.#packet + BigInt(layout.packet.size), bytes.length)
    this.#check('send', Number(this.#send(this.#context, this.#packet)))
    this.#check('receive', Number(this.#receive(this.#context, this.#frame)))
    return this.#picture(matrix)
  }

  close(): void {
    const { functions } = this.#library
    functions.freePacket(new AddressCell(this.#packet).address)
    functions.freeFrame(new AddressCell(this.#frame).address)
    functions.freeContext(new AddressCell(this.#context).address)
  }

  #picture(matrix: ColourMatrix): DecodedFrame {
    const { layout, swscale } = this.#library
    const fields = peek(this.#frame, 144)
    const width = fields.getInt32(layout.frame.width, true)
    const height = fields.getInt32(layout.frame.height, true)
    const format = fields.getInt32(layout.frame.format, true)
    const stride = width * 4
    const picture = memory(stride * height + 64)
    const planes = memory(32)
    const strides = memory(16)
    new DataView(planes.bytes.buffer).setBigUint64(0, picture.address, true)
    new DataView(strides.bytes.buffer).setInt32(0, stride, true)
    const scaler = BigInt(
      swscale.getContext(
        ...[width, height, format],
        ...[width, height, FORMAT_BGR0],
        SWS_BILINEAR | SWS_ACCURATE,
        0n,
        0n,
        0n,
      ),
    )
    const table = BigInt(swscale.coefficients(SWS_MATRIX[matrix]))
    swscale.setColours(scaler, table, 0, table, 1, 0, SWS_ONE, SWS_ONE)
    const from = [this.#frame + BigInt(layout.frame.data), this.#frame + BigInt(layout.frame.lineSize)]
    swscale.scale(scaler, ...from, 0, height, planes.address, strides.address)
    swscale.freeContext(scaler)
    return { width, height, pixels: picture.bytes.slice(0, stride * height) }
  }

  #check(what: string, result: number): void {
    if (result < 0) {
      throw this.#library.failed(`decoder cannot ${what}`, result)
    }
  }
}

/**
 * Likeness of two pictures over the colours of the pixels inside `width` and `height`, dB; above 30 is good, `Infinity` the
 * same.
 */
export const psnr = (
  a: DecodedFrame,
  b: DecodedFrame,
  width = Math.min(a.width, b.width),
  height = Math.min(a.height, b.height),
): number => {
  let sum = 0
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let channel = 0; channel < 3; channel++) {
        const first = a.pixels[(y * a.width + x) * 4 + channel] ?? 0
        const second = b.pixels[(y * b.width + x) * 4 + channel] ?? 0
        sum += (first - second) ** 2
      }
    }
  }
  return 10 * Math.log10((255 * 255 * width * height * 3) / sum)
}
