import { chmodSync, mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { once } from 'node:events'
import forge from 'node-forge'
import { systemClock } from '../../src/app/system-clock.js'
import { issueCertificates, type CertificateSet } from '../../src/cli/make-certs.js'

let shared: Promise<CertificateSet> | undefined

/** An authority with a certificate for 127.0.0.1 and localhost; a new one each time. */
export const freshCertificates = (days = 1): Promise<CertificateSet> =>
  issueCertificates({ hosts: ['localhost', '127.0.0.1'], days, now: systemClock.unixSeconds() })

/** The same set for all tests of a file, since keys take time. */
export const certificates = (): Promise<CertificateSet> => (shared ??= freshCertificates())

/** Writes a set as QEMU's x509-dir. */
export const writeX509 = (directory: string, set: CertificateSet): string => {
  mkdirSync(directory, { recursive: true })
  writeFileSync(join(directory, 'ca-cert.pem'), set.ca)
  writeFileSync(join(directory, 'server-cert.pem'), set.cert)
  writeFileSync(join(directory, 'server-key.pem'), set.key, { mode: 0o600 })
  return directory
}

/** Writes a set as Kubernetes mounts a Secret: files behind `..data`, a link that is swapped. */
export const mountSecret = (directory: string, version: string, set: CertificateSet): string => {
  const real = join(directory, `..${version}`)
  mkdirSync(real, { recursive: true })
  writeFileSync(join(real, 'ca.crt'), set.ca)
  writeFileSync(join(real, 'tls.crt'), set.cert)
  writeFileSync(join(real, 'tls.key'), set.key)
  chmodSync(join(real, 'tls.key'), 0o440)
  symlinkSync(`..${version}`, join(directory, '..fresh'))
  renameSync(join(directory, '..fresh'), join(directory, '..data'))
  for (const name of ['ca.crt', 'tls.crt', 'tls.key']) {
    try {
      symlinkSync(join('..data', name), join(directory, name))
    } catch {
      continue
    }
  }
  return directory
}

/** A TLS client; rejects when the handshake fails. */
export const openTls = async (options: ConnectionOptions): Promise<TLSSocket> => {
  const socket = connect(options)
  await once(socket, 'secureConnect')
  return socket
}

/** One key for all clients of a file, since keys take time. */
let clientKeys: Promise<CertificateSet> | undefined

export interface ClientNames {
  readonly subject: readonly forge.pki.CertificateField[]
  /** Alternative names. */
  readonly names: readonly object[]
}

/** Certificate and key of a client, issued by the authority of a set. */
export const clientCertificate = async (
  set: CertificateSet,
  { subject, names }: ClientNames = { subject: [{ name: 'commonName', value: 'a client' }], names: [] },
): Promise<{ cert: string; key: string }> => {
  const authority = forge.pki.certificateFromPem(set.ca)
  const { cert, key } = await (clientKeys ??= freshCertificates())
  const client = forge.pki.createCertificate()
  const model = forge.pki.certificateFromPem(cert)
  client.publicKey = model.publicKey
  client.serialNumber = '02'
  client.validity.notBefore = model.validity.notBefore
  client.validity.notAfter = model.validity.notAfter
  client.setSubject([...subject])
  client.setIssuer(authority.subject.attributes)
  client.setExtensions([
    { name: 'extKeyUsage', clientAuth: true },
    ...(names.length === 0 ? [] : [{ name: 'subjectAltName', altNames: [...names] }]),
  ])
  client.sign(forge.pki.privateKeyFromPem(set.caKey), forge.md.sha256.create())
  return { cert: forge.pki.certificateToPem(client), key }
}
