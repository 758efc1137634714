import { reasonOf, type Config } from '../config/index.js'
import { EXIT, type CliIo } from './io.js'

/** What a server that listens everywhere is asked at. */
const OWN_ADDRESS: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }

/** Asks `/livez` or `/readyz`; 0 when the answer is 200, with one line either way. */
export const askHealth = async (config: Config, path: '/livez' | '/readyz', io: CliIo): Promise<number> => {
  const { metrics } = config
  if (metrics === undefined) {
    io.stderr('spice-sidecar: metrics is off, so there is nobody to ask\n')
    return EXIT.failed
  }
  const host = OWN_ADDRESS[metrics.host] ?? metrics.host
  try {
    const { status, body } = await io.get(host, metrics.port, path)
    const line = (body.split('\n')[0] ?? '').replace(/\p{Cc}/gu, '?').slice(0, 200)
    if (status === 200) {
      io.stdout(`${line === '' ? 'ok' : line}\n`)
      return EXIT.ok
    }
    io.stderr(`spice-sidecar: ${path} answered ${status}: ${line}\n`)
  } catch (error) {
    const code = reasonOf(error)
    const reason = code === 'ABORT_ERR' ? 'no answer in time' : code
    io.stderr(`spice-sidecar: ${path} at ${host} port ${metrics.port} did not answer: ${reason}\n`)
  }
  return EXIT.failed
}
