import test from 'ava'
import fc from 'fast-check'
import { rectOf } from '../../src/core/region.js'
import { displayClient, displayServer } from '../../src/protocol/index.js'
import { pumpAll, RecordingContext, tell, type Sent } from '../helpers/channel-rig.js'
import { ClientAnswers } from '../helpers/client-answers.js'
import { freshRecords, ChannelWorld } from '../helpers/channel-world.js'
import { act, acts, guestOf, type Act, type GuestScreen } from '../helpers/guest-screen.js'
import { PaintedSurface } from '../helpers/painted.js'
import { pictureOf } from '../helpers/picture-of.js'
import { RecordingInput } from '../helpers/recording-input.js'

const INIT = { pixmapCacheId: 1, pixmapCacheSize: 0n, glzDictionaryId: 1, glzWindowSize: 0 }

/** A display channel whose client acknowledges when it is told to. */
const rig = (guest: GuestScreen, ackWindow = 4) => {
  const world = new ChannelWorld({ guest: new RecordingInput(), maxPixels: 20_000, ackWindow })
  const context = new RecordingContext()
  world.model.consolesChanged([{ index: 0, label: 'a', head: 0 }])
  world.model.scanout(0, { generation: 1, ...guest })
  const channel = world.make(freshRecords.display(true), context)
  channel.start()
  channel.attach()
  tell(channel, displayClient.init, INIT)
  const surface = new PaintedSurface()
  const ids: number[] = []
  const answers = new ClientAnswers((message, value) => tell(channel, message, value))
  const unanswered: Sent[] = []
  const look = (): void => {
    const sent = context.take()
    unanswered.push(...sent)
    ids.push(...sent.map(({ type }) => type))
    surface.follow(sent)
  }
  const acknowledge = (): void => {
    look()
    for (const message of unanswered.splice(0)) {
      answers.handled(message)
    }
  }
  const settle = (): void => {
    for (let turn = 0; turn < 100; turn++) {
      pumpAll(channel)
      acknowledge()
    }
  }
  const draw = (what: Act, overReported: boolean): void => {
    act(guest, what)
    world.model.damage(0, [overReported ? rectOf(0, 0, guest.width, guest.height) : what.rect])
  }
  return { channel, context, surface, ids, settle, acknowledge, draw, world }
}

const moves = (ids: readonly number[]): number => ids.filter((id) => id === displayServer.copyBits.id).length

test('however slow the client, it ends with the exact picture', (t) => {
  let moved = 0
  fc.assert(
    fc.property(
      fc.constantFrom<readonly [number, number]>([300, 200], [290, 130], [64, 64]),
      fc.array(
        fc.record({
          what: acts,
          overReported: fc.boolean(),
          then: fc.constantFrom('nothing', 'pump once', 'pump', 'acknowledge', 'block', 'unblock'),
        }),
        { maxLength: 10 },
      ),
      ([width, height], steps) => {
        const guest = guestOf(width, height, 0)
        const { channel, context, surface, ids, settle, acknowledge, draw } = rig(guest)
        settle()
        for (const { what, overReported, then } of steps) {
          draw(what, overReported)
          switch (then) {
            case 'pump once': {
              channel.pump()
              break
            }
            case 'pump': {
              pumpAll(channel)
              break
            }
            case 'acknowledge': {
              acknowledge()
              pumpAll(channel)
              break
            }
            case 'block':
            case 'unblock': {
              context.hasRoom = then === 'unblock'
              break
            }
            default: {
              break
            }
          }
        }
        context.hasRoom = true
        settle()
        t.is(Buffer.compare(surface.pixels, pictureOf({ generation: 1, ...guest })), 0)
        moved += moves(ids)
      },
    ),
    { numRuns: 60 },
  )
  t.true(moved > 0, 'nothing was ever moved')
})

const scroll = (guest: GuestScreen): Act => ({
  kind: 'shift',
  rect: rectOf(0, 0, guest.width, guest.height),
  dx: 0,
  dy: -16,
})

test('a scroll is one message that moves, and one with what came in', (t) => {
  const guest = guestOf(300, 200, 0)
  const { channel, context, draw, settle, surface } = rig(guest)
  settle()
  draw(scroll(guest), true)
  draw({ kind: 'noise', rect: rectOf(0, 184, 300, 16), seed: 3 }, true)
  pumpAll(channel)
  const sent = context.take()
  t.deepEqual(
    sent.map(({ type }) => type),
    [displayServer.copyBits.id, displayServer.drawCopy.id],
  )
  const { box, srcPos } = displayServer.copyBits.decode(sent[0]!.body)
  t.deepEqual(
    [box, srcPos],
    [
      { left: 0, top: 0, right: 300, bottom: 184 },
      { x: 0, y: 16 },
    ],
  )
  surface.follow(sent)
  t.is(Buffer.compare(surface.pixels, pictureOf({ generation: 1, ...guest })), 0)
})

test('scrolls that a client was too slow for become one', (t) => {
  const guest = guestOf(300, 200, 0)
  const { channel, context, draw, settle, surface, world } = rig(guest)
  settle()
  for (let turn = 0; turn < 2; turn++) {
    draw(scroll(guest), true)
    world.model.refresh(0)
  }
  pumpAll(channel)
  const sent = context.take()
  t.is(moves(sent.map(({ type }) => type)), 1)
  t.is(displayServer.copyBits.decode(sent[0]!.body).srcPos.y, 32)
  surface.follow(sent)
  t.is(Buffer.compare(surface.pixels, pictureOf({ generation: 1, ...guest })), 0)
})
