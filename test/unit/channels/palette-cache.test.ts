import test from 'ava'
import {
  addPalette,
  CACHED_PALETTES,
  findPalette,
  newPalettesRecord,
  usePalette,
} from '../../../src/channels/display/palette-cache.js'

test('a palette serves all colours that are in it, and no others', (t) => {
  const record = newPalettesRecord()
  const { added, dropped } = addPalette(record, [1, 5, 9, 0xffffff])
  t.is(dropped, undefined)
  t.true(added.id > 0)
  for (const colours of [[1], [5], [0xffffff], [1, 9], [5, 9], [1, 5, 9, 0xffffff]]) {
    t.is(findPalette(record, colours), added, colours.join())
    t.is(findPalette(record, Uint32Array.from(colours)), added)
  }
  for (const colours of [[0], [2], [1, 6], [1, 5, 8], [0, 1, 5, 9], [1, 5, 9, 10], [1, 2, 5, 9, 0xffffff]]) {
    t.is(findPalette(record, colours), undefined, colours.join())
  }
})

test('of palettes that serve, the last one used is taken', (t) => {
  const record = newPalettesRecord()
  const first = addPalette(record, [1, 2, 3]).added
  const second = addPalette(record, [2, 3, 4]).added
  t.not(first.id, second.id)
  t.is(findPalette(record, [2, 3]), second)
  usePalette(record, first)
  t.is(findPalette(record, [2, 3]), first)
  t.is(findPalette(record, [4]), second)
  t.is(record.kept.length, 2)
})

test('the palette that was not used for longest makes room, and no id comes twice', (t) => {
  const record = newPalettesRecord()
  const all = Array.from({ length: CACHED_PALETTES }, (_, index) => addPalette(record, [index]))
  t.true(all.every(({ dropped }) => dropped === undefined))
  const [first, second, third] = all.map(({ added }) => added)
  usePalette(record, first!)
  t.is(addPalette(record, [1000]).dropped, second!.id)
  t.is(findPalette(record, [1]), undefined)
  t.is(findPalette(record, [0]), first)
  t.is(addPalette(record, [1001]).dropped, third!.id)
  t.is(record.kept.length, CACHED_PALETTES)
  t.is(new Set(record.kept.map(({ id }) => id)).size, CACHED_PALETTES)
  t.is(record.lastId, CACHED_PALETTES + 2)
})
