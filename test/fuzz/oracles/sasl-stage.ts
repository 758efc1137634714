import { SidecarError } from '../../../src/core/errors.js'
import { DEFAULT_LIMITS } from '../../../src/core/limits.js'
import { capsOf, encodeLinkMess, LINK_ERROR } from '../../../src/protocol/index.js'
import { LinkStage } from '../../../src/server/link-stage.js'
import type { SaslAnswer, SaslExchange } from '../../../src/server/sasl-session.js'
import { hold, InputReader, type Oracle } from '../oracle.js'
import { SeededRandom } from '../mutate.js'

type Outcome = 'linked' | 'refused'

/** Byte of an input that says what the library does. */
const FLAG = { admit: 1, late: 2, secure: 4, noLayer: 8, noUser: 16, badList: 32 } as const

const LIST = ',FAKE,OTHER,'
const BAD_LISTS = ['', ',', 'FAKE', ',FAKE,\n', `,${'X'.repeat(400)},`]

/** What the harness settles when it likes, in the place of a promise. */
type Settle = (settle: { resolve(): void }) => void

/** A library whose answers are the bytes of a script; it watches over how it is asked. */
class ScriptedLibrary implements SaslExchange {
  disposed = 0
  calls = 0
  #asking = false
  #chosen = false
  #complete = false
  readonly #flags: number
  readonly #script: InputReader
  readonly #now: Settle

  constructor(flags: number, script: InputReader, now: Settle) {
    this.#flags = flags
    this.#script = script
    this.#now = now
  }

  get complete(): boolean {
    return this.#complete
  }

  mechanisms(): Promise<string> {
    const list = this.#has('badList') ? (BAD_LISTS[this.#script.u8() % BAD_LISTS.length] ?? '') : LIST
    return this.#answered(() => list)
  }

