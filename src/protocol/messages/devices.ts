import type { ByteReader, ByteWriter } from '../../core/bytes.js'
import { nulTerminated, pointedText } from '../pointed-text.js'
import {
  bytes,
  choice,
  enumOf,
  message,
  messageOf,
  rest,
  struct,
  text,
  u32,
  u8,
  type Field,
  type ValueOf,
} from '../schema.js'

/** Bytes of one message of a character device: a bulk packet of 1 MiB and its header (N-USB-01). */
export const DEVICE_DATA_MAX = 1024 * 1024 + 256

/** What is done to the bytes of a COMPRESSED_DATA (`protocol-session.md` 6.1). */
export const DATA_COMPRESSION = { none: 0, lz4: 1 } as const

export const PORT_EVENT = { opened: 0, closed: 1, break: 2 } as const

/** Name of a port, bytes of UTF-8. */
export const PORT_NAME_MAX = 255

/** Types of a smart card message (`protocol-session.md` 6.7). */
export const SMARTCARD_TYPE = {
  init: 1,
  error: 2,
  readerAdd: 3,
  readerRemove: 4,
  atr: 5,
  cardRemove: 6,
  apdu: 7,
  flush: 8,
  flushComplete: 9,
} as const

/** Reader of a smart card message that has none. */
export const SMARTCARD_NO_READER = 0xffff_ffff

/** Data of one smart card message, bytes (`protocol-session.md` section 9, row 26). */
export const SMARTCARD_DATA_MAX = 64 * 1024

const deviceData = rest({ max: DEVICE_DATA_MAX })

/** The size before compression is there with every type but `none`. */
const compressedData = choice(
  'type',
  u8,
  { plain: { data: deviceData }, packed: { uncompressedSize: u32, data: deviceData } },
  { plain: [DATA_COMPRESSION.none], packed: [DATA_COMPRESSION.lz4] },
  (type) => (type === DATA_COMPRESSION.none ? 'plain' : 'packed'),
)

/** A byte stream, either direction: usbredir, port and webdav (`protocol-session.md` 6.1). */
const stream = {
  data: message(101, { data: deviceData }),
  compressedData: messageOf(102, compressedData),
} as const

export const usbredirServer = stream
export const usbredirClient = stream

const portDescription = struct({ name: text(u32, 'counted', { max: PORT_NAME_MAX }), opened: u8 })
const PORT_INIT_FIXED_SIZE = 9

/** The name stands behind the fixed part, which points to it. */
const portInit: Field<ValueOf<typeof portDescription>> = {
  kind: {
    name: 'custom',
    layout: 'u32 size and u32 offset of name, u8 opened',
    value: portDescription.kind,
  },
  minSize: PORT_INIT_FIXED_SIZE + 1,
  maxSize: PORT_INIT_FIXED_SIZE + PORT_NAME_MAX + 1,
  sizeOf: ({ name }) => PORT_INIT_FIXED_SIZE + nulTerminated(name, PORT_NAME_MAX).length,
  encode: ({ name, opened }, out: ByteWriter) => {
    const encoded = nulTerminated(name, PORT_NAME_MAX)
    out.u32(encoded.length)
    out.u32(PORT_INIT_FIXED_SIZE)
    out.u8(opened)
    out.bytes(encoded)
  },
  decode: (reader: ByteReader) => {
    const size = reader.u32()
    const at = reader.u32()
    const opened = reader.u8()
    const behind = reader.bytes(reader.left)
    return { name: pointedText(behind, PORT_INIT_FIXED_SIZE, { at, size, max: PORT_NAME_MAX }), opened }
  },
}

const portEvent = message(202, { event: enumOf(u8, PORT_EVENT) })

/** Messages of a port or webdav channel from the server; `init` comes first. */
export const portServer = { ...stream, init: messageOf(201, portInit), event: portEvent } as const

/** Messages of a port or webdav channel from the client. */
export const portClient = { ...stream, event: { ...portEvent, id: 201 } } as const

export const webdavServer = portServer
export const webdavClient = portClient

/** `spice.proto` has several names for this number, one for each type of its content. */
const smartcardData = message(101, {
  type: enumOf(u32, SMARTCARD_TYPE),
  readerId: u32,
  data: bytes(u32, { max: SMARTCARD_DATA_MAX }),
})

/** Messages of the smart card channel, either direction (`protocol-session.md` 6.7). */
export const smartcardServer = { data: smartcardData } as const
export const smartcardClient = { data: smartcardData } as const
