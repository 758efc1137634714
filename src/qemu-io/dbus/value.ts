/**
 * A D-Bus value: integers up to 32 bits, `d` and `h` (an index into the message's descriptors) are numbers, `x` and
 * `t` bigints, `ay` bytes, structures and other arrays lists, dictionaries maps.
 */
export type DbusValue =
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | Variant
  | readonly DbusValue[]
  | ReadonlyMap<DbusValue, DbusValue>

/** A value that carries its own signature of one complete type. */
export class Variant {
  readonly signature: string
  readonly value: DbusValue

  constructor(signature: string, value: DbusValue) {
    this.signature = signature
    this.value = value
  }
}

/** The value inside a variant, any number of variants deep. */
export const unwrap = (value: DbusValue | undefined): DbusValue | undefined => {
  let inner = value
  while (inner instanceof Variant) {
    inner = inner.value
  }
  return inner
}

/** Object paths as D-Bus defines them. */
export const isObjectPath = (text: string): boolean => /^\/(?:[A-Za-z0-9_]+(?:\/[A-Za-z0-9_]+)*)?$/.test(text)
