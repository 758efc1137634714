import { rectOf, type Rect } from '../../src/core/region.js'
import { Canvas, hash, mix, rgb, sentence, word } from '../codecs-canvas.js'
import { film, photo } from '../codecs-textures.js'
import { around, type Put, type TraceBuilder, type Track } from './trace.js'

const [BLACK, WHITE] = [0, rgb(255, 255, 255)]
const TITLE = 24
const LINE = 16

const INKS = [rgb(210, 210, 210), rgb(95, 200, 95), rgb(100, 150, 240), rgb(220, 190, 90)]

/** Where a scene plays, and when. */
export interface Stage {
  readonly area: Rect
  readonly steps: number
  readonly startMs?: number
}

const widthOf = ({ left, right }: Rect): number => right - left
const heightOf = ({ top, bottom }: Rect): number => bottom - top

/** A desktop without windows: soft colours, a panel, some icons. */
export const desktop = (width: number, height: number, seed = 7): Canvas => {
  const canvas = new Canvas(width, height)
  const [low, high] = [rgb(30 + (seed % 5) * 8, 60, 90), rgb(90, 140, 170)]
  canvas.shade(0, 0, width, height, (x, y) => mix(low, high, (x / width + (2 * y) / height) / 3))
  canvas.fill(0, 0, width, 20, rgb(24, 24, 28))
  canvas.text(Math.max(4, width - 140), 2, 'Mon 21 Nov 16:04', { ink: WHITE })
  for (let icon = 0; 40 + icon * 72 < height - 48; icon++) {
    canvas.disc(28, 52 + icon * 72, 14, rgb(hash(icon, 1, 201) & 255, hash(icon, 2, 201) & 255, 160))
    canvas.text(8, 70 + icon * 72, word(icon, 203), { ink: WHITE })
  }
  return canvas
}

/** Draws a window around `area`. */
const windowAround = (canvas: Canvas, area: Rect, title: string): void => {
  const { left, top } = area
  canvas.fill(left - 1, top - TITLE, widthOf(area) + 2, TITLE, rgb(60, 64, 72))
  canvas.text(left + 8, top - TITLE + 4, title, { ink: rgb(230, 230, 230) })
  canvas.disc(left + widthOf(area) - 14, top - 12, 6, rgb(230, 90, 80))
  canvas.frame(left - 1, top - 1, widthOf(area) + 2, heightOf(area) + 2, rgb(40, 40, 44))
}

const terminalLine = (canvas: Canvas, line: number, seed: number): void => {
  let x = 2
  const length = Math.floor(canvas.width / 8) * (0.3 + (hash(line, 1, seed) % 60) / 100)
  for (let at = 0; at < length; at += 10) {
    const ink = INKS[hash(line, at, seed) % 7] ?? INKS[0]!
    x =
      canvas.text(x, (line * LINE) % canvas.height, sentence(9, seed + line * 31 + at), { ink, advance: 8 }) +
      8
  }
}

/** Dense text that scrolls, 20 lines a second. */
export const terminal = (
  builder: TraceBuilder,
  screen: Canvas,
  { area, steps, startMs = 50 }: Stage,
  seed = 51,
): Track => {
  const rows = Math.floor(heightOf(area) / LINE)
  const roll = new Canvas(widthOf(area), (rows + steps) * LINE + (heightOf(area) % LINE), rgb(16, 16, 20))
  for (let line = 0; line < rows + steps; line++) {
    terminalLine(roll, line, seed)
  }
  const image = builder.image(roll)
  windowAround(screen, area, 'build - terminal')
  place(screen, roll, area, 0, 0)
  return Array.from({ length: steps }, (_, step) => ({
    atMs: startMs + step * 50,
    puts: [{ image, fromX: 0, fromY: (step + 1) * LINE, to: area }],
    damage: [area],
  }))
}

/** Copies a part of one canvas into another. */
const place = (canvas: Canvas, from: Canvas, area: Rect, fromX: number, fromY: number): void => {
  for (let y = area.top; y < area.bottom; y++) {
    const at = (fromY + y - area.top) * from.width + fromX
    canvas.words.set(from.words.subarray(at, at + widthOf(area)), y * canvas.width + area.left)
  }
}

const PAPER = rgb(30, 30, 34)
const CODE_INKS = [
  rgb(212, 212, 212),
  rgb(86, 156, 214),
  rgb(206, 145, 120),
  rgb(106, 153, 85),
  rgb(220, 220, 170),
]
const CODE_LINE = 18

const codeLine = (canvas: Canvas, area: Rect, y: number, line: number): void => {
  let x = area.left + 48 + (hash(line, 2, 61) % 5) * 32
  canvas.fill(area.left, y, widthOf(area), CODE_LINE, PAPER)
  canvas.text(area.left + 8, y, String(line + 100), { ink: rgb(110, 110, 118), advance: 8 })
  for (let n = 0; n < hash(line, 3, 61) % 7; n++) {
    const text = word(n + line * 20, 63)
    if (x + text.length * 8 > area.right) {
      break
    }
    x = canvas.text(x, y, text, { ink: CODE_INKS[hash(line, n, 64) % 5]!, advance: 8 }) + 8
  }
}

