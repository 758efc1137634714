import type { SidecarError } from '../../core/errors.js'
import type { DbusConnection, DbusHandlers, DbusOptions, Descriptor } from '../../qemu-io/index.js'
import type { SlotHead } from './messages.js'
import type { ConsoleObject } from './objects.js'
import { FramePool } from './frame-pool.js'
import { PendingUpdate } from './pending.js'
import { refusalOf, type Refusal } from './refusals.js'
import type { FileAccess } from './scanout-map.js'
import { Screen } from './screen.js'
import type { SharedWords } from './shared.js'
import type { Limits } from '../../core/limits.js'

const CONSOLE = 'org.qemu.Display1.Console'

/** Registrations in a row without pictures in between, before a console is left with the picture that it has. */
const CREDIT = 8
/** Pictures that earn one more registration. */
const EARNED_BY = 64

/** What the session gives each of its consoles. */
export interface PeerContext {
  readonly limits: Limits
  readonly uid: number
  readonly files: FileAccess
  readonly shared: SharedWords
  readonly main: DbusConnection
  open(fd: Descriptor, options: DbusOptions, handlers: DbusHandlers): DbusConnection
  socketPair(): readonly [Descriptor, Descriptor]
  nextGeneration(): number
  headRefused(slot: number, errorName: string): void
  refused(reason: Refusal): void
}

/** One graphic console: its listener while it is registered, its picture, what waits for the main thread. */
export class ConsolePeer {
  readonly slot: number
  readonly pending: PendingUpdate
  readonly screen: Screen
  /** Whether the main thread has been told of this console. */
  announced = false
  #object: ConsoleObject
  readonly #context: PeerContext
  #listener: DbusConnection | undefined
  #credit = CREDIT
  #pictures = 0
  #stale = false
  /** A registration was due and is not made until the console has another size. */
  #starved = false
  #closed = false
  #wantedHead: SlotHead | undefined
  #askingHead = false

  constructor(slot: number, object: ConsoleObject, context: PeerContext) {
    this.slot = slot
    this.#object = object
    this.#context = context
    const pool = new FramePool(() => context.shared.isHandled(slot))
    this.pending = new PendingUpdate(pool)
    this.screen = new Screen({
      limits: context.limits,
      files: context.files,
      pending: this.pending,
      pool,
      // Without an id of its own QEMU labels a console with the type of its device.
      pointerIsHotSpot: object.label.toLowerCase().includes('qxl'),
      nextGeneration: () => context.nextGeneration(),
      stale: () => {
        this.#stale = true
      },
      taken: () => this.#taken(),
    })
  }

  get object(): ConsoleObject {
    return this.#object
  }

  get holdsListener(): boolean {
    return this.#listener !== undefined
  }

  /** QEMU said something new about the console. */
  changed(object: ConsoleObject): void {
    const resized = object.width !== this.#object.width || object.height !== this.#object.height
    this.#object = object
    if (resized) {
      this.#credit = CREDIT
      this.screen.sizeAnnounced(object.width, object.height)
      if (this.#listener === undefined || this.#starved) {
        this.register()
      }
    }
  }

  /** Registers a new listener; QEMU answers it with the whole picture. */
  register(): void {
    this.#starved = this.#credit === 0
    if (this.#closed || this.#starved) {
      return
    }
    this.#credit -= 1
    this.#drop()
    const [ours, theirs] = this.#context.socketPair()
    const { main, limits, uid, shared } = this.#context
    const listener: DbusConnection = this.#context.open(
      ours,
      { uid, limits, maxBody: (header) => this.screen.maxBody(header) },
      {
        methods: this.screen.methods,
        refused: (error) => this.#refused(error),
        closed: (error) => this.#lost(error),
      },
    )
    this.#listener = listener
    shared.holdListener(this.slot, ours.fd)
    main.call(
      {
        path: this.#object.path,
        interface: CONSOLE,
        member: 'RegisterListener',
        signature: 'h',
        args: [0],
        fds: [theirs],
      },
      (args) => {
        if (args === undefined && this.#listener === listener) {
          this.#context.refused('console')
          this.#drop()
        }
      },
    )
    // Not after the answer: QEMU's main loop waits in this handshake (qemu-integration.md 2.3).
    listener.start()
  }

  /** After each turn: a new registration where the picture was found to be an old one. */
  settle(): void {
    if (this.#stale) {
      this.#stale = false
      this.register()
    }
  }

  /** Asks the guest for a size; one question at a time, the latest wins. */
  setHead(head: SlotHead): void {
    this.#wantedHead = head
    this.#askHead()
  }

  close(): void {
    this.#closed = true
    this.#drop()
    this.screen.close()
  }

  #askHead(): void {
    const head = this.#wantedHead
    if (head === undefined || this.#askingHead) {
      return
    }
    this.#wantedHead = undefined
    this.#askingHead = true
    this.#context.main.call(
      {
        path: this.#object.path,
        interface: CONSOLE,
        member: 'SetUIInfo',
        signature: 'qqiiuu',
        args: [head.widthMm, head.heightMm, head.x, head.y, head.width, head.height],
      },
      (args, errorName) => {
        this.#askingHead = false
        if (args === undefined) {
          this.#context.headRefused(this.slot, errorName)
        }
        this.#askHead()
      },
    )
  }

  #taken(): void {
    this.#context.shared.countUpdate()
    this.#pictures += 1
    if (this.#pictures % EARNED_BY === 0 && this.#credit < CREDIT) {
      this.#credit += 1
    }
  }

  #refused(error: SidecarError): void {
    this.#context.refused(refusalOf(error))
  }

  #lost(error: SidecarError): void {
    this.#context.refused(error.code === 'SIDECAR_HOST' ? 'map-short' : 'listener')
    this.#drop()
    this.#stale = true
  }

  #drop(): void {
    this.#listener?.close()
    this.#listener = undefined
    this.#context.shared.holdListener(this.slot, undefined)
    this.screen.disconnected()
  }
}
