import { SidecarError } from '../core/errors.js'
import type { Field } from './field.js'

export interface Maximum {
  /** Bytes or items, as the field says. */
  readonly max: number
}

/** For a value that is longer than its field. */
export const tooLong = (what: string, length: number, max: number): SidecarError =>
  new SidecarError('SIDECAR_LIMIT', `${what} is too long for its field`, { length, max })

/** For a length or count that a peer sent. */
export const refused = (what: string, length: number, max: number): SidecarError =>
  new SidecarError('SIDECAR_PROTOCOL', `${what} is longer than allowed`, { length, max })

/** Largest count that `field` can carry. */
export const reach = (field: Field<number>): number => 2 ** (8 * field.minSize) - 1
