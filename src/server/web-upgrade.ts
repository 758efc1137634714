import type { IncomingHttpHeaders } from 'node:http'

export interface UpgradeRefusal {
  readonly status: number
  readonly text: string
}

/**
 * What stands against an upgrade to WebSocket, beside what its own rules ask: a page of another site, or a client that
 * wants a subprotocol other than `binary` (`protocol-session.md` 1.9). Without Origin it is no browser.
 */
export const judgeUpgrade = ({
  origin,
  host,
  ...headers
}: IncomingHttpHeaders): UpgradeRefusal | undefined => {
  const protocols = headers['sec-websocket-protocol']
  if (protocols !== undefined && !protocols.split(',').some((name) => name.trim() === 'binary')) {
    return { status: 400, text: 'the WebSocket subprotocol has to be binary' }
  }
  if (origin !== undefined && !sameHost(origin, host)) {
    return { status: 403, text: 'pages of other sites may not connect' }
  }
  return undefined
}

/** Default ports fall away by the page's scheme, since TLS may end at a proxy before us. */
const sameHost = (origin: string, host: string | undefined): boolean => {
  if (host === undefined || !URL.canParse(origin)) {
    return false
  }
  const page = new URL(origin)
  const asked = `${page.protocol}//${host}`
  return page.host !== '' && URL.canParse(asked) && new URL(asked).host === page.host
}
