import type { FieldKind, Member } from './field.js'

const describeMembers = (members: readonly Member[]): string =>
  members.map(({ name, kind }) => `${describeField(kind)} ${name}`).join(', ')

const describeNames = (values: Readonly<Record<string, number>>): string =>
  Object.entries(values)
    .map(([name, value]) => `${String(value)} ${name}`)
    .join(', ')

/** A field in words, for the protocol table of the documentation: wire order, widths, names of values. */
export const describeField = (kind: FieldKind): string => {
  switch (kind.name) {
    case 'int': {
      return `${kind.signed ? 'i' : 'u'}${kind.bits}`
    }
    case 'bigint': {
      return kind.signed ? 'i64' : 'u64'
    }
    case 'bool8': {
      return 'u8 (0 or 1)'
    }
    case 'enum': {
      return `${describeField(kind.base)} (${describeNames(kind.values)})`
    }
    case 'flags': {
      return `${describeField(kind.base)} bits (${describeNames(kind.bits)})`
    }
    case 'bytes': {
      return `${describeField(kind.length)} size, then bytes (at most ${kind.max})`
    }
    case 'fixedBytes': {
      return `${kind.size} bytes`
    }
    case 'rest': {
      return `bytes to the end (at most ${kind.max})`
    }
    case 'text': {
      const nul = kind.nul === 'counted' ? 'with its NUL' : 'without the NUL that follows'
      return `${describeField(kind.length)} size ${nul}, then UTF-8 (at most ${kind.max})`
    }
    case 'list': {
      return `${describeField(kind.count)} count (at most ${kind.max}), then each ${describeItem(kind.item)}`
    }
    case 'restList': {
      return `to the end (at most ${kind.max}) each ${describeItem(kind.item)}`
    }
    case 'countedAhead': {
      const between = describeMembers(kind.between)
      const each = describeItem(kind.item)
      return `${describeField(kind.count)} count (at most ${kind.max}), ${between}, then ${kind.list}, each ${each}`
    }
    case 'struct': {
      return describeMembers(kind.members)
    }
    case 'choice': {
      const cases = kind.cases.map(
        ({ tags, members }) => `${tags.join(' or ')}: ${describeMembers(members) || 'nothing'}`,
      )
      return `${describeField(kind.base)} ${kind.tag} (then for ${cases.join('; ')})`
    }
    case 'flagged': {
      const parts = kind.parts.map(({ name, bits, kind: part }) =>
        bits === 0
          ? `${describeField(part)} ${name}`
          : `with 0x${bits.toString(16)} ${describeField(part)} ${name}`,
      )
      return `${describeField(kind.base)} ${kind.tag}, ${parts.join(', ')}`
    }
    case 'custom': {
      return kind.layout
    }
  }
}

const describeItem = (kind: FieldKind): string =>
  kind.name === 'struct' ? `{ ${describeField(kind)} }` : describeField(kind)
