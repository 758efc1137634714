import { unwrap, type DbusSignal, type DbusValue } from '../../qemu-io/index.js'

const ROOT = '/org/qemu/Display1'
const CONSOLE = 'org.qemu.Display1.Console'
const KEYBOARD = 'org.qemu.Display1.Keyboard'
const MOUSE = 'org.qemu.Display1.Mouse'
const MAX_LABEL = 128

/** What we know of a graphic console; numbers that QEMU did not say are 0. */
export interface ConsoleObject {
  readonly number: number
  readonly path: string
  readonly label: string
  readonly head: number
  readonly width: number
  readonly height: number
  readonly hasKeyboard: boolean
  readonly hasMouse: boolean
  readonly absolute: boolean
  readonly modifiers: number
}

interface Entry extends ConsoleObject {
  readonly graphic: boolean
}

type Properties = ReadonlyMap<DbusValue, DbusValue>

const asMap = (value: DbusValue | undefined): Properties => (value instanceof Map ? value : new Map())

const numberOf = (properties: Properties, name: string, before: number): number => {
  const value = unwrap(properties.get(name))
  return typeof value === 'number' ? value : before
}

const consoleNumber = (path: DbusValue | undefined): number | undefined => {
  const match = typeof path === 'string' ? /^\/org\/qemu\/Display1\/Console_(\d{1,5})$/.exec(path) : null
  return match === null ? undefined : Number(match[1])
}

const withProperties = (entry: Entry, name: DbusValue, properties: Properties): Entry => {
  switch (name) {
    case CONSOLE: {
      const label = unwrap(properties.get('Label'))
      const type = unwrap(properties.get('Type'))
      return {
        ...entry,
        graphic: type === undefined ? entry.graphic : type === 'Graphic',
        label: typeof label === 'string' ? label.slice(0, MAX_LABEL) : entry.label,
        head: numberOf(properties, 'Head', entry.head),
        width: numberOf(properties, 'Width', entry.width),
        height: numberOf(properties, 'Height', entry.height),
      }
    }
    case KEYBOARD:
      return {
        ...entry,
        hasKeyboard: true,
        modifiers: numberOf(properties, 'Modifiers', entry.modifiers) & 7,
      }
    case MOUSE: {
      const absolute = unwrap(properties.get('IsAbsolute'))
      return { ...entry, hasMouse: true, absolute: typeof absolute === 'boolean' ? absolute : entry.absolute }
    }
    default:
      return entry
  }
}

/**
 * QEMU's objects as far as the display needs them: graphic consoles with their keyboard and mouse. Consoles come and
 * go (style sheet A4); at most `maxConsoles` are kept.
 */
export class ObjectTree {
  readonly #maxConsoles: number
  readonly #entries = new Map<number, Entry>()

  constructor(maxConsoles: number) {
    this.#maxConsoles = maxConsoles
  }

  /** Graphic consoles in order of their numbers. */
  get consoles(): readonly ConsoleObject[] {
    return [...this.#entries.values()]
      .filter((entry) => entry.graphic)
      .sort((a, b) => a.number - b.number)
      .slice(0, this.#maxConsoles)
  }

  /** Takes the answer of GetManagedObjects. */
  replace(objects: DbusValue | undefined): void {
    this.#entries.clear()
    for (const [path, interfaces] of asMap(objects)) {
      this.#add(path, asMap(interfaces))
    }
  }

  /** @returns whether the signal was about a console */
  signal(signal: DbusSignal): boolean {
    const [first, second] = signal.args
    switch (`${signal.interface}.${signal.member}`) {
      case 'org.freedesktop.DBus.Properties.PropertiesChanged': {
        const number = consoleNumber(signal.path)
        const entry = number === undefined ? undefined : this.#entries.get(number)
        if (entry === undefined || first === undefined) {
          return false
        }
        this.#entries.set(entry.number, withProperties(entry, first, asMap(second)))
        return true
      }
      case 'org.freedesktop.DBus.ObjectManager.InterfacesAdded':
        return signal.path === ROOT && this.#add(first, asMap(second))
      case 'org.freedesktop.DBus.ObjectManager.InterfacesRemoved': {
        const number = consoleNumber(first)
        const gone = Array.isArray(second) && (second as readonly DbusValue[]).includes(CONSOLE)
        return signal.path === ROOT && number !== undefined && gone && this.#entries.delete(number)
      }
      default:
        return false
    }
  }

  #add(path: DbusValue | undefined, interfaces: Properties): boolean {
    const number = consoleNumber(path)
    if (number === undefined) {
      return false
    }
    let entry: Entry = this.#entries.get(number) ?? {
      number,
      path: `${ROOT}/Console_${number}`,
      graphic: false,
      label: '',
      head: 0,
      width: 0,
      height: 0,
      hasKeyboard: false,
      hasMouse: false,
      absolute: false,
      modifiers: 0,
    }
    for (const [name, properties] of interfaces) {
      entry = withProperties(entry, name, asMap(properties))
    }
    // Text consoles count too, so that the table itself is bounded.
    if (this.#entries.has(number) || this.#entries.size < this.#maxConsoles * 4) {
      this.#entries.set(number, entry)
    }
    return true
  }
}
