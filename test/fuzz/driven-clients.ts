import type { DisplayRecord } from '../../src/channels/index.js'
import type { Limits } from '../../src/core/limits.js'
import { intersect, rectOf } from '../../src/core/region.js'
import { inputsClient, SERVED_CHANNELS } from '../../src/protocol/index.js'
import type { Sent } from '../helpers/channel-rig.js'
import { ChannelWorld, freshRecords, type ServedChannel } from '../helpers/channel-world.js'
import { PaintedSurface } from '../helpers/painted.js'
import { pictureOf } from '../helpers/picture-of.js'
import { DrivenLine } from './driven-line.js'
import { HeldGuest } from './held-guest.js'
import { hold, InputReader } from './oracle.js'
import { CLIENT_MESSAGES } from './session.js'

const MAX_SIDE = 40
const CLIENTS = 2
/** Time that a closing connection gets for its last bytes, and more. */
const LINGER_MS = 3000
/** F11. */
const LAST_KEY = 0x57
/** Taken when the byte that says how much is the largest. */
const EVERYTHING = 2 ** 30

/** Operations, by the byte that stands for them. */
export const DRIVEN = {
  say: 0,
  feed: 1,
  take: 2,
  answer: 3,
  turn: 4,
  time: 5,
  end: 6,
  breaks: 7,
  reopen: 8,
  scanout: 9,
  damage: 10,
  shape: 11,
  pointer: 12,
  tablet: 13,
  lights: 14,
  settle: 15,
} as const

const OPERATIONS = Object.keys(DRIVEN).length

interface Client {
  readonly mini: boolean
  readonly guest: HeldGuest
  readonly lines: Map<ServedChannel, DrivenLine>
  painted: PaintedSurface
}

const signed = (byte: number): number => (byte << 24) >> 24

/** Two clients of one guest, each channel behind its real driver and a socket that takes and gives what it likes. */
export class DrivenClients {
  /** Connections that a client lost by its own fault. */
  faults = 0
  readonly #input: InputReader
  readonly #limits: Limits
  readonly #world = new ChannelWorld({ guest: new HeldGuest(), maxPixels: 256 })
  readonly #clients: readonly Client[]
  /** All that ever were. */
  readonly #all: DrivenLine[] = []

