import { ByteReader, ByteWriter } from '../core/bytes.js'
import { SidecarError } from '../core/errors.js'
import type { ChannelType } from './channel-type.js'

/** `REDQ`, the first four bytes of either direction (`protocol-session.md` 1.2). */
export const SPICE_MAGIC: Uint8Array = Uint8Array.of(0x52, 0x45, 0x44, 0x51)
export const SPICE_VERSION = { major: 2, minor: 2 } as const

export const LINK_HEADER_SIZE = 16
/** Fixed part of a link message. */
export const LINK_MESS_SIZE = 18
/** Fixed part of a link reply. */
export const LINK_REPLY_SIZE = 178
/** Largest link message that the reference server reads. */
export const LINK_SIZE_MAX = 4096

/** Mechanism word that a client sends when both ends have the capability `authSelection`. */
export const AUTH_SPICE = 1
export const AUTH_SASL = 2
/** RSA-OAEP block that carries a ticket. */
export const TICKET_SIZE = 128
/** DER SubjectPublicKeyInfo of an RSA-1024 key. */
export const PUBLIC_KEY_SIZE = 162

/** Error of a link reply or a link result (`protocol-session.md` 1.3). */
export const LINK_ERROR = {
  ok: 0,
  error: 1,
  invalidMagic: 2,
  invalidData: 3,
  versionMismatch: 4,
  needSecured: 5,
  needUnsecured: 6,
  permissionDenied: 7,
  badConnectionId: 8,
  channelNotAvailable: 9,
} as const

export type LinkErrorCode = (typeof LINK_ERROR)[keyof typeof LINK_ERROR]

export type LinkHeader =
  | { readonly kind: 'ok'; readonly size: number }
  | { readonly kind: 'badMagic' }
  | { readonly kind: 'badVersion'; readonly major: number }
  | { readonly kind: 'badSize'; readonly size: number }

const linkError = (message: string, context: Readonly<Record<string, number>>): SidecarError =>
  new SidecarError('SIDECAR_LINK', message, context)

/** Do the first bytes of a connection, at most four of them, still look like SPICE. */
export const startsWithMagic = (bytes: Uint8Array): boolean => {
  const length = Math.min(bytes.length, SPICE_MAGIC.length)
  for (let i = 0; i < length; i++) {
    if (bytes[i] !== SPICE_MAGIC[i]) {
      return false
    }
  }
  return true
}

/**
 * Judges the 16 bytes in front of a link message or reply, in the order of the reference: magic, major version, size
 * (18 to `maxSize`).
 *
 * @throws SidecarError SIDECAR_LINK for fewer than 16 bytes
 */
export const parseLinkHeader = (bytes: Uint8Array, maxSize: number = LINK_SIZE_MAX): LinkHeader => {
  if (bytes.length < LINK_HEADER_SIZE) {
    throw linkError('link header is cut short', { length: bytes.length })
  }
  if (!startsWithMagic(bytes)) {
    return { kind: 'badMagic' }
  }
  const reader = new ByteReader(bytes, SPICE_MAGIC.length)
  const major = reader.u32()
  if (major !== SPICE_VERSION.major) {
    return { kind: 'badVersion', major }
  }
  reader.u32()
  const size = reader.u32()
  return size < LINK_MESS_SIZE || size > maxSize ? { kind: 'badSize', size } : { kind: 'ok', size }
}

/** What a client says about the channel that it wants. */
export interface LinkMess {
  /** 0 for a new session, else the session id of {@link mainServer}'s INIT. */
  readonly connectionId: number
  readonly channelType: ChannelType
  readonly channelId: number
  /** Capability words. */
  readonly commonCaps: readonly number[]
  readonly channelCaps: readonly number[]
}

interface CapCounts {
  readonly common: number
  readonly channel: number
  readonly offset: number
}

/** Capability words behind a fixed part of `fixedSize` bytes; all sums stay far below 2^53. */
const readCaps = (
  body: Uint8Array,
  fixedSize: number,
  { common, channel, offset }: CapCounts,
  maxWords: number,
): { commonCaps: number[]; channelCaps: number[] } => {
  if (common > maxWords || channel > maxWords) {
    throw linkError('too many capability words', { common, channel, max: maxWords })
  }
  const count = common + channel
  if (count === 0) {
    return { commonCaps: [], channelCaps: [] }
  }
  if (offset < fixedSize || offset + 4 * count > body.length) {
    throw linkError('capability words are outside the message', { offset, count, size: body.length })
  }
  const reader = new ByteReader(body, offset)
  const words = Array.from({ length: count }, () => reader.u32())
  return { commonCaps: words.slice(0, common), channelCaps: words.slice(common) }
}

