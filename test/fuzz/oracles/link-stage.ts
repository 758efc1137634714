import { DEFAULT_LIMITS } from '../../../src/core/limits.js'
import {
  encodeLinkMess,
  LINK_ERROR,
  LINK_HEADER_SIZE,
  PUBLIC_KEY_SIZE,
  TICKET_SIZE,
} from '../../../src/protocol/index.js'
import type { TicketKeyPair } from '../../../src/server/key-pool.js'
import { LinkStage } from '../../../src/server/link-stage.js'
import { hold, InputReader, type Oracle } from '../oracle.js'
import { SeededRandom } from '../mutate.js'

/** Bytes after which a link is decided, whatever they are: header, message, mechanism, ticket. */
const DECIDED_AT = LINK_HEADER_SIZE + DEFAULT_LIMITS.link + 4 + TICKET_SIZE

/** The harness judges tickets itself, so nobody looks at the private half. */
const PAIR = { publicKey: new Uint8Array(PUBLIC_KEY_SIZE) } as unknown as TicketKeyPair

type Outcome = 'linked' | 'refused'

interface Run {
  readonly outcome: Outcome | undefined
  readonly written: string
  readonly rest: string
}

/** Feeds the stage as its intake does: not while it waits for a key or for its answer, and not after the end. */
const feed = (stream: Uint8Array, admit: boolean, late: boolean, cuts: SeededRandom | undefined): Run => {
  let outcome: Outcome | undefined
  let rest: Uint8Array = new Uint8Array(0)
  /** What the stage waits for. */
  let due: (() => void) | undefined
  const written: Uint8Array[] = []
  const end = (how: Outcome): void => {
    hold(outcome === undefined, 'a link ends once')
    outcome = how
  }
  const now = (call: () => void): void => {
    due = call
    if (!late) {
      goOn()
    }
  }
  const goOn = (): void => {
    const call = due
    due = undefined
    call?.()
  }
  const stage = new LinkStage(
    {
      limits: DEFAULT_LIMITS,
      commonCaps: [0xb],
      channelCaps: () => [1],
      judgeSecurity: () => LINK_ERROR.ok,
      takeKey: (use) => {
        now(() => use(PAIR))
        return () => {
          due = undefined
        }
      },
      authenticate: (_mess, _pair, block) => {
        hold(block.length === TICKET_SIZE, 'a ticket block is whole')
        return () => (admit ? LINK_ERROR.ok : LINK_ERROR.permissionDenied)
      },
      answerLater: (answer) => now(answer),
    },
    {
      write: (bytes) => {
        hold(outcome === undefined, 'nothing is written after the end')
        written.push(bytes)
      },
      linked: (_mess, more) => {
        end('linked')
        rest = more.slice()
      },
      refused: () => end('refused'),
    },
  )
  let fed = 0
  while (fed < stream.length && outcome === undefined) {
    if (stage.busy) {
      hold(due !== undefined, 'a busy stage waits for something')
      goOn()
      continue
    }
    const size = cuts === undefined ? stream.length : 1 + cuts.next(cuts.next(3) === 0 ? stream.length : 16)
    stage.push(stream.slice(fed, fed + size))
    fed = Math.min(stream.length, fed + size)
  }
  while (stage.busy && due !== undefined) {
    goOn()
  }
  hold(outcome !== undefined || fed < DECIDED_AT, `a link is decided after ${DECIDED_AT} bytes`)
  const before = written.length
  stage.close()
  stage.push(stream)
  hold(written.length === before, 'a closed stage says nothing')
  const behind = outcome === 'linked' ? [...rest, ...stream.subarray(fed)] : []
  return {
    outcome,
    written: Buffer.concat(written).toString('hex'),
    rest: Buffer.from(behind).toString('hex'),
  }
}

const seed = (flags: number, commonCaps: readonly number[], behind: number): Uint8Array => {
  const mess = encodeLinkMess({
    connectionId: 0,
    channelType: 1,
    channelId: 0,
    commonCaps,
    channelCaps: [0xf],
  })
  const select = (commonCaps[0] ?? 0) & 1 ? [1, 0, 0, 0] : []
  return Uint8Array.from([flags, 3, ...mess, ...select, ...new Uint8Array(behind).fill(0x5a)])
}

/** Whatever a peer sends before it is linked, it waits, is linked or is refused, after a bounded number of bytes. */
export const linkStage: Oracle = {
  name: 'link-stage',

  seeds: () => [
    seed(1, [0xd], 128 + 9),
    seed(3, [0xd], 128),
    seed(0, [0x9], 128),
    seed(1, [], 128 + 1),
    seed(1, [0xd], 60),
    Uint8Array.from([0, 1, ...new Uint8Array(5000).fill(0x52)]),
  ],

  run: (input) => {
    const reader = new InputReader(input)
    const flags = reader.u8()
    const cuts = new SeededRandom(reader.u8())
    const stream = reader.rest()
    const admit = (flags & 1) !== 0
    const whole = feed(stream, admit, (flags & 2) !== 0, undefined)
    const cut = feed(stream, admit, (flags & 2) === 0, cuts)
    hold(whole.outcome === cut.outcome, 'cuts do not change how a link ends')
    hold(whole.written === cut.written, 'cuts do not change the answer')
    hold(whole.rest === cut.rest, 'no byte of the data stage is lost')
    return whole.outcome === 'linked'
  },
}
