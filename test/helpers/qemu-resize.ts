import type { Socket } from 'node:net'
import { withDeadline } from './temp-deadline.js'
import { connectUnix } from './qemu-qmp.js'

/** What to add to QEMU's arguments so that `resizeFromHost` works: a VNC socket beside the display on trial. */
export function resizeArguments(path: string): string[] {
  return ['-vnc', `unix:${path}`]
}

const SECURITY_NONE = 1
const SET_ENCODINGS = 2
const SET_DESKTOP_SIZE = 251
const EXTENDED_DESKTOP_SIZE = -308

/**
 * Asks the guest for another screen size from QEMU's side, by a third way that is neither the sidecar nor QEMU's SPICE
 * server: the RFB message SetDesktopSize. The guest answers when it has set the mode (event `mode WxH`).
 */
export async function resizeFromHost(path: string, width: number, height: number): Promise<void> {
  const socket = await connectUnix(path)
  try {
    await withDeadline(converse(socket, width, height), 10_000, 'the VNC socket takes a desktop size')
  } finally {
    socket.destroy()
  }
}

async function converse(socket: Socket, width: number, height: number): Promise<void> {
  const read = reader(socket)
  const version = await read(12)
  socket.write(version)
  const kinds = await read((await read(1))[0]!)
  if (!kinds.includes(SECURITY_NONE)) {
    throw new Error('the VNC socket wants a password')
  }
  socket.write(Buffer.from([SECURITY_NONE]))
  if ((await read(4)).readUInt32BE() !== 0) {
    throw new Error('the VNC socket refused')
  }
  socket.write(Buffer.from([1]))
  const init = await read(24)
  await read(init.readUInt32BE(20))

  const encodings = Buffer.alloc(8)
  encodings.writeUInt8(SET_ENCODINGS, 0)
  encodings.writeUInt16BE(1, 2)
  encodings.writeInt32BE(EXTENDED_DESKTOP_SIZE, 4)
  const size = Buffer.alloc(8 + 16)
  size.writeUInt8(SET_DESKTOP_SIZE, 0)
  size.writeUInt16BE(width, 2)
  size.writeUInt16BE(height, 4)
  size.writeUInt8(1, 6)
  size.writeUInt16BE(width, 16)
  size.writeUInt16BE(height, 18)
  socket.write(Buffer.concat([encodings, size]))
  // QEMU reports the outcome in an update; its arrival shows that the message was worked off.
  await read(4)
}

function reader(socket: Socket): (size: number) => Promise<Buffer> {
  let buffer = Buffer.alloc(0)
  let wake: (() => void) | undefined
  socket.on('data', (data: Buffer) => {
    buffer = Buffer.concat([buffer, data])
    wake?.()
  })
  return async (size) => {
    while (buffer.length < size) {
      await new Promise<void>((resolve) => (wake = resolve))
    }
    const taken = buffer.subarray(0, size)
    buffer = buffer.subarray(size)
    return taken
  }
}