/**
 * Decodes the link message behind a header; `bytes` are the `size` bytes that the header announced.
 *
 * @throws SidecarError SIDECAR_LINK; the answer is INVALID_DATA
 */
export const decodeLinkMess = (
  bytes: Uint8Array,
  { maxCapWords }: { readonly maxCapWords: number },
): LinkMess => {
  if (bytes.length < LINK_MESS_SIZE) {
    throw linkError('link message is cut short', { length: bytes.length })
  }
  const reader = new ByteReader(bytes)
  const connectionId = reader.u32()
  const channelType = reader.u8()
  const channelId = reader.u8()
  const counts = { common: reader.u32(), channel: reader.u32(), offset: reader.u32() }
  return { connectionId, channelType, channelId, ...readCaps(bytes, LINK_MESS_SIZE, counts, maxCapWords) }
}

const writeHeader = (out: ByteWriter, size: number): void => {
  out.bytes(SPICE_MAGIC)
  out.u32(SPICE_VERSION.major)
  out.u32(SPICE_VERSION.minor)
  out.u32(size)
}

const writeCaps = (out: ByteWriter, commonCaps: readonly number[], channelCaps: readonly number[]): void => {
  for (const word of [...commonCaps, ...channelCaps]) {
    out.u32(word)
  }
}

/** Header and link message, as a client sends them. */
export const encodeLinkMess = (mess: LinkMess): Uint8Array => {
  const { commonCaps, channelCaps } = mess
  const size = LINK_MESS_SIZE + 4 * (commonCaps.length + channelCaps.length)
  const out = new ByteWriter(LINK_HEADER_SIZE + size)
  writeHeader(out, size)
  out.u32(mess.connectionId)
  out.u8(mess.channelType)
  out.u8(mess.channelId)
  out.u32(commonCaps.length)
  out.u32(channelCaps.length)
  out.u32(LINK_MESS_SIZE)
  writeCaps(out, commonCaps, channelCaps)
  return out.finish()
}

export interface LinkReply {
  /** One of {@link LINK_ERROR}. */
  readonly error: number
  /** 162 bytes; left out (all zero on the wire) with an error or with SASL. */
  readonly publicKey?: Uint8Array | undefined
  readonly commonCaps: readonly number[]
  readonly channelCaps: readonly number[]
}

/** Header and link reply. With an error neither key nor capabilities are sent, as the reference does. */
export const encodeLinkReply = (reply: LinkReply): Uint8Array => {
  const ok = reply.error === LINK_ERROR.ok
  const commonCaps = ok ? reply.commonCaps : []
  const channelCaps = ok ? reply.channelCaps : []
  const key = (ok ? reply.publicKey : undefined) ?? new Uint8Array(PUBLIC_KEY_SIZE)
  if (key.length !== PUBLIC_KEY_SIZE) {
    throw new SidecarError('SIDECAR_BUG', 'public key of a link reply has the wrong size', {
      size: key.length,
    })
  }
  const size = LINK_REPLY_SIZE + 4 * (commonCaps.length + channelCaps.length)
  const out = new ByteWriter(LINK_HEADER_SIZE + size)
  writeHeader(out, size)
  out.u32(reply.error)
  out.bytes(key)
  out.u32(commonCaps.length)
  out.u32(channelCaps.length)
  out.u32(ok ? LINK_REPLY_SIZE : 0)
  writeCaps(out, commonCaps, channelCaps)
  return out.finish()
}

/** The error reply to a client that cannot be served. */
export const encodeLinkErrorReply = (error: LinkErrorCode): Uint8Array =>
  encodeLinkReply({ error, commonCaps: [], channelCaps: [] })

/**
 * Decodes the link reply behind a header (for clients); the key is a copy.
 *
 * @throws SidecarError SIDECAR_LINK
 */
export const decodeLinkReply = (
  bytes: Uint8Array,
): Required<LinkReply> & { readonly publicKey: Uint8Array } => {
  if (bytes.length < LINK_REPLY_SIZE) {
    throw linkError('link reply is cut short', { length: bytes.length })
  }
  const reader = new ByteReader(bytes)
  const error = reader.u32()
  const publicKey = reader.bytes(PUBLIC_KEY_SIZE).slice()
  const counts = { common: reader.u32(), channel: reader.u32(), offset: reader.u32() }
  return { error, publicKey, ...readCaps(bytes, LINK_REPLY_SIZE, counts, LINK_SIZE_MAX / 4) }
}

/** The four bytes that end the link stage. */
export const encodeLinkResult = (code: LinkErrorCode): Uint8Array => {
  const out = new ByteWriter(4)
  out.u32(code)
  return out.finish()
}
