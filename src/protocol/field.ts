import type { ByteReader, ByteWriter } from '../core/bytes.js'

/** Named part of a structure, as data. */
export interface Member {
  readonly name: string
  readonly kind: FieldKind
}

/** One form of a {@link choice}: the tags that select it (at least one, not always all) and what follows the tag. */
export interface ChoiceCase {
  readonly name: string
  readonly tags: readonly number[]
  readonly members: readonly Member[]
}

/** One field behind a word of flags. */
export interface FlaggedPart extends Member {
  /** The field is there when all of these bits are set; 0: always. */
  readonly bits: number
}

/** What a field is, as plain data: the source of test generators and of the documentation table. */
export type FieldKind =
  | { readonly name: 'int'; readonly bits: 8 | 16 | 32; readonly signed: boolean }
  | { readonly name: 'bigint'; readonly signed: boolean }
  | { readonly name: 'bool8' }
  | { readonly name: 'enum'; readonly base: FieldKind; readonly values: Readonly<Record<string, number>> }
  | { readonly name: 'flags'; readonly base: FieldKind; readonly bits: Readonly<Record<string, number>> }
  | { readonly name: 'bytes'; readonly length: FieldKind; readonly max: number }
  | { readonly name: 'fixedBytes'; readonly size: number }
  | { readonly name: 'rest'; readonly max: number }
  | {
      readonly name: 'text'
      readonly length: FieldKind
      readonly nul: 'counted' | 'behind'
      readonly max: number
    }
  | { readonly name: 'list'; readonly count: FieldKind; readonly item: FieldKind; readonly max: number }
  | { readonly name: 'restList'; readonly item: FieldKind; readonly max: number }
  | {
      readonly name: 'countedAhead'
      readonly count: FieldKind
      readonly between: readonly Member[]
      readonly list: string
      readonly item: FieldKind
      readonly max: number
    }
  | { readonly name: 'struct'; readonly members: readonly Member[] }
  | {
      readonly name: 'choice'
      readonly tag: string
      readonly base: FieldKind
      readonly cases: readonly ChoiceCase[]
    }
  | {
      readonly name: 'flagged'
      readonly tag: string
      readonly base: FieldKind
      readonly parts: readonly FlaggedPart[]
    }
  /** Coded by hand; `value` describes the value, `layout` the bytes in words. */
  | { readonly name: 'custom'; readonly layout: string; readonly value: FieldKind }

/**
 * Reads and writes one kind of value.
 *
 * Decoding throws SidecarError SIDECAR_PROTOCOL for whatever the bytes are wrong about and nothing else. Byte values
 * are views into the message, not copies. Encoding takes numbers modulo their width, as `DataView` does, and throws
 * SIDECAR_LIMIT for a value longer than its field allows.
 */
export interface Field<T> {
  readonly kind: FieldKind
  /** Bytes that every value takes at least. */
  readonly minSize: number
  /** Bytes that no value exceeds. */
  readonly maxSize: number
  /** Bytes that {@link encode} writes for this value. */
  sizeOf(value: T): number
  encode(value: T, out: ByteWriter): void
  decode(reader: ByteReader): T
}

/** Fields by name, in wire order. */
export type Shape = Readonly<Record<string, Field<unknown>>>

/** Value of a {@link Shape}: a plain object. */
export type ShapeValue<S extends Shape> = { readonly [K in keyof S]: S[K] extends Field<infer T> ? T : never }
