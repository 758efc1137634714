/** An answer that is not a success; the text goes to the caller and holds nothing of its request's body. */
export class AdminError extends Error {
  override readonly name = 'AdminError'
  readonly status: number
  readonly code: string
  /** Methods of the path, for 405. */
  readonly allow: readonly string[]

  constructor(status: number, code: string, message: string, allow: readonly string[] = []) {
    super(message)
    this.status = status
    this.code = code
    this.allow = allow
  }
}
