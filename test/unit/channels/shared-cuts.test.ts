import test from 'ava'
import { SharedCuts } from '../../../src/channels/index.js'
import { rectOf, type Rect } from '../../../src/core/region.js'

const ALL = rectOf(0, 0, 800, 600)
const CUT = rectOf(0, 0, 800, 128)
const MOST = 100_000

const rig = () => {
  const cuts = new SharedCuts()
  let version = 1
  const find = (owner: number, most = MOST, rect: Rect = ALL, console = 0): Rect | undefined =>
    cuts.find(console, rect, most, owner, () => version)
  cuts.note(0, CUT, version, 1)
  return { cuts, find, change: () => (version += 1) }
}

test('a second client cuts where the first did', (t) => {
  const { find } = rig()
  t.deepEqual(find(2), CUT)
  t.deepEqual(find(2, 200_000), CUT)
})

test('nobody follows a cut of his own, of other pixels, or of another console', (t) => {
  const { find, change } = rig()
  t.is(find(1), undefined)
  t.is(find(2, MOST, ALL, 1), undefined)
  t.is(find(2, MOST, rectOf(0, 64, 800, 500)), undefined)
  t.is(find(2, MOST, rectOf(0, 0, 700, 600)), undefined, 'not all of the cut is to be sent')
  change()
  t.is(find(2), undefined)
})

test('a client on a slower line does not follow a cut that is too large for it, nor a fast one crumbs', (t) => {
  const { find } = rig()
  t.is(find(2, 50_000), undefined)
  t.is(find(2, 1_000_000, rectOf(0, 0, 2000, 2000)), undefined)
})

test('cuts are forgotten, oldest first', (t) => {
  const { cuts, find } = rig()
  for (let at = 1; at <= 256; at++) {
    cuts.note(0, rectOf(at, 0, 10, 10), 1, 1)
  }
  t.is(find(2), undefined)
  t.deepEqual(find(2, 100, rectOf(1, 0, 10, 10)), rectOf(1, 0, 10, 10))
})
