import { encodeHeader, headerSize, MessageFramer, type Framed } from '../../../src/protocol/index.js'
import { hold, InputReader, type Oracle } from '../oracle.js'
import { SeededRandom } from '../mutate.js'

/** Largest bodies that the fuzzed framers take. */
const MAXIMA = [0, 1, 16, 300, 4096]

interface Plan {
  readonly mini: boolean
  readonly max: number
  readonly cuts: SeededRandom
  readonly stream: Uint8Array
}

/** First byte: header form and largest body; second: how the stream is cut; the rest: the stream. */
const planOf = (input: Uint8Array): Plan => {
  const reader = new InputReader(input)
  const form = reader.u8()
  const cuts = new SeededRandom(reader.u8())
  return { mini: (form & 1) === 0, max: MAXIMA[(form >>> 1) % MAXIMA.length]!, cuts, stream: reader.rest() }
}

/** Type 0xffff is the one that there is not. */
const optionsOf = ({ mini, max }: Plan): { mini: boolean; maxBody: (type: number) => number } => ({
  mini,
  maxBody: (type) => (type === 0xffff ? -1 : max),
})

const noted = (framed: Framed): string => {
  switch (framed.kind) {
    case 'message': {
      const { type, serial, subList, body } = framed
      return `message ${type} ${serial} ${subList} ${Buffer.from(body).toString('hex')}`
    }
    case 'error': {
      return `error ${framed.error.code}`
    }
    case 'needMore': {
      return 'needMore'
    }
  }
}

const drain = (framer: MessageFramer, notes: string[]): boolean => {
  for (;;) {
    const framed = framer.next()
    if (framed.kind === 'needMore') {
      return true
    }
    notes.push(noted(framed))
    if (framed.kind === 'error') {
      hold(noted(framer.next()) === noted(framed), 'after an error there is nothing but that error')
      return false
    }
  }
}

/** The same by the plain reading of the format: header, size, body. */
const expected = ({ mini, max, stream }: Plan): string[] => {
  const view = new DataView(stream.buffer, stream.byteOffset, stream.length)
  const start = headerSize(mini)
  const notes: string[] = []
  let at = 0
  for (let count = 1; stream.length - at >= start; count++) {
    const type = view.getUint16(at + (mini ? 0 : 8), true)
    const size = view.getUint32(at + (mini ? 2 : 10), true)
    if (type === 0xffff) {
      notes.push('error SIDECAR_PROTOCOL')
      return notes
    }
    if (size > max) {
      notes.push('error SIDECAR_LIMIT')
      return notes
    }
    if (stream.length - at - start < size) {
      return notes
    }
    const serial = mini ? count : Number(view.getBigUint64(at, true))
    const subList = mini ? 0 : view.getUint32(at + 14, true)
    const body = Buffer.from(stream.subarray(at + start, at + start + size)).toString('hex')
    notes.push(`message ${type} ${serial} ${subList} ${body}`)
    at += start + size
  }
  return notes
}

const same = (a: readonly string[], b: readonly string[]): boolean => a.join('\n') === b.join('\n')

const seed = (form: number, sizes: readonly number[]): Uint8Array => {
  const mini = (form & 1) === 0
  const parts = sizes.map((size, at) => {
    const bytes = new Uint8Array(headerSize(mini) + size).fill(0xa0 + at)
    encodeHeader(mini, at + 1, at, size, bytes, 0)
    return bytes
  })
  return Uint8Array.from([form, 7, ...parts.flatMap((part) => [...part])])
}

/** A stream gives the same messages however it is cut and handed over, and no framer keeps more than it may. */
export const framerStream: Oracle = {
  name: 'framer-stream',

  seeds: () => [
    seed(0, [0, 0]),
    seed(4, [3, 16, 0]),
    seed(5, [1, 5]),
    seed(6, [200, 0, 300]),
    seed(9, [4096, 10]),
  ],

  run: (input) => {
    const plan = planOf(input)
    const { stream, cuts, max, mini } = plan
    const whole: string[] = []
    const first = new MessageFramer(optionsOf(plan))
    first.push(stream)
    const good = drain(first, whole)
    hold(same(whole, expected(plan)), 'a framer gives what the format says')

    const pieces: string[] = []
    let framer = new MessageFramer(optionsOf(plan))
    for (let at = 0, going = true; at < stream.length && going;) {
      const size = 1 + cuts.next(cuts.next(4) === 0 ? stream.length : 8)
      framer.push(stream.slice(at, at + size))
      at += size
      going = drain(framer, pieces)
      const most = headerSize(mini) + max
      hold(framer.heldBytes <= most, `${framer.heldBytes} bytes are kept between messages, at most ${most}`)
      if (cuts.next(3) === 0) {
        framer = new MessageFramer(optionsOf(plan), framer.snapshot())
      }
    }
    hold(same(pieces, whole), 'cuts and hand-overs change nothing')
    return good
  },
}
