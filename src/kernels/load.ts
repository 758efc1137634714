import { readFileSync } from 'node:fs'

/** Kernels by file name, without its ending. */
export type KernelName = 'lz' | 'glz' | 'quic' | 'frame' | 'picture'

/** Bytes of one page of WebAssembly memory. */
export const PAGE_SIZE = 65536

/** Pages for a kernel's own data, which must end below. */
const KERNEL_PAGES = 16

/** An instance of a kernel with a memory of its own; one instance serves one thread. */
export interface Kernel<Exports> {
  readonly memory: WebAssemblyMemory
  readonly exports: Exports
  /** First byte of memory that the kernel's own data does not use, a multiple of 64. */
  readonly base: number
}

/* (module (func (result v128) i32.const 0 i8x16.splat)): valid only where SIMD is. */
const SIMD_PROBE = Uint8Array.of(
  ...[0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 8, 1, 6, 0, 65, 0, 253, 15, 11],
)

let simd: boolean | undefined
const modules = new Map<KernelName, WebAssemblyModule>()

/** Whether this machine runs kernels; where it does not, the plain TypeScript coders stand in. */
export const kernelsRun = (): boolean => (simd ??= WebAssembly.validate(SIMD_PROBE))

const moduleOf = (name: KernelName): WebAssemblyModule => {
  const known = modules.get(name)
  if (known !== undefined) {
    return known
  }
  const compiled = new WebAssembly.Module(readFileSync(new URL(`${name}.wasm`, import.meta.url)))
  modules.set(name, compiled)
  return compiled
}

/**
 * Makes an instance of a kernel. All memory is reserved at once and never grows, so views of it stay valid; pages that were
 * never touched cost nothing (`performance-notes.md` section 4).
 *
 * @param bytes memory behind {@link Kernel.base} that the caller wants
 * @param sharing whether other threads may see the memory; the kernel has to be built for it
 * @returns `undefined` where SIMD is missing
 */
export const loadKernel = <Exports>(
  name: KernelName,
  bytes: number,
  sharing: 'own' | 'shared' = 'own',
): Kernel<Exports> | undefined => {
  if (!kernelsRun()) {
    return undefined
  }
  const module = moduleOf(name)
  const pages = Math.ceil(bytes / PAGE_SIZE) + KERNEL_PAGES
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: sharing === 'shared' })
  const instance = new WebAssembly.Instance(module, { env: { memory } })
  const exports = instance.exports as Exports & { readonly base: () => number }
  const base = Math.ceil(exports.base() / 64) * 64
  if (base > KERNEL_PAGES * PAGE_SIZE) {
    throw new RangeError(`the data of kernel ${name} takes ${base} bytes`)
  }
  return { memory, exports, base }
}
