import koffi, { type LibraryHandle } from 'koffi'

/** Opens a shared library by its soname; throws an Error when that does not work. */
export type OpenLibrary = (soname: string) => LibraryHandle

/** A library that may be missing: either it is there, or there is a reason for the log. */
export type Probe<T> =
  | { readonly library: T; readonly reason: undefined }
  | { readonly library: undefined; readonly reason: string }

export const openShared: OpenLibrary = (soname) => koffi.load(soname)

/** What stands in an error's text, in one printable line. */
const printable = (thrown: unknown): string =>
  (thrown instanceof Error ? thrown.message : String(thrown)).replaceAll(/[^ -~]+/g, ' ').slice(0, 200)

/**
 * Tries a library without throwing: absence is an outcome.
 *
 * @param bind finds the functions; throws when one is missing
 */
export const probeLibrary = <T>(
  soname: string,
  open: OpenLibrary,
  bind: (handle: LibraryHandle) => T,
): Probe<T> => {
  let handle: LibraryHandle
  try {
    handle = open(soname)
  } catch (thrown) {
    return { library: undefined, reason: `cannot load ${soname}: ${printable(thrown)}` }
  }
  try {
    return { library: bind(handle), reason: undefined }
  } catch (thrown) {
    return { library: undefined, reason: `${soname} cannot be used: ${printable(thrown)}` }
  }
}
