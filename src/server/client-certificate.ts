import type { X509Certificate } from 'node:crypto'

/** Kinds of alternative names that name a person or a machine; addresses and the rest do not count. */
const NAME_KINDS = ['DNS:', 'email:', 'URI:']

/** Node quotes what could be mistaken for the end of a name; such a name is no name here. */
const alternativeNames = (text: string | undefined): readonly string[] =>
  (text ?? '')
    .split(', ')
    .flatMap((entry) =>
      NAME_KINDS.filter((kind) => entry.startsWith(kind)).map((kind) => entry.slice(kind.length)),
    )
    .filter((name) => !name.startsWith('"'))

/** One line for each part of the name, the widest first; what would end a line early is escaped. */
const partsOf = (subject: string | undefined): readonly string[] =>
  subject === undefined || subject === '' ? [] : subject.split('\n')

/** The subject in the order of RFC 4514, as QEMU shows and compares it: `CN=laptop.example.com,O=Example,C=DE`. */
export const subjectOf = ({ subject }: Pick<X509Certificate, 'subject'>): string =>
  [...partsOf(subject)].reverse().join(',')

/**
 * Is the certificate of one of `names`: its whole subject, its one common name, or a DNS, e-mail or URI name of its own.
 * All are compared as they are, letter by letter.
 */
export const isNamed = (
  certificate: Pick<X509Certificate, 'subject' | 'subjectAltName'>,
  names: readonly string[],
): boolean => {
  const common = partsOf(certificate.subject).filter((part) => part.startsWith('CN='))
  const own = [
    subjectOf(certificate),
    ...(common.length === 1 ? common.map((part) => part.slice('CN='.length)) : []),
    ...alternativeNames(certificate.subjectAltName),
  ]
  return own.some((name) => name !== '' && names.includes(name))
}
