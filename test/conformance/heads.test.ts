import test from 'ava'
import { rectOf } from '../../src/core/region.js'
import type { Frame } from '../../src/display/index.js'
import { noiseFrame, testFrame } from '../helpers/frames.js'
import { Picture } from '../helpers/picture.js'
import { ScriptedScreen } from '../helpers/scripted-screen.js'
import { withServer, type ServerRig } from '../helpers/server-rig.js'
import { poll } from '../helpers/temp-deadline.js'

const HEADS = [0, 1, 2, 3]

const SIZES = [
  [640, 480],
  [321, 201],
  [700, 500],
] as const

/** A guest that does something to one of its heads at a time, always the same for a seed. */
class RestlessGuest {
  readonly frames: (Frame | undefined)[] = []
  readonly #rig: ServerRig
  #state: number

  constructor(rig: ServerRig, seed: number) {
    this.#rig = rig
    this.#state = seed
    rig.model.consolesChanged(HEADS.map((index) => ({ index, label: `video0.${index}`, head: index })))
  }

  act(head: number): void {
    const { model } = this.#rig
    const frame = this.frames[head]
    const what = this.random(8)
    if (frame === undefined || what < 2) {
      const [width, height] = SIZES[this.random(SIZES.length)] ?? SIZES[0]
      this.frames[head] = what === 0 ? noiseFrame(width, height) : testFrame(width, height, 1 + what)
      model.scanout(head, this.frames[head])
    } else if (what === 2) {
      this.frames[head] = undefined
      model.scanout(head, undefined)
    } else {
      const { pixels, stride, width, height } = frame
      const row = this.random(height)
      if (what < 5) {
        pixels.copyWithin(0, row * stride)
      } else {
        pixels.fill(this.random(256), row * stride, (row + 1 + this.random(height - row)) * stride)
      }
      model.damage(head, [rectOf(0, 0, width, height)])
    }
  }

  random(below: number): number {
    this.#state = (Math.imul(this.#state, 1_103_515_245) + 12_345) >>> 0
    return (this.#state >>> 8) % below
  }
}

const untilShows = async (client: ScriptedScreen, head: number, frame: Frame | undefined): Promise<void> => {
  await poll(
    `head ${head}`,
    () => {
      if (client.failure !== undefined) {
        throw new Error(`a client cannot go on: ${client.failure.message}`, { cause: client.failure })
      }
      const picture = client.heads[head]?.picture
      return frame === undefined
        ? picture === undefined
        : picture?.equals(Picture.fromBgrx(frame.width, frame.height, frame.stride, frame.pixels))
    },
    { deadlineMs: 30_000, everyMs: 5 },
  )
}

for (const seed of [7, 4242]) {
  test(
    `four heads that come, go, change and scroll are exact at two clients, seed ${seed}`,
    withServer({ open: true, threads: true, clients: 'share' }, async (t, rig) => {
      const guest = new RestlessGuest(rig, seed)
      const clients = [await ScriptedScreen.connect(rig.where, HEADS.length)]
      for (const together of [4, 12, 3, 20, 8]) {
        for (let step = 0; step < together; step++) {
          guest.act(guest.random(HEADS.length))
          if (guest.random(2) === 0) {
            await new Promise((resolve) => setImmediate(resolve))
          }
        }
        for (const client of clients) {
          for (const head of HEADS) {
            await untilShows(client, head, guest.frames[head])
          }
        }
        if (clients.length === 1) {
          clients.push(await ScriptedScreen.connect(rig.where, HEADS.length))
        }
      }
      for (const client of clients) {
        client.close()
      }
      t.is(rig.metrics.errors.values.size, 0)
    }),
  )
}
