import { ByteReader, ByteWriter } from '../core/bytes.js'
import { SidecarError } from '../core/errors.js'
import { encodeHeader, headerSize, setSubList } from './framer.js'
import { commonServer } from './messages/index.js'
import type { Message } from './schema.js'

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

/** A message as a part of a list. */
export const subMessage = <T>(message: Message<T>, value: T): SubMessage => ({
  type: message.id,
  body: message.encode(value),
})

/** The list at `start` of a body, and the messages behind it. */
const writeList = (messages: readonly SubMessage[], start: number, out: ByteWriter): void => {
  if (messages.length > SUB_MESSAGES_MAX) {
    throw new SidecarError('SIDECAR_LIMIT', 'too many sub-messages', { count: messages.length })
  }
  out.u16(messages.length)
  let offset = start + 2 + 4 * messages.length
  for (const { body } of messages) {
    out.u32(offset)
    offset += SUB_HEADER_SIZE + body.length
  }
  for (const { type, body } of messages) {
    out.u16(type)
    out.u32(body.length)
    out.bytes(body)
  }
}

/**
 * The body of a LIST: the list at its start and the messages behind it.
 *
 * @throws SidecarError SIDECAR_LIMIT for more than {@link SUB_MESSAGES_MAX}
 */
export const encodeSubMessages = (messages: readonly SubMessage[]): Uint8Array => {
  const out = new ByteWriter()
  writeList(messages, 0, out)
  return out.finish()
}

/**
 * Messages ahead of another one as the headers of the connection want it (`protocol-session.md` 2.1): with full headers
 * one message, whose header points to the list behind its body; with mini headers a LIST, and then the message.
 *
 * @param serial serial of the first message
 * @returns the bytes of one message or of two, headers included; as many serials are used up
 * @throws SidecarError SIDECAR_LIMIT for more than {@link SUB_MESSAGES_MAX}
 */
export const frameWithSubMessages = (
  mini: boolean,
  serial: number,
  ahead: readonly SubMessage[],
  { type, body }: SubMessage,
): readonly Uint8Array[] => {
  if (mini) {
    return [
      frame(true, serial, commonServer.list.id, encodeSubMessages(ahead)),
      frame(true, serial + 1, type, body),
    ]
  }
  const out = new ByteWriter()
  out.bytes(body)
  writeList(ahead, body.length, out)
  const bytes = frame(false, serial, type, out.finish())
  setSubList(bytes, body.length)
  return [bytes]
}

const frame = (mini: boolean, serial: number, type: number, body: Uint8Array): Uint8Array => {
  const start = headerSize(mini)
  const bytes = new Uint8Array(start + body.length)
  encodeHeader(mini, serial, type, body.length, bytes, 0)
  bytes.set(body, start)
  return bytes
}
