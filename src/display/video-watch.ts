import type { Clock } from '../core/clock.js'
import type { Rect } from '../core/region.js'
import type { DisplayModel } from './model.js'
import type { Frame } from './source.js'
import type { Change } from './tracker.js'
import { VideoRegions, type VideoRegion } from './video-regions.js'

/** While nobody can send, a picture is looked at so often all the same, ms: what is video is known before there is room for it. */
const LOOK_MS = 100

interface Watched {
  readonly regions: VideoRegions
  lookedMs: number
}

/** Where the consoles show video; one for all clients. It costs nothing while nobody refreshes the picture. */
export class VideoWatch {
  readonly #model: DisplayModel
  readonly #clock: Pick<Clock, 'nowMs'>
  readonly #isVideo: (frame: Frame, box: Rect) => boolean
  readonly #watched = new Map<number, Watched>()
  readonly #detach: () => void
  #lastId = 0

  /**
   * To be made before the channels that ask it, so that it is told of a change before they are.
   *
   * @param isVideo does a box show what looks like video, beside changing like it
   */
  constructor(
    model: DisplayModel,
    clock: Pick<Clock, 'nowMs'>,
    isVideo: (frame: Frame, box: Rect) => boolean,
  ) {
    this.#model = model
    this.#clock = clock
    this.#isVideo = isVideo
    const follow = (console: number, change: Change): void => {
      const watched = this.#of(console)
      if (watched !== undefined) {
        watched.lookedMs = clock.nowMs()
        watched.regions.follow(change, clock.nowMs())
      }
    }
    this.#detach = model.observe({
      frameChanged: (console) => {
        this.#forget(console)
      },
      changed: follow,
      drawn: (console, drawing) => {
        if (drawing.kind === 'move') {
          follow(console, { moves: [drawing.move], rects: [] })
        }
      },
    })
  }

  /** Video of a console now; the boxes do not overlap. */
  regions(console: number): readonly VideoRegion[] {
    const regions = this.#watched.get(console)?.regions
    regions?.settle(this.#clock.nowMs())
    return regions?.regions ?? []
  }

  /** Time until {@link regions} may be less without a change of the picture, ms; `undefined`: there is no video. */
  restMs(console: number): number | undefined {
    const deadlineMs = this.#watched.get(console)?.regions.deadlineMs
    return deadlineMs === undefined ? undefined : Math.max(0, deadlineMs - this.#clock.nowMs())
  }

  /** Time until a picture that changed should be looked at although nobody can send, ms. */
  lookMs(console: number): number {
    const lookedMs = this.#of(console)?.lookedMs ?? this.#clock.nowMs()
    return Math.max(0, lookedMs + LOOK_MS - this.#clock.nowMs())
  }

  close(): void {
    this.#detach()
    this.#watched.clear()
  }

  #of(console: number): Watched | undefined {
    const known = this.#watched.get(console)
    const { frame } = this.#model.picture(console)
    if (known !== undefined || frame === undefined) {
      return known
    }
    const isVideo = (box: Rect): boolean => {
      const shown = this.#model.picture(console).frame
      return shown !== undefined && this.#isVideo(shown, box)
    }
    const regions = new VideoRegions(frame.width, frame.height, isVideo, this.#lastId)
    const watched = { regions, lookedMs: this.#clock.nowMs() }
    this.#watched.set(console, watched)
    return watched
  }

  #forget(console: number): void {
    this.#lastId = Math.max(this.#lastId, this.#watched.get(console)?.regions.lastId ?? 0)
    this.#watched.delete(console)
  }
}
