import type { ByteReader, ByteWriter } from '../core/bytes.js'
import { SidecarError } from '../core/errors.js'
import type { ChoiceCase, Field, Member, Shape, ShapeValue } from './field.js'

const membersOf = (shape: Shape): Member[] =>
  Object.entries(shape).map(([name, field]) => ({ name, kind: field.kind }))

/** A value while it is taken apart or put together by name. */
export type Loose = Record<string, unknown>

/** The compiled form of a shape, shared by everything that is made of named fields. */
export const compile = (
  shape: Shape,
): {
  readonly members: readonly Member[]
  readonly minSize: number
  readonly maxSize: number
  readonly sizeOf: (value: Loose) => number
  readonly encode: (value: Loose, out: ByteWriter) => void
  readonly decode: (reader: ByteReader, into: Loose) => void
} => {
  const entries = Object.entries(shape)
  return {
    members: membersOf(shape),
    minSize: entries.reduce((sum, [, field]) => sum + field.minSize, 0),
    maxSize: entries.reduce((sum, [, field]) => sum + field.maxSize, 0),
    sizeOf: (value) => entries.reduce((sum, [name, field]) => sum + field.sizeOf(value[name]), 0),
    encode: (value, out) => {
      for (const [name, field] of entries) {
        field.encode(value[name], out)
      }
    },
    decode: (reader, into) => {
      const target = into
      for (const [name, field] of entries) {
        target[name] = field.decode(reader)
      }
    },
  }
}

/** Fields one after the other. */
export const struct = <S extends Shape>(shape: S): Field<ShapeValue<S>> => {
  const { members, minSize, maxSize, sizeOf, encode, decode } = compile(shape)
  return {
    kind: { name: 'struct', members },
    minSize,
    maxSize,
    sizeOf: (value) => sizeOf(value),
    encode: (value, out) => encode(value, out),
    decode: (reader) => {
      const value: Loose = {}
      decode(reader, value)
      return value as ShapeValue<S>
    },
  }
}

/** Value of a {@link choice}: the tag and the fields of the case that it selects, in one flat object. */
export type ChoiceValue<N extends string, C extends Readonly<Record<string, Shape>>> = {
  [K in keyof C]: { readonly [T in N]: number } & ShapeValue<C[K]>
}[keyof C]

/**
 * A tag that selects what follows. `tags` names for each case the tags that stand for it in generated tests and in the
 * documentation; `select` decides for every tag, `undefined` refuses it.
 */
export const choice = <N extends string, C extends Readonly<Record<string, Shape>>>(
  tag: N,
  base: Field<number>,
  cases: C,
  tags: { readonly [K in keyof C]: readonly number[] },
  select: (tag: number) => keyof C | undefined,
): Field<ChoiceValue<N, C>> => {
  const compiled = new Map<keyof C, ReturnType<typeof compile>>()
  const described: ChoiceCase[] = []
  for (const [name, shape] of Object.entries(cases)) {
    const one = compile(shape)
    compiled.set(name, one)
    described.push({ name, tags: tags[name] ?? [], members: one.members })
  }
  const all = [...compiled.values()]
  const chosenFor = (value: ChoiceValue<N, C>): ReturnType<typeof compile> => {
    const loose: Loose = value
    const chosen = compiled.get(select(value[tag]) ?? '')
    if (chosen === undefined || !chosen.members.every(({ name }) => name in loose)) {
      throw new SidecarError('SIDECAR_BUG', 'value does not fit its tag', { tag, value: value[tag] })
    }
    return chosen
  }
  return {
    kind: { name: 'choice', tag, base: base.kind, cases: described },
    minSize: base.minSize + Math.min(...all.map((one) => one.minSize)),
    maxSize: base.minSize + Math.max(...all.map((one) => one.maxSize)),
    sizeOf: (value) => base.minSize + chosenFor(value).sizeOf(value),
    encode: (value, out) => {
      base.encode(value[tag], out)
      chosenFor(value).encode(value, out)
    },
    decode: (reader) => {
      const number = base.decode(reader)
      const chosen = compiled.get(select(number) ?? '')
      if (chosen === undefined) {
        throw new SidecarError('SIDECAR_PROTOCOL', 'unknown form of a field', { tag, value: number })
      }
      const value: Loose = { [tag]: number }
      chosen.decode(reader, value)
      return value as ChoiceValue<N, C>
    },
  }
}
