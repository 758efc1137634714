import type { GuestHeads } from '../channels/index.js'
import { CHANNEL_TYPES, inputsClient, mainClient } from '../protocol/index.js'
import type { GuestParts } from './guest.js'

const CHANGING: ReadonlyMap<number, ReadonlySet<number>> = new Map([
  [CHANNEL_TYPES.inputs, new Set(Object.values(inputsClient).map(({ id }) => id))],
  [
    CHANNEL_TYPES.main,
    new Set(
      [mainClient.mouseModeRequest, mainClient.agentStart, mainClient.agentData, mainClient.agentToken].map(
        ({ id }) => id,
      ),
    ),
  ],
])

/** Would a message of this type on a channel of that type change anything for the guest or for other clients. */
export const changesGuest = (channelType: number, messageType: number): boolean =>
  CHANGING.get(channelType)?.has(messageType) === true

/** The guest for a session that only watches: there is no agent to send layouts to. */
export const viewOnlyGuest = (guest: GuestParts): GuestParts => {
  const heads: GuestHeads = {
    resizable: false,
    limits: guest.main.heads.limits,
    consoles: [],
    setHeads: () => undefined,
    limitHit: () => undefined,
    refused: () => undefined,
    observe: () => () => undefined,
  }
  return { ...guest, main: { ...guest.main, heads } }
}
