/** Shapes that a client keeps (`protocol-display.md` 22.3). */
export const CACHED_SHAPES = 256

/**
 * Largest shape that a client is asked to keep, pixels: so all of them take it 64 MiB at most, whatever the guest shows.
 */
export const CACHED_PIXELS = 256 * 256

/** Keys of the shapes that the client keeps, least recently used first; plain. */
export type ShapeCache = bigint[]

/** What to do about a shape that is to be shown. */
export type ShapeUse =
  | { readonly kind: 'known' }
  | {
      readonly kind: 'new'
      /** Key that has to go first. */
      readonly dropped: bigint | undefined
    }

/** Notes that a shape is shown: it is the one used last from now on. */
export const useShape = (cache: ShapeCache, key: bigint): ShapeUse => {
  const at = cache.lastIndexOf(key)
  if (at >= 0) {
    cache.splice(at, 1)
    cache.push(key)
    return { kind: 'known' }
  }
  const dropped = cache.length < CACHED_SHAPES ? undefined : cache.shift()
  cache.push(key)
  return { kind: 'new', dropped }
}
