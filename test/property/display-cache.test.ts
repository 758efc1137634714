import test from 'ava'
import fc from 'fast-check'
import { rectOf, type Rect } from '../../src/core/region.js'
import { CacheRig, type CacheRigOptions } from '../helpers/cache-rig.js'
import { act, type GuestScreen } from '../helpers/guest-screen.js'

const [WIDTH, HEIGHT] = [300, 200]
const SCREEN = rectOf(0, 0, WIDTH, HEIGHT)

/** Longer than what is drawn often counts as an animation. */
const PAUSE_MS = 1500

/** Windows that cover parts of a screen. */
const WINDOWS: readonly Rect[] = [
  SCREEN,
  rectOf(37, 11, 190, 170),
  rectOf(120, 40, 180, 160),
  rectOf(64, 64, 128, 128),
]

const showWindow = (screen: GuestScreen, which: number, content: number): Rect => {
  const window = WINDOWS[which]!
  act(screen, { kind: 'noise', rect: window, seed: content * 1000 + which })
  return window
}

interface Step {
  readonly what:
    | 'switch'
    | 'show'
    | 'scribble'
    | 'pump'
    | 'pump all'
    | 'look'
    | 'wait'
    | 'hand over here'
    | 'hand over elsewhere'
  readonly console: number
  readonly window: number
  readonly content: number
}

const stepsOf = (whats: readonly Step['what'][], consoles: number): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.record({
      what: fc.constantFrom(...whats),
      console: fc.nat(consoles - 1),
      window: fc.constantFrom(0, 1, 1, 1, 2, 3),
      content: fc.nat(1),
    }),
    { minLength: 4, maxLength: 16, size: 'max' },
  )

const take = (rig: CacheRig, { what, console, window, content }: Step): void => {
  switch (what) {
    case 'switch': {
      rig.clock.advance(PAUSE_MS)
      rig.damage(console, showWindow(rig.at(console).screen, window, content))
      rig.pumpAll(console)
      break
    }
    case 'show': {
      rig.damage(console, showWindow(rig.at(console).screen, window, content))
      break
    }
    case 'scribble': {
      const rect = rectOf(50 * window + 13, 40 * content + 9, 30, 20)
      act(rig.at(console).screen, { kind: 'noise', rect, seed: window })
      rig.damage(console, rect)
      break
    }
    case 'pump': {
      rig.pump(console)
      break
    }
    case 'pump all': {
      rig.pumpAll(console)
      break
    }
    case 'look': {
      rig.look(console)
      break
    }
    case 'wait': {
      rig.clock.advance(PAUSE_MS)
      break
    }
    default: {
      rig.handOver(what === 'hand over here')
    }
  }
}

/** Something that comes back, and more than the smallest cache holds. */
const begin = (rig: CacheRig): void => {
  rig.settle()
  for (const [window, content] of [
    [1, 0],
    [1, 1],
    [1, 0],
    [1, 1],
    [2, 0],
    [3, 0],
  ] as const) {
    take(rig, { what: 'switch', console: 0, window, content })
    rig.settle()
  }
}

const COMMON = ['switch', 'switch', 'switch', 'show', 'scribble', 'pump', 'pump all', 'look', 'wait'] as const

const CLIENTS: readonly (readonly [string, CacheRigOptions])[] = [
  ['a large cache', {}],
  ['a cache of two screens, and full headers', { cachePixels: 2 * WIDTH * HEIGHT, mini: false }],
  ['a cache of one window, and few messages at once', { cachePixels: 80_000, ackWindow: 4 }],
  ['a client that draws whole images only', { glzWindowSize: 0 }],
]

for (const [name, options] of CLIENTS) {
  test(`whatever comes back, and however slow the client, it ends with the exact picture: ${name}`, (t) => {
    let [hits, evictions] = [0, 0]
    fc.assert(
      fc.property(stepsOf([...COMMON, 'hand over here', 'hand over elsewhere'], 1), (steps) => {
        const rig = new CacheRig(options)
        begin(rig)
        for (const step of steps) {
          take(rig, step)
        }
        rig.settle()
        t.true(rig.exact)
        hits += rig.hits.value
        evictions += rig.evictions.value
        rig.close()
      }),
      { numRuns: 12 },
    )
    t.true(hits > 0, 'nothing ever came from the cache')
    t.is(evictions > 0, options.cachePixels !== undefined)
  })
}

test('three channels that share a cache, each as slow as it likes, end with the exact pictures', (t) => {
  let [hits, evictions] = [0, 0]
  fc.assert(
    fc.property(stepsOf([...COMMON, 'hand over here', 'hand over elsewhere'], 3), (steps) => {
      const rig = new CacheRig({ consoles: 3, cachePixels: 150_000 })
      begin(rig)
      for (const step of steps) {
        take(rig, step)
      }
      rig.settle()
      t.true(rig.exact)
      hits += rig.hits.value
      evictions += rig.evictions.value
      rig.close()
    }),
    { numRuns: 12 },
  )
  t.true(hits > 0)
  t.true(evictions > 0)
})

