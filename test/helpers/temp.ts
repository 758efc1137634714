import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const directories = new Set<string>()

process.on('exit', () => {
  for (const directory of directories) {
    rmSync(directory, { recursive: true, force: true })
  }
})

/** A private directory that disappears with this process. Its path is short enough for unix sockets (107 bytes). */
export function tempDirectory(prefix = 'ss-'): string {
  const directory = mkdtempSync(join(tmpdir(), prefix))
  directories.add(directory)
  return directory
}

/** Removes the directory before the process ends. */
export function removeTempDirectory(directory: string): void {
  directories.delete(directory)
  rmSync(directory, { recursive: true, force: true })
}

/**
 * Things to undo, undone in reverse order. One that fails does not keep the others from being undone;
 * the first failure is reported at the end.
 */
export class Cleanup {
  readonly #steps: (() => void | Promise<void>)[] = []

  add(step: () => void | Promise<void>): void {
    this.#steps.push(step)
  }

  async run(): Promise<void> {
    let failed: { error: unknown } | undefined
    for (;;) {
      const step = this.#steps.pop()
      if (step === undefined) {
        break
      }
      try {
        await step()
      } catch (error) {
        failed ??= { error }
      }
    }
    if (failed !== undefined) {
      throw failed.error
    }
  }
}
