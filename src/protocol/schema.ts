import { ByteReader, ByteWriter } from '../core/bytes.js'
import type { Field, FieldKind, Shape, ShapeValue } from './field.js'
import { struct } from './struct-fields.js'

export * from './blob-fields.js'
export type { ChoiceCase, Field, FieldKind, FlaggedPart, Member, Shape, ShapeValue } from './field.js'
export { always, flagged, whenSet, type FlaggedValue } from './flagged-field.js'
export { countedAhead, list, restList } from './list-fields.js'
export * from './scalar-fields.js'
export { choice, struct, type ChoiceValue } from './struct-fields.js'

/** One message type of one channel and direction: its number and its body. */
export interface Message<T> {
  readonly id: number
  /** What the body is made of. */
  readonly fields: FieldKind
  /** Bytes; a shorter body is refused. */
  readonly minSize: number
  /** Bytes; no body that {@link encode} makes is longer. */
  readonly maxSize: number
  /** The body, exact. */
  encode(value: T): Uint8Array
  encodeInto(value: T, out: ByteWriter): void
  /**
   * Surplus bytes behind the body are ignored (`protocol-session.md` 9.1); byte values are views into `body`.
   *
   * @throws SidecarError SIDECAR_PROTOCOL
   */
  decode(body: Uint8Array): T
  /** As {@link decode}; what the reader has left afterwards is surplus. */
  decodeFrom(reader: ByteReader): T
}

/** Value type of a message or of a field. */
export type ValueOf<M> = M extends Message<infer T> ? T : M extends Field<infer T> ? T : never

/** A message whose whole body is one field. */
export const messageOf = <T>(id: number, body: Field<T>): Message<T> => ({
  id,
  fields: body.kind,
  minSize: body.minSize,
  maxSize: body.maxSize,
  encode: (value) => {
    const out = new ByteWriter(body.sizeOf(value))
    body.encode(value, out)
    return out.finish()
  },
  encodeInto: (value, out) => body.encode(value, out),
  decode: (bytesOfBody) => body.decode(new ByteReader(bytesOfBody)),
  decodeFrom: (reader) => body.decode(reader),
})

/** A message made of named fields. */
export const message = <S extends Shape>(id: number, fields: S): Message<ShapeValue<S>> =>
  messageOf(id, struct(fields))

/** Shape of a message without a body. */
export const empty = {} as const satisfies Shape
