import test from 'ava'
import { encodersOf } from '../../src/app/encoders.js'
import { systemClock } from '../../src/app/system-clock.js'
import {
  DisplayChannel,
  DisplayShare,
  newDisplayRecord,
  newWireRecord,
  type CompressionSetting,
} from '../../src/channels/index.js'
import { EncoderPool, NO_POOL_METRICS } from '../../src/codecs/index.js'
import { silentLogger } from '../../src/core/logger.js'
import { noCounter } from '../../src/core/metrics.js'
import { rectOf } from '../../src/core/region.js'
import { DisplayModel, type Frame } from '../../src/display/index.js'
import { createPictureStore } from '../../src/kernels/index.js'
import {
  capsOf,
  decodeDrawCopy,
  DISPLAY_CAP,
  displayClient,
  displayServer,
  IMAGE_COMPRESSION,
  IMAGE_TYPE,
} from '../../src/protocol/index.js'
import { ClientAnswers } from '../helpers/client-answers.js'
import { RecordingContext, tell } from '../helpers/channel-rig.js'
import { scribble, show, testFrame } from '../helpers/frames.js'
import { displayDeps } from '../helpers/display-deps.js'
import { PaintedSurface } from '../helpers/painted.js'
import { pictureOf } from '../helpers/picture-of.js'

const INIT = { pixmapCacheId: 1, pixmapCacheSize: 0n, glzDictionaryId: 1, glzWindowSize: 2 ** 22 }
const WINDOW_BYTES = 32 * 1024 * 1024

const pool = new EncoderPool({ clock: systemClock, logger: silentLogger, metrics: NO_POOL_METRICS })
test.after.always(() => pool.close())

/** A client with as many display channels as it opens, all of the same console, coded by threads. */
class Client {
  readonly model = new DisplayModel(createPictureStore)
  readonly opened: number[] = []
  readonly #encoders = encodersOf(pool)
  readonly #compression: CompressionSetting
  readonly #share: DisplayShare

  constructor(frame: Frame, compression: CompressionSetting) {
    this.#compression = compression
    const { available } = this.#encoders
    const openDictionary = (windowPixels: number, nextImage?: number): number => {
      this.opened.push(windowPixels)
      return pool.openDictionary(windowPixels, nextImage)
    }
    this.#share = new DisplayShare({ ...this.#encoders, available, openDictionary }, WINDOW_BYTES, noCounter)
    this.model.consolesChanged([{ index: 0, label: 'a', head: 0 }])
    show(this.model, frame)
  }