test('channels restored from their records at any boundary send the same bytes', (t) => {
  fc.assert(
    fc.property(stepsOf(COMMON, 2), fc.nat(16), (steps, boundary) => {
      const bytes = [false, true].map((restores) => {
        const rig = new CacheRig({ consoles: 2, cachePixels: 100_000 })
        rig.settle()
        steps.forEach((step, at) => {
          if (restores && at === boundary) {
            rig.handOver(true)
          }
          take(rig, step)
        })
        rig.settle()
        rig.close()
        return [rig.sent(0), rig.sent(1)]
      })
      t.deepEqual(bytes[1], bytes[0])
    }),
    { numRuns: 12 },
  )
})

/** Shows a window on a screen that has settled, and says what that took. */
const shown = (rig: CacheRig, window: number, content: number): { messages: number; bytes: number } => {
  rig.clock.advance(PAUSE_MS)
  const before = rig.sent(0).length
  const { surface, screen } = rig.at(0)
  const messages = surface.count('drawCopy')
  rig.damage(0, showWindow(screen, window, content))
  rig.settle()
  return { messages: surface.count('drawCopy') - messages, bytes: rig.sent(0).length - before }
}

test('a window that comes back costs one message without pixels', (t) => {
  const rig = new CacheRig()
  rig.settle()
  shown(rig, 1, 0)
  t.true(shown(rig, 1, 1).bytes > 10_000)
  for (let turn = 0; turn < 4; turn++) {
    const { messages, bytes } = shown(rig, 1, turn % 2)
    t.is(messages, 1)
    t.true(bytes < 120, `${bytes} bytes`)
  }
  t.true(rig.exact)
  t.is(rig.hits.value, 4)
})

test('so it does for a client that draws whole images only, from the second time on', (t) => {
  const rig = new CacheRig({ glzWindowSize: 0 })
  rig.settle()
  shown(rig, 1, 0)
  shown(rig, 1, 1)
  shown(rig, 1, 0)
  t.true(shown(rig, 1, 1).bytes < 120)
  t.true(shown(rig, 1, 0).bytes < 120)
  t.true(rig.exact)
})

test('a menu that closes costs one message: what was under it is a part of an older image', (t) => {
  const rig = new CacheRig()
  rig.settle()
  shown(rig, 0, 0)
  rig.clock.advance(PAUSE_MS)
  const { screen } = rig.at(0)
  const before = screen.pixels.slice()
  const menu = rectOf(83, 27, 150, 140)
  act(screen, { kind: 'noise', rect: menu, seed: 9 })
  rig.damage(0, menu)
  rig.settle()
  rig.clock.advance(PAUSE_MS)
  const sent = rig.sent(0).length
  screen.pixels.set(before)
  rig.damage(0, menu)
  rig.settle()
  t.true(rig.sent(0).length - sent < 120)
  t.true(rig.exact)
})

test('what is drawn all the time is neither kept nor looked for', (t) => {
  const rig = new CacheRig({ cachePixels: 2 ** 24 })
  rig.settle()
  for (let frame = 0; frame < 60; frame++) {
    act(rig.at(0).screen, { kind: 'noise', rect: WINDOWS[1]!, seed: frame })
    rig.damage(0, WINDOWS[1]!)
    rig.pumpAll(0)
    rig.look(0)
    rig.clock.advance(33)
  }
  rig.settle()
  t.true(rig.session.pixmaps.ids.length < 12, `${rig.session.pixmaps.ids.length} images kept`)
  t.true(rig.misses.value < 12)
  t.true(rig.exact)
})

for (const [what, cachePixels, options] of [
  ['a client that has no cache', 0, {}],
  ['a cache too small for anything', 1000, {}],
  ['the limit of zero', 2 ** 20, { display: { cachePixels: 0 } }],
] as const) {
  test(`N-DISP-01: with ${what} nothing is kept and all is exact`, (t) => {
    const rig = new CacheRig({ ...options, cachePixels })
    rig.settle()
    for (let turn = 0; turn < 4; turn++) {
      shown(rig, 1, turn % 2)
    }
    t.true(rig.exact)
    t.is(rig.hits.value, 0)
    t.deepEqual(rig.session.pixmaps.ids, [])
  })
}

test('N-DISP-01, L-mem-client: of a cache of 2^63 - 1 pixels no more than the limit is used', (t) => {
  const rig = new CacheRig({ cachePixels: Number.MAX_SAFE_INTEGER, display: { cachePixels: 100_000 } })
  rig.settle()
  for (let turn = 0; turn < 30; turn++) {
    shown(rig, 1, turn)
    t.true(rig.session.pixmaps.pixels <= 100_000)
  }
  t.true(rig.exact)
  t.true(rig.evictions.value > 0)
})
