import type { ServerResponse } from 'node:http'

/** Pages are our own files; scripts and sockets come from the same place. Old pages have scripts and styles in them. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  "script-src 'self' 'unsafe-inline'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "media-src 'self' blob:",
  "connect-src 'self'",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'self'",
].join('; ')

/** Headers of every answer. */
export const commonHeaders = (type: string, length: number): Record<string, string | number> => ({
  'content-type': type,
  'content-length': length,
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'cache-control': 'no-cache',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  connection: 'close',
})

/** One line of text. */
export const answerPlain = (
  response: ServerResponse,
  status: number,
  text: string,
  headers: Record<string, string> = {},
): void => {
  const bytes = Buffer.from(`${text}\n`)
  response.writeHead(status, { ...commonHeaders('text/plain; charset=utf-8', bytes.length), ...headers })
  response.end(bytes)
}
