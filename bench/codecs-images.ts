import type { Image } from '../src/codecs/image.js'
import { Canvas, cropped, hash, mix, rgb, sentence, word } from './codecs-canvas.js'
import { film, fractal, gradient, noise, painting, photo } from './codecs-textures.js'

export interface BenchImage {
  readonly name: string
  /** `screen` is what programs draw, `natural` what cameras and renderers make, `noise` no picture at all: not in means. */
  readonly kind: 'screen' | 'natural' | 'noise'
  readonly image: Image
}

/** Pictures whose figures go together. */
export interface Group {
  readonly name: string
  readonly images: readonly BenchImage[]
}

const [WIDTH, HEIGHT] = [1920, 1080]
const LINE = 18
const [BLACK, WHITE] = [0, 0xffffff]

function terminal(): Canvas {
  const canvas = new Canvas(WIDTH, HEIGHT, rgb(16, 16, 20))
  const inks = [rgb(210, 210, 210), rgb(95, 200, 95), rgb(100, 150, 240), rgb(220, 190, 90)]
  for (let row = 0; row * LINE < HEIGHT - 60; row++) {
    let x = 4
    const length = 10 + (hash(row, 1, 51) % 90)
    for (let at = 0; at < length; at += 10) {
      const ink = inks[hash(row, at, 52) % 7] ?? inks[0]!
      x = canvas.text(x, row * LINE, sentence(9, row * 31 + at), { ink, advance: 8 }) + 8
    }
  }
  return canvas
}

/** A screen full of a build's output, letters without soft edges. */
function textConsole(): Canvas {
  const canvas = new Canvas(WIDTH, HEIGHT, BLACK)
  for (let row = 0; row * 16 < HEIGHT; row++) {
    const ink = hash(row, 1, 55) % 8 === 0 ? rgb(255, 85, 85) : rgb(170, 170, 170)
    const file = `  CC      ${word(row, 56)}/${word(row, 57)}-${word(row + 1, 58)}.o`
    const line = hash(row, 2, 55) % 3 === 0 ? sentence(60 + (hash(row, 3, 55) % 160), 5600 + row) : file
    canvas.text(0, row * 16, line, { ink, advance: 8, hard: true })
  }
  return canvas
}

function titleBar(canvas: Canvas, title: string, paper: number, ink: number): void {
  canvas.shade(0, 0, canvas.width, 30, (_, y) => mix(paper, BLACK, y / 150))
  canvas.text(canvas.width / 2 - 80, 7, title, { ink })
  for (let n = 0; n < 3; n++) {
    canvas.disc(
      canvas.width - 24 - n * 26,
      15,
      8,
      [rgb(230, 90, 80), rgb(240, 190, 60), rgb(90, 190, 90)][n]!,
    )
  }
}

function darkEditor(): Canvas {
  const paper = rgb(30, 30, 34)
  const canvas = new Canvas(WIDTH, HEIGHT, paper)
  const inks = [
    rgb(212, 212, 212),
    rgb(86, 156, 214),
    rgb(206, 145, 120),
    rgb(106, 153, 85),
    rgb(220, 220, 170),
  ]
  titleBar(canvas, 'session.ts - editor', rgb(60, 60, 64), rgb(200, 200, 200))
  canvas.fill(0, 30, 260, HEIGHT, rgb(37, 37, 41))
  for (let row = 0; row * LINE < HEIGHT - 60; row++) {
    const y = 36 + row * LINE
    canvas.text(20 + (hash(row, 0, 61) % 3) * 14, y, `${word(row, 62)}.ts`, { ink: rgb(190, 190, 190) })
    canvas.text(272, y, String(row + 100), { ink: rgb(110, 110, 118), advance: 8 })
    if (row === 20) {
      canvas.fill(310, y - 1, WIDTH - 430, LINE, rgb(44, 44, 52))
    }
    let x = 320 + (hash(row, 2, 61) % 6) * 32
    for (let n = 0; n < hash(row, 3, 61) % 11; n++) {
      x = canvas.text(x, y, word(n + row * 20, 63), { ink: inks[hash(row, n, 64) % 5]!, advance: 8 }) + 8
    }
    for (let n = 0; n < hash(row, 3, 61) % 60; n++) {
      canvas.set(WIDTH - 110 + n, 36 + row * 2, hash(n, row, 65) & 1 ? rgb(90, 100, 110) : paper)
    }
  }
  return canvas
}

