import { Canvas, hash, mix, rgb } from './codecs-canvas.js'

/** Smooth noise over a picture, about -1 to 1: random values at the corners of cells, smoothly joined. */
class Layer {
  readonly #cell: number
  readonly #seed: number
  readonly #weight: Float32Array
  #row = Number.NaN
  #top: Float32Array = new Float32Array(0)
  #bottom: Float32Array = new Float32Array(0)

  constructor(cell: number, seed: number) {
    this.#cell = cell
    this.#seed = seed
    this.#weight = Float32Array.from({ length: cell }, (_, n) => (n / cell) ** 2 * (3 - (2 * n) / cell))
  }

  /** Adds `size` times the noise of row `y` to `sum`, whose first place is column `left`. */
  addRow(y: number, left: number, size: number, sum: Float32Array): void {
    const cell = this.#cell
    const row = Math.floor(y / cell)
    if (row !== this.#row) {
      this.#row = row
      this.#top = this.#corners(row, left, sum.length)
      this.#bottom = this.#corners(row + 1, left, sum.length)
    }
    const down = this.#weight[y - row * cell]!
    const first = Math.floor(left / cell)
    let column = 0
    let inCell = left - first * cell
    for (let x = 0; x < sum.length; x++) {
      const across = this.#weight[inCell]!
      const top = this.#top[column]! + (this.#top[column + 1]! - this.#top[column]!) * across
      const bottom = this.#bottom[column]! + (this.#bottom[column + 1]! - this.#bottom[column]!) * across
      sum[x] = sum[x]! + size * (top + (bottom - top) * down)
      if (++inCell === cell) {
        inCell = 0
        column++
      }
    }
  }

