import { Heads } from '../../src/app/heads.js'
import {
  CursorChannel,
  DisplayChannel,
  DisplayShare,
  type Encoders,
  InputsChannel,
  LockKeys,
  MainChannel,
  MouseModes,
  newCursorRecord,
  newDisplayRecord,
  newInputsRecord,
  newMainRecord,
  newWireRecord,
  type Channel,
  type ChannelContext,
  type CursorRecord,
  type DisplayRecord,
  type GuestInput,
  type InputsRecord,
  type MainRecord,
  type VideoDeps,
} from '../../src/channels/index.js'
import { DEFAULT_LIMITS } from '../../src/core/limits.js'
import { silentLogger } from '../../src/core/logger.js'
import { noCounter, noHistogram } from '../../src/core/metrics.js'
import { DisplayModel } from '../../src/display/index.js'
import { createPictureStore } from '../../src/kernels/index.js'
import { Canvas } from '../../src/render/index.js'
import { capsOf, DISPLAY_CAP, type SERVED_CHANNELS } from '../../src/protocol/index.js'
import { displayDeps } from './display-deps.js'
import { FakeClock } from './fake-clock.js'
import { inlineEncoders, WINDOW_BYTES } from './inline-encoders.js'
import { RecordingInput } from './recording-input.js'
import { videoDeps } from './video-deps.js'

export type ServedChannel = (typeof SERVED_CHANNELS)[number]

export interface ServedRecords {
  readonly main: MainRecord
  readonly display: DisplayRecord
  readonly inputs: InputsRecord
  readonly cursor: CursorRecord
}

/** Records of a client that has just linked. */
export const freshRecords: { readonly [K in ServedChannel]: (mini: boolean) => ServedRecords[K] } = {
  main: (mini) => newMainRecord(newWireRecord(mini), 5, [0xf]),
  display: (mini) => newDisplayRecord(newWireRecord(mini), 0, capsOf([DISPLAY_CAP.monitorsConfig])),
  inputs: (mini) => newInputsRecord(newWireRecord(mini)),
  cursor: (mini) => newCursorRecord(newWireRecord(mini), 0),
}

export interface WorldOptions<G extends GuestInput> {
  readonly guest: G
  /** Pixels that a display channel sends in one piece. */
  readonly maxPixels?: number
  /** Messages per acknowledgement. */
  readonly ackWindow?: number
  /** What becomes a video stream; nothing when left out. */
  readonly streaming?: 'filter' | 'all'
}

/** A guest and its server without sockets: the real channel classes on a clock that the test turns. */
export class ChannelWorld<G extends GuestInput = RecordingInput> {
  readonly clock = new FakeClock()
  readonly model = new DisplayModel(createPictureStore, DEFAULT_LIMITS, new Canvas(DEFAULT_LIMITS))
  readonly mouse = new MouseModes()
  readonly locks = new LockKeys()
  readonly heads = new Heads({ setHeads: () => undefined }, DEFAULT_LIMITS, silentLogger)
  readonly vm = {
    name: 'vm',
    uuid: new Uint8Array(16),
    offers: () => this.model.consoles.map(({ index }) => ({ type: 2, id: index })),
    observe: (changed: () => void) => this.model.observe({ consolesChanged: changed }),
  }
  readonly guest: G
  readonly ackWindow: number
  readonly #encoders: Encoders
  readonly #share: DisplayShare
  readonly #video: VideoDeps | undefined

  constructor({ guest, maxPixels = 64, ackWindow = 4, streaming }: WorldOptions<G>) {
    this.guest = guest
    this.ackWindow = ackWindow
    this.#encoders = inlineEncoders(this.clock, maxPixels)
    this.#share = new DisplayShare(this.#encoders, WINDOW_BYTES, noCounter)
    this.#video = streaming && videoDeps(this.model, this.clock, this.#encoders, streaming)
  }

  /** A channel with this state; neither started nor attached. */
  make(
    record: ServedRecords[ServedChannel],
    context: ChannelContext,
    guest: GuestInput = this.guest,
  ): Channel {
    const { model, mouse, locks, heads, vm, clock, ackWindow } = this
    switch (record.kind) {
      case 'main': {
        return new MainChannel(record, context, {
          vm,
          mouse,
          heads,
          clock,
          pings: true,
          roundTrip: noHistogram,
          bitRate: noHistogram,
        })
      }
      case 'display': {
        const deps = displayDeps({ model, encoders: this.#encoders, clock, ackWindow, video: this.#video })
        return new DisplayChannel(record, context, this.#share, deps)
      }
      case 'inputs': {
        return new InputsChannel(record, context, { guest, mouse, locks, events: noCounter })
      }
      case 'cursor': {
        return new CursorChannel(record, context, { model, mouse, ackWindow, shapes: noCounter })
      }
    }
  }
}

export const newWorld = (): ChannelWorld => new ChannelWorld({ guest: new RecordingInput() })
