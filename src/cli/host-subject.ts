import { X509Certificate } from 'node:crypto'

/**
 * Subject of a PEM certificate as clients compare it (`host-subject`): parts in the order of the certificate, commas
 * between them, commas and backslashes in values escaped (`kubevirt-and-ecosystem.md` 17).
 */
export const hostSubject = (pem: string): string =>
  new X509Certificate(pem).subject
    .split('\n')
    .map((part) => {
      const equals = part.indexOf('=')
      return `${part.slice(0, equals)}=${part.slice(equals + 1).replace(/(?<!\\)([\\,])/g, '\\$1')}`
    })
    .join(',')
