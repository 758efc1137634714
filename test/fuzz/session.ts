import type { CursorRecord, DisplayRecord } from '../../src/channels/index.js'
import type { SidecarError } from '../../src/core/errors.js'
import type { Limits } from '../../src/core/limits.js'
import { intersect, rectOf } from '../../src/core/region.js'
import type { Frame } from '../../src/display/index.js'
import { MESSAGE_GROUPS, SERVED_CHANNELS, type Message } from '../../src/protocol/index.js'
import type { Sent } from '../helpers/channel-rig.js'
import {
  ChannelWorld,
  freshRecords,
  type ServedChannel,
  type ServedRecords,
} from '../helpers/channel-world.js'
import { ClientPointer } from '../helpers/client-pointer.js'
import { PaintedSurface } from '../helpers/painted.js'
import { pictureOf } from '../helpers/picture-of.js'
import { HeldGuest } from './held-guest.js'
import { hold, InputReader } from './oracle.js'
import { Line } from './session-line.js'

/** Largest side of a frame, pixels. */
const MAX_SIDE = 40

/** What a client may say on each channel. */
export const CLIENT_MESSAGES: Readonly<Record<ServedChannel, readonly Message<unknown>[]>> =
  Object.fromEntries(
    SERVED_CHANNELS.map((name) => [
      name,
      MESSAGE_GROUPS.filter(
        ({ channel, direction }) => direction === 'client' && (channel === 'common' || channel === name),
      ).flatMap(({ messages }) => Object.values(messages)),
    ]),
  ) as unknown as Readonly<Record<ServedChannel, readonly Message<unknown>[]>>

/** Operations, by the byte that stands for them. */
export const OPERATION = {
  say: 0,
  sayType: 1,
  feed: 2,
  pump: 3,
  pumpAll: 4,
  catchUp: 5,
  room: 6,
  scanout: 7,
  dark: 8,
  damage: 9,
  shape: 10,
  noShape: 11,
  pointer: 12,
  consoles: 13,
  tablet: 14,
  mouseMode: 15,
  lights: 16,
  layouts: 17,
  time: 18,
  handOver: 19,
  reopen: 20,
  reset: 21,
} as const

const OPERATIONS = Object.keys(OPERATION).length

/** A byte as -128 to 127. */
const signed = (byte: number): number => (byte << 24) >> 24

/** One guest, one client with its four channels, and a list of operations on them in the bytes of an input. */
export class FuzzedSession {
  readonly errors: SidecarError[] = []
  readonly #input: InputReader
  readonly #limits: Limits
  readonly #mini: boolean
  readonly #world = new ChannelWorld({ guest: new HeldGuest(), maxPixels: 128 })
  #guest = this.#world.guest
  readonly #lines = new Map<ServedChannel, Line>()
  #painted = new PaintedSurface()
  /** What the guest shows. */
  #screen: Frame | undefined
  #pointer = new ClientPointer()

  constructor(input: Uint8Array, limits: Limits) {
    this.#input = new InputReader(input)
    this.#limits = limits
    this.#mini = (this.#input.u8() & 1) === 0
    for (const name of SERVED_CHANNELS) {
      this.#openLine(name)
    }
  }

  get more(): boolean {
    return this.#input.left > 0
  }

  step(): void {
    this.#operate(this.#input.u8() % OPERATIONS)
    for (const line of this.#lines.values()) {
      line.check()
    }
  }

