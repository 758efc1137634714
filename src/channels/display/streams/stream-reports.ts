import type { displayClient, ValueOf } from '../../../protocol/index.js'
import type { DisplayRecord } from '../record.js'
import { framesArrived } from './rate-control.js'
import { frameCame } from './stamps.js'
import type { StreamRecord } from './stream-record.js'

export type Report = ValueOf<typeof displayClient.streamReport>

/** What a client says that cannot decode a stream (`protocol-display.md` 17.5): no frames, and all of them dropped. */
const CANNOT_DECODE = 0xffff_ffff

/** What a report told. */
export type Reported =
  | { readonly kind: 'frames'; readonly late: number }
  | { readonly kind: 'undecodable'; readonly stream: StreamRecord }
  /** It is on a stream that has ended. */
  | { readonly kind: 'over' | 'nonsense' }

/**
 * Follows a client's report on a stream.
 *
 * @param roundTripMs shortest way to the client and back, where that is known
 */
export const followReport = (
  { streams }: Pick<DisplayRecord, 'streams'>,
  report: Report,
  roundTripMs: number | undefined,
  nowMs: number,
): Reported => {
  const { streamId, uniqueId, numFrames, numDrops, endFrameMmTime, lastFrameDelay } = report
  const stream = streams.list.find((each) => each.uniqueId === uniqueId && each.id === streamId)
  if (stream === undefined) {
    const ended = streams.ended.find((each) => each.uniqueId === uniqueId)
    if (ended === undefined || ended.reports < 1) {
      return { kind: 'nonsense' }
    }
    ended.reports -= 1
    return { kind: 'over' }
  }
  if (numFrames === 0 && numDrops === CANNOT_DECODE) {
    return { kind: 'undecodable', stream }
  }
  if (stream.unreported === 0) {
    return { kind: 'nonsense' }
  }
  const told = Math.min(stream.unreported, Math.max(1, numFrames))
  stream.unreported -= told
  const isPast = ({ stamp }: { readonly stamp: number }): boolean => ((endFrameMmTime - stamp) | 0) >= 0
  framesArrived(stream.rate, isPast, nowMs, roundTripMs)
  frameCame(stream.stamps, lastFrameDelay, nowMs)
  return { kind: 'frames', late: Math.min(numDrops, told) }
}

/** Of a client without reports its acknowledgements are all that tells of frames. */
export const followAcks = (
  { streams, wire }: Pick<DisplayRecord, 'streams' | 'wire'>,
  roundTripMs: number | undefined,
  nowMs: number,
): void => {
  for (const { rate } of streams.list) {
    framesArrived(rate, ({ serial }) => serial <= wire.sentSerial - wire.unacked, nowMs, roundTripMs)
  }
}