/** Letters typed into a program text at uneven times; each line that is full pushes those below it down. */
export const editor = (
  builder: TraceBuilder,
  screen: Canvas,
  { area, steps, startMs = 80 }: Stage,
): Track => {
  const lines = Math.floor(heightOf(area) / CODE_LINE)
  const columns = Math.min(40, Math.floor((widthOf(area) - 60) / 8))
  let row = Math.floor(lines / 3)
  let column = 0
  windowAround(screen, area, 'session.ts - editor')
  screen.fill(area.left, area.top, widthOf(area), heightOf(area), PAPER)
  for (let line = 0; line < lines; line++) {
    codeLine(screen, area, area.top + line * CODE_LINE, line)
  }
  const canvas = new Canvas(screen.width, screen.height)
  canvas.words.set(screen.words)
  let atMs = startMs
  return Array.from({ length: steps }, (_, step) => {
    atMs += 60 + (hash(step, 5, 66) % 90)
    const top = area.top + row * CODE_LINE
    const x = area.left + 48 + column * 8
    const damage: Rect[] = []
    if (column === 0 || column >= columns) {
      row = (row + (column === 0 ? 0 : 1)) % (lines - 1)
      column = 0
      const from = area.top + row * CODE_LINE
      for (let line = lines - 1; line > row; line--) {
        codeLine(canvas, area, area.top + line * CODE_LINE, 1000 - step + line - row)
      }
      canvas.fill(area.left, from, widthOf(area), CODE_LINE, rgb(44, 44, 52))
      damage.push(rectOf(area.left, from, widthOf(area), (lines - row) * CODE_LINE))
      column = 1
    } else {
      const letter = sentence(60, 67 + row)[column % 60] ?? 'x'
      canvas.fill(x, top, 10, CODE_LINE, rgb(44, 44, 52))
      canvas.text(x, top, letter, { ink: CODE_INKS[column % 5]!, advance: 8 })
      canvas.fill(x + 8, top + 1, 1, CODE_LINE - 2, WHITE)
      damage.push(rectOf(x, top, 10, CODE_LINE))
      column += 1
    }
    return { atMs, puts: damage.map((rect) => builder.cut(canvas, rect, 0, 0)), damage }
  })
}

/** A tall page of articles with pictures. */
const tallPage = (width: number, height: number): Canvas => {
  const canvas = new Canvas(width, height, WHITE)
  canvas.fill(0, 0, width, 60, rgb(20, 40, 80))
  canvas.text(24, 14, 'The daily sidecar', { ink: WHITE, scale: 2 })
  const columns = Math.max(1, Math.floor(width / 400))
  const across = Math.floor(width / columns)
  const picture = photo(Math.min(300, across - 40), 180, 141)
  for (let row = 0; 80 + row * 420 < height; row++) {
    for (let column = 0; column < columns; column++) {
      const [x, y] = [16 + column * across, 80 + row * 420]
      if ((row + column) % 2 === 0) {
        canvas.shade(x, y, picture.width, 180, (px, py) => {
          return picture.words[py * picture.width + ((px + row * 40) % picture.width)]!
        })
      } else {
        canvas.shade(x, y, across - 40, 180, (_, py) => mix(rgb(240, 244, 250), rgb(210, 220, 235), py / 200))
        canvas.text(x + 20, y + 70, sentence(16, row * 9 + column), { ink: rgb(30, 60, 120), scale: 2 })
      }
      canvas.text(x, y + 190, sentence(20, row * 5 + column), { ink: rgb(10, 40, 120), scale: 2 })
      for (let line = 0; line < 8; line++) {
        const text = sentence(Math.floor(across / 8), row * 100 + column * 10 + line)
        canvas.text(x, y + 230 + line * 20, text, { ink: rgb(51, 51, 51) })
      }
    }
  }
  return canvas
}

/** A page in a browser that a wheel moves: quick at first, then slower, and pauses to read. */
export const pageScroll = (
  builder: TraceBuilder,
  screen: Canvas,
  { area, steps, startMs = 60 }: Stage,
): Track => {
  const offsets: number[] = []
  let offset = 0
  for (let step = 0; step < steps; step++) {
    offset += [60, 53, 41, 28, 17, 9, 4, 1][step % 8]!
    offsets.push(offset)
  }
  const page = tallPage(widthOf(area), heightOf(area) + offset)
  const image = builder.image(page)
  windowAround(screen, area, 'The daily sidecar - browser')
  place(screen, page, area, 0, 0)
  return offsets.map((fromY, step) => ({
    atMs: startMs + step * 40 + Math.floor(step / 8) * 200,
    puts: [{ image, fromX: 0, fromY, to: area }],
    damage: [area],
  }))
}

