/** Frames a second at most. */
export const MAX_FPS = 30

/** Range of what is aimed at, bits a second. */
export const MIN_BPS = 128e3
export const MAX_BPS = 100e6

export const clamp = (value: number, min: number, max: number): number => Math.min(max, Math.max(min, value))