  /** The client takes and acknowledges everything, then leaves. */
  finish(): void {
    for (const line of this.#lines.values()) {
      line.hasRoom = true
      this.#settle(line)
      line.check()
    }
    this.#comparePicture()
    this.#comparePointer()
    for (const name of SERVED_CHANNELS) {
      this.#closeLine(name)
    }
    hold(this.#guest.held.size === 0, `nothing is held after the end: ${[...this.#guest.held].join()}`)
    this.#screen = undefined
    this.#world.model.reset()
    this.#world.mouse.allowClient(true)
    this.#world.locks.reported(7)
    this.#world.heads.follow(!this.#world.heads.resizable)
  }

  #operate(operation: number): void {
    const input = this.#input
    const { model, mouse, locks, heads, clock } = this.#world
    switch (operation) {
      case OPERATION.say: {
        const which = input.u8()
        const name = SERVED_CHANNELS[which & 3]!
        const messages = CLIENT_MESSAGES[name]
        this.#line(name).say(messages[(which >> 2) % messages.length]!.id, input.bytes(input.u8()))
        return
      }
      case OPERATION.sayType: {
        this.#anyLine().say(input.u16(), input.bytes(input.u8()))
        return
      }
      case OPERATION.feed: {
        this.#anyLine().feed(input.bytes(input.u8()))
        return
      }
      case OPERATION.pump: {
        this.#anyLine().pump()
        return
      }
      case OPERATION.pumpAll: {
        const line = this.#anyLine()
        while (line.pump()) {
          line.check()
        }
        return
      }
      case OPERATION.catchUp: {
        this.#anyLine().catchUp()
        return
      }
      case OPERATION.room: {
        const line = this.#anyLine()
        line.hasRoom = !line.hasRoom
        return
      }
      case OPERATION.scanout: {
        this.#screen = this.#frame(1 + (input.u8() % MAX_SIDE), 1 + (input.u8() % MAX_SIDE), input.u8())
        model.scanout(0, this.#screen)
        return
      }
      case OPERATION.dark: {
        this.#screen = undefined
        model.scanout(0, undefined)
        return
      }
      case OPERATION.damage: {
        this.#draw(signed(input.u8()), signed(input.u8()), input.u8(), input.u8(), input.u8())
        return
      }
      case OPERATION.shape: {
        const [width, height, pixel] = [1 + (input.u8() % 12), 1 + (input.u8() % 12), input.u8()]
        const pixels = new Uint8Array(width * height * 4).fill(pixel)
        model.pointerShape(0, { width, height, hotX: input.u8(), hotY: input.u8(), pixels })
        return
      }
      case OPERATION.noShape: {
        model.pointerShape(0, undefined)
        return
      }
      case OPERATION.pointer: {
        const visible = (input.u8() & 1) === 0
        model.pointerMoved(0, { x: 300 * signed(input.u8()), y: 300 * signed(input.u8()), visible })
        return
      }
      case OPERATION.consoles: {
        const count = input.u8() % 4
        this.#screen = count === 0 ? undefined : this.#screen
        model.consolesChanged(
          Array.from({ length: count }, (_, index) => ({ index, label: String(index), head: index })),
        )
        return
      }
      case OPERATION.tablet: {
        mouse.allowClient((input.u8() & 1) === 0)
        return
      }
      case OPERATION.mouseMode: {
        mouse.request(input.u8() % 4)
        return
      }
      case OPERATION.lights: {
        locks.reported(input.u8())
        return
      }
      case OPERATION.layouts: {
        heads.follow((input.u8() & 1) === 0)
        return
      }
      case OPERATION.time: {
        const ms = 200 * input.u8()
        clock.advance(ms)
        for (const line of this.#lines.values()) {
          if (line.alarmMs !== undefined && line.alarmMs <= ms) {
            line.alarmMs = undefined
            line.guarded((channel) => channel.alarm())
          }
        }
        return
      }
      case OPERATION.handOver: {
        this.#handOver(SERVED_CHANNELS[input.u8() & 3]!)
        return
      }
      case OPERATION.reopen: {
        this.#reopen(SERVED_CHANNELS[input.u8() & 3]!)
        return
      }
      default: {
        this.#screen = undefined
        model.reset()
      }
    }
  }

  #frame(width: number, height: number, seed: number): Frame {
    const stride = 4 * (width + (seed & 3))
    const pixels = Uint8Array.from({ length: stride * height }, (_, at) =>
      seed & 4 ? at * seed : (at >> 4) + seed,
    )
    return { generation: 1, width, height, stride, pixels }
  }

