import test from 'ava'
import fc from 'fast-check'
import type { DisplayDeps } from '../../src/channels/index.js'
import { loadTurboJpeg, turboJpegReason } from '../../src/host/turbojpeg.js'
import { rectOf, type Rect } from '../../src/core/region.js'
import { allOf, GuestClient, lineOf, SharedGuest } from '../helpers/display-clients.js'
import { act } from '../helpers/guest-screen.js'
import { paintPhoto, paintText, textScreen } from '../helpers/photo.js'

const [WIDTH, HEIGHT] = [330, 250]

test('the library is there, or a reason why not', (t) => {
  const reason = turboJpegReason()
  if (loadTurboJpeg() === undefined) {
    t.log(`photos go as QUIC here: ${reason}`)
  }
  t.pass()
})

/** Something that the guest does, or one of its two clients. */
type Step =
  | { readonly kind: 'photo' | 'text'; readonly rect: Rect; readonly seed: number }
  | { readonly kind: 'move'; readonly rect: Rect; readonly dx: number; readonly dy: number }
  | { readonly kind: 'fill'; readonly rect: Rect; readonly colour: number }
  | { readonly kind: 'time'; readonly ms: number }
  | { readonly kind: 'pump' | 'look' | 'acknowledge' | 'hand over' | 'drop'; readonly client: 0 | 1 }
  | { readonly kind: 'room'; readonly client: 0 | 1; readonly hasRoom: boolean }

const rects = fc
  .tuple(
    fc.nat(WIDTH - 2),
    fc.nat(HEIGHT - 2),
    fc.integer({ min: 1, max: 300 }),
    fc.integer({ min: 1, max: 240 }),
  )
  .map(([x, y, width, height]) => rectOf(x, y, Math.min(width, WIDTH - x), Math.min(height, HEIGHT - y)))

const client = fc.constantFrom<0 | 1>(0, 1)

const steps: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('photo' as const), rect: rects, seed: fc.nat(9) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('text' as const), rect: rects, seed: fc.nat(9) }) },
  fc.record({ kind: fc.constant('fill' as const), rect: rects, colour: fc.nat(0xff_ffff) }),
  fc.record({
    kind: fc.constant('move' as const),
    rect: fc.constant(rectOf(0, 0, WIDTH, HEIGHT)),
    dx: fc.integer({ min: -40, max: 40 }),
    dy: fc.integer({ min: -40, max: 40 }),
  }),
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('time' as const), ms: fc.nat(500) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom('pump' as const, 'look' as const, 'acknowledge' as const),
      client,
    }),
  },
  fc.record({ kind: fc.constantFrom('hand over' as const, 'drop' as const), client }),
  fc.record({ kind: fc.constant('room' as const), client, hasRoom: fc.boolean() }),
)

/** Every pixel of a client that came through JPEG is known to be lossy. */
const knowsLossy = ({ surface, record }: GuestClient): boolean => {
  const { areas } = record.lossy
  return (
    surface.lossyPixels <=
    areas.reduce((sum, { rect }) => sum + (rect.right - rect.left) * (rect.bottom - rect.top), 0)
  )
}

const clientOf = (
  guest: SharedGuest,
  which: 0 | 1,
  display: Partial<DisplayDeps>,
  bitsPerSecond = which === 0 ? 1e9 : 8e6,
): GuestClient =>
  new GuestClient(guest, {
    mini: which === 0,
    line: lineOf(bitsPerSecond),
    display: { ackWindow: 4, ...display },
  })

const run = (
  guest: SharedGuest,
  clients: GuestClient[],
  step: Step,
  fresh: (which: 0 | 1) => GuestClient,
): void => {
  switch (step.kind) {
    case 'photo':
    case 'text': {
      const paint = step.kind === 'photo' ? paintPhoto : paintText
      paint(guest.screen, step.rect, step.seed)
      guest.damage(step.rect)
      return
    }
    case 'fill':
    case 'move': {
      const what = step.kind === 'move' ? { ...step, kind: 'shift' as const } : step
      act(guest.screen, what)
      guest.damage(step.rect)
      return
    }
    case 'time': {
      guest.clock.advance(step.ms)
      return
    }
    case 'room': {
      clients[step.client]!.context.hasRoom = step.hasRoom
      return
    }
    case 'drop': {
      clients[step.client]!.close()
      clients[step.client] = fresh(step.client)
      return
    }
    case 'hand over': {
      const one = clients[step.client]!
      one.look()
      one.handOver()
      return
    }
    default: {
      clients[step.client]![step.kind]()
    }
  }
}

