import { SidecarError } from '../../../src/core/errors.js'
import { DEFAULT_LIMITS } from '../../../src/core/limits.js'
import { hold, type Oracle } from '../oracle.js'
import { sessionSeeds } from '../session-seeds.js'
import { FuzzedSession } from '../session.js'

/** Operations of one input. */
const MAX_OPERATIONS = 400

/**
 * A client that is linked says and the guest does whatever the input holds. A channel only ever ends with a protocol
 * error of its own, sends only what a client can read, within its acknowledgement window and its surface, and in the
 * end the client has the guest's picture and the guest has no key held.
 */
export const wholeSession: Oracle = {
  name: 'whole-session',

  seeds: sessionSeeds,

  run: (input) => {
    const session = new FuzzedSession(input, DEFAULT_LIMITS)
    for (let operation = 0; operation < MAX_OPERATIONS && session.more; operation++) {
      session.step()
    }
    session.finish()
    hold(
      session.errors.every((error) => error instanceof SidecarError),
      'errors are of the one class',
    )
    return session.errors.length === 0
  },
}
