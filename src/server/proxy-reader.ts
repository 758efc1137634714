import type { Socket } from 'node:net'
import type { Clock } from '../core/clock.js'
import { PROXY_START_SIZE, proxySource, readProxyStart } from './proxy-protocol.js'

/** `address` is undefined when the proxy speaks for itself. */
export type ProxyResult =
  | { readonly kind: 'source'; readonly address: string | undefined }
  | { readonly kind: 'bad'; readonly problem: string }

/**
 * Reads the header that a proxy sends first and nothing after it: what follows stays in the socket, which is paused
 * again when `done` is called. `done` is called once.
 */
export const readProxyHeader = (
  socket: Socket,
  clock: Clock,
  deadlineMs: number,
  done: (result: ProxyResult) => void,
): void => {
  let start: Extract<ReturnType<typeof readProxyStart>, { kind: 'header' }> | undefined

  const finish = (result: ProxyResult): void => {
    deadline.cancel()
    socket.removeListener('readable', look)
    for (const event of ['end', 'error', 'close']) {
      socket.removeListener(event, gone)
    }
    socket.pause()
    done(result)
  }
  const gone = (): void => finish({ kind: 'bad', problem: 'the proxy went away before its header' })
  const take = (size: number): Buffer | undefined => {
    const bytes: unknown = size === 0 ? Buffer.alloc(0) : socket.read(size)
    /* At its end a stream gives what is left, however little. */
    return Buffer.isBuffer(bytes) && bytes.length === size ? bytes : undefined
  }
  const look = (): void => {
    if (start === undefined) {
      const bytes = take(PROXY_START_SIZE)
      if (bytes === undefined) {
        return
      }
      const read = readProxyStart(bytes)
      if (read.kind === 'bad') {
        finish(read)
        return
      }
      start = read
    }
    const rest = take(start.restSize)
    if (rest !== undefined) {
      finish({ kind: 'source', address: start.local ? undefined : proxySource(start.family, rest) })
    }
  }
  const deadline = clock.after(deadlineMs, () => {
    finish({ kind: 'bad', problem: 'the PROXY header did not come in time' })
  })
  for (const event of ['end', 'error', 'close']) {
    socket.on(event, gone)
  }
  socket.on('readable', look)
}