for (const [compression, jpegWan] of [
  ['auto', 'always'],
  ['auto', 'never'],
  ['jpeg', 'never'],
] as const) {
  test(`two clients, ${compression} with jpeg-wan-compression ${jpegWan}: both end with the exact picture`, (t) => {
    let lossy = 0
    let shared = 0
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 30, size: 'max' }), (list) => {
        const metrics = { sharedJobs: { add: (amount: number) => void (shared += amount) } }
        const screen = textScreen(WIDTH, HEIGHT)
        paintPhoto(screen, allOf(screen), 1)
        const guest = new SharedGuest(screen, { maxPixels: 20_000, metrics })
        const fresh = (which: 0 | 1): GuestClient => clientOf(guest, which, { compression, jpegWan })
        const clients = [fresh(0), fresh(1)]
        for (const step of list) {
          run(guest, clients, step, fresh)
          for (const each of clients) {
            lossy += each.surface.lossyPixels
          }
        }
        for (const each of clients) {
          each.context.hasRoom = true
          each.settle()
          t.true(knowsLossy(each))
        }
        for (let turn = 0; turn < 20; turn++) {
          for (const each of clients) {
            each.rest(50)
          }
        }
        for (const each of clients) {
          each.rest(5000)
          t.true(each.exact)
          t.is(each.surface.lossyPixels, 0)
          t.deepEqual(each.record.lossy.areas, [])
          each.close()
        }
      }),
      { numRuns: 20 },
    )
    t.true(shared > 0, 'nothing was ever shared')
    t.is(lossy > 0, loadTurboJpeg() !== undefined && (compression === 'jpeg' || jpegWan === 'always'))
  })
}

test('a client that never acknowledges changes nothing for the other: the same bytes in the same order', (t) => {
  const play = (
    withSlow: boolean,
  ): { readonly bytes: Uint8Array; readonly exact: boolean; readonly stuck: boolean } => {
    const guest = new SharedGuest(textScreen(WIDTH, HEIGHT))
    const slow = withSlow ? clientOf(guest, 0, {}) : undefined
    const fast = clientOf(guest, 0, {})
    const bytes: Uint8Array[] = []
    const take = (): void => {
      fast.pump()
      bytes.push(...fast.context.bytes.map((each) => each.slice()))
      fast.acknowledge()
    }
    for (let frame = 0; frame < 60; frame++) {
      const rect = rectOf((frame * 37) % 200, (frame * 53) % 150, 120, 90)
      const paint = frame % 2 === 0 ? paintPhoto : paintText
      paint(guest.screen, rect, frame)
      guest.damage(rect)
      slow?.pump()
      take()
      slow?.look()
      guest.clock.advance(20)
    }
    take()
    take()
    const { exact } = fast
    const stuck = slow !== undefined && !slow.exact
    slow?.close()
    fast.close()
    return { bytes: Buffer.concat(bytes), exact, stuck }
  }
  const [alone, beside] = [play(false), play(true)]
  t.true(alone.exact)
  t.true(beside.exact)
  t.true(beside.stuck, 'the slow one is slow')
  t.is(Buffer.compare(alone.bytes, beside.bytes), 0)
})

test('two clients that keep up have every image coded once', (t) => {
  let [coded, spared] = [0, 0]
  const guest = new SharedGuest(textScreen(WIDTH, HEIGHT), {
    metrics: {
      inlineJobs: { add: () => void (coded += 1) },
      sharedJobs: { add: () => void (spared += 1) },
    },
  })
  const clients = [clientOf(guest, 0, {}), clientOf(guest, 1, {}, 1e9)]
  const serve = (): void => {
    for (const each of clients) {
      each.settle()
    }
  }
  serve()
  for (let frame = 0; frame < 20; frame++) {
    paintPhoto(guest.screen, allOf(guest.screen), frame)
    guest.damage(allOf(guest.screen))
    serve()
  }
  t.true(coded >= 21)
  t.is(spared, coded)
  t.true(clients.every(({ exact }) => exact))
})
