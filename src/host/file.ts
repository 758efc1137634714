import { fstatSync, type BigIntStats } from 'node:fs'
import { SidecarError } from '../core/errors.js'
import { sealsOf } from './memfd.js'
import { callFailed, EINTR, lastErrno, libcFunction, nodeCall } from './system-call.js'

const pread: (fd: number, into: Uint8Array, size: number, offset: number) => number = libcFunction(
  'int64_t pread(int fd, void *into, size_t size, int64_t offset)',
)

export type FileKind = 'file' | 'directory' | 'pipe' | 'socket' | 'char' | 'other'

/** What a descriptor is, asked before anything is done with one that came from a peer (threat model R11). */
export interface FileStatus {
  readonly kind: FileKind
  /** Bytes, at most 2^53 - 1. */
  readonly size: number
  /** F_SEAL_ bits; undefined when this kind of file has no seals. */
  readonly seals: number | undefined
  readonly device: bigint
  readonly inode: bigint
}

const kindOf = (stat: BigIntStats): FileKind => {
  if (stat.isFile()) {
    return 'file'
  }
  if (stat.isDirectory()) {
    return 'directory'
  }
  if (stat.isFIFO()) {
    return 'pipe'
  }
  if (stat.isSocket()) {
    return 'socket'
  }
  return stat.isCharacterDevice() ? 'char' : 'other'
}

/** @throws SidecarError SIDECAR_HOST */
export const fileStatus = (fd: number): FileStatus => {
  const stat = nodeCall('fstat', () => fstatSync(fd, { bigint: true }))
  return {
    kind: kindOf(stat),
    size: Math.min(Number(stat.size), Number.MAX_SAFE_INTEGER),
    seals: sealsOf(fd),
    device: stat.dev,
    inode: stat.ino,
  }
}

/**
 * Reads from `offset` until `into` is full or the file ends, also when `into` is shared memory. A file that was cut
 * meanwhile is a short count, never a SIGBUS (threat model R12).
 *
 * @returns bytes read
 * @throws SidecarError SIDECAR_HOST
 */
export const readAt = (fd: number, into: Uint8Array, offset: number): number => {
  if (!Number.isSafeInteger(offset) || offset < 0) {
    throw new SidecarError('SIDECAR_BUG', 'file offset is out of range', { offset })
  }
  let done = 0
  while (done < into.length) {
    const size = pread(fd, done === 0 ? into : into.subarray(done), into.length - done, offset + done)
    if (size === 0) {
      break
    }
    if (size > 0) {
      done += size
      continue
    }
    const errno = lastErrno()
    if (errno !== EINTR) {
      throw callFailed('pread', errno)
    }
  }
  return done
}
