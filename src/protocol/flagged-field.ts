import { SidecarError } from '../core/errors.js'
import type { Field, FlaggedPart } from './field.js'

/** A field, and the bits that must all be set for it to be there; 0: it always is. */
interface Part<T, There extends boolean> {
  readonly bits: number
  readonly field: Field<T>
  readonly always: There
}

type Parts = Readonly<Record<string, Part<unknown, boolean>>>

/** A field that is there whatever the flags say. */
export const always = <T>(field: Field<T>): Part<T, true> => ({ bits: 0, field, always: true })

/** A field that is there when all of `bits` are set. */
export const whenSet = <T>(bits: number, field: Field<T>): Part<T, false> => ({ bits, field, always: false })

type PartValue<P> = P extends Part<infer T, boolean> ? T : never

/** Value of {@link flagged}: the flags and the fields that they call for, in one flat object. */
export type FlaggedValue<N extends string, P extends Parts> = { readonly [T in N]: number } & {
  readonly [K in keyof P as P[K] extends Part<unknown, true> ? K : never]: PartValue<P[K]>
} & { readonly [K in keyof P as P[K] extends Part<unknown, true> ? never : K]?: PartValue<P[K]> }

/** A word of flags, then fields of which some are there only with their bits. Unknown bits are kept. */
export const flagged = <N extends string, P extends Parts>(
  tag: N,
  base: Field<number>,
  parts: P,
): Field<FlaggedValue<N, P>> => {
  const entries = Object.entries(parts)
  const described: FlaggedPart[] = entries.map(([name, { bits, field }]) => ({
    name,
    bits,
    kind: field.kind,
  }))
  const fixed = entries.filter(([, part]) => part.bits === 0)
  const there = (flags: number): typeof entries =>
    entries.filter(([, { bits }]) => (flags & bits) >>> 0 === bits)
  const present = (value: Record<string, unknown>): typeof entries => {
    const flags = value[tag]
    const wanted = typeof flags === 'number' ? there(flags) : []
    if (wanted.length + 1 !== Object.keys(value).length || !wanted.every(([name]) => name in value)) {
      throw new SidecarError('SIDECAR_BUG', 'value does not fit its flags', { tag })
    }
    return wanted
  }
  return {
    kind: { name: 'flagged', tag, base: base.kind, parts: described },
    minSize: fixed.reduce((sum, [, { field }]) => sum + field.minSize, base.minSize),
    maxSize: entries.reduce((sum, [, { field }]) => sum + field.maxSize, base.maxSize),
    sizeOf: (value) =>
      present(value).reduce(
        (sum, [name, { field }]) => sum + field.sizeOf((value as Record<string, unknown>)[name]),
        base.minSize,
      ),
    encode: (value, out) => {
      base.encode(value[tag], out)
      for (const [name, { field }] of present(value)) {
        field.encode((value as Record<string, unknown>)[name], out)
      }
    },
    decode: (reader) => {
      const flags = base.decode(reader)
      const value: Record<string, unknown> = { [tag]: flags }
      for (const [name, { field }] of there(flags)) {
        value[name] = field.decode(reader)
      }
      return value as FlaggedValue<N, P>
    },
  }
}
