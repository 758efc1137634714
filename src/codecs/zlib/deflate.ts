import { deflate, deflateSync } from 'node:zlib'
import { promisify } from 'node:util'

/** GLZ images below this many bytes are sent as they are (codecs.md 8). */
export const ZLIB_GLZ_MIN_SIZE = 100

const OPTIONS = { level: 3 }

const deflateAsync = promisify<Uint8Array, { readonly level: number }, Buffer>(deflate)

const ifSmaller = (deflated: Uint8Array, glz: Uint8Array): Uint8Array | undefined =>
  deflated.length < glz.length ? deflated : undefined

/**
 * Deflates a coded GLZ image, header included, on the thread pool. The image must not change meanwhile, and stays the
 * one that is sent if the result is `undefined`: its id is taken either way.
 *
 * @returns a zlib stream for a ZLIB_GLZ_RGB image, or `undefined` where it does not pay
 */
export const deflateGlz = async (glz: Uint8Array): Promise<Uint8Array | undefined> =>
  glz.length < ZLIB_GLZ_MIN_SIZE ? undefined : ifSmaller(await deflateAsync(glz, OPTIONS), glz)

/** The same at once, for a thread that may be blocked. */
export const deflateGlzSync = (glz: Uint8Array): Uint8Array | undefined =>
  glz.length < ZLIB_GLZ_MIN_SIZE ? undefined : ifSmaller(deflateSync(glz, OPTIONS), glz)