  /** The channel sends what it has as soon as {@link Line.until} is asked. */
  open(init: Partial<typeof INIT> = {}): Line {
    const record = newDisplayRecord(newWireRecord(true), 0, capsOf([DISPLAY_CAP.monitorsConfig]))
    const line = new Line((context) => {
      const deps = displayDeps({
        ...{ model: this.model, encoders: this.#encoders, clock: systemClock },
        ...{ compression: this.#compression, ackWindow: 1000 },
      })
      return new DisplayChannel(record, context, this.#share, deps)
    })
    line.channel.attach()
    tell(line.channel, displayClient.init, { ...INIT, ...init })
    return line
  }

  close(): void {
    this.#share.close()
  }
}

/** One display channel and what its client shows. */
class Line {
  readonly channel: DisplayChannel
  readonly surface = new PaintedSurface()
  readonly imageTypes: (number | undefined)[] = []
  readonly #context: RecordingContext
  readonly #answers = new ClientAnswers((message, value) => tell(this.channel, message, value))
  #woken = (): void => undefined

  constructor(make: (context: RecordingContext) => DisplayChannel) {
    const woken = (): void => this.#woken()
    this.#context = new (class extends RecordingContext {
      override wake(): void {
        woken()
      }
    })()
    this.channel = make(this.#context)
  }

  /** Serves the channel until its client shows the picture. */
  async until(frame: Frame): Promise<void> {
    for (;;) {
      const wake = new Promise<void>((resolve) => (this.#woken = resolve))
      while (this.channel.pump()) {
        continue
      }
      const sent = this.#context.take()
      this.surface.follow(sent)
      for (const message of sent) {
        this.#answers.handled(message)
      }
      for (const { type, body } of sent) {
        if (type === displayServer.drawCopy.id) {
          this.imageTypes.push(decodeDrawCopy(body).image?.type)
        }
      }
      if (this.surface.marked && Buffer.compare(this.surface.pixels, pictureOf(frame)) === 0) {
        return
      }
      // Its driver pumps a channel after what its client says.
      await (sent.length > 0 ? undefined : wake)
    }
  }
}

for (const [glzWindowSize, type] of [
  [0, IMAGE_TYPE.lzRgb],
  [1, IMAGE_TYPE.lzRgb],
  [400 * 300, IMAGE_TYPE.lzRgb],
  [400 * 300 + 1, IMAGE_TYPE.glzRgb],
  [2 ** 25, IMAGE_TYPE.glzRgb],
] as const) {
  test(`N-DISP-01: a window of ${glzWindowSize} pixels is never filled with more`, async (t) => {
    const frame = testFrame(400, 300)
    const client = new Client(frame, 'glz')
    const line = client.open({ glzWindowSize })
    await line.until(frame)
    t.deepEqual(line.imageTypes, [type])
    t.true(client.opened.every((pixels) => pixels <= glzWindowSize && pixels * 4 <= WINDOW_BYTES))
    line.channel.close()
    client.close()
  })
}

test('N-DISP-01: 256 channels with dictionaries of their own take no more than one may, and all show the picture', async (t) => {
  const frame = testFrame(120, 90)
  const client = new Client(frame, 'glz')
  const lines = Array.from({ length: 256 }, (_, id) =>
    client.open({ glzDictionaryId: id, glzWindowSize: 2 ** 20 }),
  )
  t.is(
    client.opened.reduce((sum, pixels) => sum + pixels, 0),
    WINDOW_BYTES / 4,
  )
  for (const line of [lines[0]!, lines[1]!, lines[255]!]) {
    await line.until(frame)
  }
  t.deepEqual(lines[255]!.imageTypes, [IMAGE_TYPE.lzRgb])
  for (const line of lines) {
    line.channel.close()
  }
  client.close()
})

test('N-DISP-01: a channel that opens again and again has the dictionary that it had', (t) => {
  const client = new Client(testFrame(120, 90), 'glz')
  for (let time = 0; time < 100; time++) {
    client.open({ glzWindowSize: 2 ** 20 + time }).channel.close()
  }
  t.deepEqual(client.opened, [2 ** 20])
  client.close()
})

test('N-DISP-02: after values that do not exist the codec is the one that was asked for before', async (t) => {
  const frame = testFrame(400, 300)
  const client = new Client(frame, 'lz')
  const line = client.open()
  tell(line.channel, displayClient.preferredCompression, { compression: IMAGE_COMPRESSION.quic })
  for (const compression of [0, 8, 100, 255]) {
    tell(line.channel, displayClient.preferredCompression, { compression })
  }
  await line.until(frame)
  t.deepEqual(line.imageTypes, [IMAGE_TYPE.quic])
  line.channel.close()
  client.close()
})

test('N-DISP-02: a client that changes its mind all the time gets the picture, and nothing is kept of that', async (t) => {
  const frame = testFrame(400, 300)
  const client = new Client(frame, 'lz')
  const line = client.open()
  await line.until(frame)
  const size = JSON.stringify(line.channel.snapshot().outbox).length
  for (let time = 0; time < 20; time++) {
    scribble(client.model, rectOf(time * 7, time * 5, 200, 150), time + 2)
    for (let compression = 0; compression < 256; compression++) {
      tell(line.channel, displayClient.preferredCompression, { compression })
    }
    tell(line.channel, displayClient.preferredCompression, { compression: 1 + (time % 6) })
    await line.until(frame)
  }
  t.is(JSON.stringify(line.channel.snapshot().outbox).length, size)
  t.is(line.channel.snapshot().preferred, 'auto_glz')
  line.channel.close()
  client.close()
})

test('N-CH-10: a channel that goes while its image is coded leaves the dictionary whole for the others', async (t) => {
  const frame = testFrame(400, 300)
  const client = new Client(frame, 'glz')
  const stays = client.open()
  await stays.until(frame)
  for (let time = 0; time < 10; time++) {
    const goes = client.open()
    for (let turn = 0; turn <= time % 3; turn++) {
      goes.channel.pump()
    }
    goes.channel.close()
    scribble(client.model, rectOf(time * 7, time * 5, 200, 150), time + 2)
    await stays.until(frame)
  }
  t.deepEqual(new Set(stays.imageTypes), new Set([IMAGE_TYPE.glzRgb]))
  stays.channel.close()
  client.close()
})