function lightEditor(): Canvas {
  const canvas = new Canvas(WIDTH, HEIGHT, rgb(214, 218, 224))
  titleBar(canvas, 'Letter - word processor', rgb(235, 236, 238), BLACK)
  canvas.shade(0, 30, WIDTH, 60, (_, y) => mix(rgb(246, 247, 249), rgb(225, 228, 232), y / 60))
  for (let n = 0; n < 36; n++) {
    canvas.disc(30 + n * 48, 60, 10, rgb(hash(n, 1, 71) & 255, hash(n, 2, 71) & 255, 140))
    canvas.frame(14 + n * 48, 44, 32, 32, rgb(200, 204, 210))
  }
  canvas.fill(460, 110, 1000, HEIGHT, WHITE)
  canvas.frame(460, 110, 1000, HEIGHT, rgb(170, 174, 180))
  canvas.text(560, 150, sentence(30, 72), { ink: rgb(30, 60, 120), scale: 2 })
  for (let row = 0; row < 40; row++) {
    const length = row % 9 === 8 ? 30 : row % 9 === 0 ? 0 : 112
    canvas.text(560, 210 + row * 21, sentence(length, 700 + row), { ink: rgb(20, 20, 20) })
  }
  return canvas
}

function spreadsheet(): Canvas {
  const canvas = new Canvas(WIDTH, HEIGHT, WHITE)
  titleBar(canvas, 'budget - spreadsheet', rgb(33, 115, 70), WHITE)
  canvas.fill(0, 30, WIDTH, 50, rgb(243, 243, 243))
  for (let row = 0; row < 50; row++) {
    const y = 80 + row * 20
    canvas.fill(0, y + 19, WIDTH, 1, rgb(212, 212, 212))
    canvas.fill(0, y, 40, 19, rgb(236, 236, 236))
    canvas.text(8, y + 2, String(row + 1), { ink: rgb(80, 80, 80) })
    for (let column = 0; column < 19; column++) {
      const x = 40 + column * 100
      canvas.fill(x + 99, y, 1, 20, rgb(212, 212, 212))
      if (row === 0) {
        canvas.fill(x, y, 99, 19, rgb(198, 224, 180))
        canvas.text(x + 6, y + 2, word(column, 81), { ink: BLACK })
      } else if (hash(row, column, 82) % 5 > 0) {
        const figure = ((hash(row, column, 83) % 999999) / 100).toFixed(2)
        canvas.text(x + 94 - figure.length * 8, y + 2, figure, {
          ink: column % 6 === 5 ? rgb(180, 0, 0) : BLACK,
        })
      }
    }
  }
  return canvas
}

/** A tall page of articles with pictures, of which the browser shows a part. */
function page(): Canvas {
  const canvas = new Canvas(WIDTH, HEIGHT + 400, WHITE)
  canvas.fill(0, 0, WIDTH, 90, rgb(20, 40, 80))
  canvas.text(60, 24, 'The daily sidecar', { ink: WHITE, scale: 2 })
  const picture = photo(400, 260, 141)
  for (let row = 0; row < 3; row++) {
    for (let column = 0; column < 3; column++) {
      const [x, y] = [60 + column * 620, 120 + row * 470]
      if ((row + column) % 2 === 0) {
        canvas.shade(x, y, 400, 260, (px, py) => picture.words[py * 400 + ((px + row * 40) % 400)]!)
      } else {
        canvas.shade(x, y, 560, 200, (_, py) => mix(rgb(240, 244, 250), rgb(210, 220, 235), py / 200))
        canvas.text(x + 30, y + 80, sentence(24, row * 9 + column), { ink: rgb(30, 60, 120), scale: 2 })
      }
      canvas.text(x, y + 270, sentence(32, row * 5 + column), { ink: rgb(10, 40, 120), scale: 2 })
      for (let line = 0; line < 6; line++) {
        canvas.text(x, y + 310 + line * 22, sentence(78, row * 100 + column * 10 + line), {
          ink: rgb(51, 51, 51),
        })
      }
    }
  }
  return canvas
}