  #corners(row: number, left: number, width: number): Float32Array {
    const first = Math.floor(left / this.#cell)
    const count = Math.floor((left + width) / this.#cell) - first + 2
    return Float32Array.from({ length: count }, (_, n) => hash(first + n, row, this.#seed) / 2 ** 31 - 1)
  }
}

/** Layers of halving cells; each is weaker than the one before by `roughness`. */
class Cloud {
  readonly #layers: readonly Layer[]
  readonly #roughness: number

  constructor(seed: number, largest: number, layers: number, roughness: number) {
    this.#layers = Array.from(
      { length: layers },
      (_, n) => new Layer(Math.max(2, largest >> n), seed * 100 + n),
    )
    this.#roughness = roughness
  }

  row(y: number, left: number, sum: Float32Array): Float32Array {
    sum.fill(0)
    let size = 1 - this.#roughness
    for (const layer of this.#layers) {
      layer.addRow(y, left, size, sum)
      size *= this.#roughness
    }
    return sum
  }
}

interface Clouds {
  readonly light: Float32Array
  readonly warmth: Float32Array
  readonly tint: Float32Array
}

/** Runs over a picture with three clouds: brightness with detail, and two soft ones for colour. */
function paint(
  canvas: Canvas,
  {
    seed,
    left = 0,
    top = 0,
    detail,
  }: Readonly<{ seed: number; left?: number; top?: number; detail: number }>,
  colour: (clouds: Clouds, x: number, y: number) => number,
): void {
  const light = new Cloud(seed, 512, detail, 0.58)
  const warmth = new Cloud(seed + 1, 640, 4, 0.5)
  const tint = new Cloud(seed + 2, 480, 4, 0.5)
  const rows = (): Float32Array => new Float32Array(canvas.width)
  const clouds = { light: rows(), warmth: rows(), tint: rows() }
  for (let y = 0; y < canvas.height; y++) {
    light.row(y + top, left, clouds.light)
    warmth.row(y + top, left, clouds.warmth)
    tint.row(y + top, left, clouds.tint)
    for (let x = 0; x < canvas.width; x++) {
      canvas.words[y * canvas.width + x] = colour(clouds, x, y)
    }
  }
}

const colourOf = (value: number, warmth: number, tint: number): number =>
  rgb(value + warmth * 55, value + tint * 30, value - warmth * 60 - tint * 20)

/** Detail at every scale and the grain of a sensor; the sky above is nearly smooth. */
export function photo(width: number, height: number, seed = 41): Canvas {
  const canvas = new Canvas(width, height)
  paint(canvas, { seed, detail: 9 }, ({ light, warmth, tint }, x, y) => {
    const sky = Math.max(0, 1 - (y / height) * 2.2)
    const grain = ((hash(x, y, seed) & 1023) + ((hash(x, y, seed) >>> 10) & 1023)) / 1023 - 1
    const value = 120 + light[x]! * 190 * (1 - sky * 0.85) + sky * 70 + grain * 2.2
    return colourOf(value, warmth[x]! - sky * 0.6, tint[x]!)
  })
  return canvas
}

/** Brush strokes that follow each other, few shades, no grain. */
export function painting(width: number, height: number): Canvas {
  const canvas = new Canvas(width, height)
  const strokes = new Cloud(77, 24, 3, 0.6)
  const bristle = new Float32Array(width)
  let strokeRow = -1
  paint(canvas, { seed: 71, detail: 5 }, ({ light, warmth, tint }, x, y) => {
    if (strokeRow !== y) {
      strokeRow = y
      strokes.row(y * 5, y >> 1, bristle)
    }
    const value = Math.round((light[x]! * 3 + 1.2) * 4) / 4
    const hue = Math.round(warmth[x]! * 8) / 8
    return colourOf(70 + value * 55 + bristle[x]! * 26, hue * 2.4, Math.round(tint[x]! * 6) / 6)
  })
  return canvas
}

/** A decoded film frame: soft, with the edges of 8 by 8 blocks here and there. The camera looks at `left`, `top`. */
export function film(width: number, height: number, left: number, top: number): Canvas {
  const canvas = new Canvas(width, height)
  paint(canvas, { seed: 91, left, top, detail: 7 }, ({ light, warmth, tint }, x, y) => {
    const block = (hash((x + left) >> 3, (y + top) >> 3, 93) & 7) / 4 - 1
    return colourOf(105 + light[x]! * 210 + block * 1.2, warmth[x]!, tint[x]!)
  })
  return canvas
}

/** A smooth fall of colour over the whole picture, some of it at an angle. */
export function gradient(width: number, height: number): Canvas {
  const canvas = new Canvas(width, height)
  canvas.shade(0, 0, width, height, (x, y) =>
    rgb((x * 255) / width, (y * 255) / height, ((x + y) * 200) / (width + height)),
  )
  return canvas
}

export function noise(width: number, height: number): Canvas {
  const canvas = new Canvas(width, height)
  canvas.shade(0, 0, width, height, (x, y) => hash(x, y, 9) & 0xffffff)
  return canvas
}

const FRACTAL_STEPS = 96

/** The edge of the Mandelbrot set, with a palette of many colours and one flat one. */
export function fractal(width: number, height: number): Canvas {
  const palette = Array.from({ length: FRACTAL_STEPS + 1 }, (_, n) => {
    const part = n / FRACTAL_STEPS
    return mix(rgb(8, 10, 60), rgb(255, 240 * part, 120 + 100 * Math.sin(n / 5)), Math.sqrt(part))
  })
  palette[FRACTAL_STEPS] = 0
  const canvas = new Canvas(width, height)
  canvas.shade(0, 0, width, height, (column, row) => {
    const [real, imaginary] = [-0.7463 + (column / width - 0.5) * 0.05, 0.11 + (row / height - 0.5) * 0.028]
    let [x, y, steps] = [0, 0, 0]
    for (; x * x + y * y < 4 && steps < FRACTAL_STEPS; steps++) {
      const next = x * x - y * y + real
      y = 2 * x * y + imaginary
      x = next
    }
    return palette[steps]!
  })
  return canvas
}
