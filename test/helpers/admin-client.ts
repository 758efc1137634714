import { request } from 'node:http'

export interface AdminReply {
  readonly status: number
  readonly allow: string | undefined
  /** Parsed JSON; `undefined` for an empty body. */
  readonly json: unknown
}

/** One request over an admin socket; `body` is sent as it is when it is a text. */
export const askAdmin = (
  socketPath: string,
  method: string,
  path: string,
  body: unknown = '',
): Promise<AdminReply> =>
  new Promise((resolve, reject) => {
    const sent = typeof body === 'string' ? body : JSON.stringify(body)
    const signal = AbortSignal.timeout(10_000)
    const headers = { 'content-length': Buffer.byteLength(sent) }
    request({ socketPath, method, path, headers, agent: false, signal }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => (text += chunk))
      response.on('error', reject)
      response.on('end', () => {
        resolve({
          status: response.statusCode ?? 0,
          allow: response.headers.allow,
          json: text === '' ? undefined : JSON.parse(text),
        })
      })
    })
      .on('error', reject)
      .end(sent)
  })
