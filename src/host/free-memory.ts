import { libcFunction } from './system-call.js'

/** Gives memory that the C library keeps for later back to the system; takes a few ms. */
export const trimHeap = (): void => {
  const mallocTrim = libcFunction('int malloc_trim(size_t pad)') as (pad: number) => number
  mallocTrim(0)
}
