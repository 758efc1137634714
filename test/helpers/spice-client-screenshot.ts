import { join } from 'node:path'
import { readPicture, type Picture } from './picture.js'
import { removeTempDirectory, tempDirectory } from './temp.js'
import { runCommand } from './temp-process.js'

/** What `spicy-screenshot`, a stock client of its own, sees at that address. */
export async function spicyScreenshot(uri: string, password?: string): Promise<Picture> {
  const directory = tempDirectory()
  try {
    const file = join(directory, 'shot.ppm')
    const ticket = password === undefined ? [] : ['--password', password]
    await runCommand('spicy-screenshot', ['--uri', uri, ...ticket, '--out-file', file])
    return readPicture(file)
  } finally {
    removeTempDirectory(directory)
  }
}
