import type { Image } from '../src/codecs/image.js'
import { createFrameKernel, PHOTO_SCORE, type FrameKernel } from '../src/kernels/frame.js'
import { copyFrame, type BenchImage } from './codecs-images.js'
import { interleaved, speedRatio } from './codecs-timing.js'
import { median, short, table } from './statistics.js'

type Operation = readonly [name: string, run: (kernel: FrameKernel) => void]

function operations(frames: ReadonlyMap<string, Image>, same: Image): Operation[] {
  const need = (name: string): Image => frames.get(name)!
  const [page, scrolled, photo, text] = [
    need('browser'),
    need('browser, scrolled'),
    need('photo'),
    need('terminal'),
  ]
  const typed = copyFrame(page)
  for (let y = 500; y < 516; y++) {
    typed.pixels.fill(0x20, y * typed.stride + 2400, y * typed.stride + 2432)
  }
  const wide = { ...page, width: page.width - 4, height: page.height }
  const hashes = new BigUint64Array(Math.ceil(page.width / 64) * Math.ceil(page.height / 64))
  const [out24, out32] = [
    new Uint8Array(page.width * page.height * 3),
    new Uint8Array(page.width * page.height * 4),
  ]
  const narrow = { pixels: photo.pixels, width: photo.width, height: photo.height, stride: photo.width * 2 }
  const cursor = { pixels: photo.pixels, width: 64, height: 64, stride: photo.stride }
  return [
    ['compare, nothing changed', (kernel) => void kernel.compare(page, same)],
    [
      'compare, nothing changed, rows apart',
      (kernel) => void kernel.compare(wide, { ...same, width: wide.width }),
    ],
    ['compare, a letter typed', (kernel) => void kernel.compare(page, typed)],
    ['compare, scrolled', (kernel) => void kernel.compare(page, scrolled)],
    ['compare, everything changed', (kernel) => void kernel.compare(page, photo)],
    ['tile hashes', (kernel) => kernel.hashTiles(page, hashes)],
    ['photo score', (kernel) => void kernel.photoScore(photo)],
    ['palette, few colours', (kernel) => void kernel.palette(text)],
    ['palette, too many', (kernel) => void kernel.palette(photo)],
    ['alpha, none', (kernel) => void kernel.alphaKind(page)],
    ['to BGR24', (kernel) => kernel.toBgr24(photo, out24)],
    ['to RGB24', (kernel) => kernel.toRgb24(photo, out24)],
    ['from RGB16', (kernel) => kernel.fromRgb16(narrow, out32)],
    ['premultiply, 64x64', (kernel) => kernel.premultiply(cursor, out32)],
    ['unpremultiply, 64x64', (kernel) => kernel.unpremultiply(cursor, out32)],
  ]
}

const ORACLE_ROUNDS = 3

/**
 * What the frame kernels take for one 1080p frame, thread milliseconds, beside what Node's native code takes to compare or to
 * copy the same frame: these loops live on the speed of memory, which is everybody's. Then how the pictures are told apart.
 */
export function frameReport(images: readonly BenchImage[], rounds: number): void {
  const frames = new Map(images.map(({ name, image }) => [name, image]))
  const [kernel, oracle] = [createFrameKernel(), createFrameKernel({ kernel: 'off' })]
  const page = frames.get('browser')!
  const same = copyFrame(page)
  const [one, two] = [page, same].map(({ pixels }) => Buffer.from(pixels.buffer)) as [Buffer, Buffer]
  const natives = { equals: () => void one.equals(two), copy: () => void one.copy(two) }
  const rows = operations(frames, same).map(([name, run]) => {
    const native = name.startsWith('compare') ? 'equals' : 'copy'
    const [ours, floor] = interleaved([() => run(kernel), natives[native]], rounds)
    const [plain] = interleaved([() => run(oracle)], ORACLE_ROUNDS)
    const ratio = 1 / speedRatio(floor, ours)
    const times = [median(ours!), Math.min(...ours!), median(floor!)].map((ms) => ms.toFixed(3))
    return [name, ...times, short(ratio), short(median(plain!)), short(median(plain!) / median(ours!))]
  })
  console.log('\n# frame kernels, one frame of 1920x1080\n')
  console.log(table([['', 'ms', 'least', 'native ms', 'to native', 'oracle ms', 'kernel/oracle'], ...rows]))
  console.log(
    'native: Buffer.equals of two equal frames for the comparisons, Buffer.copy of a frame for the others',
  )
  const verdicts = images.map(({ name, kind, image }) => {
    const score = kernel.photoScore(image)
    const colours = kernel.palette(image)?.length
    return [
      name,
      kind,
      String(score),
      score >= PHOTO_SCORE ? 'photo' : '',
      String(colours ?? 'more than 256'),
    ]
  })
  console.log(`\n${table([['', 'kind', 'score', 'verdict', 'colours'], ...verdicts])}`)
}
