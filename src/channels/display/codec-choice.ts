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
  /** Is it more a photo than a screen? Asked only where it matters. */
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
  const photo = (): boolean =>
    pixels >= SMALL_PIXELS && width >= MIN_QUIC_SIDE && height >= MIN_QUIC_SIDE && input.isPhoto()
  switch (setting) {
    case 'off': {
      return 'raw'
    }
    case 'lz': {
      return 'lz'
    }
    case 'quic': {
      return width >= MIN_QUIC_SIDE && height >= MIN_QUIC_SIDE ? 'quic' : 'lz'
    }
    case 'glz': {
      return dictionary
    }
    case 'lz4': {
      return lz4 && available.lz4 ? 'lz4' : 'lz'
    }
    case 'jpeg': {
      return available.jpeg && pixels >= MIN_JPEG_PIXELS ? 'jpeg' : 'lz'
    }
    case 'auto_lz': {
      return photo() ? 'quic' : 'lz'
    }
    case 'auto': {
      return pixels <= ECHO_PIXELS ? 'lz' : photo() ? 'quic' : dictionary
    }
    case 'auto_glz': {
      return photo() ? 'quic' : dictionary
    }
  }
}
