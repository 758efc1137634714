import { ByteReader, ByteWriter } from '../../core/bytes.js'
import { SidecarError } from '../../core/errors.js'
import { marshalInto, padTo } from './marshal.js'
import { unmarshal } from './unmarshal.js'
import { Variant, type DbusValue } from './value.js'

export const METHOD_CALL = 1
export const METHOD_RETURN = 2
export const ERROR = 3
export const SIGNAL = 4

export const NO_REPLY_EXPECTED = 1

/** Bytes of the part whose length is always the same: up to and with the length of the field array. */
export const FIXED_HEADER_SIZE = 16

const HEADER_SIGNATURE = 'yyyyuua(yv)'
const LITTLE_ENDIAN = 0x6c
const PROTOCOL_VERSION = 1
const MAX_FIELDS = 32

const FIELD = {
  path: 1,
  interface: 2,
  member: 3,
  errorName: 4,
  replySerial: 5,
  destination: 6,
  sender: 7,
  signature: 8,
  fds: 9,
} as const

export interface FixedHeader {
  readonly type: number
  readonly flags: number
  readonly serial: number
  readonly bodyLength: number
  readonly fieldsLength: number
}

/** Header of a message; what a message does not carry is empty or 0. */
export interface MessageHeader {
  readonly type: number
  readonly flags: number
  readonly serial: number
  readonly bodyLength: number
  readonly path: string
  readonly interface: string
  readonly member: string
  readonly errorName: string
  readonly replySerial: number
  readonly signature: string
  /** Descriptors that belong to the message. */
  readonly fds: number
}

/** `body` is only valid until the next message is read. */
export interface DbusMessage {
  readonly header: MessageHeader
  readonly body: Uint8Array
}

const fail = (text: string): never => {
  throw new SidecarError('SIDECAR_PROTOCOL', text)
}

/**
 * The first {@link FIXED_HEADER_SIZE} bytes of a message. Big-endian messages are refused: QEMU marshals in the order
 * of the host that both run on, and every host we ship for is little-endian.
 */
export const decodeFixedHeader = (bytes: Uint8Array): FixedHeader => {
  const reader = new ByteReader(bytes)
  if (reader.u8() !== LITTLE_ENDIAN) {
    fail('d-bus message is not little-endian')
  }
  const type = reader.u8()
  const flags = reader.u8()
  if (reader.u8() !== PROTOCOL_VERSION) {
    fail('d-bus message has another protocol version')
  }
  const bodyLength = reader.u32()
  const serial = reader.u32()
  const fieldsLength = reader.u32()
  if (type === 0 || serial === 0) {
    fail('d-bus message has no type or no serial')
  }
  return { type, flags, serial, bodyLength, fieldsLength }
}

const textField = (fields: ReadonlyMap<number, Variant>, code: number, signature: string): string => {
  const field = fields.get(code)
  if (field === undefined) {
    return ''
  }
  return field.signature === signature && typeof field.value === 'string'
    ? field.value
    : fail('d-bus header field has the wrong type')
}

const numberField = (fields: ReadonlyMap<number, Variant>, code: number): number => {
  const field = fields.get(code)
  if (field === undefined) {
    return 0
  }
  return field.signature === 'u' && typeof field.value === 'number'
    ? field.value
    : fail('d-bus header field has the wrong type')
}

const complete = (header: MessageHeader): boolean => {
  switch (header.type) {
    case METHOD_CALL:
      return header.path !== '' && header.member !== ''
    case SIGNAL:
      return header.path !== '' && header.member !== '' && header.interface !== ''
    case METHOD_RETURN:
      return header.replySerial !== 0
    case ERROR:
      return header.replySerial !== 0 && header.errorName !== ''
    default:
      return true
  }
}

/** `bytes` is the header from its first byte to the last of the field array, without the end padding. */
export const decodeFields = (fixed: FixedHeader, bytes: Uint8Array): MessageHeader => {
  const array = unmarshal(HEADER_SIGNATURE, bytes)[6]
  const list = Array.isArray(array) ? (array as readonly DbusValue[]) : []
  const fields = new Map<number, Variant>()
  if (list.length > MAX_FIELDS) {
    fail('d-bus header has too many fields')
  }
  for (const item of list) {
    const [code, value] = Array.isArray(item) ? (item as readonly DbusValue[]) : []
    if (typeof code !== 'number' || !(value instanceof Variant) || code === 0 || fields.has(code)) {
      fail('d-bus header has a malformed field')
      continue
    }
    fields.set(code, value)
  }
  const header: MessageHeader = {
    type: fixed.type,
    flags: fixed.flags,
    serial: fixed.serial,
    bodyLength: fixed.bodyLength,
    path: textField(fields, FIELD.path, 'o'),
    interface: textField(fields, FIELD.interface, 's'),
    member: textField(fields, FIELD.member, 's'),
    errorName: textField(fields, FIELD.errorName, 's'),
    replySerial: numberField(fields, FIELD.replySerial),
    signature: textField(fields, FIELD.signature, 'g'),
    fds: numberField(fields, FIELD.fds),
  }
  if (!complete(header)) {
    fail('d-bus header lacks a field that its type needs')
  }
  if (header.signature === '' && header.bodyLength > 0) {
    fail('d-bus body has no signature')
  }
  return header
}

/** A message to send; body signature and values must match. */
export interface OutgoingMessage {
  readonly type: number
  readonly flags?: number
  readonly path?: string
  readonly interface?: string
  readonly member?: string
  readonly errorName?: string
  readonly replySerial?: number
  readonly signature?: string
  readonly args?: readonly DbusValue[]
  /** How many descriptors go with it. */
  readonly fds?: number
}

export const encodeMessage = (message: OutgoingMessage, serial: number): Uint8Array => {
  const signature = message.signature ?? ''
  const body = new ByteWriter()
  marshalInto(body, signature, message.args ?? [])
  const bodyBytes = body.finish()
  const fields: DbusValue[] = []
  const add = (code: number, type: string, value: DbusValue | undefined): void => {
    if (value !== undefined && value !== '' && value !== 0) {
      fields.push([code, new Variant(type, value)])
    }
  }
  add(FIELD.path, 'o', message.path)
  add(FIELD.interface, 's', message.interface)
  add(FIELD.member, 's', message.member)
  add(FIELD.errorName, 's', message.errorName)
  add(FIELD.replySerial, 'u', message.replySerial)
  add(FIELD.signature, 'g', signature)
  add(FIELD.fds, 'u', message.fds)
  const writer = new ByteWriter(128 + bodyBytes.length)
  marshalInto(writer, HEADER_SIGNATURE, [
    LITTLE_ENDIAN,
    message.type,
    message.flags ?? 0,
    PROTOCOL_VERSION,
    bodyBytes.length,
    serial,
    fields,
  ])
  padTo(writer, 8)
  writer.bytes(bodyBytes)
  return writer.finish()
}

/** Values of a message's body. */
export const bodyOf = (message: DbusMessage): DbusValue[] => unmarshal(message.header.signature, message.body)