function browser(content: Canvas, scroll: number): Canvas {
  const canvas = new Canvas(WIDTH, HEIGHT, WHITE)
  canvas.words.set(content.words.subarray(scroll * WIDTH, (scroll + HEIGHT - 80) * WIDTH), 80 * WIDTH)
  canvas.fill(0, 0, WIDTH, 80, rgb(222, 225, 230))
  canvas.fill(10, 8, 240, 32, WHITE)
  canvas.text(24, 16, 'The daily sidecar', { ink: BLACK })
  canvas.fill(0, 40, WIDTH, 40, WHITE)
  canvas.fill(120, 46, 1500, 28, rgb(241, 243, 244))
  canvas.text(136, 52, 'https://www.example.org/news/today', { ink: rgb(60, 64, 67) })
  canvas.fill(WIDTH - 14, 80, 14, HEIGHT, rgb(241, 241, 241))
  canvas.fill(WIDTH - 12, 84 + scroll / 2, 10, 500, rgb(193, 193, 193))
  return canvas
}

function dashboard(): Canvas {
  const canvas = new Canvas(WIDTH, HEIGHT, rgb(24, 27, 31))
  canvas.text(20, 10, 'Hypervisors / overview', { ink: rgb(220, 220, 220) })
  for (let n = 0; n < 12; n++) {
    const [x, y] = [12 + (n % 4) * 474, 44 + Math.floor(n / 4) * 344]
    const hue = rgb(60 + (hash(n, 1, 91) % 190), 60 + (hash(n, 2, 91) % 190), 60 + (hash(n, 3, 91) % 190))
    canvas.fill(x, y, 462, 332, rgb(34, 37, 43))
    canvas.frame(x, y, 462, 332, rgb(48, 52, 58))
    canvas.text(x + 12, y + 8, sentence(26, 900 + n), { ink: rgb(200, 204, 210) })
    if (n % 4 === 3) {
      canvas.text(x + 90, y + 120, String(hash(n, 4, 91) % 10000), { ink: hue, scale: 5 })
      continue
    }
    for (let line = 0; line < 5; line++) {
      canvas.fill(x + 40, y + 60 + line * 55, 410, 1, rgb(48, 52, 58))
      canvas.text(x + 6, y + 52 + line * 55, `${80 - line * 20}`, { ink: rgb(140, 144, 150) })
    }
    let level = 150
    for (let column = 0; column < 410; column++) {
      level = Math.max(10, Math.min(240, level + (hash(n, column, 92) % 15) - 7))
      canvas.shade(x + 40 + column, y + 290 - level, 1, level, (_, py) =>
        py < 2 ? hue : mix(rgb(34, 37, 43), hue, 0.4 * (1 - py / 260)),
      )
    }
  }
  return canvas
}

function fileManager(): Canvas {
  const canvas = new Canvas(WIDTH, HEIGHT, WHITE)
  titleBar(canvas, 'Pictures', rgb(235, 235, 235), BLACK)
  canvas.fill(0, 30, 220, HEIGHT, rgb(246, 245, 244))
  for (let row = 0; row < 12; row++) {
    canvas.text(48, 50 + row * 34, word(row, 101), { ink: rgb(46, 52, 54) })
    canvas.disc(28, 58 + row * 34, 7, rgb(90, 90, 100))
  }
  const thumbnails = [photo(96, 72, 111), painting(96, 72), fractal(96, 72)]
  for (let n = 0; n < 10 * 7; n++) {
    const [x, y] = [250 + (n % 10) * 165, 56 + Math.floor(n / 10) * 146]
    const which = hash(n, 1, 102) % 6
    if (which < 3) {
      canvas.shade(x + 10, y + 8, 96, 72, (px, py) => thumbnails[which]!.words[py * 96 + px]!)
    } else {
      canvas.shade(x + 18, y + 8, 80, 72, (_, py) => mix(rgb(120, 180, 245), rgb(60, 120, 210), py / 72))
      canvas.fill(x + 18, y + 8, 34, 10, rgb(80, 140, 220))
    }
    if (n === 23) {
      canvas.frame(x, y, 118, 112, rgb(53, 132, 228))
    }
    canvas.text(x + 16, y + 90, `${word(n, 103)}-${n}.png`, { ink: rgb(46, 52, 54) })
  }
  return canvas
}

