import type { SidecarError } from '../../core/errors.js'
import type { DbusConnection, DbusHandlers, DbusOptions, Descriptor } from '../../qemu-io/index.js'
import type { Limits } from '../../core/limits.js'
import { ConsolePeer, type PeerContext } from './console-peer.js'
import { GuestInputPort } from './input-port.js'
import type { FromWorker, ToWorker } from './messages.js'
import { ObjectTree, type ConsoleObject } from './objects.js'
import type { FileAccess } from './scanout-map.js'
import { SLOTS, type SharedWords } from './shared.js'

/** What the worker around the session provides. */
export interface SessionPorts {
  readonly limits: Limits
  readonly uid: number
  readonly files: FileAccess
  readonly shared: SharedWords
  /** Makes a connection whose socket the worker's loop serves. */
  open(fd: Descriptor, options: DbusOptions, handlers: DbusHandlers): DbusConnection
  socketPair(): readonly [Descriptor, Descriptor]
  post(message: FromWorker): void
  /** Listeners are held, or none is: the watchdog runs only while QEMU could wait for us. */
  holding(listeners: boolean): void
  /** The session is over, the loop may end. */
  finished(): void
}

/** Everything that the worker does with one QEMU; synchronous. */
export class DbusDisplaySession {
  readonly #ports: SessionPorts
  readonly #tree: ObjectTree
  readonly #peers = new Map<number, ConsolePeer>()
  readonly #main: DbusConnection
  readonly #input: GuestInputPort
  readonly #context: PeerContext
  #generation = 0
  #statePending = false
  #finished = false

  constructor(peer: Descriptor, ports: SessionPorts) {
    this.#ports = ports
    this.#tree = new ObjectTree(Math.min(SLOTS, ports.limits.heads))
    this.#main = ports.open(
      peer,
      { uid: ports.uid, limits: ports.limits },
      {
        ready: () => this.#ready(),
        signal: (signal) => {
          if (this.#tree.signal(signal)) {
            this.#consolesChanged()
          }
        },
        closed: (error) => this.#lost(error),
      },
    )
    this.#context = {
      limits: ports.limits,
      uid: ports.uid,
      files: ports.files,
      shared: ports.shared,
      main: this.#main,
      open: (fd, options, handlers) => ports.open(fd, options, handlers),
      socketPair: () => ports.socketPair(),
      nextGeneration: () => (this.#generation += 1),
      headRefused: (slot, errorName) => ports.post({ kind: 'headRefused', slot, errorName }),
      refused: (reason) => {
        // The main thread looks at the counts with each message; the first of a kind is worth one.
        this.#statePending = ports.shared.countRefusal(reason) || this.#statePending
      },
    }
    this.#input = new GuestInputPort(this.#main, ports.shared, () => [...this.#peers.values()])
  }

  start(): void {
    this.#main.start()
  }

  command(command: ToWorker): void {
    switch (command.kind) {
      case 'close':
        this.close()
        return
      case 'heads':
        for (const head of command.heads) {
          this.#peerIn(head.slot)?.setHead(head)
        }
    }
  }

  /** At the end of each turn of the loop: input first (DESIGN.md rule 5.4), then what the main thread may be told. */
  turn(): void {
    if (this.#finished) {
      return
    }
    this.#input.drain()
    for (const peer of this.#peers.values()) {
      peer.settle()
    }
    this.#ports.holding([...this.#peers.values()].some((peer) => peer.holdsListener))
    this.#tell()
  }

  /** Closes every listener and leaves the loop; QEMU is free at once. */
  close(): void {
    if (this.#finished) {
      return
    }
    this.#finished = true
    for (const peer of this.#peers.values()) {
      peer.close()
    }
    this.#peers.clear()
    this.#main.close()
    this.#ports.holding(false)
    this.#ports.finished()
  }

  #ready(): void {
    this.#main.call(
      {
        path: '/org/qemu/Display1',
        interface: 'org.freedesktop.DBus.ObjectManager',
        member: 'GetManagedObjects',
      },
      (args) => {
        this.#tree.replace(args?.[0])
        this.#consolesChanged()
      },
    )
  }

  #lost(error: SidecarError): void {
    this.#ports.post({ kind: 'ended', gone: error.code === 'SIDECAR_PEER_GONE', reason: error.message })
    this.close()
  }

  #consolesChanged(): void {
    this.#statePending = true
    const present = this.#tree.consoles
    const numbers = new Set(present.map((object) => object.number))
    for (const [number, peer] of this.#peers) {
      if (!numbers.has(number)) {
        peer.close()
        this.#peers.delete(number)
      }
    }
    for (const object of present) {
      const peer = this.#peers.get(object.number)
      if (peer === undefined) {
        this.#add(object)
      } else {
        peer.changed(object)
      }
    }
  }

  #add(object: ConsoleObject): void {
    const used = new Set([...this.#peers.values()].map((peer) => peer.slot))
    for (let slot = 0; slot < SLOTS; slot++) {
      if (!used.has(slot)) {
        const peer = new ConsolePeer(slot, object, this.#context)
        this.#peers.set(object.number, peer)
        peer.register()
        return
      }
    }
  }

  #peerIn(slot: number): ConsolePeer | undefined {
    return [...this.#peers.values()].find((peer) => peer.slot === slot)
  }

  #tell(): void {
    const { shared } = this.#ports
    if (this.#statePending && shared.tryPost()) {
      this.#statePending = false
      const peers = [...this.#peers.values()].sort((a, b) => a.object.number - b.object.number)
      for (const peer of peers) {
        peer.announced = true
      }
      this.#ports.post({
        kind: 'state',
        consoles: peers.map(({ slot, object }) => ({
          slot,
          number: object.number,
          label: object.label,
          head: object.head,
        })),
        input: this.#input.state,
      })
    }
    for (const peer of this.#peers.values()) {
      if (peer.announced && !peer.pending.isEmpty && shared.tryPost(peer.slot)) {
        this.#ports.post(peer.pending.take(peer.slot))
      }
    }
  }
}