  /** `limits`: those of a usual server, and some that are soon reached. */
  constructor(input: Uint8Array, limits: readonly [Limits, Limits]) {
    this.#input = new InputReader(input)
    const minis = this.#input.u8()
    this.#limits = limits[(minis >> CLIENTS) & 1]!
    this.#clients = Array.from({ length: CLIENTS }, (_, index) => ({
      mini: ((minis >> index) & 1) === 0,
      guest: new HeldGuest(),
      lines: new Map(),
      painted: new PaintedSurface(),
    }))
    for (const client of this.#clients) {
      for (const name of SERVED_CHANNELS) {
        this.#open(client, name)
      }
    }
  }

  get more(): boolean {
    return this.#input.left > 0
  }

  step(): void {
    this.#operate(this.#input.u8() % OPERATIONS)
    for (const line of this.#all) {
      line.check()
    }
  }

  /** Who is still there takes everything and has the picture; then all leave, and nothing of them is left. */
  finish(): void {
    this.#settle()
    for (const client of this.#clients) {
      this.#compare(client)
    }
    /* So that something waits for clients that read nothing any more. */
    this.#draw(0, 0, MAX_SIDE, MAX_SIDE)
    this.#world.clock.runNextTurn()
    for (const client of this.#clients) {
      this.#lastKey(client)
    }
    for (const line of this.#all) {
      line.close()
    }
    this.#world.clock.runNextTurn()
    this.#world.clock.advance(LINGER_MS)
    this.#world.clock.runNextTurn()
    for (const { closes, transport, name, error } of this.#all) {
      hold(closes === 1, `${name}: was closed once`)
      hold(transport.destroyed, `${name}: its socket is closed`)
      this.faults += error === undefined ? 0 : 1
    }
    for (const { guest } of this.#clients) {
      hold(guest.held.size === 0, `nothing is held after the end: ${[...guest.held].join()}`)
    }
    hold(this.#world.clock.pending === 0, 'no timer is left')
    this.#world.model.reset()
    this.#world.locks.reported(7)
  }

  #operate(operation: number): void {
    const input = this.#input
    const { model, mouse, locks, clock } = this.#world
    switch (operation) {
      case DRIVEN.say: {
        const [line, rest] = this.#chosen()
        const messages = CLIENT_MESSAGES[line.name]
        const { id } = messages[rest % messages.length]!
        const piece = input.u8()
        const body = input.bytes(input.u8())
        this.#alone(line, () => line.say(id, body, piece))
        return
      }
      case DRIVEN.feed: {
        const [line] = this.#chosen()
        const bytes = input.bytes(input.u8())
        this.#alone(line, () => line.feed(bytes))
        return
      }
      case DRIVEN.take: {
        const [line] = this.#chosen()
        const amount = input.u8()
        this.#alone(line, () => line.take(amount === 255 ? EVERYTHING : 16 * amount))
        return
      }
      case DRIVEN.answer: {
        const [line] = this.#chosen()
        const piece = input.u8()
        this.#alone(line, () => line.answer(piece))
        return
      }
      case DRIVEN.turn: {
        clock.runNextTurn()
        return
      }
      case DRIVEN.time: {
        clock.advance(200 * input.u8())
        return
      }
      case DRIVEN.end: {
        const [line] = this.#chosen()
        this.#alone(line, () => line.end())
        return
      }
      case DRIVEN.breaks: {
        const [line] = this.#chosen()
        this.#alone(line, () => line.transport.breaks())
        return
      }
      case DRIVEN.reopen: {
        const [line] = this.#chosen()
        const client = this.#clients.find(({ lines }) => lines.get(line.name) === line)!
        this.#alone(line, () => line.close())
        this.#open(client, line.name)
        return
      }
      case DRIVEN.scanout: {
        const [width, height, seed] = [1 + (input.u8() % MAX_SIDE), 1 + (input.u8() % MAX_SIDE), input.u8()]
        const pixels = Uint8Array.from({ length: 4 * width * height }, (_, at) => at * seed)
        model.scanout(0, { generation: 1, width, height, stride: 4 * width, pixels })
        return
      }
      case DRIVEN.damage: {
        this.#draw(signed(input.u8()), signed(input.u8()), input.u8(), input.u8())
        return
      }
      case DRIVEN.shape: {
        const [width, height] = [1 + (input.u8() % 12), 1 + (input.u8() % 12)]
        const pixels = new Uint8Array(width * height * 4).fill(input.u8())
        model.pointerShape(0, { width, height, hotX: 0, hotY: 0, pixels })
        return
      }
      case DRIVEN.pointer: {
        const visible = (input.u8() & 1) === 0
        model.pointerMoved(0, { x: signed(input.u8()), y: signed(input.u8()), visible })
        return
      }
      case DRIVEN.tablet: {
        mouse.allowClient((input.u8() & 1) === 0)
        return
      }
      case DRIVEN.lights: {
        locks.reported(input.u8())
        return
      }
      default: {
        this.#settle()
      }
    }
  }

  #draw(x: number, y: number, width: number, height: number): void {
    const rect = rectOf(x, y, width, height)
    const { frame } = this.#world.model.picture(0)
    if (frame !== undefined) {
      const inside = intersect(rect, rectOf(0, 0, frame.width, frame.height))
      for (let row = inside.top; row < inside.bottom; row++) {
        const at = row * frame.stride
        frame.pixels.fill(x + row, at + 4 * inside.left, at + 4 * Math.max(inside.left, inside.right))
      }
    }
    this.#world.model.damage(0, [rect])
  }

  /** The line that the next byte names, opened again if it is gone, and what else the byte says. */
  #chosen(): readonly [DrivenLine, number] {
    const byte = this.#input.u8()
    const client = this.#clients[byte & 1]!
    const name = SERVED_CHANNELS[(byte >> 1) & 3]!
    const line = client.lines.get(name)!
    return [line.alive ? line : this.#open(client, name), byte >> 3]
  }

  /** What a client does on one connection ends no other one. */
  #alone(line: DrivenLine, act: () => void): void {
    const others = this.#all.filter((other) => other !== line && other.alive)
    act()
    hold(
      others.every(({ alive }) => alive),
      `what happens on ${line.name} ends no other connection`,
    )
  }

  #open(client: Client, name: ServedChannel): DrivenLine {
    if (name === 'display') {
      client.painted = new PaintedSurface()
    }
    if (name === 'inputs') {
      hold(client.guest.held.size === 0, 'nothing is held by who has no keyboard')
    }
    const { painted } = client
    const line = new DrivenLine({
      name,
      mini: client.mini,
      clock: this.#world.clock,
      limits: this.#limits,
      channel: (context) => this.#world.make(freshRecords[name](client.mini), context, client.guest),
      read: (message: Sent) => {
        if (name === 'display') {
          painted.follow([message])
        }
      },
    })
    client.lines.set(name, line)
    this.#all.push(line)
    return line
  }

  /** Everybody takes everything and answers, until there is nothing to say. */
  #settle(): void {
    const { clock } = this.#world
    for (let round = 0, going = true; going; round++) {
      hold(round < 20_000, 'clients that take everything catch up')
      going = clock.turns > 0
      clock.runNextTurn()
      for (const line of this.#all) {
        const took = line.take(EVERYTHING)
        const answered = line.alive && line.answer()
        going ||= took || answered
      }
    }
  }

  /** However much a client said, what it says last is heard. */
  #lastKey({ lines, guest }: Client): void {
    const line = lines.get('inputs')!
    if (!line.whole || !line.alive) {
      return
    }
    /* The first ones may end a sequence that was begun. */
    for (let i = 0; i < 3; i++) {
      line.say(inputsClient.keyDown.id, inputsClient.keyDown.encode({ code: LAST_KEY }))
    }
    const heard = (): boolean => guest.held.has(`key ${LAST_KEY}`)
    for (let i = 0; i < 200 && !heard(); i++) {
      this.#world.clock.runNextTurn()
      this.#world.clock.advance(100)
    }
    hold(line.closes > 0 || heard(), 'the last key is heard')
  }

  #compare({ lines, painted }: Client): void {
    const line = lines.get('display')!
    if (!line.alive || !line.whole) {
      return
    }
    const record = line.record as DisplayRecord
    const { frame } = this.#world.model.picture(0)
    if (record.client === undefined || frame === undefined) {
      hold(!painted.exists, 'there is no picture that nobody made or nobody asked for')
      return
    }
    hold(painted.exists && painted.marked, 'the client has a picture')
    hold(Buffer.compare(painted.pixels, pictureOf(frame)) === 0, 'the client has the pixels of the guest')
  }
}
