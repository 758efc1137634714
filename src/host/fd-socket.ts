import koffi from 'koffi'
import { SidecarError } from '../core/errors.js'
import { MSG_DONTWAIT, MSG_NOSIGNAL, MessageHeader, MAX_FDS_PER_MESSAGE } from './message-header.js'
import { OwnedFd } from './owned-fd.js'
import {
  callFailed,
  checkCall,
  EAGAIN,
  ECONNRESET,
  EINTR,
  EPIPE,
  lastErrno,
  libcFunction,
} from './system-call.js'

const socketpair: (domain: number, type: number, protocol: number, pair: Int32Array) => number = libcFunction(
  'int socketpair(int domain, int type, int protocol, void *pair)',
)
const sendmsg: (fd: number, header: Uint8Array, flags: number) => number = libcFunction(
  'int64_t sendmsg(int fd, void *header, int flags)',
)
const getsockopt: (fd: number, level: number, name: number, value: Int32Array, size: Int32Array) => number =
  libcFunction('int getsockopt(int fd, int level, int name, void *value, void *size)')

const AF_UNIX = 1
const SOCK_STREAM = 1
const SOCK_CLOEXEC = 0x80000
const SOL_SOCKET = 1
const SO_PEERCRED = 17

/**
 * Two connected stream sockets, closed on exec.
 *
 * @throws SidecarError SIDECAR_HOST
 */
export const socketPair = (): [OwnedFd, OwnedFd] => {
  const pair = new Int32Array(2)
  checkCall('socketpair', socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
  return [new OwnedFd(pair[0] ?? -1), new OwnedFd(pair[1] ?? -1)]
}

const outgoing = new MessageHeader(MAX_FDS_PER_MESSAGE)

/**
 * Sends bytes with descriptors attached to the first of them; never waits, never raises SIGPIPE. The caller keeps
 * its copies of the descriptors. After a short count the rest is sent without them.
 *
 * @returns how many bytes were taken
 * @throws SidecarError SIDECAR_PEER_GONE when the other end is closed, else SIDECAR_HOST
 */
export const sendWithFds = (fd: number, bytes: Uint8Array, fds: readonly number[]): number | 'wouldBlock' => {
  if (bytes.length === 0 || fds.length > MAX_FDS_PER_MESSAGE) {
    throw new SidecarError('SIDECAR_BUG', 'descriptors need at least one byte and fit one message', {
      bytes: bytes.length,
      fds: fds.length,
    })
  }
  outgoing.setFds(fds)
  outgoing.setBytes(koffi.address(bytes), bytes.length)
  for (;;) {
    const sent = sendmsg(fd, outgoing.bytes, MSG_NOSIGNAL | MSG_DONTWAIT)
    if (sent >= 0) {
      return sent
    }
    const errno = lastErrno()
    if (errno === EAGAIN) {
      return 'wouldBlock'
    }
    if (errno === EPIPE || errno === ECONNRESET) {
      throw new SidecarError('SIDECAR_PEER_GONE', 'the other end of a socket is closed', { call: 'sendmsg' })
    }
    if (errno !== EINTR) {
      throw callFailed('sendmsg', errno)
    }
  }
}

export interface PeerCredentials {
  readonly pid: number
  readonly uid: number
  readonly gid: number
}

/**
 * Who was at the other end of a unix socket when it was connected or began to listen, as the kernel knows it
 * (threat model R10).
 *
 * @throws SidecarError SIDECAR_HOST
 */
export const peerCredentials = (fd: number): PeerCredentials => {
  const value = new Int32Array(3)
  checkCall('getsockopt SO_PEERCRED', getsockopt(fd, SOL_SOCKET, SO_PEERCRED, value, Int32Array.of(12)))
  // uid_t and gid_t are unsigned.
  const [pid = 0, uid = -1, gid = -1] = value
  return { pid, uid: uid >>> 0, gid: gid >>> 0 }
}
