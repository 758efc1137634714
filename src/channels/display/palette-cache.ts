/** Palettes that a client keeps, for each display channel (`protocol-display.md` 13). */
export const CACHED_PALETTES = 128

/** A palette that the client has. */
export interface CachedPalette {
  /** Above 0; of this channel only. */
  readonly id: number
  /** 0x00RRGGBB, ascending. */
  readonly colours: readonly number[]
}

type Colours = ArrayLike<number>

/** What a display channel knows of the client's palette cache, as of the last message sent; plain. */
export interface PalettesRecord {
  /** The last one used comes first. */
  kept: CachedPalette[]
  lastId: number
}

export const newPalettesRecord = (): PalettesRecord => ({ kept: [], lastId: 0 })

/**
 * Looks for a palette that has all of some colours; one that has more is as good, as its indexes take no more bytes.
 *
 * @param colours 0x00RRGGBB, ascending
 */
export const findPalette = ({ kept }: PalettesRecord, colours: Colours): CachedPalette | undefined =>
  kept.find((palette) => hasAll(palette.colours, colours))

/** The next message uses a palette. */
export const usePalette = (record: PalettesRecord, used: CachedPalette): void => {
  const target = record
  target.kept = [used, ...record.kept.filter(({ id }) => id !== used.id)]
}

/**
 * The next message brings a palette that the client is to keep.
 *
 * @param colours 0x00RRGGBB, ascending; 1 to 256
 * @returns with the id of the one that has to go before, if there is no more room
 */
export const addPalette = (
  record: PalettesRecord,
  colours: readonly number[],
): { readonly added: CachedPalette; readonly dropped: number | undefined } => {
  const target = record
  const added = { id: record.lastId + 1, colours }
  const dropped = record.kept[CACHED_PALETTES - 1]?.id
  target.lastId = added.id
  target.kept = [added, ...record.kept.slice(0, CACHED_PALETTES - 1)]
  return { added, dropped }
}

/** HOT PATH: at most as many steps as there are colours in the palette; most end at the first that is not there. */
const hasAll = (palette: readonly number[], colours: Colours): boolean => {
  let at = 0
  for (let index = 0; index < colours.length; index++) {
    const colour = colours[index] ?? 0
    if (palette.length - at < colours.length - index) {
      return false
    }
    while (at < palette.length && (palette[at] ?? 0) < colour) {
      at++
    }
    if (palette[at] !== colour) {
      return false
    }
    at++
  }
  return true
}
