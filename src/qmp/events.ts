import { asObject, flagOf, member, objectWith, textOf, type Decoder } from './values.js'

const noData: Decoder<undefined> = () => undefined

const fromGuest = objectWith('event data', (data) => ({
  /** Whether the guest itself asked for it. */
  guest: flagOf(data, 'guest'),
  reason: textOf(data, 'reason'),
}))

/** Every QMP event that anybody gets to see; all others are ignored and counted. */
export const EVENTS = {
  SHUTDOWN: fromGuest,
  RESET: fromGuest,
  STOP: noData,
  RESUME: noData,
  POWERDOWN: noData,
  MIGRATION: objectWith('event data', (data) => ({ status: textOf(data, 'status') })),
  VSERPORT_CHANGE: objectWith('event data', (data) => ({
    id: textOf(data, 'id'),
    open: flagOf(data, 'open'),
  })),
} as const

export type EventName = keyof typeof EVENTS

export type QmpEvent = {
  [E in EventName]: { readonly name: E; readonly data: ReturnType<(typeof EVENTS)[E]> }
}[EventName]

const isEventName = (name: unknown): name is EventName =>
  typeof name === 'string' && Object.hasOwn(EVENTS, name)

/**
 * The event in a message, or undefined for one that is not in the table.
 *
 * @throws SidecarError SIDECAR_QMP when its data do not have their shape
 */
export const decodeEvent = (message: unknown): QmpEvent | undefined => {
  const object = asObject(message, 'event')
  const name = member(object, 'event')
  if (!isEventName(name)) {
    return undefined
  }
  return { name, data: EVENTS[name](member(object, 'data')) } as QmpEvent
}
