import { readFileSync } from 'node:fs'
import { createLogger } from './app/logger.js'
import { Sidecar } from './app/sidecar.js'
import { systemClock } from './app/system-clock.js'
import { EXIT, runCli, systemIo } from './cli/index.js'
import { SECRET_WORDS, type RunConfig } from './config/index.js'
import { asSidecarError, SidecarError } from './core/errors.js'
import { hardenProcess } from './host/index.js'

/** Time that an orderly end may take before the process ends all the same. */
const SHUTDOWN_MS = 3000

const version = (): string => {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  const parsed: unknown = JSON.parse(text)
  return typeof parsed === 'object' && parsed !== null && 'version' in parsed
    ? String(parsed.version)
    : 'unknown'
}

/** Threads of Node's pool, for files, keys and names, without those that SASL may hold for long. */
const POOL_THREADS = 4

/** Has to come before the pool's first use. */
const makeThreads = ({ sasl, limits }: RunConfig): void => {
  if (sasl) {
    process.env['UV_THREADPOOL_SIZE'] = String(POOL_THREADS + limits['sasl-calls'] + limits['sasl-lost'])
  }
}

/** Serves until a signal or a bug of ours ends it; the exit code. */
const run = async (config: RunConfig): Promise<number> => {
  const logger = createLogger(config.logLevel, SECRET_WORDS)
  let finish: (code: number) => void = () => undefined
  const finished = new Promise<number>((resolve) => {
    finish = resolve
  })
  const bug = (thrown: unknown): void => {
    logger.error('Internal error; ending', {
      err: new SidecarError('SIDECAR_BUG', 'unhandled error', {}, thrown),
    })
    finish(EXIT.bug)
  }
  process.on('uncaughtException', bug)
  process.on('unhandledRejection', bug)
  /* Without a handler of ours this signal opens Node's debugger. */
  process.on('SIGUSR1', () => logger.info('The debugger is not available'))
  hardenProcess()
  makeThreads(config)

  const sidecar = new Sidecar(config, { clock: systemClock, logger, version: version() })
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      logger.info('Stopping', { signal })
      finish(EXIT.ok)
    })
  }
  process.on('SIGHUP', () => {
    sidecar.loadKeyPair()
    try {
      sidecar.loadTicket()
      logger.info('Ticket loaded again')
    } catch (error) {
      logger.error('Ticket not loaded; the old one stays', { err: error })
    }
  })
  try {
    await sidecar.start()
  } catch (error) {
    await sidecar.close()
    throw error
  }
  const code = await finished
  const late = new Promise<void>((resolve) => {
    systemClock.after(SHUTDOWN_MS, () => {
      logger.warn('Shutdown took too long; ending all the same')
      resolve()
    })
  })
  await Promise.race([sidecar.close(), late])
  return code
}

try {
  process.exit(await runCli(process.argv.slice(2), systemIo(process.env), { run }, version()))
} catch (error) {
  const { code, message } = asSidecarError(error)
  process.stderr.write(`spice-sidecar: ${code}: ${message}\n`)
  process.exit(EXIT.bug)
}
