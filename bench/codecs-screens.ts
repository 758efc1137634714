import { existsSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Picture } from '../test/helpers/picture.js'
import { pause } from '../test/helpers/temp-deadline.js'
import { TempProcess } from '../test/helpers/temp-process.js'
import { startXvfb, type XServer } from '../test/helpers/x-server.js'
import { sentence } from './codecs-canvas.js'
import type { BenchImage } from './codecs-images.js'

const [WIDTH, HEIGHT] = [1920, 1080]
const NEEDED = ['Xvfb', 'import'] as const
/** Time for a program to draw itself; a picture in between is a picture as well. */
const DRAWING_MS = 1500
const BROWSER_MS = 6000

export interface Screenshots {
  readonly images: readonly BenchImage[]
  /** What could not be had, or what there is. */
  readonly note: string
}

const isInstalled = (program: string): boolean =>
  (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, program)))

interface Scene {
  readonly name: string
  readonly commands: readonly (readonly [string, ...string[]])[]
  readonly drawingMs: number
}

const paragraphs = Array.from({ length: 24 }, (_, n) => `<p>${sentence(420, n)}.</p>`).join('')

const PAGE = `<!doctype html><meta charset="utf-8"><title>bench</title><style>
body { font: 16px sans-serif; margin: 0; color: #222 } header { background: linear-gradient(#246, #48a); color: #fff;
padding: 24px; font-size: 32px } main { columns: 3; padding: 24px; gap: 32px } aside { break-inside: avoid; padding: 12px;
border-radius: 12px; box-shadow: 0 2px 12px #0004; background: radial-gradient(circle, #fd8, #c54); height: 160px }
table { border-collapse: collapse } td { border: 1px solid #ccc; padding: 4px 12px }</style>
<header>News of the day</header><main>${paragraphs}<aside></aside><table>${Array.from(
  { length: 20 },
  (_, row) =>
    `<tr>${Array.from({ length: 6 }, (__, n) => `<td>${(row * 7919 + n * 104729) % 9973}</td>`).join('')}</tr>`,
).join('')}</table><aside></aside>${paragraphs}</main>`

function scenes(directory: string): Scene[] {
  const page = join(directory, 'page.html')
  writeFileSync(page, PAGE)
  const browser = [
    ...['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--start-fullscreen'],
    ...['--disable-extensions', '--disable-background-networking', '--window-position=0,0'],
    ...[`--window-size=${WIDTH},${HEIGHT}`, `--user-data-dir=${join(directory, 'profile')}`],
  ]
  return [
    {
      name: 'X programs',
      drawingMs: DRAWING_MS,
      commands: [
        ['xeyes', '-geometry', '300x200+1500+60'],
        ['xclock', '-geometry', '300x300+1500+400'],
        ['xmessage', '-geometry', '+60+40', Array.from({ length: 30 }, (_, n) => sentence(90, n)).join('\n')],
        ['xterm', '-geometry', '120x50+700+20', '-e', 'ls -lR /usr/share/doc | head -n 300; sleep 60'],
      ],
    },
    {
      name: 'Chromium',
      drawingMs: BROWSER_MS,
      commands: [['chromium', ...browser, pathToFileURL(page).href]],
    },
  ]
}

function benchImage(name: string, { width, height, rgb }: Picture): BenchImage {
  const pixels = new Uint8Array(width * height * 4)
  for (let from = 0, to = 0; from < rgb.length; from += 3, to += 4) {
    pixels[to] = rgb[from + 2]!
    pixels[to + 1] = rgb[from + 1]!
    pixels[to + 2] = rgb[from]!
  }
  return {
    name,
    kind: 'screen',
    image: { format: 'rgb32', width, height, stride: width * 4, topDown: true, pixels },
  }
}

async function picture(x: XServer, { commands, drawingMs }: Scene): Promise<Picture> {
  const running = commands
    .filter(([program]) => isInstalled(program))
    .map(([program, ...args]) => new TempProcess(program, program, args, { env: x.environment }))
  try {
    await pause(drawingMs)
    return await x.screenshot()
  } finally {
    await Promise.all(running.map((child) => child.kill()))
  }
}

/** Screens of real programs, of those that are installed. */
export async function screenshots(): Promise<Screenshots> {
  const absent = NEEDED.filter((program) => !isInstalled(program))
  if (absent.length > 0) {
    return { images: [], note: `no screenshots: ${absent.join(' and ')} not installed` }
  }
  const x = await startXvfb(WIDTH, HEIGHT)
  try {
    const images: BenchImage[] = []
    const missing: string[] = []
    for (const scene of scenes(x.directory)) {
      const programs = scene.commands.map(([program]) => program)
      missing.push(...programs.filter((program) => !isInstalled(program)))
      if (programs.some(isInstalled)) {
        images.push(benchImage(`screenshot: ${scene.name}`, await picture(x, scene)))
      }
    }
    return {
      images: images.filter(({ image }) => new Set(new Uint32Array(image.pixels.buffer)).size > 2),
      note: `${images.length} screenshots${missing.length === 0 ? '' : `, without ${missing.join(', ')}: not installed`}`,
    }
  } finally {
    await x.stop()
  }
}
