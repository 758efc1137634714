import koffi from 'koffi'
import { libcFunction } from './system-call.js'

/** Longest text that is read from the library, bytes. */
const MAX_TEXT = 1024

/** A 64-bit number as koffi gives it: small ones are no bigint. */
export type Whole = number | bigint

const memcpy: (to: Uint8Array, from: bigint, size: number) => bigint = libcFunction(
  'uint64_t memcpy(void *to, uint64_t from, uint64_t size)',
)
const strnlen: (text: bigint, max: number) => Whole = libcFunction(
  'uint64_t strnlen(uint64_t text, uint64_t max)',
)

/** Memory at a fixed address, all zero. */
export const memory = (
  size: number,
): { readonly bytes: Uint8Array<ArrayBuffer>; readonly address: bigint } => {
  const bytes = new Uint8Array(new ArrayBuffer(size))
  return { bytes, address: koffi.address(bytes.buffer) }
}

/** Zero-terminated copy. */
export const textMemory = (text: string): { readonly bytes: Uint8Array; readonly address: bigint } => {
  const source = new TextEncoder().encode(text)
  const copy = memory(source.length + 1)
  copy.bytes.set(source)
  return copy
}

/** The bytes at an address, in memory of our own. */
export const copyOf = (address: bigint, size: number): Uint8Array => {
  const { bytes } = memory(size)
  memcpy(bytes, address, size)
  return bytes
}

/** The zero-terminated text at an address; empty for the address 0. */
export const textAt = (address: bigint): string =>
  address === 0n ? '' : new TextDecoder().decode(copyOf(address, Number(strnlen(address, MAX_TEXT))))
