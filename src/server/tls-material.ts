import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto'
import type { SecureContextOptions } from 'node:tls'
import { SidecarError } from '../core/errors.js'
import { readTlsFile, type TlsFiles } from './tls-files.js'

/** A checked key pair with all that a TLS server needs. */
export interface TlsMaterial {
  readonly options: SecureContextOptions
  /** PEM of the private key, to be wiped after use. */
  readonly key: Buffer
  /** The server's own certificate. */
  readonly leaf: X509Certificate
  /** PEM of the authorities that clients are told, if any. */
  readonly ca: string | undefined
  /** End of the earliest certificate, seconds since 1970. */
  readonly expires: number
}

/** TLS 1.2 with ephemeral keys and authenticated ciphers alone (threat model section 8). */
const TLS12_CIPHERS = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
]
const TLS13_CIPHERS = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256']

const MIN_RSA_BITS = 2048
const CURVES = ['prime256v1', 'secp384r1', 'secp521r1']
const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g
/** A longer chain is a bundle of authorities in the wrong place. */
const MAX_CHAIN = 8
const MAX_AUTHORITIES = 512

const refuse = (text: string, cause?: unknown): SidecarError =>
  new SidecarError('SIDECAR_CONFIG', text, {}, cause)

/**
 * Reads and checks a key pair, its chain and its authorities.
 *
 * @throws SidecarError SIDECAR_CONFIG when a file cannot be used, the key is weak, or the parts do not belong together
 */
export const loadTlsMaterial = (files: TlsFiles, ciphers: string | undefined): TlsMaterial => {
  const chain = readCertificates(files.cert, MAX_CHAIN)
  const leaf = chain[0]
  if (leaf === undefined) {
    throw refuse(`${files.cert} holds no certificate`)
  }
  const keyBytes = readTlsFile(files.key, true)
  const key = parseKey(keyBytes, files.key)
  checkStrength(key, files.key)
  if (!leaf.checkPrivateKey(key)) {
    throw refuse(`the key ${files.key} does not belong to the certificate ${files.cert}`)
  }
  checkChain(chain, files.cert)
  const authorities = files.ca === undefined ? [] : readCertificates(files.ca, MAX_AUTHORITIES)
  checkIssuer(chain, authorities, files)
  const clientCa =
    files.clientCa === undefined ? undefined : pemOf(readCertificates(files.clientCa, MAX_AUTHORITIES))
  if (clientCa === '') {
    throw refuse(`tls-client-ca ${files.clientCa ?? ''} holds no certificate`)
  }
  return {
    options: {
      cert: pemOf(chain),
      minVersion: 'TLSv1.2',
      ciphers: cipherList(ciphers),
      honorCipherOrder: true,
      ...(clientCa === undefined ? {} : { ca: clientCa }),
    },
    key: keyBytes,
    leaf,
    ca: authorities.length === 0 ? undefined : pemOf(authorities),
    expires: Math.min(...chain.map(({ validTo }) => Date.parse(validTo) / 1000)),
  }
}

/** `tls-ciphers` is about TLS 1.2; those of 1.3 stay unless it names some. */
const cipherList = (own: string | undefined): string => {
  if (own === undefined) {
    return [...TLS13_CIPHERS, ...TLS12_CIPHERS].join(':')
  }
  return own.split(':').some((name) => name.startsWith('TLS_')) ? own : [...TLS13_CIPHERS, own].join(':')
}

const pemOf = (certificates: readonly X509Certificate[]): string => certificates.map(String).join('')

const readCertificates = (path: string, max: number): X509Certificate[] => {
  const blocks = readTlsFile(path, false).toString('latin1').match(PEM_CERTIFICATE) ?? []
  if (blocks.length > max) {
    throw refuse(`${path} holds ${blocks.length} certificates, but at most ${max} are allowed`)
  }
  try {
    return blocks.map((block) => new X509Certificate(block))
  } catch (error) {
    throw refuse(`${path} holds a certificate that cannot be read`, error)
  }
}

const parseKey = (bytes: Buffer, path: string): KeyObject => {
  try {
    return createPrivateKey(bytes)
  } catch (error) {
    throw refuse(`${path} holds no private key that can be read without a passphrase`, error)
  }
}

const checkStrength = (key: KeyObject, path: string): void => {
  const { modulusLength = 0, namedCurve = '' } = key.asymmetricKeyDetails ?? {}
  const strong = key.asymmetricKeyType === 'rsa' ? modulusLength >= MIN_RSA_BITS : CURVES.includes(namedCurve)
  if (!strong) {
    throw refuse(
      `the key ${path} is neither RSA with ${MIN_RSA_BITS} bits or more nor ECDSA with P-256 or more`,
    )
  }
}

const issued = (certificate: X509Certificate, issuer: X509Certificate): boolean =>
  certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)

const checkChain = (chain: readonly X509Certificate[], path: string): void => {
  for (let i = 1; i < chain.length; i++) {
    const [below, above] = [chain[i - 1], chain[i]]
    if (below !== undefined && above !== undefined && !issued(below, above)) {
      throw refuse(`${path} is no chain: certificate ${i + 1} did not issue certificate ${i}`)
    }
  }
}

const checkIssuer = (
  chain: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
  files: TlsFiles,
): void => {
  const known = chain.some((certificate) =>
    authorities.some((ca) => ca.fingerprint256 === certificate.fingerprint256 || issued(certificate, ca)),
  )
  if (authorities.length > 0 && !known) {
    throw refuse(`${files.cert} was not issued by an authority of ${files.ca ?? ''}`)
  }
}
