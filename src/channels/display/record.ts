import type { WireRecord } from '../wire.js'
import type { CompressionSetting } from './codec-choice.js'
import { newFlowRecord, type FlowRecord } from './flow.js'
import { newLossyState, type LossyState } from './lossy.js'
import { newOutbox, type Outbox } from './outbox.js'
import { newPalettesRecord, type PalettesRecord } from './palette-cache.js'
import type { RecentPiece } from './piece-heat.js'
import { newStreamsRecord, type StreamsRecord } from './streams/stream-record.js'

/** State of a display channel; plain. */
export interface DisplayRecord {
  readonly kind: 'display'
  readonly wire: WireRecord
  /** Console that it shows; the channel's id. */
  readonly console: number
  /** Display channel capability words of the client. */
  readonly caps: readonly number[]
  /** What the client said in INIT; nothing is sent before. */
  client:
    | {
        readonly pixmapCacheId: number
        readonly pixmapCacheSize: bigint
        readonly glzDictionaryId: number
        readonly glzWindowSize: number
      }
    | undefined
  /** What the client asked for with PREFERRED_COMPRESSION. */
  preferred: CompressionSetting | undefined
  readonly outbox: Outbox
  /** What is known of the way to the client. */
  readonly flow: FlowRecord
  /** What the client has of the primary surface that is not exact. */
  readonly lossy: LossyState
  /** Pieces that were handed on, to tell what changes all the time. */
  readonly recent: RecentPiece[]
  readonly streams: StreamsRecord
  /** What the client has in its palette cache. */
  readonly palettes: PalettesRecord
  /** Generation of the client's pixmap cache that this channel has seen begin. */
  pixmapGeneration: number
  /** Number of the last image sent. */
  imageNumber: number
  /** Id of the next image of the client's GLZ dictionary, as far as this channel knows. */
  nextGlzImage: number
}

export const newDisplayRecord = (
  wire: WireRecord,
  console: number,
  caps: readonly number[],
): DisplayRecord => ({
  kind: 'display',
  wire,
  console,
  caps,
  client: undefined,
  preferred: undefined,
  outbox: newOutbox(),
  flow: newFlowRecord(),
  lossy: newLossyState(),
  recent: [],
  streams: newStreamsRecord(),
  palettes: newPalettesRecord(),
  pixmapGeneration: 0,
  imageNumber: 0,
  nextGlzImage: 0,
})

/**
 * Clients without a GLZ window are browsers (spice-html5), which draw images from the pixmap cache as a whole, have such a cache
 * for each channel, and know no palettes.
 */
export const isBrowser = ({ client }: Pick<DisplayRecord, 'client'>): boolean =>
  (client?.glzWindowSize ?? 0) === 0
