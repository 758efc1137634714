import type { ByteReader, ByteWriter } from '../../core/bytes.js'
import { nulTerminated, pointedText } from '../pointed-text.js'
import { struct, text, u16, u32, type Field, type ValueOf } from '../schema.js'

/** Host name and certificate subject, bytes of UTF-8. */
const HOST_MAX = 255
const SUBJECT_MAX = 1024

/** Where a client is to go (`protocol-session.md` 7.2); port 0 and an empty subject mean none. */
const description = struct({
  port: u16,
  tlsPort: u16,
  host: text(u32, 'counted', { max: HOST_MAX }),
  certSubject: text(u32, 'counted', { max: SUBJECT_MAX }),
})

export type MigrateDestination = ValueOf<typeof description>

const FIXED_SIZE = 20

const encodeTexts = (
  value: MigrateDestination,
): { readonly host: Uint8Array; readonly subject: Uint8Array } => ({
  host: nulTerminated(value.host, HOST_MAX),
  subject: value.certSubject === '' ? new Uint8Array(0) : nulTerminated(value.certSubject, SUBJECT_MAX),
})

const sizeOfTexts = (value: MigrateDestination): number => {
  const { host, subject } = encodeTexts(value)
  return host.length + subject.length
}

const write = (value: MigrateDestination, version: number | undefined, out: ByteWriter): void => {
  const { host, subject } = encodeTexts(value)
  const start = version === undefined ? FIXED_SIZE : FIXED_SIZE + 4
  out.u16(value.port)
  out.u16(value.tlsPort)
  out.u32(host.length)
  out.u32(start)
  out.u32(subject.length)
  out.u32(subject.length === 0 ? 0 : start + host.length)
  if (version !== undefined) {
    out.u32(version)
  }
  out.bytes(host)
  out.bytes(subject)
}

const read = (reader: ByteReader, versioned: boolean): MigrateDestination & { readonly version: number } => {
  const port = reader.u16()
  const tlsPort = reader.u16()
  const hostSize = reader.u32()
  const hostAt = reader.u32()
  const subjectSize = reader.u32()
  const subjectAt = reader.u32()
  const version = versioned ? reader.u32() : 0
  const start = reader.offset
  const behind = reader.bytes(reader.left)
  return {
    port,
    tlsPort,
    host: pointedText(behind, start, { at: hostAt, size: hostSize, max: HOST_MAX }),
    certSubject:
      subjectSize === 0
        ? ''
        : pointedText(behind, start, { at: subjectAt, size: subjectSize, max: SUBJECT_MAX }),
    version,
  }
}

const layout =
  'u16 port, u16 tlsPort, u32 size and u32 offset of host, u32 size and u32 offset of certSubject'
const textSize = HOST_MAX + 1 + SUBJECT_MAX + 1

export const migrateDestination: Field<MigrateDestination> = {
  kind: { name: 'custom', layout, value: description.kind },
  minSize: FIXED_SIZE + 1,
  maxSize: FIXED_SIZE + textSize,
  sizeOf: (value) => FIXED_SIZE + sizeOfTexts(value),
  encode: (value, out) => write(value, undefined, out),
  decode: (reader) => {
    const { port, tlsPort, host, certSubject } = read(reader, false)
    return { port, tlsPort, host, certSubject }
  },
}

const seamlessDescription = struct({
  port: u16,
  tlsPort: u16,
  host: text(u32, 'counted', { max: HOST_MAX }),
  certSubject: text(u32, 'counted', { max: SUBJECT_MAX }),
  version: u32,
})

/** As {@link migrateDestination}, with the version of the migration protocol, which is 1. */
export const seamlessDestination: Field<ValueOf<typeof seamlessDescription>> = {
  kind: { name: 'custom', layout: `${layout}, u32 version`, value: seamlessDescription.kind },
  minSize: FIXED_SIZE + 4 + 1,
  maxSize: FIXED_SIZE + 4 + textSize,
  sizeOf: (value) => FIXED_SIZE + 4 + sizeOfTexts(value),
  encode: (value, out) => write(value, value.version, out),
  decode: (reader) => read(reader, true),
}
