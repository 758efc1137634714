import { existsSync } from 'node:fs'
import koffi from 'koffi'
import type { Image } from '../src/codecs/image.js'

/** Where `bench/reference/build.sh` puts the library, from the folder that holds package.json. */
export const REFERENCE_PATH = 'cache/reference-codecs/libreference.so'

const RGB32 = { lz: 8, quic: 4 } as const

/** A dictionary of the reference with its one encoder; images given to it must stay where they are, unchanged. */
export interface ReferenceGlz {
  encode(image: Image, out: Uint8Array): number
  free(): void
}

/** The functions of `bench/reference/shim.c` for packed `rgb32` images, rows top down. */
export interface Reference {
  readonly quicEncode: (image: Image, out: Uint8Array) => number
  /** Packed pixels of a coded image of this size, or undefined for a refused one. */
  readonly quicDecode: (coded: Uint8Array, width: number, height: number) => Uint8Array | undefined
  readonly lzEncode: (image: Image, out: Uint8Array) => number
  readonly lzDecode: (coded: Uint8Array, width: number, height: number) => Uint8Array | undefined
  /** @param window pixels */
  readonly glz: (window: number) => ReferenceGlz
}

/** Loads a library with that interface; undefined if the file is not there. */
export function loadReference(path: string): Reference | undefined {
  if (!existsSync(path)) {
    return undefined
  }
  const library = koffi.load(path)
  const image = 'int32_t type, int32_t width, int32_t height, int32_t stride'
  const output = 'const uint8_t *pixels, uint8_t *out, uint32_t room'
  const coded = 'const uint8_t *coded, uint32_t size, uint8_t *pixels'
  const quicEncode = library.func(`int32_t ref_quic_encode(${image}, ${output})`)
  const quicDecode = library.func(`int32_t ref_quic_decode(${image}, ${coded})`)
  const lzEncode = library.func(`int32_t ref_lz_encode(${image}, int32_t topDown, ${output})`)
  const lzDecode = library.func(
    `int32_t ref_lz_decode(int32_t type, int32_t width, int32_t height, ${coded})`,
  )
  const glzNew = library.func('void *ref_glz_new(uint32_t window)')
  const glzEncode = library.func(`int32_t ref_glz_encode(void *glz, ${image}, int32_t topDown, ${output})`)
  const glzFree = library.func('void ref_glz_free(void *glz)')
  return {
    quicEncode: ({ width, height, stride, pixels }, out) =>
      quicEncode(RGB32.quic, width, height, stride, pixels, out, out.length) as number,
    quicDecode: (bytes, width, height) => {
      const pixels = new Uint8Array(width * height * 4)
      const answer = quicDecode(RGB32.quic, width, height, width * 4, bytes, bytes.length, pixels) as number
      return answer === 0 ? pixels : undefined
    },
    lzEncode: ({ width, height, stride, pixels }, out) =>
      lzEncode(RGB32.lz, width, height, stride, 1, pixels, out, out.length) as number,
    lzDecode: (bytes, width, height) => {
      const pixels = new Uint8Array(width * height * 4)
      const answer = lzDecode(RGB32.lz, width, height, bytes, bytes.length, pixels) as number
      return answer === 0 ? pixels : undefined
    },
    glz: (window) => {
      const handle: unknown = glzNew(window)
      if (handle === null) {
        throw new Error('the reference makes no dictionary')
      }
      return {
        encode: ({ width, height, stride, pixels }, out) =>
          glzEncode(handle, RGB32.lz, width, height, stride, 1, pixels, out, out.length) as number,
        free: () => void glzFree(handle),
      }
    },
  }
}
