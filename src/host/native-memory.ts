import { copyOf, memory } from './sasl-memory.js'
import { libcFunction } from './system-call.js'

const memcpy: (to: bigint, from: Uint8Array, size: number) => bigint = libcFunction(
  'uint64_t memcpy(uint64_t to, const void *from, uint64_t size)',
)

const copyOut: (to: Uint8Array, from: bigint, size: number) => bigint = libcFunction(
  'uint64_t memcpy(void *to, uint64_t from, uint64_t size)',
)

/** Copies `size` bytes at an address to the start of `to`, which has room for them. */
export const copyInto = (to: Uint8Array, from: bigint, size: number): void => {
  copyOut(to, from, size)
}

/** Room for one field. */
const field = new DataView(new ArrayBuffer(8))
const fieldBytes = new Uint8Array(field.buffer)

/** Writes a 32-bit field of a foreign structure. */
export const pokeInt32 = (address: bigint, value: number): void => {
  field.setInt32(0, value, true)
  memcpy(address, fieldBytes, 4)
}

/** Writes a 64-bit field of a foreign structure; `value` is a whole number of at most 2^53. */
export const pokeInt64 = (address: bigint, value: number): void => {
  field.setBigInt64(0, BigInt(value), true)
  memcpy(address, fieldBytes, 8)
}

/** Fields of a foreign structure as they are now. */
export const peek = (address: bigint, size: number): DataView => new DataView(copyOf(address, size).buffer)

/** A place for an address, for functions that take or clear one through a pointer. */
export class AddressCell {
  readonly #memory = memory(8)
  readonly #view = new DataView(this.#memory.bytes.buffer)

  constructor(value = 0n) {
    this.value = value
  }

  /** Where the place is. */
  get address(): bigint {
    return this.#memory.address
  }

  get value(): bigint {
    return this.#view.getBigUint64(0, true)
  }

  set value(value: bigint) {
    this.#view.setBigUint64(0, value, true)
  }
}
