import type { LibraryHandle } from 'koffi'
import type { Whole } from './sasl-memory.js'

/** Functions of libswscale that are used; addresses are numbers. */
export interface SwscaleFunctions {
  readonly getContext: (...values: readonly (number | bigint)[]) => Whole
  readonly freeContext: (context: bigint) => void
  readonly coefficients: (matrix: number) => Whole
  readonly setColours: (...values: readonly (number | bigint)[]) => number
  readonly scale: (...values: readonly (number | bigint)[]) => number
}

/** How colours become luma and two differences. */
export type ColourMatrix = 'bt601' | 'bt709'

/** SWS_CS_ITU601 and SWS_CS_ITU709. */
export const SWS_MATRIX: Readonly<Record<ColourMatrix, number>> = { bt601: 5, bt709: 1 }

/** SWS_BILINEAR: colour differences are the mean of the pixels that they stand for. */
export const SWS_BILINEAR = 2

/** 1.0 in the 16.16 numbers of contrast and saturation. */
export const SWS_ONE = 65536

/** @throws Error when a function is missing */
export const bindSwscale = (library: LibraryHandle): SwscaleFunctions => ({
  getContext: library.func(
    'uint64_t sws_getContext(int, int, int, int, int, int, int, uint64_t, uint64_t, uint64_t)',
  ) as SwscaleFunctions['getContext'],
  freeContext: library.func('void sws_freeContext(uint64_t)') as SwscaleFunctions['freeContext'],
  coefficients: library.func('uint64_t sws_getCoefficients(int)') as SwscaleFunctions['coefficients'],
  setColours: library.func(
    'int sws_setColorspaceDetails(uint64_t, uint64_t, int, uint64_t, int, int, int, int)',
  ) as SwscaleFunctions['setColours'],
  scale: library.func(
    'int sws_scale(uint64_t, uint64_t, uint64_t, int, int, uint64_t, uint64_t)',
  ) as SwscaleFunctions['scale'],
})
