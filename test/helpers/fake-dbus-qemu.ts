import { FdReceiver, socketPair, type OwnedFd } from '../../src/host/index.js'
import {
  bodyOf,
  encodeMessage,
  ERROR,
  MessageFramer,
  METHOD_CALL,
  METHOD_RETURN,
  NO_REPLY_EXPECTED,
  SIGNAL,
  Variant,
  type DbusTransport,
  type DbusValue,
  type Descriptor,
  type MessageHeader,
} from '../../src/qemu-io/dbus/index.js'
import { FdTransport } from '../../src/qemu-io/fd-transport.js'

const decoder = new TextDecoder('latin1')
const encoder = new TextEncoder()

export interface SeenMessage {
  readonly header: MessageHeader
  readonly args: readonly DbusValue[]
  readonly fds: readonly Descriptor[]
}

export interface FakePeerOptions {
  /** Answers of the authentication server by the beginning of the line; without an entry: as QEMU does. */
  readonly sasl?: Readonly<Record<string, string>>
  /** Called for every message, after the handshake. */
  onMessage?(message: SeenMessage, peer: FakeDbusPeer): void
}

const SASL: Readonly<Record<string, string>> = {
  '\0AUTH EXTERNAL': 'OK 0123456789abcdef0123456789abcdef\r\n',
  NEGOTIATE_UNIX_FD: 'AGREE_UNIX_FD\r\n',
  BEGIN: '',
}

/** QEMU's end of a D-Bus connection: authentication server, then whatever the test makes it say. */
export class FakeDbusPeer {
  readonly messages: SeenMessage[] = []
  readonly lines: string[] = []
  ended = false
  readonly #transport: DbusTransport
  readonly #options: FakePeerOptions
  readonly #framer = new MessageFramer({ maxFields: 1 << 20, maxBody: () => 1 << 27 })
  #fds: Descriptor[] = []
  #line = ''
  #begun = false
  #serial = 0
  #unsent: { bytes: Uint8Array; fds: readonly Descriptor[] }[] = []

  constructor(transport: DbusTransport, options: FakePeerOptions = {}) {
    this.#transport = transport
    this.#options = options
  }

  get begun(): boolean {
    return this.#begun
  }

  /** Takes everything that has come, sends what is waiting. */
  pump(): void {
    this.#flush()
    while (!this.ended) {
      const target = this.#begun ? this.#framer.target() : new Uint8Array(1)
      let got: ReturnType<DbusTransport['read']>
      try {
        got = this.#transport.read(target)
      } catch {
        this.ended = true
        return
      }
      if (got === undefined) {
        return
      }
      this.#fds.push(...got.fds)
      if (got.length === 0) {
        this.ended = true
      } else if (this.#begun) {
        this.#framed(got.length)
      } else {
        this.#handshake(decoder.decode(target))
      }
    }
  }

  raw(bytes: Uint8Array, fds: readonly Descriptor[] = []): void {
    this.#unsent.push({ bytes, fds })
    this.#flush()
  }

