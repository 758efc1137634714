/** Channel types that a stock client knows, by the names of QEMU's `tls-channel` option (`protocol-session.md` 0). */
export const CHANNEL_TYPES = {
  main: 1,
  display: 2,
  inputs: 3,
  cursor: 4,
  playback: 5,
  record: 6,
  smartcard: 8,
  usbredir: 9,
  port: 10,
  webdav: 11,
} as const

export type ChannelName = keyof typeof CHANNEL_TYPES

/** Number of a channel type as it stands in a link message: 0 to 255, known or not. */
export type ChannelType = number

const NAMES: ReadonlyMap<number, ChannelName> = new Map(
  Object.entries(CHANNEL_TYPES).map(([name, type]) => [type, name as ChannelName]),
)

/** Name of a channel type; `undefined` for one that does not exist. */
export const channelName = (type: ChannelType): ChannelName | undefined => NAMES.get(type)