  /** Changes pixels and says so; what is said may go beyond the frame. */
  #draw(x: number, y: number, width: number, height: number, value: number): void {
    const frame = this.#screen
    const rect = rectOf(x, y, width, height)
    if (frame !== undefined) {
      const inside = intersect(rect, rectOf(0, 0, frame.width, frame.height))
      for (let row = inside.top; row < inside.bottom; row++) {
        const at = row * frame.stride
        frame.pixels.fill(value + row, at + 4 * inside.left, at + 4 * Math.max(inside.left, inside.right))
      }
    }
    this.#world.model.damage(0, [rect])
  }

  #line(name: ServedChannel): Line {
    return this.#lines.get(name)!
  }

  #anyLine(): Line {
    return this.#line(SERVED_CHANNELS[this.#input.u8() & 3]!)
  }

  #openLine(name: ServedChannel): void {
    const line = new Line(name, this.#mini, this.#limits, {
      sent: (message) => this.#follow(name, message),
      failed: (error) => {
        this.errors.push(error)
        this.#reopen(name)
      },
    })
    this.#lines.set(name, line)
    if (name === 'display') {
      this.#painted = new PaintedSurface()
    }
    if (name === 'cursor') {
      this.#pointer = new ClientPointer()
    }
    const channel = this.#world.make(freshRecords[name](this.#mini), line, this.#guest)
    line.use(channel)
    line.guarded(() => {
      channel.start()
      channel.attach()
    })
    line.pump()
  }

  #closeLine(name: ServedChannel): void {
    const line = this.#line(name)
    line.guarded((channel) => {
      channel.close()
      channel.close()
    })
    line.use(undefined)
  }

  #reopen(name: ServedChannel): void {
    this.#closeLine(name)
    this.#openLine(name)
  }

  /** The channel goes on in another one that knows nothing but its record. */
  #handOver(name: ServedChannel): void {
    const line = this.#line(name)
    line.guarded((old) => {
      const record = old.snapshot() as ServedRecords[ServedChannel]
      const before = this.#guest
      if (name === 'inputs') {
        this.#guest = new HeldGuest()
        before.held.forEach((what) => this.#guest.held.add(what))
        before.muted = true
      }
      old.close()
      const next = this.#world.make(record, line, this.#guest)
      line.use(next)
      next.attach()
    })
    line.pump()
  }

  #follow(name: ServedChannel, message: Sent): void {
    if (name === 'display') {
      this.#painted.follow([message])
    }
    if (name === 'cursor') {
      this.#pointer.follow(message)
    }
  }

  /** Pumps and acknowledges until there is nothing more to say. */
  #settle(line: Line): void {
    for (let turn = 0, going = true; going; turn++) {
      hold(turn < 10_000, 'a client that takes everything catches up')
      const pumped = line.pump()
      going = line.catchUp() || pumped
    }
  }

  #comparePicture(): void {
    const record = this.#line('display').record as DisplayRecord
    if (record.client === undefined) {
      hold(!this.#painted.exists, 'nothing is drawn before the client asks')
      return
    }
    const frame = this.#screen
    hold(this.#painted.exists === (frame !== undefined), 'the client has a picture when the guest has')
    if (frame !== undefined) {
      hold(this.#painted.marked, 'the picture is marked as valid')
      const same = Buffer.compare(this.#painted.pixels, pictureOf(frame)) === 0
      hold(same, 'the client has the pixels of the guest')
    }
    hold(record.outbox.items.length === 0, 'nothing waits for the client')
  }

  #comparePointer(): void {
    const record = this.#line('cursor').record as CursorRecord
    const { pointer, shape } = this.#world.model.picture(0)
    const shown = pointer.visible && shape !== undefined
    hold(this.#pointer.shown === shown, 'the client shows a pointer when the guest does')
    hold(!shown || this.#pointer.has(shape), 'the client shows the pointer of the guest')
    hold(!record.moveDue && (!shown || !record.shapeDue), 'no pointer waits for the client')
  }
}
