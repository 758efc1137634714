import type { ChannelOffer, VmFacts } from '../channels/index.js'
import type { DisplayModel } from '../display/index.js'
import { CHANNEL_TYPES } from '../protocol/index.js'

/** What the main channels say about the VM: its name, and a display and a cursor channel for each console. */
export class Vm implements VmFacts {
  name: string | undefined
  uuid: Uint8Array | undefined
  readonly #model: DisplayModel

  constructor(model: DisplayModel) {
    this.#model = model
  }

  /** The first head is on offer always, so that a client can wait for a guest that is not there yet. */
  offers(): readonly ChannelOffer[] {
    const heads = this.#model.consoles.length === 0 ? [0] : this.#model.consoles.map(({ index }) => index)
    return [
      ...heads.map((id) => ({ type: CHANNEL_TYPES.display, id })),
      { type: CHANNEL_TYPES.inputs, id: 0 },
      ...heads.map((id) => ({ type: CHANNEL_TYPES.cursor, id })),
    ]
  }

  observe(changed: () => void): () => void {
    return this.#model.observe({ consolesChanged: changed })
  }
}
