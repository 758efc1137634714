import { SidecarError, type ErrorContext } from '../core/errors.js'

/** Where a value came from. */
export type Origin =
  | { readonly kind: 'default' }
  | { readonly kind: 'file'; readonly path: string; readonly line: number }
  | { readonly kind: 'environment'; readonly name: string }
  | { readonly kind: 'flag'; readonly name: string }

export const formatOrigin = (origin: Origin): string => {
  switch (origin.kind) {
    case 'default':
      return 'default'
    case 'file':
      return `${origin.path}:${origin.line}`
    case 'environment':
      return `environment variable ${origin.name}`
    case 'flag':
      return `flag --${origin.name}`
  }
}

/** The error of a setting; one sentence that says which one, what is wrong with it and where it came from. */
export const configError = (sentence: string, origin?: Origin, context: ErrorContext = {}): SidecarError => {
  const where = origin === undefined || origin.kind === 'default' ? '' : ` (${formatOrigin(origin)})`
  return new SidecarError('SIDECAR_CONFIG', sentence + where, context)
}
