import { ByteReader, ByteWriter } from '../core/bytes.js'
import { SidecarError } from '../core/errors.js'
import { commonServer } from './messages/index.js'

/** Messages in one list; the reference puts in two (`protocol-session.md` 2.1). */
export const SUB_MESSAGES_MAX = 64

/** u16 type and u32 size. */
const SUB_HEADER_SIZE = 6

/** A message inside another one; it has no serial and does not count for acknowledgements. */
export interface SubMessage {
  readonly type: number
  readonly body: Uint8Array
}

/**
 * Decodes the sub-message list at offset `at` of a body, in the order in which a receiver handles them: all before the
 * message that carries them. Bodies are views. The size of a sub-message is an upper bound, as the reference writes it,
 * so that a body may end with the message that carries it (`protocol-display.md` 1).
 *
 * @throws SidecarError SIDECAR_PROTOCOL for a list inside a list, for more than {@link SUB_MESSAGES_MAX}, and for what
 * lies outside the body
 */
export const decodeSubMessages = (body: Uint8Array, at: number): readonly SubMessage[] => {
  if (at > body.length) {
    throw new SidecarError('SIDECAR_PROTOCOL', 'sub-message list is outside the message', { at })
  }
  const list = new ByteReader(body, at)
  const count = list.u16()
  if (count > SUB_MESSAGES_MAX || 4 * count > list.left) {
    throw new SidecarError('SIDECAR_PROTOCOL', 'sub-message list is longer than allowed', { count })
  }
  const messages: SubMessage[] = []
  for (let i = 0; i < count; i++) {
    const offset = list.u32()
    if (offset > body.length) {
      throw new SidecarError('SIDECAR_PROTOCOL', 'sub-message is outside the message', { at: offset })
    }
    const reader = new ByteReader(body, offset)
    const type = reader.u16()
    const size = reader.u32()
    if (type === 0 || type === commonServer.list.id) {
      throw new SidecarError('SIDECAR_PROTOCOL', 'sub-message of a type that cannot be one', { type })
    }
    messages.push({ type, body: reader.bytes(Math.min(size, reader.left)) })
  }
  return messages
}

/**
 * The body of a LIST: the list at its start and the messages behind it.
 *
 * @throws SidecarError SIDECAR_LIMIT for more than {@link SUB_MESSAGES_MAX}
 */
export const encodeSubMessages = (messages: readonly SubMessage[]): Uint8Array => {
  if (messages.length > SUB_MESSAGES_MAX) {
    throw new SidecarError('SIDECAR_LIMIT', 'too many sub-messages', { count: messages.length })
  }
  const out = new ByteWriter()
  out.u16(messages.length)
  let offset = 2 + 4 * messages.length
  for (const { body } of messages) {
    out.u32(offset)
    offset += SUB_HEADER_SIZE + body.length
  }
  for (const { type, body } of messages) {
    out.u16(type)
    out.u32(body.length)
    out.bytes(body)
  }
  return out.finish()
}
