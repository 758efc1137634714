import type { TestGuest } from './qemu-guest.js'

/** How a guest played a trace. */
export interface Played {
  readonly frames: number
  /** From the first frame to the last one on the screen. */
  readonly ms: number
  /** How late frames were on the screen, ms. */
  readonly lateMedianMs: number
  readonly lateMostMs: number
}

const PLAY_DEADLINE_MS = 120_000

/** Shows the first frame of a trace of the disk, by its place there. */
export const loadTrace = (guest: TestGuest, number: number): Promise<string> =>
  guest.command(`load ${number}`, PLAY_DEADLINE_MS)

/** Plays the loaded trace to its end. */
export const playTrace = async (guest: TestGuest): Promise<Played> => {
  const from = guest.events.length
  await guest.command('play')
  const line = await guest.event(/^finished/, from, PLAY_DEADLINE_MS)
  const [frames = 0, ms = 0, median = 0, most = 0] = line.split(' ').slice(1).map(Number)
  return { frames, ms, lateMedianMs: median / 1000, lateMostMs: most / 1000 }
}
