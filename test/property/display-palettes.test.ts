import test from 'ava'
import fc from 'fast-check'
import { rectOf, type Rect } from '../../src/core/region.js'
import { CacheRig, type CacheRigOptions } from '../helpers/cache-rig.js'
import { act } from '../helpers/guest-screen.js'
import { typeText } from '../helpers/typed-text.js'

const [WIDTH, HEIGHT] = [300, 200]

const BOXES: readonly Rect[] = [
  rectOf(8, 16, 32, 16),
  rectOf(33, 20, 70, 33),
  rectOf(0, 100, WIDTH, 80),
  rectOf(150, 3, 149, 190),
]

const WHATS = ['type', 'type', 'type', 'many', 'noise', 'scroll', 'pump', 'pump all', 'look'] as const

interface Step {
  readonly what: (typeof WHATS)[number] | 'hand over here' | 'hand over elsewhere'
  readonly box: number
  readonly colours: number
  readonly text: number
}

const stepsOf = (whats: readonly Step['what'][]): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.record({
      what: fc.constantFrom(...whats),
      box: fc.nat(BOXES.length - 1),
      colours: fc.nat(300),
      text: fc.nat(9),
    }),
    { minLength: 4, maxLength: 24, size: 'max' },
  )

const type = (rig: CacheRig, box: number, colours: number, text: number): void => {
  typeText(rig.at(0).screen, BOXES[box]!, colours, text)
  rig.damage(0, BOXES[box]!)
}

/** Colours in more sets than the client keeps palettes. */
const typeMany = (rig: CacheRig, from: number, sets: number): void => {
  for (let set = 0; set < sets; set++) {
    type(rig, 0, from + set, set)
    rig.pumpAll(0)
    rig.look(0)
  }
}

const take = (rig: CacheRig, { what, box, colours, text }: Step): void => {
  switch (what) {
    case 'type': {
      type(rig, box, colours, text)
      break
    }
    case 'many': {
      typeMany(rig, colours, 20)
      break
    }
    case 'noise': {
      act(rig.at(0).screen, { kind: 'noise', rect: BOXES[box]!, seed: text })
      rig.damage(0, BOXES[box]!)
      break
    }
    case 'scroll': {
      const rect = rectOf(0, 0, WIDTH, HEIGHT)
      act(rig.at(0).screen, { kind: 'shift', rect, dx: 0, dy: -16 })
      rig.damage(0, rect)
      break
    }
    case 'pump': {
      rig.pump(0)
      break
    }
    case 'pump all': {
      rig.pumpAll(0)
      break
    }
    case 'look': {
      rig.look(0)
      break
    }
    default: {
      rig.handOver(what === 'hand over here')
    }
  }
}

const CLIENTS: readonly (readonly [string, CacheRigOptions])[] = [
  ['one that is quick', {}],
  ['one with few messages at once, and full headers', { ackWindow: 4, mini: false }],
  ['one without a pixmap cache', { cachePixels: 0 }],
]

for (const [name, options] of CLIENTS) {
  test(`text in more colours than a client keeps palettes is exact at the end: ${name}`, (t) => {
    let [hits, dropped] = [0, 0]
    fc.assert(
      fc.property(stepsOf([...WHATS, 'hand over here', 'hand over elsewhere']), (steps) => {
        const rig = new CacheRig(options)
        rig.settle()
        typeMany(rig, 0, 125)
        for (const step of steps) {
          take(rig, step)
        }
        rig.settle()
        t.true(rig.exact)
        const { surface } = rig.at(0)
        t.true(surface.palettes.ids.length <= 128)
        hits += surface.count('image lzPlt') - surface.count('invalPalette') - surface.palettes.ids.length
        dropped += surface.count('invalPalette')
        rig.close()
      }),
      { numRuns: 10 },
    )
    t.true(hits > 0, 'no palette was ever used again')
    t.true(dropped > 0, 'no palette ever had to go')
  })
}

test('a channel restored from its record at any boundary sends the same bytes', (t) => {
  fc.assert(
    fc.property(stepsOf(WHATS), fc.nat(24), (steps, boundary) => {
      const bytes = [false, true].map((restores) => {
        const rig = new CacheRig({ ackWindow: 4 })
        rig.settle()
        typeMany(rig, 0, 125)
        steps.forEach((step, at) => {
          if (restores && at === boundary) {
            rig.handOver(true)
          }
          take(rig, step)
        })
        rig.settle()
        rig.close()
        return rig.sent(0)
      })
      t.deepEqual(bytes[1], bytes[0])
    }),
    { numRuns: 10 },
  )
})

test('the colours of one palette serve text that has only some of them', (t) => {
  const rig = new CacheRig()
  rig.settle()
  type(rig, 1, 7, 0)
  rig.settle()
  const { surface, screen } = rig.at(0)
  t.deepEqual([surface.count('image lzPlt'), surface.palettes.ids.length], [1, 1])
  typeText(screen, BOXES[0]!, 7, 3, 3)
  rig.damage(0, BOXES[0]!)
  rig.settle()
  t.deepEqual([surface.count('image lzPlt'), surface.palettes.ids.length], [2, 1])
  t.true(rig.exact)
  rig.close()
})

test('what has more than 256 colours, or would be larger with a palette, goes without', (t) => {
  const rig = new CacheRig()
  rig.settle()
  const { surface, screen } = rig.at(0)
  act(screen, { kind: 'noise', rect: rectOf(9, 9, 40, 40), seed: 9 })
  rig.damage(0, rectOf(9, 9, 40, 40))
  rig.settle()
  act(screen, { kind: 'noise', rect: rectOf(9, 9, 8, 8), seed: 3 })
  rig.damage(0, rectOf(9, 9, 8, 8))
  rig.settle()
  t.is(surface.count('image lzPlt'), 0)
  t.true(rig.exact)
  rig.close()
})

test('pixels that get too many colours while they wait go without a palette', (t) => {
  const rig = new CacheRig()
  rig.settle()
  const { surface, screen } = rig.at(0)
  for (let turn = 0; turn < 40; turn++) {
    type(rig, turn % 4, turn, 0)
    rig.pump(0)
    act(screen, { kind: 'noise', rect: BOXES[turn % 4]!, seed: turn })
    rig.damage(0, BOXES[turn % 4]!)
  }
  rig.settle()
  t.true(rig.exact)
  t.is(surface.count('image lzPlt') > 0, surface.palettes.ids.length > 0)
  rig.close()
})

test('a browser gets no palettes, which it does not know', (t) => {
  const rig = new CacheRig({ glzWindowSize: 0 })
  rig.settle()
  typeMany(rig, 0, 20)
  rig.settle()
  const { surface } = rig.at(0)
  t.is(surface.count('image lzPlt'), 0)
  t.true(surface.count('image lzRgb') >= 20)
  t.true(rig.exact)
  rig.close()
})
