import test from 'ava'
import fc from 'fast-check'
import { DisplayChannel, DisplayShare, newDisplayRecord, newWireRecord } from '../../src/channels/index.js'
import { loadTurboJpeg, turboJpegReason } from '../../src/host/turbojpeg.js'
import { noCounter } from '../../src/core/metrics.js'
import { rectOf } from '../../src/core/region.js'
import { commonClient, displayClient } from '../../src/protocol/index.js'
import { RecordingContext } from '../helpers/channel-rig.js'
import { allOf, lineOf, SharedGuest } from '../helpers/display-clients.js'
import { displayDeps } from '../helpers/display-deps.js'
import { WINDOW_BYTES } from '../helpers/inline-encoders.js'
import { paintPhoto, paintText, textScreen } from '../helpers/photo.js'

test('the library is there, or a reason why not', (t) => {
  const reason = turboJpegReason()
  if (loadTurboJpeg() === undefined) {
    t.log(`nothing is lossy here: ${reason}`)
  }
  t.pass()
})

const PHOTO = rectOf(10, 10, 130, 100)

interface Line {
  readonly channel: DisplayChannel
  readonly context: RecordingContext
}

interface World {
  readonly guest: SharedGuest
  seed: number
}

type Happening = (world: World, lines: readonly Line[]) => void

const each =
  (act: (line: Line) => void): Happening =>
  (_world, lines) => {
    lines.forEach(act)
  }

const passes =
  (ms: number): Happening =>
  ({ guest }, lines) => {
    guest.clock.advance(ms)
    for (const { channel } of lines) {
      channel.alarm()
    }
  }

const pump = each(({ channel }) => void channel.pump())

const paints =
  (rect = PHOTO): Happening =>
  (world) => {
    world.seed += 1
    paintPhoto(world.guest.screen, rect, world.seed)
    world.guest.damage(rect)
  }

const HAPPENINGS: Readonly<Record<string, Happening>> = {
  pump,
  'pump again': pump,
  photo: paints(),
  'photo elsewhere': paints(rectOf(60, 60, 120, 80)),
  text: (world) => {
    world.seed += 1
    paintText(world.guest.screen, rectOf(0, 40, 90, 90), world.seed)
    world.guest.damage(rectOf(0, 40, 90, 90))
  },
  scroll: ({ guest }) => {
    guest.screen.pixels.copyWithin(0, 16 * guest.screen.stride)
    guest.damage(allOf(guest.screen))
  },
  'a moment': passes(50),
  'a while': passes(400),
  'long after': passes(1500),
  'no room': each(({ context }) => {
    context.hasRoom = false
  }),
  room: each(({ context }) => {
    context.hasRoom = true
  }),
  'all has arrived': each(({ channel }) => {
    const { ackGeneration } = channel.snapshot().wire
    channel.receive(commonClient.ackSync.id, commonClient.ackSync.encode({ generation: ackGeneration }))
    channel.settle()
  }),
  'another surface': (world) => {
    world.seed += 1
    world.guest.model.scanout(0, { generation: world.seed + 100, ...textScreen(150 + (world.seed % 2), 120) })
  },
}

const INIT = { pixmapCacheId: 1, pixmapCacheSize: 0n, glzDictionaryId: 1, glzWindowSize: 0 }

const play = (names: readonly string[], boundary: number): { lines: Line[]; lossy: boolean } => {
  const guest = new SharedGuest(textScreen(200, 160), { maxPixels: 16_384 })
  const { model, encoders, clock } = guest
  const share = new DisplayShare(encoders, WINDOW_BYTES, noCounter, () => lineOf(50e6))
  const deps = displayDeps({ model, encoders, clock, jpegWan: 'always', ackWindow: 100 })
  const lines: Line[] = []
  const begin = (record = newDisplayRecord(newWireRecord(true), 0, [])): Line => {
    const context = new RecordingContext()
    context.hasRoom = lines[0]?.context.hasRoom ?? true
    const channel = new DisplayChannel(record, context, share, deps)
    channel.attach()
    lines.push({ channel, context })
    return lines.at(-1)!
  }
  const { channel } = begin()
  channel.receive(displayClient.init.id, displayClient.init.encode(INIT))
  channel.receive(commonClient.ackSync.id, commonClient.ackSync.encode({ generation: 1 }))
  const world = { guest, seed: 0 }
  let lossy = false
  const fork = (): void => {
    begin(channel.snapshot())
    lines[0]!.context.bytes.length = 0
  }
  for (const [at, name] of names.entries()) {
    if (at === boundary) {
      lossy = channel.snapshot().lossy.areas.length > 0
      fork()
    }
    HAPPENINGS[name]!(world, lines)
  }
  if (boundary >= names.length) {
    fork()
  }
  for (const line of lines) {
    line.channel.close()
  }
  share.close()
  return { lines, lossy }
}

test('a channel restored at any message boundary makes exact the same things with the same bytes', (t) => {
  let lossy = 0
  let sent = 0
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(...Object.keys(HAPPENINGS)), { minLength: 1, maxLength: 24, size: 'max' }),
      fc.nat(24),
      (names, at) => {
        const played = play(['pump', 'photo', 'pump', ...names], Math.min(at + 3, names.length + 3))
        const [first, second] = played.lines
        const bytes = first!.context.written()
        t.is(Buffer.compare(second!.context.written(), bytes), 0)
        t.deepEqual(second!.channel.snapshot(), first!.channel.snapshot())
        lossy += played.lossy ? 1 : 0
        sent += bytes.length > 0 ? 1 : 0
      },
    ),
    { numRuns: 150 },
  )
  t.true(sent > 0)
  t.is(lossy > 0, loadTurboJpeg() !== undefined)
})
