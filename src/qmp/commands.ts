import {
  asObject,
  flagOf,
  listOf,
  objectOf,
  objectWith,
  optionalTextOf,
  textOf,
  wholeOf,
  type Decoder,
  type JsonObject,
} from './values.js'

/** One command: how its arguments are written, and how the value it returns is checked. */
interface CommandRule<Args, Result> {
  readonly encode: (args: Args) => JsonObject | undefined
  readonly decode: Decoder<Result>
}

const command = <Args, Result>(
  encode: (args: Args) => JsonObject | undefined,
  decode: Decoder<Result>,
): CommandRule<Args, Result> => ({ encode, decode })

export type NoArguments = undefined

const noArguments: (args: NoArguments) => undefined = () => undefined

/** Most commands return an empty object. */
const nothing: Decoder<void> = (value) => void asObject(value, 'return')

export interface QemuVersion {
  readonly major: number
  readonly minor: number
  readonly micro: number
}

/** The `qemu` member of a version, as in the greeting and in query-version. */
export const decodeVersion: Decoder<QemuVersion> = objectWith('version', (version) => {
  const qemu = objectOf(version, 'qemu')
  return { major: wholeOf(qemu, 'major'), minor: wholeOf(qemu, 'minor'), micro: wholeOf(qemu, 'micro') }
})

export type InputButton =
  'left' | 'middle' | 'right' | 'wheel-up' | 'wheel-down' | 'side' | 'extra' | 'wheel-left' | 'wheel-right'

type InputKey =
  | { readonly type: 'qcode'; readonly data: string }
  /** QEMU's number of a key: the AT set 1 scan code, with 0x80 added for those with the prefix 0xe0. */
  | { readonly type: 'number'; readonly data: number }

export type InputEvent =
  | { readonly type: 'key'; readonly data: { readonly down: boolean; readonly key: InputKey } }
  | { readonly type: 'btn'; readonly data: { readonly down: boolean; readonly button: InputButton } }
  /** `value` is pixels for `rel`, 0 to 32767 over the console for `abs`. */
  | { readonly type: 'rel' | 'abs'; readonly data: { readonly axis: 'x' | 'y'; readonly value: number } }

export interface InputEvents {
  /** Id of the display device the events are for, with its `head`; without it QEMU picks the console. */
  readonly device?: string
  readonly head?: number
  readonly events: readonly InputEvent[]
}

/**
 * Every QMP command that can be sent: what is not here cannot leave the process, so that our monitor is no ladder for
 * anybody else (threat model B3). Shapes: QEMU QMP reference, seen on 7.2 and 11.1 (qemu-integration.md 2.1).
 */
export const COMMANDS = {
  qmp_capabilities: command(noArguments, nothing),
  'query-version': command(noArguments, decodeVersion),
  'query-name': command(
    noArguments,
    objectWith('name', (name) => ({ name: optionalTextOf(name, 'name') })),
  ),
  'query-uuid': command(
    noArguments,
    objectWith('uuid', (uuid) => ({ UUID: textOf(uuid, 'UUID') })),
  ),
  'query-status': command(
    noArguments,
    objectWith('status', (status) => ({
      running: flagOf(status, 'running'),
      status: textOf(status, 'status'),
    })),
  ),
  'query-chardev': command(
    noArguments,
    listOf(
      'chardevs',
      objectWith('chardev', (chardev) => ({
        label: textOf(chardev, 'label'),
        filename: textOf(chardev, 'filename'),
        frontendOpen: flagOf(chardev, 'frontend-open'),
      })),
    ),
  ),
  'query-mice': command(
    noArguments,
    listOf(
      'mice',
      objectWith('mouse', (mouse) => ({
        name: textOf(mouse, 'name'),
        index: wholeOf(mouse, 'index'),
        current: flagOf(mouse, 'current'),
        absolute: flagOf(mouse, 'absolute'),
      })),
    ),
  ),
  getfd: command(({ fdname }: { readonly fdname: string }) => ({ fdname }), nothing),
  closefd: command(({ fdname }: { readonly fdname: string }) => ({ fdname }), nothing),
  /** Only for the D-Bus display: the same command could open a VNC or SPICE client. */
  add_client: command(
    ({ fdname }: { readonly protocol: '@dbus-display'; readonly fdname: string }) => ({
      protocol: '@dbus-display',
      fdname,
    }),
    nothing,
  ),
  'input-send-event': command(
    ({ device, head, events }: InputEvents) => ({
      ...(device === undefined ? {} : { device }),
      ...(head === undefined ? {} : { head }),
      events,
    }),
    nothing,
  ),
  'query-migrate': command(
    noArguments,
    objectWith('migration', (migration) => ({ status: optionalTextOf(migration, 'status') })),
  ),
} as const

export type CommandName = keyof typeof COMMANDS

export type ArgumentsOf<C extends CommandName> = Parameters<(typeof COMMANDS)[C]['encode']>[0]

export type ResultOf<C extends CommandName> = ReturnType<(typeof COMMANDS)[C]['decode']>

/** Commands that need a descriptor beside their bytes. */
export type FdCommand = 'getfd'

/** Commands that anybody may give; the rest belongs to the connection itself. */
export type PlainCommand = Exclude<CommandName, FdCommand | 'qmp_capabilities'>
