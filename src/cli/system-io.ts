import { randomBytes } from 'node:crypto'
import { closeSync, openSync, readFileSync, readSync, renameSync, unlinkSync, writeFileSync } from 'node:fs'
import type { RequestOptions } from 'node:http'
import { configError, readTicketFile, reasonOf, ticketOf, type Environment } from '../config/index.js'
import type { CliIo, HttpAnswer } from './io.js'

const DEADLINE_MS = 3000
const MAX_ANSWER = 512
/** As much of standard input as of a ticket file. */
const MAX_INPUT = 256
/** The list of as many clients as there can be, with all their channels. */
const MAX_ADMIN_ANSWER = 1024 * 1024

/** The command line's view of the real world. */
export const systemIo = (env: Environment): CliIo => ({
  env,
  stdout: (text) => print(1, text),
  stderr: (text) => print(2, text),
  readFile: (path) => readFileSync(path, 'utf8'),
  writeSecretFile,
  readTicket: readTicketFile,
  readTicketInput: () => ticketOf(readInput(), 'standard input'),
  askAdmin,
  get,
})

/** Writes all of it at once, since the process ends right after; a reader that is gone is no error. */
const print = (fd: number, text: string): void => {
  try {
    writeFileSync(fd, text)
  } catch (error) {
    if (reasonOf(error) !== 'EPIPE') {
      throw error
    }
  }
}

/**
 * Puts a new file in place of what is there, so that nobody else can read the text at any moment: not through a mode,
 * a link or a descriptor of an older file.
 */
const writeSecretFile = (path: string, text: string): void => {
  const fresh = `${path}.${randomBytes(6).toString('hex')}`
  const fd = openSync(fresh, 'wx', 0o600)
  try {
    writeFileSync(fd, text)
    renameSync(fresh, path)
  } catch (error) {
    unlinkSync(fresh)
    throw error
  } finally {
    closeSync(fd)
  }
}

/** Standard input up to its first line end. */
const readInput = (): Uint8Array => {
  const bytes = Buffer.alloc(MAX_INPUT)
  let size = 0
  try {
    while (size < MAX_INPUT && !bytes.subarray(0, size).includes('\n')) {
      const read = readSync(0, bytes, size, MAX_INPUT - size, null)
      if (read === 0) {
        break
      }
      size += read
    }
  } catch (error) {
    throw configError(`standard input cannot be read: ${reasonOf(error)}`)
  }
  return bytes.subarray(0, size)
}

/** One request over a unix socket; see {@link get} for `node:http`. */
const askAdmin = (
  socketPath: string,
  method: string,
  path: string,
  body: string | undefined,
): Promise<HttpAnswer> => {
  const bytes = Buffer.from(body ?? '')
  return ask(
    { socketPath, method, path, headers: { 'content-length': bytes.length } },
    bytes,
    MAX_ADMIN_ANSWER,
  )
}

/** One GET without keep-alive; an `import` of node:http costs too much memory, see `metrics/endpoint.ts`. */
const get = (host: string, port: number, path: string): Promise<HttpAnswer> =>
  ask({ host, port, path }, Buffer.alloc(0), MAX_ANSWER)

const ask = (options: RequestOptions, sent: Uint8Array, most: number): Promise<HttpAnswer> =>
  new Promise((resolve, reject) => {
    const { request } = process.getBuiltinModule('node:http')
    const signal = AbortSignal.timeout(DEADLINE_MS)
    request({ ...options, agent: false, signal }, (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (text: string) => {
        body = (body + text).slice(0, most)
      })
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, body })
      })
      response.on('error', reject)
    })
      .on('error', reject)
      .end(sent)
  })
