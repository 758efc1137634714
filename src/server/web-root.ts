import { constants, createReadStream, realpathSync, statSync } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { extname, join, sep } from 'node:path'
import { SidecarError } from '../core/errors.js'
import { answerPlain, commonHeaders } from './web-answer.js'

const MAX_FILE_BYTES = 64 * 1024 * 1024
const MAX_PATH = 1024

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.gif': 'image/gif',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.jpg': 'image/jpeg',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.mjs': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.wasm': 'application/wasm',
  '.woff2': 'font/woff2',
}

/** Pages that `/` leads to, the first that is there. */
const START_PAGES = ['index.html', 'spice_auto.html', 'spice.html']

/**
 * The parts of a URL path below the root; `undefined` when it is malformed, or names something hidden or above.
 */
export const pathParts = (url: string): readonly string[] | undefined => {
  const [path = ''] = url.split(/[?#]/, 1)
  if (!path.startsWith('/') || path.length > MAX_PATH) {
    return undefined
  }
  let decoded: string
  try {
    decoded = decodeURIComponent(path)
  } catch {
    return undefined
  }
  const parts = decoded.split('/').filter((part) => part !== '')
  return parts.some((part) => part.startsWith('.') || /[\0\\]/.test(part)) ? undefined : parts
}

/** Files of one directory, for GET and HEAD. */
export class WebRoot {
  readonly #root: string

  /** @throws SidecarError SIDECAR_CONFIG when `directory` is none */
  constructor(directory: string) {
    try {
      this.#root = realpathSync(directory)
    } catch (error) {
      throw new SidecarError('SIDECAR_CONFIG', `web-root ${directory} cannot be read`, {}, error)
    }
    if (!statSync(this.#root).isDirectory()) {
      throw new SidecarError('SIDECAR_CONFIG', `web-root ${directory} is no directory`)
    }
  }

  /** Answers one request; never throws. */
  answer(request: IncomingMessage, response: ServerResponse): void {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      answerPlain(response, 405, 'only GET and HEAD are known here', { allow: 'GET, HEAD' })
      return
    }
    const parts = pathParts(request.url ?? '')
    this.#serve(parts, request.method === 'HEAD', response).catch(() => {
      if (response.headersSent) {
        response.destroy()
      } else {
        answerPlain(response, 404, 'not found')
      }
    })
  }

  async #serve(
    parts: readonly string[] | undefined,
    headOnly: boolean,
    response: ServerResponse,
  ): Promise<void> {
    if (parts === undefined) {
      answerPlain(response, 400, 'malformed path')
      return
    }
    if (parts.length === 0) {
      await this.#redirect(response)
      return
    }
    const file = await this.#open(parts)
    try {
      const status = await file.stat()
      if (!status.isFile() || status.size > MAX_FILE_BYTES) {
        answerPlain(response, 404, 'not found')
        return
      }
      const type = TYPES[extname(parts.at(-1) ?? '').toLowerCase()] ?? 'application/octet-stream'
      response.writeHead(200, commonHeaders(type, status.size))
      if (headOnly || status.size === 0) {
        response.end()
        return
      }
      const { pipeline } = process.getBuiltinModule('node:stream/promises')
      const bytes = createReadStream('', { fd: file, autoClose: false, start: 0, end: status.size - 1 })
      await pipeline(bytes, response)
    } finally {
      await file.close()
    }
  }

  async #redirect(response: ServerResponse): Promise<void> {
    for (const page of START_PAGES) {
      try {
        await (await this.#open([page])).close()
      } catch {
        continue
      }
      answerPlain(response, 302, page, { location: `/${page}` })
      return
    }
    answerPlain(response, 404, 'not found')
  }

  /** Opens a file that lies below the root after all links are followed. */
  async #open(parts: readonly string[]): Promise<FileHandle> {
    const { open, realpath } = process.getBuiltinModule('node:fs/promises')
    const path = await realpath(join(this.#root, ...parts))
    if (!path.startsWith(this.#root === sep ? sep : this.#root + sep)) {
      throw new SidecarError('SIDECAR_LINK', 'path leads out of web-root')
    }
    return open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  }
}
