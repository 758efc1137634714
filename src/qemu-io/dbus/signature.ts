import { SidecarError } from '../../core/errors.js'

export type BasicCode = 'y' | 'b' | 'n' | 'q' | 'i' | 'u' | 'x' | 't' | 'd' | 's' | 'o' | 'g' | 'h'

/** One complete type of a D-Bus signature. */
export type DbusType =
  | { readonly kind: 'basic'; readonly code: BasicCode }
  | { readonly kind: 'variant' }
  | { readonly kind: 'array'; readonly element: DbusType }
  | { readonly kind: 'dict'; readonly key: DbusType; readonly value: DbusType }
  | { readonly kind: 'struct'; readonly fields: readonly DbusType[] }

/**
 * Containers inside each other, variants included. D-Bus allows 64; what QEMU sends
 * (`a{oa{sa{sv}}}` with lists in the variants) needs 8.
 */
export const MAX_DEPTH = 16

/** Bytes; the length of a signature on the wire is one byte. */
export const MAX_SIGNATURE = 255

const BASIC = 'ybnqiuxtdsogh'
const CACHE_ENTRIES = 128

const cache = new Map<string, readonly DbusType[]>()

const fail = (text: string): never => {
  throw new SidecarError('SIDECAR_PROTOCOL', text)
}

const isBasic = (code: string): code is BasicCode => code.length === 1 && BASIC.includes(code)

/** Types of a signature, in order. @throws SidecarError SIDECAR_PROTOCOL when it is malformed or nested too deeply */
export const parseSignature = (signature: string): readonly DbusType[] => {
  const known = cache.get(signature)
  if (known !== undefined) {
    return known
  }
  if (signature.length > MAX_SIGNATURE) {
    fail('signature is too long')
  }
  let at = 0
  const complete = (depth: number): DbusType => {
    if (depth > MAX_DEPTH) {
      fail('signature is nested too deeply')
    }
    const code = signature.charAt(at)
    at += 1
    if (isBasic(code)) {
      return { kind: 'basic', code }
    }
    if (code === 'v') {
      return { kind: 'variant' }
    }
    if (code === '(') {
      return { kind: 'struct', fields: fieldsUntil(')', depth) }
    }
    if (code !== 'a') {
      return fail('signature has an unknown or misplaced type')
    }
    if (signature.charAt(at) !== '{') {
      return { kind: 'array', element: complete(depth + 1) }
    }
    at += 1
    const [key, value, ...rest] = fieldsUntil('}', depth + 1)
    if (key?.kind !== 'basic' || value === undefined || rest.length > 0) {
      return fail('signature has a malformed dictionary')
    }
    return { kind: 'dict', key, value }
  }
  const fieldsUntil = (end: string, depth: number): DbusType[] => {
    const fields: DbusType[] = []
    while (signature.charAt(at) !== end) {
      fields.push(complete(depth + 1))
    }
    at += 1
    return fields.length === 0 ? fail('signature has an empty structure') : fields
  }
  const types: DbusType[] = []
  while (at < signature.length) {
    types.push(complete(0))
  }
  if (cache.size < CACHE_ENTRIES) {
    cache.set(signature, types)
  }
  return types
}

/** Bytes at whose multiples a value of this type begins. */
export const alignmentOf = (type: DbusType): number => {
  switch (type.kind) {
    case 'variant':
      return 1
    case 'array':
    case 'dict':
      return 4
    case 'struct':
      return 8
    case 'basic':
      switch (type.code) {
        case 'y':
        case 'g':
          return 1
        case 'n':
        case 'q':
          return 2
        case 'x':
        case 't':
        case 'd':
          return 8
        case 'b':
        case 'i':
        case 'u':
        case 's':
        case 'o':
        case 'h':
          return 4
      }
  }
}
