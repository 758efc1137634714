import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { SidecarError } from '../../../src/core/errors.js'
import {
  AgentReassembler,
  decodeDrawCopy,
  decodeLinkMess,
  decodeLinkReply,
  decodeMonitorsConfig,
  decodeSubMessages,
  MESSAGE_GROUPS,
} from '../../../src/protocol/index.js'
import { arbitraryOfMessage } from '../../helpers/arbitraries.js'
import { hold, InputReader, type Oracle } from '../oracle.js'

const MESSAGES = MESSAGE_GROUPS.flatMap(({ channel, direction, messages }) =>
  Object.entries(messages).map(([name, message]) => ({ title: `${channel} ${direction} ${name}`, message })),
)

/** Decoders that are not messages of a channel. */
const OTHERS: readonly ((body: Uint8Array) => unknown)[] = [
  (body) => decodeSubMessages(body, 0),
  decodeDrawCopy,
  (body) => decodeMonitorsConfig(body),
  (body) => decodeLinkMess(body, { maxCapWords: 32 }),
  decodeLinkReply,
  (body) => {
    const agent = new AgentReassembler({ limit: 64 })
    const reader = new InputReader(body)
    while (reader.left > 0) {
      const piece = agent.push(reader.bytes(1 + reader.u8()))
      if (piece.kind === 'error') {
        throw piece.error
      }
      hold(agent.snapshot().kept.length <= 64, 'an agent message is kept up to its limit')
    }
    return agent.snapshot()
  },
]

const SEEDS_EACH = 3

/** The value, or `undefined` when the bytes are refused in the way that they have to be. */
const decodeOrRefuse = <T>(decode: () => T): T | undefined => {
  try {
    return decode()
  } catch (error) {
    if (
      error instanceof SidecarError &&
      (error.code === 'SIDECAR_PROTOCOL' || error.code === 'SIDECAR_LINK')
    ) {
      return undefined
    }
    throw error
  }
}

/** Any bytes are a value of a message, which survives being coded again, or refused with a protocol error. */
export const decodeAnyMessage: Oracle = {
  name: 'decode-any-message',

  seeds: () =>
    MESSAGES.flatMap(({ message }, index) =>
      fc
        .sample(arbitraryOfMessage(message), { seed: index + 1, numRuns: SEEDS_EACH })
        .map((value) => Uint8Array.of(index, ...message.encode(value))),
    ),

  run: (input) => {
    const which = (input[0] ?? 0) % (MESSAGES.length + OTHERS.length)
    const body = input.subarray(1)
    const chosen = MESSAGES[which]
    if (chosen === undefined) {
      const other = OTHERS[which - MESSAGES.length]!
      return decodeOrRefuse(() => other(body)) !== undefined
    }
    const { title, message } = chosen
    const value = decodeOrRefuse(() => message.decode(body))
    if (value === undefined) {
      return false
    }
    hold(body.length >= message.minSize, `${title} is not decoded from less than its smallest size`)
    const again = message.encode(value)
    hold(again.length <= message.maxSize, `${title} is not coded in more than its largest size`)
    hold(isDeepStrictEqual(message.decode(again), value), `${title} is the same after being coded again`)
    return true
  },
}
