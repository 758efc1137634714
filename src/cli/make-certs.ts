import { generateKeyPair, randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { pki } from 'node-forge'
import { systemClock } from '../app/system-clock.js'
import { reasonOf } from '../config/index.js'
import { UsageError } from './arguments.js'
import { hostSubject } from './host-subject.js'
import { EXIT, type CliIo } from './io.js'

const KEY_BITS = 3072
const DEFAULT_DAYS = 825
const MAX_DAYS = 7300
const DAY_SECONDS = 86_400
/** Machines whose clocks are a little behind take it, too. */
const BACK_SECONDS = 3600
const MAX_NAMES = 64
const NAME = /^[a-z0-9_*](?:[a-z0-9_.-]{0,251}[a-z0-9_])?$/i

/** Names in QEMU's x509-dir (`kubevirt-and-ecosystem.md` 17), and the key of the authority. */
const FILES = {
  ca: 'ca-cert.pem',
  caKey: 'ca-key.pem',
  cert: 'server-cert.pem',
  key: 'server-key.pem',
} as const

export interface CertificateRequest {
  /** Names and IP addresses of the server, at least one; the first becomes the common name. */
  readonly hosts: readonly string[]
  readonly days: number
  /** Seconds since 1970. */
  readonly now: number
}

/** PEM texts of an authority and of a server certificate that it issued. */
export type CertificateSet = Readonly<Record<keyof typeof FILES, string>>

/**
 * `make-certs`: writes a set that `x509-dir` takes, and never over an existing file.
 *
 * @throws UsageError for a wrong flag
 */
export const makeCerts = async (flags: ReadonlyMap<string, string>, io: CliIo): Promise<number> => {
  const directory = flags.get('output')
  if (directory === undefined || directory === '') {
    throw new UsageError('make-certs needs --output DIR')
  }
  const hosts = hostsOf(flags.get('host'))
  const days = daysOf(flags.get('days'))
  const present = Object.values(FILES).find((name) => existsSync(join(directory, name)))
  if (present !== undefined) {
    io.stderr(`spice-sidecar: ${join(directory, present)} is already there; nothing was written\n`)
    return EXIT.cannotCreate
  }
  const set = await issueCertificates({ hosts, days, now: systemClock.unixSeconds() })
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 })
    for (const part of ['caKey', 'key', 'ca', 'cert'] as const) {
      const mode = part === 'key' || part === 'caKey' ? 0o600 : 0o644
      writeFileSync(join(directory, FILES[part]), set[part], { flag: 'wx', mode })
    }
  } catch (error) {
    io.stderr(`spice-sidecar: ${directory} cannot be written: ${reasonOf(error)}\n`)
    return EXIT.cannotCreate
  }
  io.stdout(`${hostSubject(set.cert)}\n`)
  return EXIT.ok
}

const hostsOf = (text: string | undefined): readonly string[] => {
  const hosts = [...new Set((text ?? process.getBuiltinModule('node:os').hostname()).split(','))]
  const wrong = hosts.find((host) => isIP(host) === 0 && !NAME.test(host))
  if (wrong !== undefined || hosts.length > MAX_NAMES) {
    throw new UsageError(
      wrong === undefined
        ? `--host can be given ${MAX_NAMES} times`
        : `--host ${JSON.stringify(wrong.slice(0, 60))} is no name or IP address`,
    )
  }
  return hosts
}

const daysOf = (text: string | undefined): number => {
  const days = text === undefined ? DEFAULT_DAYS : /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (days < 1 || days > MAX_DAYS) {
    throw new UsageError(`--days has to be a whole number from 1 to ${MAX_DAYS}`)
  }
  return days
}

/** Keys come from OpenSSL, off the event loop; node-forge writes the certificates, for which Node has nothing. */
export const issueCertificates = async ({
  hosts,
  days,
  now,
}: CertificateRequest): Promise<CertificateSet> => {
  const { default: forge } = await import('node-forge')
  const make = promisify(generateKeyPair)
  const options = {
    modulusLength: KEY_BITS,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  } as const
  const [caPair, pair] = await Promise.all([make('rsa', options), make('rsa', options)])
  const begin = (publicKey: string, commonName: string): pki.Certificate => {
    const certificate = forge.pki.createCertificate()
    certificate.publicKey = forge.pki.publicKeyFromPem(publicKey)
    /* Random, and positive for its first byte. */
    certificate.serialNumber = `01${randomBytes(15).toString('hex')}`
    certificate.validity.notBefore = new Date((now - BACK_SECONDS) * 1000)
    certificate.validity.notAfter = new Date((now + days * DAY_SECONDS) * 1000)
    certificate.setSubject([
      { name: 'organizationName', value: 'spice-sidecar' },
      { name: 'commonName', value: commonName },
    ])
    return certificate
  }
  const caKey = forge.pki.privateKeyFromPem(caPair.privateKey)
  const ca = begin(caPair.publicKey, 'spice-sidecar CA')
  ca.setIssuer(ca.subject.attributes)
  ca.setExtensions([
    { name: 'basicConstraints', cA: true, pathLenConstraint: 0, critical: true },
    { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    { name: 'subjectKeyIdentifier' },
  ])
  ca.sign(caKey, forge.md.sha256.create())
  const certificate = begin(pair.publicKey, (hosts[0] ?? 'localhost').slice(0, 64))
  certificate.setIssuer(ca.subject.attributes)
  certificate.setExtensions([
    { name: 'basicConstraints', cA: false, critical: true },
    { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, critical: true },
    { name: 'extKeyUsage', serverAuth: true },
    { name: 'subjectKeyIdentifier' },
    { name: 'authorityKeyIdentifier', keyIdentifier: ca.generateSubjectKeyIdentifier().getBytes() },
    {
      name: 'subjectAltName',
      altNames: hosts.map((host) => (isIP(host) === 0 ? { type: 2, value: host } : { type: 7, ip: host })),
    },
  ])
  certificate.sign(caKey, forge.md.sha256.create())
  return {
    ca: forge.pki.certificateToPem(ca),
    caKey: caPair.privateKey,
    cert: forge.pki.certificateToPem(certificate),
    key: pair.privateKey,
  }
}
