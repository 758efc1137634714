import { displayServer, type DrawCopyPalette } from '../../protocol/index.js'
import type { ChannelWire } from '../wire.js'
import type { DisplayDeps } from './deps.js'
import type { ImageSender } from './image-sender.js'
import type { PalettePiece } from './outbox.js'
import { addPalette, findPalette, usePalette } from './palette-cache.js'
import type { PieceCoder } from './piece-coder.js'
import type { DisplayRecord } from './record.js'
import type { Pixels } from './share.js'

/** An image that needs this much more with a palette of its own than without one goes without: the palette may never be used again. */
const MAX_MORE = 1.2

/** Sends rectangles of few colours, and keeps account of the palettes that the client has (`protocol-display.md` 13). */
export class PaletteSender {
  readonly #record: DisplayRecord
  readonly #wire: ChannelWire
  readonly #deps: DisplayDeps
  readonly #coder: Pick<PieceCoder, 'pixelsOf' | 'cache'>
  readonly #images: Pick<ImageSender, 'sendIndexed'>

  constructor(
    record: DisplayRecord,
    wire: ChannelWire,
    deps: DisplayDeps,
    coder: Pick<PieceCoder, 'pixelsOf' | 'cache'>,
    images: Pick<ImageSender, 'sendIndexed'>,
  ) {
    this.#record = record
    this.#wire = wire
    this.#deps = deps
    this.#coder = coder
    this.#images = images
  }

  /**
   * @returns bytes of the image; 0: it is no longer wanted; `undefined`: it does not go with a palette, and nothing was sent
   */
  send(piece: PalettePiece): number | undefined {
    const pixels = this.#coder.pixelsOf(piece.box)
    if (pixels === undefined) {
      return 0
    }
    const colours = this.#deps.encoders.palette(pixels)?.sort()
    return colours === undefined ? undefined : this.#sendWith(piece, pixels, [...colours])
  }

  #sendWith(piece: PalettePiece, pixels: Pixels, colours: readonly number[]): number | undefined {
    const { encoders, metrics } = this.#deps
    const { palettes } = this.#record
    const known = findPalette(palettes, colours)
    const withoutIt = known === undefined ? encoders.lzSize(pixels) : Infinity
    const data = encoders.encodePalette(pixels, known?.colours ?? colours)
    if (data === undefined || data.length + 4 * colours.length > MAX_MORE * withoutIt) {
      return undefined
    }
    if (known === undefined) {
      this.#sendImage(piece, data, { id: this.#keep(colours), colours })
      metrics.paletteMisses.add(1)
    } else {
      usePalette(palettes, known)
      this.#sendImage(piece, data, { id: known.id })
      metrics.paletteHits.add(1)
    }
    return data.length
  }

  #sendImage(piece: PalettePiece, data: Uint8Array, palette: DrawCopyPalette): void {
    const tiles = this.#coder.cache.keeps(piece, { codec: 'lz-palette', size: data.length })
    this.#images.sendIndexed(piece.box, data, palette, tiles)
  }

  /** @returns the id of a palette that the next image brings; what has to go before it is sent here */
  #keep(colours: readonly number[]): number {
    const { added, dropped } = addPalette(this.#record.palettes, colours)
    if (dropped !== undefined) {
      this.#wire.send(displayServer.invalPalette, { id: BigInt(dropped) })
    }
    return added.id
  }
}
