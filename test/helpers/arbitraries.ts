import fc from 'fast-check'
import type { FieldKind, Member, Message } from '../../src/protocol/index.js'

/** Items and bytes that a generated value has at most; keeps one run cheap. */
const MOST = 12

const wholeNumber = (bits: number, signed: boolean): fc.Arbitrary<number> => {
  const min = signed ? -(2 ** (bits - 1)) : 0
  const max = signed ? 2 ** (bits - 1) - 1 : 2 ** bits - 1
  const edges = [min, 0, 1, 2 ** (bits - 1) - 1, max - 1, max]
  return fc.oneof({ weight: 1, arbitrary: fc.constantFrom(...edges) }, fc.integer({ min, max }))
}

const bigNumber = (signed: boolean): fc.Arbitrary<bigint> =>
  signed
    ? fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
    : fc.oneof(fc.constantFrom(0n, 2n ** 63n, 2n ** 64n - 1n), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }))

const byteString = (max: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ maxLength: Math.min(max, MOST * 4) })

const utf8Size = (value: string): number => new TextEncoder().encode(value).length

const recordOf = (members: readonly Member[]): fc.Arbitrary<object> =>
  fc.record(Object.fromEntries(members.map(({ name, kind }) => [name, arbitraryOf(kind)])), {
    noNullPrototype: true,
  })

const listOf = (item: FieldKind, max: number): fc.Arbitrary<unknown[]> =>
  fc.array(arbitraryOf(item), { maxLength: Math.min(max, MOST) })

/** Values of a field, valid ones only, from its description. */
export const arbitraryOf = (kind: FieldKind): fc.Arbitrary<unknown> => {
  switch (kind.name) {
    case 'int': {
      return wholeNumber(kind.bits, kind.signed)
    }
    case 'bigint': {
      return bigNumber(kind.signed)
    }
    case 'bool8': {
      return fc.boolean()
    }
    case 'enum': {
      return fc.oneof(fc.constantFrom(...Object.values(kind.values)), arbitraryOf(kind.base))
    }
    case 'flags': {
      return fc.oneof(fc.constantFrom(...Object.values(kind.bits)), arbitraryOf(kind.base))
    }
    case 'bytes':
    case 'rest': {
      return byteString(kind.max)
    }
    case 'fixedBytes': {
      return fc.uint8Array({ minLength: kind.size, maxLength: kind.size })
    }
    case 'text': {
      return fc
        .string({ unit: 'grapheme', maxLength: MOST })
        .filter((value) => !value.includes('\0') && utf8Size(value) <= kind.max)
    }
    case 'list':
    case 'restList': {
      return listOf(kind.item, kind.max)
    }
    case 'countedAhead': {
      return fc
        .tuple(recordOf(kind.between), listOf(kind.item, kind.max))
        .map(([between, items]) => ({ ...between, [kind.list]: items }))
    }
    case 'struct': {
      return recordOf(kind.members)
    }
    case 'choice': {
      return fc.oneof(
        ...kind.cases.map(({ tags, members }) =>
          fc
            .tuple(fc.constantFrom(...tags), recordOf(members))
            .map(([tag, value]) => ({ [kind.tag]: tag, ...value })),
        ),
      )
    }
    case 'flagged': {
      const { tag, parts } = kind
      return fc.tuple(arbitraryOf(kind.base), recordOf(parts)).map(([flags, value]) => {
        const there = parts.filter(({ bits }) => ((flags as number) & bits) === bits)
        const entries = there.map(({ name }) => [name, (value as Record<string, unknown>)[name]])
        return { [tag]: flags, ...(Object.fromEntries(entries) as object) }
      })
    }
    case 'custom': {
      return arbitraryOf(kind.value)
    }
  }
}

/** Values of a message. */
export const arbitraryOfMessage = <T>(message: Message<T>): fc.Arbitrary<T> =>
  arbitraryOf(message.fields) as fc.Arbitrary<T>

/** A cut of `bytes` into pieces, none empty. */
export const arbitraryCuts = (bytes: Uint8Array): fc.Arbitrary<Uint8Array[]> =>
  fc.array(fc.integer({ min: 1, max: Math.max(1, bytes.length) }), { maxLength: 20 }).map((points) => {
    const cuts = [...new Set([0, ...points, bytes.length])].sort((a, b) => a - b)
    return cuts.slice(1).map((end, i) => bytes.slice(cuts[i], end))
  })