/** A window with text that goes over the desktop. */
export const windowDrag = (
  builder: TraceBuilder,
  screen: Canvas,
  { area, steps, startMs = 60 }: Stage,
): Track => {
  const [width, height] = [Math.round(widthOf(area) * 0.4), Math.round(heightOf(area) * 0.5)]
  const window = new Canvas(width, height, rgb(250, 250, 248))
  windowAround(window, rectOf(1, TITLE, width - 2, height - TITLE - 1), 'Letter - word processor')
  for (let line = 0; 40 + line * 20 < height - 20; line++) {
    window.text(12, 40 + line * 20, sentence(Math.floor(width / 8), 700 + line), { ink: rgb(20, 20, 20) })
  }
  const background = builder.image(screen)
  const image = builder.image(window)
  const [roomX, roomY] = [widthOf(area) - width, heightOf(area) - height]
  const there = (at: number, room: number): number => {
    const turn = at % (2 * room)
    return turn < room ? turn : 2 * room - turn
  }
  const placeOf = (step: number): Rect =>
    rectOf(
      area.left + there(step * 11 + (hash(step >> 3, 1, 71) % 5), Math.max(1, roomX)),
      area.top + there(step * 5, Math.max(1, roomY)),
      width,
      height,
    )
  place(screen, window, placeOf(0), 0, 0)
  return Array.from({ length: steps }, (_, step) => {
    const [before, to] = [placeOf(step), placeOf(step + 1)]
    const back: Put = { image: background, fromX: before.left, fromY: before.top, to: before }
    return {
      atMs: startMs + step * 40,
      puts: [back, { image, fromX: 0, fromY: 0, to }],
      damage: [around([before, to])],
    }
  })
}

/** Photos one after the other; every other one comes in sideways in a few steps. */
export const photoViewer = (
  builder: TraceBuilder,
  screen: Canvas,
  { area, steps, startMs = 300 }: Stage,
): Track => {
  const photos = Math.min(6, steps)
  const [width, height] = [widthOf(area), heightOf(area)]
  const images = Array.from({ length: photos }, (_, n) => builder.image(photo(width, height, 41 + n * 7)))
  windowAround(screen, area, 'Pictures')
  screen.fill(area.left, area.top, width, height, BLACK)
  const frames: Track[number][] = []
  let atMs = startMs
  for (let shown = 0; shown < photos && frames.length < steps; shown++) {
    const image = images[shown]!
    const slides = shown % 2 === 0 ? [width] : [0.15, 0.45, 0.75, 1].map((part) => Math.round(width * part))
    for (const [n, visible] of slides.entries()) {
      const to = rectOf(area.right - visible, area.top, visible, height)
      const puts: Put[] = [{ image, fromX: 0, fromY: 0, to }]
      const before = images[shown - 1]
      if (visible < width && before !== undefined) {
        const left = rectOf(area.left, area.top, width - visible, height)
        puts.push({ image: before, fromX: visible, fromY: 0, to: left })
      }
      frames.push({ atMs: atMs + n * 40, puts, damage: [area] })
    }
    atMs += 1000
  }
  return frames
}

/** Pictures of a video: more of them would only take memory, as each is shown from another corner each time. */
const VIDEO_IMAGES = 12
const VIDEO_MARGIN = 48

/** A video: two soft textures that move against each other, with the grain of a camera; 25 frames a second. */
export const video = (builder: TraceBuilder, screen: Canvas, { area, steps, startMs = 40 }: Stage): Track => {
  const [width, height] = [widthOf(area) + VIDEO_MARGIN, heightOf(area) + VIDEO_MARGIN]
  const far = film(width + VIDEO_IMAGES * 7, height, 100, 60)
  const near = film(width, height + VIDEO_IMAGES * 5, 4000, 900)
  const images = Array.from({ length: Math.min(VIDEO_IMAGES, steps) }, (_, n) => {
    const canvas = new Canvas(width, height)
    for (let y = 0, at = 0; y < height; y++) {
      const a = y * far.width + n * 7
      const b = (y + n * 5) * near.width
      for (let x = 0; x < width; x++, at++) {
        const soft = ((far.words[a + x]! >>> 1) & 0x7f7f7f) + ((near.words[b + x]! >>> 1) & 0x7f7f7f)
        canvas.words[at] = soft ^ (hash(x, y, n) & 0x010101)
      }
    }
    return builder.image(canvas)
  })
  windowAround(screen, area, 'Holiday - player')
  screen.fill(area.left, area.top, widthOf(area), heightOf(area), BLACK)
  return Array.from({ length: steps }, (_, step) => ({
    atMs: startMs + step * 40,
    puts: [
      {
        image: images[step % images.length]!,
        fromX: (step * 5) % (VIDEO_MARGIN - 1),
        fromY: (step * 3) % (VIDEO_MARGIN - 5),
        to: area,
      },
    ],
    damage: [area],
  }))
}
