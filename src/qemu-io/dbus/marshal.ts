import { ByteWriter } from '../../core/bytes.js'
import { SidecarError } from '../../core/errors.js'
import { alignmentOf, MAX_SIGNATURE, parseSignature, type BasicCode, type DbusType } from './signature.js'
import { isObjectPath, Variant, type DbusValue } from './value.js'

const encoder = new TextEncoder()

/** A value of ours that does not have the type of its signature. */
const mismatch = (code: string): never => {
  throw new SidecarError('SIDECAR_BUG', 'value does not match its d-bus signature', { type: code })
}

export const padTo = (writer: ByteWriter, alignment: number): void => {
  while (writer.length % alignment !== 0) {
    writer.u8(0)
  }
}

const integer = (value: DbusValue, code: BasicCode, min: number, max: number): number =>
  typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max
    ? value
    : mismatch(code)

const big = (value: DbusValue, code: BasicCode, min: bigint, max: bigint): bigint =>
  typeof value === 'bigint' && value >= min && value <= max ? value : mismatch(code)

const writeText = (writer: ByteWriter, text: string): void => {
  const bytes = encoder.encode(text)
  writer.u32(bytes.length)
  writer.bytes(bytes)
  writer.u8(0)
}

const writeSignature = (writer: ByteWriter, text: string): void => {
  if (text.length > MAX_SIGNATURE) {
    mismatch('g')
  }
  const bytes = encoder.encode(text)
  writer.u8(bytes.length)
  writer.bytes(bytes)
  writer.u8(0)
}

const writeBasic = (writer: ByteWriter, code: BasicCode, value: DbusValue): void => {
  switch (code) {
    case 'y':
      writer.u8(integer(value, code, 0, 0xff))
      return
    case 'b':
      writer.u32(typeof value === 'boolean' ? Number(value) : mismatch(code))
      return
    case 'n':
      writer.i16(integer(value, code, -0x8000, 0x7fff))
      return
    case 'q':
      writer.u16(integer(value, code, 0, 0xffff))
      return
    case 'i':
      writer.i32(integer(value, code, -0x80000000, 0x7fffffff))
      return
    case 'u':
    case 'h':
      writer.u32(integer(value, code, 0, 0xffffffff))
      return
    case 'x':
      writer.i64(big(value, code, -(1n << 63n), (1n << 63n) - 1n))
      return
    case 't':
      writer.u64(big(value, code, 0n, (1n << 64n) - 1n))
      return
    case 'd': {
      const view = new DataView(new ArrayBuffer(8))
      view.setFloat64(0, typeof value === 'number' ? value : mismatch(code), true)
      writer.u64(view.getBigUint64(0, true))
      return
    }
    case 's':
      writeText(writer, typeof value === 'string' && !value.includes('\0') ? value : mismatch(code))
      return
    case 'o':
      writeText(writer, typeof value === 'string' && isObjectPath(value) ? value : mismatch(code))
      return
    case 'g':
      writeSignature(writer, typeof value === 'string' ? value : mismatch(code))
  }
}

/** Array length, padding and elements; the length counts the elements only, not the padding before the first. */
const writeElements = (writer: ByteWriter, alignment: number, elements: () => void): void => {
  padTo(writer, 4)
  const lengthAt = writer.length
  writer.u32(0)
  padTo(writer, alignment)
  const start = writer.length
  elements()
  writer.patchU32(lengthAt, writer.length - start)
}

const writeValue = (writer: ByteWriter, type: DbusType, value: DbusValue): void => {
  padTo(writer, alignmentOf(type))
  switch (type.kind) {
    case 'basic':
      writeBasic(writer, type.code, value)
      return
    case 'variant': {
      if (!(value instanceof Variant)) {
        mismatch('v')
        return
      }
      const [inner, ...rest] = parseSignature(value.signature)
      if (inner === undefined || rest.length > 0) {
        mismatch('v')
        return
      }
      writeSignature(writer, value.signature)
      writeValue(writer, inner, value.value)
      return
    }
    case 'array': {
      const { element } = type
      if (value instanceof Uint8Array) {
        if (element.kind !== 'basic' || element.code !== 'y') {
          mismatch('a')
        }
        writeElements(writer, 1, () => writer.bytes(value))
      } else if (Array.isArray(value)) {
        const list = value as readonly DbusValue[]
        writeElements(writer, alignmentOf(element), () =>
          list.forEach((item) => writeValue(writer, element, item)),
        )
      } else {
        mismatch('a')
      }
      return
    }
    case 'dict': {
      if (!(value instanceof Map)) {
        mismatch('a{}')
        return
      }
      const map = value as ReadonlyMap<DbusValue, DbusValue>
      writeElements(writer, 8, () => {
        for (const [key, item] of map) {
          padTo(writer, 8)
          writeValue(writer, type.key, key)
          writeValue(writer, type.value, item)
        }
      })
      return
    }
    case 'struct': {
      if (!Array.isArray(value) || value.length !== type.fields.length) {
        mismatch('()')
        return
      }
      const fields = value as readonly DbusValue[]
      writeFields(writer, type.fields, fields)
    }
  }
}

const writeFields = (writer: ByteWriter, types: readonly DbusType[], values: readonly DbusValue[]): void => {
  for (const [i, type] of types.entries()) {
    const value = values[i]
    if (value === undefined) {
      mismatch('missing')
      return
    }
    writeValue(writer, type, value)
  }
}

/**
 * Appends `values` in little-endian order; the writer's length must be a multiple of 8 at the start of a body.
 *
 * @throws SidecarError SIDECAR_BUG when a value does not match
 */
export const marshalInto = (writer: ByteWriter, signature: string, values: readonly DbusValue[]): void => {
  const types = parseSignature(signature)
  if (types.length !== values.length) {
    mismatch(signature)
  }
  writeFields(writer, types, values)
}

export const marshal = (signature: string, values: readonly DbusValue[]): Uint8Array => {
  const writer = new ByteWriter()
  marshalInto(writer, signature, values)
  return writer.finish()
}
