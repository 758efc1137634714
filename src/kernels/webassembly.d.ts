/* The part of the WebAssembly interface that is used here; the types of Node leave it to those of a browser. */

interface WebAssemblyModule {
  readonly [Symbol.toStringTag]: 'WebAssembly.Module'
}

interface WebAssemblyMemory {
  /** A SharedArrayBuffer when the memory is shared. */
  readonly buffer: ArrayBuffer
}

interface WebAssemblyInstance {
  readonly exports: unknown
}

declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => WebAssemblyModule
  readonly Memory: new (descriptor: {
    readonly initial: number
    readonly maximum: number
    readonly shared?: boolean
  }) => WebAssemblyMemory
  readonly Instance: new (
    module: WebAssemblyModule,
    imports: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  ) => WebAssemblyInstance
  validate(bytes: Uint8Array): boolean
}
