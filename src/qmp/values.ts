import { SidecarError } from '../core/errors.js'

/** Checks a value that QEMU sent and gives it a type; throws SIDECAR_QMP when it is something else. */
export type Decoder<T> = (value: unknown) => T

export type JsonObject = Readonly<Record<string, unknown>>

const wrong = (what: string, wanted: string): SidecarError =>
  new SidecarError('SIDECAR_QMP', 'QEMU sent a value of the wrong type', { what, wanted })

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export const asObject = (value: unknown, what: string): JsonObject => {
  if (!isObject(value)) {
    throw wrong(what, 'object')
  }
  return value
}

/** Own members only: a name like `constructor` finds nothing that QEMU did not send. */
export const member = (object: JsonObject, name: string): unknown =>
  Object.hasOwn(object, name) ? object[name] : undefined

export const textOf = (object: JsonObject, name: string): string => {
  const value = member(object, name)
  if (typeof value !== 'string') {
    throw wrong(name, 'string')
  }
  return value
}

export const optionalTextOf = (object: JsonObject, name: string): string | undefined =>
  member(object, name) === undefined ? undefined : textOf(object, name)

export const flagOf = (object: JsonObject, name: string): boolean => {
  const value = member(object, name)
  if (typeof value !== 'boolean') {
    throw wrong(name, 'boolean')
  }
  return value
}

/** A whole number of at most 2^53 - 1. */
export const wholeOf = (object: JsonObject, name: string): number => {
  const value = member(object, name)
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) {
    throw wrong(name, 'whole number')
  }
  return value
}

export const objectOf = (object: JsonObject, name: string): JsonObject => asObject(member(object, name), name)

/** Decoder of an object, named `what` in errors. */
export const objectWith =
  <T>(what: string, decode: (object: JsonObject) => T): Decoder<T> =>
  (value) =>
    decode(asObject(value, what))

/** Decoder of a list; the length is bounded by that of the line. */
export const listOf =
  <T>(what: string, decode: Decoder<T>): Decoder<readonly T[]> =>
  (value) => {
    if (!Array.isArray(value)) {
      throw wrong(what, 'list')
    }
    return value.map((item: unknown) => decode(item))
  }
