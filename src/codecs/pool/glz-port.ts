import type { GlzCoded, GlzDictionary, GlzDictionaryOptions } from '../glz/index.js'

/** What the sender of a GLZ image has to know about it; plain, crosses threads. */
export type GlzNote = GlzCoded

/** Dictionary of one client's display channels, as far as a worker needs it. */
export type GlzPort = Pick<GlzDictionary, 'staging' | 'accepts' | 'encode' | 'close'>

/** Makes a dictionary. May throw. */
export type OpenGlz = (options: GlzDictionaryOptions) => GlzPort
