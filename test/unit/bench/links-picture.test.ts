import test from 'ava'
import { linksPicture } from '../../../bench/links-picture.js'

const BARS = [
  { title: '100 Mbit/s, 1 ms', builtIn: 40, sidecar: 10 },
  { title: '1 Mbit/s, 200 ms', builtIn: Number.NaN, sidecar: 1500 },
]

const widths = (picture: string): number[] =>
  [...picture.matchAll(/<rect x="130" y="(?!8")\d+" width="(\d+)"/g)].map(([, width]) => Number(width))

test('a bar is as long as its time has digits, and as long as the axis where there is none', (t) => {
  const picture = linksPicture(BARS)
  const [slow = 0, quick = 0, none = 0, late = 0] = widths(picture)
  t.true(quick > 0 && quick < slow && slow < late && late < none)
  t.regex(picture, />1\.5 s</)
  t.regex(picture, />over a minute</)
  t.false(picture.includes('NaN'))
  t.is(linksPicture(BARS), picture)
})
