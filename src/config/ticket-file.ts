import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { SidecarError } from '../core/errors.js'
import { MAX_TICKET_BYTES } from '../core/ticket.js'
import { reasonOf } from './load.js'
import { configError } from './origin.js'

/** The file may go on after its first line; this much of it is looked at. */
const READ_BYTES = 256
/** Others may do nothing with it, and its group no more than read it, as with Kubernetes' fsGroup. */
const FORBIDDEN_MODE = 0o037
const LF = 0x0a
const CR = 0x0d

/**
 * The ticket in a file: its first line without the line end, 1 to {@link MAX_TICKET_BYTES} bytes; `undefined` when
 * that line is empty (locked). The caller may wipe the bytes.
 *
 * @throws SidecarError SIDECAR_CONFIG when it cannot be read, is no regular file, is open to others than its owner
 * and readers of its group, or the ticket is too long or holds a zero byte (which would end it at a client)
 */
export const readTicketFile = (path: string): Uint8Array | undefined => {
  return ticketOf(readStart(path), path)
}

/**
 * The ticket in the first line of `start`.
 *
 * @param where named in errors
 * @throws SidecarError SIDECAR_CONFIG as {@link readTicketFile}
 */
export const ticketOf = (start: Uint8Array, where: string): Uint8Array | undefined => {
  const end = start.indexOf(LF)
  const line = end < 0 ? start : start.subarray(0, end)
  const ticket = line.at(-1) === CR ? line.subarray(0, -1) : line
  if (ticket.length > MAX_TICKET_BYTES) {
    throw configError(`the ticket in ${where} is longer than ${MAX_TICKET_BYTES} bytes`)
  }
  if (ticket.includes(0)) {
    throw configError(`the ticket in ${where} holds a zero byte`)
  }
  return ticket.length === 0 ? undefined : ticket
}

const readStart = (path: string): Uint8Array => {
  let fd: number
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
  } catch (error) {
    throw unreadable(path, error)
  }
  try {
    const stat = fstatSync(fd)
    if (!stat.isFile()) {
      throw configError(`the ticket file ${path} is not a regular file`)
    }
    if ((stat.mode & FORBIDDEN_MODE) !== 0) {
      const mode = (stat.mode & 0o777).toString(8).padStart(3, '0')
      throw configError(`the ticket file ${path} is open to others (mode ${mode}): use mode 600, 400 or 440`)
    }
    const bytes = new Uint8Array(READ_BYTES)
    return bytes.subarray(0, readSync(fd, bytes, 0, READ_BYTES, 0))
  } catch (error) {
    throw error instanceof SidecarError ? error : unreadable(path, error)
  } finally {
    closeSync(fd)
  }
}

const unreadable = (path: string, error: unknown): SidecarError =>
  configError(`the ticket file ${path} cannot be read: ${reasonOf(error)}`)