  start(mechanism: string, data: Uint8Array | undefined): Promise<SaslAnswer> {
    hold(!this.#chosen, 'an exchange starts once')
    hold(LIST.includes(`,${mechanism},`) && !mechanism.includes(','), 'a mechanism is one of the list')
    this.#chosen = true
    return this.#step(data)
  }

  step(data: Uint8Array | undefined): Promise<SaslAnswer> {
    hold(this.#chosen, 'no step before the start')
    return this.#step(data)
  }

  outcome(): { user: string; strength: number; maxPiece: number } {
    hold(this.#complete, 'only a complete exchange has an outcome')
    if (this.#has('noUser')) {
      throw new SidecarError('SIDECAR_AUTH', 'SASL named no user')
    }
    return { user: 'alice', strength: this.#has('noLayer') ? 0 : 128, maxPiece: 4096 }
  }

  encode(bytes: Uint8Array): Uint8Array {
    hold(this.#complete && this.disposed === 0, 'a layer is that of an exchange')
    return bytes.map((byte) => byte ^ 0xff)
  }

  decode(bytes: Uint8Array): Uint8Array {
    return this.encode(bytes)
  }

  dispose(): void {
    this.disposed += 1
    hold(this.disposed === 1, 'an exchange is let go once')
  }

  #has(flag: keyof typeof FLAG): boolean {
    return (this.#flags & FLAG[flag]) !== 0
  }

  #step(data: Uint8Array | undefined): Promise<SaslAnswer> {
    hold(!this.#complete, 'nothing is asked of a complete exchange')
    hold((data?.length ?? 0) <= DEFAULT_LIMITS['sasl-data'], 'data of a step is bounded')
    this.calls += 1
    hold(this.calls <= DEFAULT_LIMITS['sasl-steps'], 'steps are bounded')
    const byte = this.#script.u8()
    const size = byte >> 3
    return this.#answered(() => {
      if (byte % 8 === 7) {
        return undefined
      }
      this.#complete = byte % 8 >= 4
      return { complete: this.#complete, data: byte % 2 === 0 ? new Uint8Array(size) : undefined }
    })
  }

  /** Settled in this turn or a later one; `undefined` refuses. */
  #answered<T>(make: () => T | undefined): Promise<T> {
    hold(!this.#asking, 'a library is asked one thing at a time')
    hold(this.disposed === 0, 'an exchange that was let go is not asked')
    this.#asking = true
    const then = (good: (value: T) => void, bad: (error: unknown) => void): void =>
      this.#now({
        resolve: () => {
          this.#asking = false
          const value = make()
          if (value === undefined) {
            bad(new SidecarError('SIDECAR_AUTH', 'SASL refused the client'))
          } else {
            good(value)
          }
        },
      })
    return { then } as unknown as Promise<T>
  }
}

interface Run {
  readonly outcome: Outcome | undefined
  readonly written: string
  readonly rest: string
}

interface Case {
  readonly flags: number
  readonly script: Uint8Array
  readonly stream: Uint8Array
}

/** Feeds the stage as its intake does: not while the library is asked, and not after the end. */
const feed = ({ flags, script, stream }: Case, late: boolean, cuts: SeededRandom | undefined): Run => {
  let outcome: Outcome | undefined
  let rest: Uint8Array = new Uint8Array(0)
  let due: { resolve(): void } | undefined
  let failures = 0
  let layered = false as boolean
  let library: ScriptedLibrary | undefined
  const written: Uint8Array[] = []
  const goOn = (): void => {
    const settled = due
    due = undefined
    settled?.resolve()
  }
  const end = (how: Outcome): void => {
    hold(outcome === undefined, 'a link ends once')
    outcome = how
  }
  const stage = new LinkStage(
    {
      limits: DEFAULT_LIMITS,
      commonCaps: [0xd],
      channelCaps: () => [1],
      judgeSecurity: () => LINK_ERROR.ok,
      takeKey: () => {
        throw new Error('does not hold: SASL needs no key')
      },
      authenticate: () => {
        throw new Error('does not hold: SASL needs no ticket')
      },
      answerLater: () => undefined,
      sasl: {
        secure: (flags & FLAG.secure) !== 0,
        begin: () => {
          library = new ScriptedLibrary(flags, new InputReader(script), (settled) => {
            due = settled
            if (!late) {
              goOn()
            }
          })
          return library
        },
        authorize: (_mess, user) => {
          hold(user === 'alice' && library?.complete === true, 'who is let in is who was proven')
          return (flags & FLAG.admit) !== 0 ? LINK_ERROR.ok : LINK_ERROR.permissionDenied
        },
        failed: () => {
          failures += 1
        },
      },
    },
    {
      write: (bytes) => {
        hold(outcome === undefined, 'nothing is written after the end')
        written.push(bytes)
      },
      linked: (_mess, more, layer) => {
        const secure = (flags & FLAG.secure) !== 0
        hold(secure || layer !== undefined, 'outside TLS there is a layer')
        layered = layer !== undefined
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
  while (due !== undefined && outcome === undefined) {
    goOn()
  }
  hold(failures <= 1, 'a failure is counted once')
  const before = written.length
  stage.close()
  goOn()
  stage.push(stream)
  hold(written.length === before, 'a closed stage says nothing')
  hold(
    (library?.disposed ?? 1) === (layered ? 0 : 1),
    'an exchange is let go at its end, but not while its layer is in use',
  )
  return {
    outcome,
    written: Buffer.concat(written).toString('hex'),
    rest: Buffer.from(outcome === 'linked' ? [...rest, ...stream.subarray(fed)] : []).toString('hex'),
  }
}

const u32 = (value: number): number[] => [...new Uint8Array(Uint32Array.of(value).buffer)]
const sized = (text: string): number[] => [...u32(text.length), ...Buffer.from(text)]

const MESS = encodeLinkMess({
  connectionId: 0,
  channelType: 1,
  channelId: 0,
  commonCaps: capsOf([0, 2, 3]),
  channelCaps: [0xf],
})

/** Flags, seed of the cuts, length and bytes of the script, and what the client sends behind the mechanism word. */
const seed = (flags: number, script: readonly number[], client: readonly number[]): Uint8Array =>
  Uint8Array.from([flags, 5, script.length, ...script, ...MESS, ...u32(2), ...client])

const FAKE = [...sized('FAKE'), ...u32(0)]

/** Whatever a client sends where SASL is on, the library is asked in order and within bounds, and let go. */
export const saslStage: Oracle = {
  name: 'sasl-stage',

  seeds: () => [
    seed(FLAG.admit, [5], [...FAKE, 1, 2, 3]),
    seed(FLAG.admit | FLAG.late, [0x20, 0x24], [...sized('OTHER'), ...sized('one\0'), ...sized('two\0'), 9]),
    seed(FLAG.admit | FLAG.secure | FLAG.noLayer, [5], [...FAKE, 7]),
    seed(FLAG.admit | FLAG.noLayer, [5], FAKE),
    seed(0, [4], FAKE),
    seed(FLAG.admit, [7], [...sized('FAKE'), ...sized('secret\0')]),
    seed(FLAG.admit | FLAG.noUser, [5], FAKE),
    seed(FLAG.badList, [1], FAKE),
    seed(FLAG.admit, new Array<number>(20).fill(1), [...FAKE, ...new Array<number>(80).fill(0)]),
    seed(FLAG.admit, [1, 5], [...FAKE, ...u32(65_537), ...new Array<number>(100).fill(0x5a)]),
    seed(FLAG.admit, [5], sized('NO-SUCH')),
    seed(FLAG.admit, [5], u32(101)),
  ],

  run: (input) => {
    const reader = new InputReader(input)
    const flags = reader.u8()
    const cuts = new SeededRandom(reader.u8())
    const script = reader.bytes(reader.u8())
    const wanted = { flags, script, stream: reader.rest() }
    const late = (flags & FLAG.late) !== 0
    const whole = feed(wanted, late, undefined)
    const cut = feed(wanted, !late, cuts)
    hold(whole.outcome === cut.outcome, 'cuts do not change how a link ends')
    hold(whole.written === cut.written, 'cuts do not change the answer')
    hold(whole.rest === cut.rest, 'no byte of the data stage is lost')
    return whole.outcome === 'linked'
  },
}
