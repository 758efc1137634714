import { asSidecarError } from '../core/errors.js'
import type { CallSlotsDeps } from '../host/index.js'
import type { SaslProvider } from '../server/index.js'

/** Loads the SASL library; `undefined`, and a line in the log, when this machine has none that works. */
export const loadSasl = async (deps: CallSlotsDeps): Promise<SaslProvider | undefined> => {
  try {
    // Only here: nobody else pays for the library.
    const { CallSlots } = await import('../host/call-slots.js')
    const { SaslLibrary } = await import('../host/sasl.js')
    const library = SaslLibrary.open()
    const slots = new CallSlots(deps)
    return { exchange: (externalStrength) => library.exchange(externalStrength, slots) }
  } catch (error) {
    deps.logger.error('SASL is not offered: clients need the ticket', { err: asSidecarError(error) })
    return undefined
  }
}
