import koffi, { type LibraryHandle } from 'koffi'
import { SidecarError } from '../core/errors.js'

const openLibc = (): LibraryHandle => {
  try {
    return koffi.load('libc.so.6')
  } catch (cause) {
    throw new SidecarError('SIDECAR_HOST', 'cannot load libc.so.6, a Linux with glibc is needed', {}, cause)
  }
}

/** The C library. koffi keeps one instance per thread, so each worker that imports this loads it again. */
const libc = openLibc()

/**
 * A function of the C library, by its C declaration. Give `int64_t` where C says `ssize_t` or `off_t`.
 *
 * @throws SidecarError SIDECAR_HOST when the library has no such function
 */
export const libcFunction = (declaration: string): ReturnType<LibraryHandle['func']> => {
  try {
    return libc.func(declaration)
  } catch (cause) {
    throw new SidecarError('SIDECAR_HOST', 'the C library lacks a function', { declaration }, cause)
  }
}

/** Error numbers that callers treat as an outcome rather than as a failure. */
export const { EAGAIN, EINTR, EPIPE, ECONNRESET, EINVAL } = koffi.os.errno as Readonly<
  Record<'EAGAIN' | 'EINTR' | 'EPIPE' | 'ECONNRESET' | 'EINVAL', number>
>

/** Error number of the call just made; any other foreign call in between overwrites it. */
export const lastErrno = (): number => koffi.errno()

const errnoName = (errno: number): string =>
  Object.entries(koffi.os.errno).find(([, value]) => value === errno)?.[0] ?? `errno ${errno}`

/** A SIDECAR_HOST error that names the call and the error number. */
export const callFailed = (call: string, errno: number = lastErrno()): SidecarError =>
  new SidecarError('SIDECAR_HOST', `${call} failed with ${errnoName(errno)}`, {
    call,
    errno: errnoName(errno),
  })

/**
 * Result of a call that gives -1 on failure.
 *
 * @throws SidecarError SIDECAR_HOST
 */
export const checkCall = (call: string, result: number): number => {
  if (result < 0) {
    throw callFailed(call)
  }
  return result
}

/**
 * Runs a function of Node's that may throw an Error with a `code`.
 *
 * @throws SidecarError SIDECAR_HOST
 */
export const nodeCall = <T>(call: string, run: () => T): T => {
  try {
    return run()
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'unknown'
    throw new SidecarError('SIDECAR_HOST', `${call} failed with ${code}`, { call, errno: code }, thrown)
  }
}
