import { randomBytes } from 'node:crypto'
import { closeSync, openSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs'
import { readTicketFile, reasonOf, type Environment } from '../config/index.js'
import type { CliIo, HttpAnswer } from './io.js'

const DEADLINE_MS = 3000
const MAX_ANSWER = 512

/** The command line's view of the real world. */
export const systemIo = (env: Environment): CliIo => ({
  env,
  stdout: (text) => print(1, text),
  stderr: (text) => print(2, text),
  readFile: (path) => readFileSync(path, 'utf8'),
  writeSecretFile,
  readTicket: readTicketFile,
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

/** One GET without keep-alive; an `import` of node:http costs too much memory, see `metrics/endpoint.ts`. */
const get = (host: string, port: number, path: string): Promise<HttpAnswer> =>
  new Promise((resolve, reject) => {
    const { request } = process.getBuiltinModule('node:http')
    const signal = AbortSignal.timeout(DEADLINE_MS)
    request({ host, port, path, agent: false, signal }, (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (text: string) => {
        body = (body + text).slice(0, MAX_ANSWER)
      })
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, body })
      })
      response.on('error', reject)
    })
      .on('error', reject)
      .end()
  })
