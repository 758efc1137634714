/** Who is at the other end of a connection, as far as the connection itself shows. */
export interface Peer {
  /** Where it comes from, as `sourceOf` names it. */
  readonly source: string
  /** Subject of its certificate, where TLS asked for one. */
  readonly certificate: string | undefined
}

const MAX_NAME = 256

/** A name that somebody else chose, for logs and reports: printable, and not long. */
export const shownName = (name: string): string => {
  const printable = name.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '?')
  return printable.length > MAX_NAME ? `${printable.slice(0, MAX_NAME)}…` : printable
}
