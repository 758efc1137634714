import type { PoolCodec } from '../../codecs/index.js'
import { IMAGE_COMPRESSION } from '../../protocol/index.js'

/** Values of `image-compression`: QEMU's, and auto, lz4, jpeg of ours. */
export type CompressionSetting =
  'auto' | 'auto_glz' | 'auto_lz' | 'quic' | 'glz' | 'lz' | 'lz4' | 'jpeg' | 'off'

/** What the choice of a codec depends on. */
export interface ChoiceInput {
  readonly setting: CompressionSetting
  /** Pixels. */
  readonly width: number
  readonly height: number
  /** The client understands LZ4. */
  readonly lz4: boolean
  /** Codecs whose library is there. */
  readonly available: { readonly lz4: boolean; readonly jpeg: boolean }
  /** Pixels that the client's GLZ window holds; 0: it wants no dictionary. */
  readonly glzWindow: number
  /** Detail may be lost, as it is made good later. */
  readonly lossy: boolean
  /** Another client wants the same images, and bytes count less than what it takes to code them. */
  readonly shared: boolean
  /** Is it photo or gradient rather than what programs draw? This and the next are asked only where it matters. */
  isSmooth(): boolean
  /** Is it a photo, and nothing in it whose lost detail would hurt? */
  isPhoto(): boolean
}

/** QUIC is not sent for less (`codecs.md` 4.10). */
const MIN_QUIC_SIDE = 3

/** Below this many pixels the start of a coder costs more than a better one saves. */
const SMALL_PIXELS = 1024

/** What a key press changes: coded at once on the main thread, where a dictionary would need another thread. */
const ECHO_PIXELS = 4096

/** JPEG of less than this is larger than what is lossless, and ugly. */
const MIN_JPEG_PIXELS = 4096

/** Quality of JPEG (`codecs.md` 6), and on lines below so many bits a second, slowest first: what is lost is sent later. */
const QUALITY = 85
const SLOW_QUALITY = [
  { below: 1.5 * 1024 * 1024, quality: 50 },
  { below: 4 * 1024 * 1024, quality: 70 },
] as const

/**
 * From here on the time to code counts more than bytes, bits a second: LZ is coded in a fifth of the time of GLZ, and once for all
 * clients, for up to twice the bytes. LZ4 is hardly faster than our LZ on what programs draw, and takes twice its bytes.
 */
const FAST_LINE = 100 * 1024 * 1024

/** The quality of JPEG for a line; `undefined`: its bit rate is not known. */
export const jpegQuality = (bitsPerSecond: number | undefined): number =>
  SLOW_QUALITY.find(({ below }) => bitsPerSecond !== undefined && bitsPerSecond < below)?.quality ?? QUALITY

/** Does a line carry what LZ codes as fast as what GLZ does? Not while nobody knows. */
export const isFastLine = (bitsPerSecond: number | undefined): boolean =>
  bitsPerSecond !== undefined && bitsPerSecond >= FAST_LINE

const PREFERRED: Readonly<Record<number, CompressionSetting>> = {
  [IMAGE_COMPRESSION.off]: 'off',
  [IMAGE_COMPRESSION.autoGlz]: 'auto_glz',
  [IMAGE_COMPRESSION.autoLz]: 'auto_lz',
  [IMAGE_COMPRESSION.quic]: 'quic',
  [IMAGE_COMPRESSION.glz]: 'glz',
  [IMAGE_COMPRESSION.lz]: 'lz',
  [IMAGE_COMPRESSION.lz4]: 'lz4',
}

/** The setting that a client asks for with PREFERRED_COMPRESSION; `undefined` for a value that means nothing. */
export const preferredSetting = (value: number): CompressionSetting | undefined => PREFERRED[value]

/**
 * The codec of one rectangle (`protocol-display.md` section 15). What the client or this machine does not have is replaced by LZ,
 * which every client has.
 */
export const chooseCodec = (input: ChoiceInput): PoolCodec => {
  const { setting, width, height, lz4, available, glzWindow } = input
  const pixels = width * height
  const dictionary = pixels < glzWindow ? 'glz' : 'lz'
  const jpeg = input.lossy && available.jpeg && pixels >= MIN_JPEG_PIXELS
  const fitsQuic = width >= MIN_QUIC_SIDE && height >= MIN_QUIC_SIDE
  const photo = (): 'quic' | 'jpeg' => (jpeg && input.isPhoto() ? 'jpeg' : 'quic')
  const isSmooth = (): boolean => pixels >= SMALL_PIXELS && fitsQuic && input.isSmooth()
  switch (setting) {
    case 'off': {
      return 'raw'
    }
    case 'lz': {
      return 'lz'
    }
    case 'quic': {
      return fitsQuic ? photo() : 'lz'
    }
    case 'glz': {
      return dictionary
    }
    case 'lz4': {
      return lz4 && available.lz4 ? 'lz4' : 'lz'
    }
    case 'jpeg': {
      return jpeg ? 'jpeg' : input.lossy ? 'lz' : chooseCodec({ ...input, setting: 'auto' })
    }
    case 'auto_lz': {
      return isSmooth() ? photo() : 'lz'
    }
    case 'auto': {
      return isSmooth() ? photo() : pixels <= ECHO_PIXELS || input.shared ? 'lz' : dictionary
    }
    case 'auto_glz': {
      return isSmooth() ? photo() : dictionary
    }
  }
}
