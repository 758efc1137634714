import type { ExecutionContext } from 'ava'
import { MessageFramer, encodeHeader, headerSize, type Message } from '../../../src/protocol/index.js'
import { hex } from './hex.js'

const framed = <T>(message: Message<T>, value: T): Uint8Array => {
  const body = message.encode(value)
  const bytes = new Uint8Array(headerSize(true) + body.length)
  encodeHeader(true, 1, message.id, body.length, bytes, 0)
  bytes.set(body, headerSize(true))
  return bytes
}

/** The bytes of `protocol-session.md` 10, mini header included, and the value they stand for, both ways. */
export const golden = <T>(t: ExecutionContext, message: Message<T>, digits: string, value: T): void => {
  const bytes = hex(digits)
  t.deepEqual(framed(message, value), bytes)
  const framer = new MessageFramer({ mini: true, maxBody: () => bytes.length })
  framer.push(bytes)
  const next = framer.next()
  t.is(next.kind, 'message')
  if (next.kind === 'message') {
    t.is(next.type, message.id)
    t.deepEqual(message.decode(next.body), value)
  }
  t.is(framer.next().kind, 'needMore')
}
