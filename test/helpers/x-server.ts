import { join } from 'node:path'
import { readPicture, type Picture } from './picture.js'
import { poll } from './temp-deadline.js'
import { runCommand, TempProcess } from './temp-process.js'
import { removeTempDirectory, tempDirectory } from './temp.js'

/** A virtual X server on a display number of its own choice. */
export class XServer {
  readonly process: TempProcess
  readonly display: string
  readonly directory: string

  constructor(process: TempProcess, display: string, directory: string) {
    this.process = process
    this.display = display
    this.directory = directory
  }

  /** Environment for programs that shall show themselves here and leave the user's settings alone. */
  get environment(): Record<string, string> {
    return {
      DISPLAY: this.display,
      HOME: this.directory,
      XDG_CONFIG_HOME: this.directory,
      XDG_CACHE_HOME: this.directory,
      XDG_DATA_HOME: this.directory,
      XDG_RUNTIME_DIR: this.directory,
      GDK_BACKEND: 'x11',
      GSETTINGS_BACKEND: 'memory',
      DBUS_SESSION_BUS_ADDRESS: 'disabled:',
      NO_AT_BRIDGE: '1',
    }
  }

  /** Runs xdotool and gives what it prints. */
  xdotool(...args: string[]): Promise<string> {
    return runCommand('xdotool', args, { env: this.environment })
  }

  /** The window of a process whose title contains the text, when it is there and visible. */
  async window(pid: number, title: string, deadlineMs = 20_000): Promise<string> {
    return await poll(
      `a window of process ${pid} with ${title} in its title`,
      async () => {
        const args = ['search', '--all', '--onlyvisible', '--pid', String(pid), '--name', title]
        const found = await this.xdotool(...args).catch(() => '')
        return found === '' ? undefined : found.split('\n').at(-1)
      },
      { deadlineMs, everyMs: 100 },
    )
  }

  /** What is on the whole screen, or in one window. */
  async screenshot(window = 'root'): Promise<Picture> {
    const file = join(this.directory, 'screenshot.png')
    // TrueColor without alpha at 8 bits is what the reader takes; PNG would otherwise shrink to a palette.
    const format = `PNG24:${file}`
    await runCommand('import', ['-window', window, '-depth', '8', format], { env: this.environment })
    return readPicture(file)
  }

  async stop(): Promise<void> {
    await this.process.stop()
    removeTempDirectory(this.directory)
  }
}

export async function startXvfb(width = 1600, height = 1200): Promise<XServer> {
  const directory = tempDirectory('ssx-')
  let number: string | undefined
  const args = ['-displayfd', '3', '-screen', '0', `${width}x${height}x24`, '-nolisten', 'tcp', '-noreset']
  const process = new TempProcess('Xvfb', 'Xvfb', args, { onExtraLine: (line) => (number ??= line.trim()) })
  const display = await poll('the virtual X server', () => {
    if (!process.alive) {
      throw new Error(`Xvfb ended\n${process.output()}`)
    }
    return number
  })
  return new XServer(process, `:${display}`, directory)
}

/** A running remote-viewer. */
export interface RemoteViewer {
  readonly process: TempProcess
  readonly window: string
  /** Its main window, with menu bar and guest screen. */
  screenshot(): Promise<Picture>
  /** Gives the guest's screen the keyboard, as a click into it would. */
  focus(): Promise<void>
  stop(): Promise<void>
}

/** Starts remote-viewer at an address or with a `.vv` file and waits for its window with the guest's screen. */
export async function remoteViewer(x: XServer, uriOrFile: string, titled = '[(]1[)]'): Promise<RemoteViewer> {
  const process = new TempProcess('remote-viewer', 'remote-viewer', [uriOrFile], { env: x.environment })
  try {
    const window = await x.window(process.pid, titled)
    return {
      process,
      window,
      screenshot: () => x.screenshot(window),
      focus: async () => {
        await x.xdotool('windowfocus', '--sync', window)
      },
      stop: async () => {
        await process.stop()
      },
    }
  } catch (error) {
    await process.kill()
    throw new Error(`${String(error)}\n${process.output()}`, { cause: error })
  }
}
