/** Medians of both servers on one line, milliseconds; NaN: there is none. */
export interface Bar {
  readonly title: string
  readonly builtIn: number
  readonly sidecar: number
}

const [LEFT, WIDTH, RIGHT] = [130, 460, 70]
const [TOP, ROW, HALF] = [46, 40, 14]

/** The axis goes from one to the other, by powers of ten, milliseconds. */
const [LEAST, MOST] = [1, 100_000]

const COLOURS = { builtIn: '#9aa4b2', sidecar: '#2a6fdb' } as const

const across = (ms: number): number => {
  const part = Math.log10(Math.min(MOST, Math.max(LEAST, ms)) / LEAST) / Math.log10(MOST / LEAST)
  return Math.round(part * WIDTH)
}

const text = (x: number, y: number, content: string, anchor = 'start'): string =>
  `<text x="${x}" y="${y}" text-anchor="${anchor}">${content}</text>`

const shown = (ms: number): string => {
  if (Number.isNaN(ms)) {
    return 'over a minute'
  }
  return ms >= 1000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms)} ms`
}

const bar = (y: number, ms: number, colour: string): string => {
  const width = Number.isNaN(ms) ? WIDTH : Math.max(2, across(ms))
  const label = text(LEFT + width + 5, y + HALF - 3, shown(ms))
  return `<rect x="${LEFT}" y="${y}" width="${width}" height="${HALF - 2}" fill="${colour}"/>${label}`
}

const tick = (ms: number, bottom: number): string => {
  const x = LEFT + across(ms)
  const line = `<path d="M${x} ${TOP - 8}V${bottom}" stroke="#8886"/>`
  return line + text(x, TOP - 12, shown(ms), 'middle')
}

/** Key to pixel on each line, as an SVG picture: two bars a line, on a scale by powers of ten. */
export const linksPicture = (bars: readonly Bar[]): string => {
  const bottom = TOP + bars.length * ROW
  const ticks = [1, 10, 100, 1000, 10_000, 100_000].map((ms) => tick(ms, bottom))
  const rows = bars.map(({ title, builtIn, sidecar }, index) => {
    const y = TOP + index * ROW
    return [
      text(LEFT - 8, y + HALF + 4, title, 'end'),
      bar(y + 2, builtIn, COLOURS.builtIn),
      bar(y + 2 + HALF, sidecar, COLOURS.sidecar),
    ].join('\n')
  })
  const legend = [
    `<rect x="${LEFT}" y="8" width="12" height="10" fill="${COLOURS.builtIn}"/>`,
    text(LEFT + 17, 17, 'built-in server'),
    `<rect x="${LEFT + 130}" y="8" width="12" height="10" fill="${COLOURS.sidecar}"/>`,
    text(LEFT + 147, 17, 'sidecar; key to pixel, median, busy screen'),
  ]
  const [width, height] = [LEFT + WIDTH + RIGHT, bottom + 8]
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" font-family="sans-serif" font-size="11">`,
    `<rect width="${width}" height="${height}" fill="#fff"/>`,
    ...legend,
    ...ticks,
    ...rows,
    '</svg>',
    '',
  ].join('\n')
}