/** Windows over a photo. */
function desktop(): Canvas {
  const canvas = photo(WIDTH, HEIGHT, 121)
  const put = (from: Canvas, x: number, y: number, width: number, height: number): void => {
    canvas.shade(x, y, width, height, (px, py) => from.words[(py + 20) * from.width + px]!)
    canvas.frame(x - 1, y - 1, width + 2, height + 2, rgb(40, 40, 44))
  }
  put(terminal(), 120, 140, 760, 520)
  put(lightEditor(), 760, 300, 900, 640)
  canvas.fill(0, 0, WIDTH, 28, rgb(20, 20, 20))
  canvas.text(900, 6, 'Mon 21 Nov 16:04', { ink: WHITE })
  return canvas
}

const [PAN_X, PAN_Y] = [7, 3]

/** The frames, 16 pictures and noise, each made when it is asked for, in the order in which a dictionary sees them. */
const FRAMES: readonly (readonly [string, BenchImage['kind'], () => Canvas])[] = [
  ['terminal', 'screen', terminal],
  ['console', 'screen', textConsole],
  ['dark editor', 'screen', darkEditor],
  ['word processor', 'screen', lightEditor],
  ['spreadsheet', 'screen', spreadsheet],
  ['browser', 'screen', () => browser(page(), 0)],
  ['browser, scrolled', 'screen', () => browser(page(), 120)],
  ['dashboard', 'screen', dashboard],
  ['file manager', 'screen', fileManager],
  ['desktop', 'screen', desktop],
  ['gradient', 'natural', () => gradient(WIDTH, HEIGHT)],
  ['photo', 'natural', () => photo(WIDTH, HEIGHT)],
  ['painting', 'natural', () => painting(WIDTH, HEIGHT)],
  ['fractal', 'natural', () => fractal(WIDTH, HEIGHT)],
  ['film', 'natural', () => film(WIDTH, HEIGHT, 100, 60)],
  ['film, panned', 'natural', () => film(WIDTH, HEIGHT, 100 + PAN_X, 60 + PAN_Y)],
  ['noise', 'noise', () => noise(WIDTH, HEIGHT)],
]

/** Name of the frame, left, top, width, height. */
const CROPS: readonly (readonly [string, number, number, number, number])[] = [
  ['terminal', 80, 90, 64, 64],
  ['dashboard', 300, 180, 64, 64],
  ['gradient', 400, 200, 64, 64],
  ['photo', 900, 700, 64, 64],
  ['dark editor', 320, 240, 400, 36],
  ['file manager', 250, 60, 128, 128],
  ['spreadsheet', 340, 180, 200, 160],
  ['word processor', 540, 200, 320, 240],
  ['painting', 700, 300, 320, 240],
  ['browser', 60, 400, 400, 300],
  ['film', 600, 400, 400, 300],
  ['desktop', 600, 100, 640, 480],
  ['dark editor', 300, 100, 800, 600],
  ['photo', 300, 400, 800, 600],
]

/** Desktop-like pictures of 1920 by 1080 pixels, the same on every machine. */
export function benchFrames(only = ''): BenchImage[] {
  return FRAMES.filter(([name]) => name.includes(only)).map(([name, kind, draw]) => ({
    name,
    kind,
    image: draw().image(),
  }))
}

/** Rectangles as a window would update them, 64 by 64 to 800 by 600, cut out of those frames that are there. */
export function benchCrops(frames: readonly BenchImage[]): BenchImage[] {
  return CROPS.flatMap(([name, x, y, width, height]) => {
    const frame = frames.find((candidate) => candidate.name === name)
    return frame === undefined
      ? []
      : [
          {
            name: `${name} ${width}x${height}`,
            kind: frame.kind,
            image: cropped(frame.image, x, y, width, height),
          },
        ]
  })
}

/** The same picture in other memory. */
export function copyFrame(image: Image): Image {
  return { ...image, pixels: image.pixels.slice() }
}
