import { asSidecarError } from '../core/errors.js'
import type { Logger } from '../core/logger.js'
import type { SaslProvider } from '../server/index.js'

/** Loads the SASL library; `undefined`, and a line in the log, when this machine has none that works. */
export const loadSasl = async (logger: Logger): Promise<SaslProvider | undefined> => {
  try {
    // Only here: nobody else pays for the library.
    const { SaslLibrary } = await import('../host/sasl.js')
    return SaslLibrary.open()
  } catch (error) {
    logger.error('SASL is not offered: clients need the ticket', { err: asSidecarError(error) })
    return undefined
  }
}