  /** @returns the serial of the call */
  call(
    target: { path?: string; interface: string; member: string },
    signature: string,
    args: readonly DbusValue[],
    options: { reply?: boolean; fds?: readonly Descriptor[] } = {},
  ): number {
    this.#serial += 1
    const message = {
      type: METHOD_CALL,
      flags: options.reply === true ? 0 : NO_REPLY_EXPECTED,
      path: target.path ?? '/org/qemu/Display1/Listener',
      interface: target.interface,
      member: target.member,
      signature,
      args,
      fds: options.fds?.length ?? 0,
    }
    this.raw(encodeMessage(message, this.#serial), options.fds)
    return this.#serial
  }

  signal(path: string, target: string, member: string, signature: string, args: readonly DbusValue[]): void {
    this.#serial += 1
    const message = {
      type: SIGNAL,
      flags: NO_REPLY_EXPECTED,
      path,
      interface: target,
      member,
      signature,
      args,
    }
    this.raw(encodeMessage(message, this.#serial))
  }

  reply(to: SeenMessage, signature = '', args: readonly DbusValue[] = []): void {
    this.#serial += 1
    const message = {
      type: METHOD_RETURN,
      flags: NO_REPLY_EXPECTED,
      replySerial: to.header.serial,
      signature,
      args,
    }
    this.raw(encodeMessage(message, this.#serial))
  }

  fail(to: SeenMessage, errorName: string): void {
    this.#serial += 1
    const message = { type: ERROR, flags: NO_REPLY_EXPECTED, replySerial: to.header.serial, errorName }
    this.raw(encodeMessage({ ...message, signature: 's', args: ['no'] }, this.#serial))
  }

  close(): void {
    this.ended = true
    this.#fds.forEach((fd) => fd.close())
    this.#fds = []
    this.#transport.close()
  }

  #handshake(char: string): void {
    this.#line += char
    if (!this.#line.endsWith('\r\n')) {
      return
    }
    const line = this.#line
    this.#line = ''
    this.lines.push(line)
    const answers = { ...SASL, ...this.#options.sasl }
    const key = Object.keys(answers).find((start) => line.startsWith(start))
    this.#begun = line.startsWith('BEGIN')
    const answer = key === undefined ? 'ERROR\r\n' : (answers[key] ?? '')
    if (answer !== '') {
      this.raw(encoder.encode(answer))
    }
  }

  #framed(length: number): void {
    const message = this.#framer.filled(length)
    if (message === undefined) {
      return
    }
    const fds = this.#fds.splice(0, message.header.fds)
    const seen = { header: message.header, args: bodyOf({ ...message, body: message.body.slice() }), fds }
    this.messages.push(seen)
    this.#options.onMessage?.(seen, this)
  }

  #flush(): void {
    let next = this.#unsent[0]
    while (next !== undefined && !this.ended) {
      let sent: number
      try {
        sent = this.#transport.write(next.bytes, next.fds)
      } catch {
        this.ended = true
        return
      }
      if (sent === 0) {
        return
      }
      next.fds = []
      next.bytes = next.bytes.subarray(sent)
      if (next.bytes.length === 0) {
        this.#unsent.shift()
      }
      next = this.#unsent[0]
    }
  }
}

/** Properties of one console as QEMU 7.2 lists them. */
export interface FakeConsole {
  readonly number: number
  readonly label?: string
  readonly head?: number
  readonly type?: 'Graphic' | 'Text'
  readonly width?: number
  readonly height?: number
  readonly absolute?: boolean
  readonly modifiers?: number
}

const properties = (entries: readonly (readonly [string, string, DbusValue])[]): Map<DbusValue, DbusValue> =>
  new Map(entries.map(([name, signature, value]) => [name, new Variant(signature, value)]))

export const consoleInterfaces = (console: FakeConsole): Map<DbusValue, DbusValue> =>
  new Map<DbusValue, DbusValue>([
    [
      'org.qemu.Display1.Console',
      properties([
        ['Label', 's', console.label ?? `video0.${console.number}`],
        ['Head', 'u', console.head ?? 0],
        ['Type', 's', console.type ?? 'Graphic'],
        ['Width', 'u', console.width ?? 640],
        ['Height', 'u', console.height ?? 480],
        ['DeviceAddress', 's', 'pci/0000/02.0'],
      ]),
    ],
    ['org.qemu.Display1.Keyboard', properties([['Modifiers', 'u', console.modifiers ?? 0]])],
    ['org.qemu.Display1.Mouse', properties([['IsAbsolute', 'b', console.absolute ?? true]])],
  ])

export const managedObjects = (consoles: readonly FakeConsole[]): DbusValue =>
  new Map<DbusValue, DbusValue>([
    ['/org/qemu/Display1/VM', new Map([['org.qemu.Display1.VM', properties([['Name', 's', 'vm']])]])],
    ...consoles.map(
      (console) => [`/org/qemu/Display1/Console_${console.number}`, consoleInterfaces(console)] as const,
    ),
  ])

const LISTENER = 'org.qemu.Display1.Listener'
const MAPS = 'org.qemu.Display1.Listener.Unix.Map'
export const X8R8G8B8 = 0x20020888

/** One registration of a listener, QEMU's side, with what QEMU calls on it. */
export class FakeListener {
  readonly peer: FakeDbusPeer
  readonly console: number

  constructor(console: number, peer: FakeDbusPeer) {
    this.console = console
    this.peer = peer
  }

  /** A whole picture as payload; every argument may be a lie. */
  scanout(width: number, height: number, data: Uint8Array, stride = width * 4, format = X8R8G8B8): void {
    this.peer.call({ interface: LISTENER, member: 'Scanout' }, 'uuuuay', [
      width,
      height,
      stride,
      format,
      data,
    ])
  }

  update(
    x: number,
    y: number,
    width: number,
    height: number,
    data: Uint8Array,
    stride = width * 4,
    format = X8R8G8B8,
  ): void {
    const args = [x, y, width, height, stride, format, data]
    this.peer.call({ interface: LISTENER, member: 'Update' }, 'iiiiuuay', args)
  }

  /** QEMU waits for the answer to this one. @returns its serial */
  scanoutMap(
    fd: Descriptor,
    width: number,
    height: number,
    stride = width * 4,
    offset = 0,
    format = X8R8G8B8,
  ): number {
    const args = [0, offset, width, height, stride, format]
    return this.peer.call({ interface: MAPS, member: 'ScanoutMap' }, 'huuuuu', args, {
      reply: true,
      fds: [fd],
    })
  }

  updateMap(x: number, y: number, width: number, height: number): void {
    this.peer.call({ interface: MAPS, member: 'UpdateMap' }, 'iiii', [x, y, width, height])
  }

  cursorDefine(width: number, height: number, hotX: number, hotY: number, data: Uint8Array): void {
    this.peer.call({ interface: LISTENER, member: 'CursorDefine' }, 'iiiiay', [
      width,
      height,
      hotX,
      hotY,
      data,
    ])
  }

  mouseSet(x: number, y: number, on: number): void {
    this.peer.call({ interface: LISTENER, member: 'MouseSet' }, 'iii', [x, y, on])
  }

  disable(): void {
    this.peer.call({ interface: LISTENER, member: 'Disable' }, '', [])
  }

  /** Any call of the listener interface. */
  call(member: string, signature: string, args: readonly DbusValue[]): void {
    this.peer.call({ interface: LISTENER, member }, signature, args, { reply: true })
  }

  /** The answer to the call with this serial, if it is there. */
  answerTo(serial: number): SeenMessage | undefined {
    return this.peer.messages.find(({ header }) => header.replySerial === serial)
  }
}

export interface FakeQemuOptions {
  readonly consoles?: readonly FakeConsole[]
  /** Handshake of the main connection. */
  readonly sasl?: Readonly<Record<string, string>>
  /** Handshake of the listeners. */
  readonly listenerSasl?: Readonly<Record<string, string>>
  /** The display device cannot be resized. */
  readonly fixedSize?: boolean
  /** Runs when a listener's handshake is over; by default nothing is shown. */
  onListener?(listener: FakeListener): void
}

/**
 * QEMU's D-Bus display, peer to peer over real sockets: what 7.2 does unless a test scripts otherwise
 * (qemu-integration.md 2.2 and 2.3).
 */
export class FakeDbusQemu {
  /** Calls on Keyboard and Mouse objects, as `Console_0 Press 30`. */
  readonly input: string[] = []
  /** Layouts asked of a console, as `Console_0 800x600+0+0`. */
  readonly layouts: string[] = []
  /** Millimetres of each, as `300x200`. */
  readonly millimetres: string[] = []
  /** Every registration so far; the last of a console is the one in force. */
  readonly listeners: FakeListener[] = []
  main: FakeDbusPeer | undefined
  consoles: readonly FakeConsole[]
  readonly #options: FakeQemuOptions
  readonly #receiver = new FdReceiver(4)
  readonly #greeted = new Set<FakeListener>()
  readonly #timer: NodeJS.Timeout

  constructor(options: FakeQemuOptions = {}) {
    this.#options = options
    this.consoles = options.consoles ?? [{ number: 0 }]
    this.#timer = setInterval(() => this.pump(), 1)
  }

  /** What QMP's add_client does: the end for the sidecar; an earlier main connection is closed. */
  readonly openPeer = (): Promise<OwnedFd> => {
    this.main?.close()
    const [ours, theirs] = socketPair()
    const sasl = this.#options.sasl
    this.main = new FakeDbusPeer(this.#transport(ours), {
      ...(sasl === undefined ? {} : { sasl }),
      onMessage: (message) => this.#called(message),
    })
    return Promise.resolve(theirs)
  }

  pump(): void {
    this.main?.pump()
    for (const listener of this.listeners) {
      listener.peer.pump()
      if (listener.peer.begun && !this.#greeted.has(listener)) {
        this.#greeted.add(listener)
        this.#options.onListener?.(listener)
      }
    }
  }

  /** The listener of a console that is registered now. */
  listener(console = 0): FakeListener | undefined {
    return this.listeners.findLast((listener) => listener.console === console && !listener.peer.ended)
  }

  consoleAdded(console: FakeConsole): void {
    this.consoles = [...this.consoles, console]
    const path = `/org/qemu/Display1/Console_${console.number}`
    this.#objectSignal('InterfacesAdded', 'oa{sa{sv}}', [path, consoleInterfaces(console)])
  }

  consoleRemoved(number: number): void {
    this.consoles = this.consoles.filter((console) => console.number !== number)
    const interfaces = [...consoleInterfaces({ number }).keys()]
    this.#objectSignal('InterfacesRemoved', 'oas', [`/org/qemu/Display1/Console_${number}`, interfaces])
    this.listener(number)?.peer.close()
  }

  /** A change of properties of one interface of a console. */
  changed(console: number, target: string, entries: readonly (readonly [string, string, DbusValue])[]): void {
    const args = [`org.qemu.Display1.${target}`, properties(entries), []]
    const path = `/org/qemu/Display1/Console_${console}`
    this.main?.signal(path, 'org.freedesktop.DBus.Properties', 'PropertiesChanged', 'sa{sv}as', args)
  }

  close(): void {
    clearInterval(this.#timer)
    this.main?.close()
    this.listeners.forEach(({ peer }) => peer.close())
  }

  #objectSignal(member: string, signature: string, args: readonly DbusValue[]): void {
    this.main?.signal('/org/qemu/Display1', 'org.freedesktop.DBus.ObjectManager', member, signature, args)
  }

  #transport(socket: Descriptor): FdTransport {
    return new FdTransport(socket, this.#receiver, () => undefined)
  }

  #called(message: SeenMessage): void {
    const { header, args, fds } = message
    const name = header.path.slice(header.path.lastIndexOf('/') + 1)
    switch (header.member) {
      case 'GetManagedObjects':
        this.main?.reply(message, 'a{oa{sa{sv}}}', [managedObjects(this.consoles)])
        return
      case 'RegisterListener':
        this.#register(message, Number(name.slice('Console_'.length)), fds[0])
        return
      case 'SetUIInfo': {
        const [widthMm, heightMm, x, y, width, height] = args as number[]
        this.millimetres.push(`${widthMm}x${heightMm}`)
        this.layouts.push(`${name} ${width}x${height}+${x}+${y}`)
        if (this.#options.fixedSize === true) {
          this.main?.fail(message, 'org.qemu.Display1.Error.Unsupported')
        } else {
          this.main?.reply(message)
        }
        return
      }
      default:
        this.input.push([name, header.member, ...args.map(Number)].join(' '))
    }
  }

  #register(message: SeenMessage, console: number, fd: Descriptor | undefined): void {
    this.listener(console)?.peer.close()
    if (fd !== undefined) {
      const sasl = this.#options.listenerSasl
      const peer = new FakeDbusPeer(this.#transport(fd), sasl === undefined ? {} : { sasl })
      this.listeners.push(new FakeListener(console, peer))
    }
    this.main?.reply(message)
  }
}
