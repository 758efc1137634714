import type { Door } from './carriers.js'
import type { ListenAddress } from './listener.js'

export interface DoorAddress {
  readonly address: ListenAddress
  readonly door: Door
}

export interface DoorLists {
  readonly listen: readonly ListenAddress[]
  readonly tlsListen: readonly ListenAddress[]
  readonly websocketListen: readonly ListenAddress[]
  /** WebSocket addresses speak TLS then, and nothing else. */
  readonly hasTls: boolean
}

/** Port 0 is a port of its own each time. */
const sameDoor = (a: ListenAddress, b: ListenAddress): boolean =>
  a.kind === 'unix' || b.kind === 'unix'
    ? a.kind === 'unix' && b.kind === 'unix' && a.path === b.path
    : a.port !== 0 && a.port === b.port && a.host === b.host

/** All addresses with what may come in there; one in both lists takes plain connections and TLS. */
export const doorsOf = ({
  listen,
  tlsListen,
  websocketListen,
  hasTls,
}: DoorLists): readonly DoorAddress[] => {
  const inBoth = (address: ListenAddress): boolean => tlsListen.some((other) => sameDoor(address, other))
  const local = (address: ListenAddress): boolean => address.kind === 'unix'
  return [
    ...listen.map((address) => ({
      address,
      door: { plain: true, tls: inBoth(address), spice: true, local: local(address) },
    })),
    ...tlsListen
      .filter((address) => !listen.some((other) => sameDoor(address, other)))
      .map((address) => ({ address, door: { plain: false, tls: true, spice: true, local: local(address) } })),
    ...websocketListen.map((address) => ({
      address,
      door: { plain: !hasTls, tls: hasTls, spice: false, local: local(address) },
    })),
  ]
}

/** An address that is listened on, for logs. */
export interface OpenDoor {
  readonly address: string
  /** Such as `spice, websocket over tls`. */
  readonly carries: string
}

/** What a door takes, in words; web clients are taken everywhere. */
export const carriesOf = ({ plain, tls, spice }: Door): string =>
  [...(spice ? ['spice'] : []), 'websocket']
    .flatMap((what) => [...(plain ? [what] : []), ...(tls ? [`${what} over tls`] : [])])
    .join(', ')
