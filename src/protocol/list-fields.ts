import type { ByteReader, ByteWriter } from '../core/bytes.js'
import { SidecarError } from '../core/errors.js'
import type { Field, Shape, ShapeValue } from './field.js'
import { reach, refused, tooLong, type Maximum } from './field-limits.js'
import { compile, type Loose } from './struct-fields.js'

const decodeItems = <T>(item: Field<T>, count: number, reader: ByteReader): T[] => {
  if (count * item.minSize > reader.left) {
    throw new SidecarError('SIDECAR_PROTOCOL', 'list ends behind the message', { count, left: reader.left })
  }
  const items: T[] = []
  for (let i = 0; i < count; i++) {
    items.push(item.decode(reader))
  }
  return items
}

const encodeItems = <T>(item: Field<T>, items: readonly T[], out: ByteWriter): void => {
  for (const value of items) {
    item.encode(value, out)
  }
}

const sizeOfItems = <T>(item: Field<T>, items: readonly T[]): number =>
  item.minSize === item.maxSize
    ? items.length * item.minSize
    : items.reduce((sum, value) => sum + item.sizeOf(value), 0)

/** A count, then as many items (at most `max`). The count is judged before anything else happens. */
export const list = <T>(count: Field<number>, item: Field<T>, { max }: Maximum): Field<readonly T[]> => {
  const most = Math.min(max, reach(count))
  return {
    kind: { name: 'list', count: count.kind, item: item.kind, max: most },
    minSize: count.minSize,
    maxSize: count.minSize + most * item.maxSize,
    sizeOf: (value) => count.minSize + sizeOfItems(item, value),
    encode: (value, out) => {
      if (value.length > most) {
        throw tooLong('list', value.length, most)
      }
      count.encode(value.length, out)
      encodeItems(item, value, out)
    },
    decode: (reader) => {
      const length = count.decode(reader)
      if (length > most) {
        throw refused('list', length, most)
      }
      return decodeItems(item, length, reader)
    },
  }
}

/** As many whole items of a fixed size as there are up to the end of the body (at most `max`). */
export const restList = <T>(item: Field<T>, { max }: Maximum): Field<readonly T[]> => ({
  kind: { name: 'restList', item: item.kind, max },
  minSize: 0,
  maxSize: max * item.maxSize,
  sizeOf: (value) => sizeOfItems(item, value),
  encode: (value, out) => {
    if (value.length > max) {
      throw tooLong('list', value.length, max)
    }
    encodeItems(item, value, out)
  },
  decode: (reader) => {
    const length = Math.floor(reader.left / item.minSize)
    if (length > max) {
      throw refused('list', length, max)
    }
    return decodeItems(item, length, reader)
  },
})

/** A list whose count stands before other fields. The value has the other fields and the list, not the count. */
export const countedAhead = <S extends Shape, N extends string, T>(
  count: Field<number>,
  between: S,
  name: N,
  item: Field<T>,
  { max }: Maximum,
): Field<ShapeValue<S> & { readonly [K in N]: readonly T[] }> => {
  const head = compile(between)
  const most = Math.min(max, reach(count))
  type Value = ShapeValue<S> & { readonly [K in N]: readonly T[] }
  return {
    kind: {
      name: 'countedAhead',
      count: count.kind,
      between: head.members,
      list: name,
      item: item.kind,
      max: most,
    },
    minSize: count.minSize + head.minSize,
    maxSize: count.minSize + head.maxSize + most * item.maxSize,
    sizeOf: (value) => count.minSize + head.sizeOf(value) + sizeOfItems(item, value[name]),
    encode: (value, out) => {
      const items = value[name]
      if (items.length > most) {
        throw tooLong('list', items.length, most)
      }
      count.encode(items.length, out)
      head.encode(value, out)
      encodeItems(item, items, out)
    },
    decode: (reader) => {
      const length = count.decode(reader)
      if (length > most) {
        throw refused('list', length, most)
      }
      const value: Loose = {}
      head.decode(reader, value)
      value[name] = decodeItems(item, length, reader)
      return value as Value
    },
  }
}
