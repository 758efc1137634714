import { closeSync, constants, existsSync, fstatSync, openSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { SidecarError } from '../core/errors.js'

/** Where certificate, key and authorities are. */
export interface TlsFiles {
  readonly cert: string
  readonly key: string
  /** The authority that clients know; told in viewer files. */
  readonly ca: string | undefined
  /** Authorities of client certificates; with them every client needs one. */
  readonly clientCa: string | undefined
}

/** The settings that name them. */
export interface TlsFileSettings {
  readonly dir: string | undefined
  readonly key: string | undefined
  readonly cert: string | undefined
  readonly ca: string | undefined
  readonly clientCa: string | undefined
}

/** Names in QEMU's x509-dir, and in a mounted Secret of type kubernetes.io/tls (`kubevirt-and-ecosystem.md` 17). */
const LAYOUTS = [
  { cert: 'server-cert.pem', key: 'server-key.pem', ca: 'ca-cert.pem' },
  { cert: 'tls.crt', key: 'tls.key', ca: 'ca.crt' },
] as const

/** Larger files are no keys or certificates. */
const MAX_FILE_BYTES = 256 * 1024
/** Others may do nothing with a key, and its group no more than read it, as with Kubernetes' fsGroup. */
const FORBIDDEN_MODE = 0o037

const tlsError = (text: string, cause?: unknown): SidecarError =>
  new SidecarError('SIDECAR_CONFIG', text, {}, cause)

/**
 * The files that the settings mean.
 *
 * @throws SidecarError SIDECAR_CONFIG when certificate or key are not named
 */
export const tlsFiles = ({ dir, key, cert, ca, clientCa }: TlsFileSettings): TlsFiles => {
  const layout = dir === undefined ? undefined : layoutOf(dir)
  const inDir = (name: string | undefined): string | undefined =>
    dir === undefined || name === undefined ? undefined : join(dir, name)
  const caInDir = inDir(layout?.ca)
  const files = {
    cert: cert ?? inDir(layout?.cert),
    key: key ?? inDir(layout?.key),
    ca: ca ?? (caInDir !== undefined && existsSync(caInDir) ? caInDir : undefined),
    clientCa,
  }
  if (files.cert === undefined || files.key === undefined) {
    throw tlsError(
      dir === undefined
        ? 'TLS needs a certificate and a key: set x509-dir, or x509-cert-file and x509-key-file'
        : `x509-dir ${dir} has neither server-cert.pem nor tls.crt; spice-sidecar make-certs makes a set`,
    )
  }
  return { ...files, cert: files.cert, key: files.key }
}

const layoutOf = (dir: string): (typeof LAYOUTS)[number] | undefined =>
  LAYOUTS.find(({ cert, key }) => existsSync(join(dir, cert)) || existsSync(join(dir, key)))

/**
 * The bytes of one file.
 *
 * @throws SidecarError SIDECAR_CONFIG when it cannot be read, is no regular file or too large, or a private file is
 * open to others
 */
export const readTlsFile = (path: string, isPrivate: boolean): Buffer => {
  let fd: number
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
  } catch (error) {
    throw tlsError(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`, error)
  }
  try {
    const { mode, size, ...stat } = { ...statOf(fd) }
    if (!stat.isFile || size > MAX_FILE_BYTES) {
      throw tlsError(`${path} is not a regular file of at most ${MAX_FILE_BYTES} bytes`)
    }
    if (isPrivate && (mode & FORBIDDEN_MODE) !== 0) {
      const octal = (mode & 0o777).toString(8).padStart(3, '0')
      throw tlsError(`the key ${path} is open to others (mode ${octal}): use mode 600, 400 or 440`)
    }
    const bytes = Buffer.alloc(size)
    return bytes.subarray(0, readSync(fd, bytes, 0, size, 0))
  } finally {
    closeSync(fd)
  }
}

const statOf = (fd: number): { readonly isFile: boolean; readonly mode: number; readonly size: number } => {
  const stat = fstatSync(fd)
  return { isFile: stat.isFile(), mode: stat.mode, size: stat.size }
}

/** Changes whenever one of the files does, also by a swapped link above it. */
export const versionOf = (files: TlsFiles): string =>
  [files.cert, files.key, files.ca, files.clientCa]
    .map((path) => {
      const stat = path === undefined ? undefined : statSync(path, { throwIfNoEntry: false })
      return stat === undefined ? '-' : `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeMs}:${stat.ctimeMs}`
    })
    .join()
