import type { ByteReader, ByteWriter } from '../core/bytes.js'
import type { Field } from './field.js'

const integer = (
  bits: 8 | 16 | 32,
  signed: boolean,
  encode: (value: number, out: ByteWriter) => void,
  decode: (reader: ByteReader) => number,
): Field<number> => ({
  kind: { name: 'int', bits, signed },
  minSize: bits / 8,
  maxSize: bits / 8,
  sizeOf: () => bits / 8,
  encode,
  decode,
})

export const u8 = integer(
  8,
  false,
  (value, out) => out.u8(value),
  (reader) => reader.u8(),
)
export const u16 = integer(
  16,
  false,
  (value, out) => out.u16(value),
  (reader) => reader.u16(),
)
export const u32 = integer(
  32,
  false,
  (value, out) => out.u32(value),
  (reader) => reader.u32(),
)
export const i16 = integer(
  16,
  true,
  (value, out) => out.i16(value),
  (reader) => reader.i16(),
)
export const i32 = integer(
  32,
  true,
  (value, out) => out.i32(value),
  (reader) => reader.i32(),
)

export const u64: Field<bigint> = {
  kind: { name: 'bigint', signed: false },
  minSize: 8,
  maxSize: 8,
  sizeOf: () => 8,
  encode: (value, out) => out.u64(value),
  decode: (reader) => reader.u64(),
}

export const i64: Field<bigint> = {
  kind: { name: 'bigint', signed: true },
  minSize: 8,
  maxSize: 8,
  sizeOf: () => 8,
  encode: (value, out) => out.i64(value),
  decode: (reader) => reader.i64(),
}

/** One byte, 0 false, anything else true. */
export const bool8: Field<boolean> = {
  kind: { name: 'bool8' },
  minSize: 1,
  maxSize: 1,
  sizeOf: () => 1,
  encode: (value, out) => out.u8(value ? 1 : 0),
  decode: (reader) => reader.u8() !== 0,
}

/** A number of which some values have names. Unknown ones are kept: what they mean is for the channel to judge. */
export const enumOf = (base: Field<number>, values: Readonly<Record<string, number>>): Field<number> => ({
  ...base,
  kind: { name: 'enum', base: base.kind, values },
})

/** A number whose set bits have names (`bits` are masks). Unknown bits are kept. */
export const flagsOf = (base: Field<number>, bits: Readonly<Record<string, number>>): Field<number> => ({
  ...base,
  kind: { name: 'flags', base: base.kind, bits },
})
