import type { WireRecord } from '../wire.js'
import type { CompressionSetting } from './codec-choice.js'
import { newOutbox, type Outbox } from './outbox.js'

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
  imageNumber: 0,
  nextGlzImage: 0,
})
