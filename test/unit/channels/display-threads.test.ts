import test from 'ava'
import { encodersOf } from '../../../src/app/encoders.js'
import { systemClock } from '../../../src/app/system-clock.js'
import {
  DisplayChannel,
  DisplayShare,
  newDisplayRecord,
  newWireRecord,
  type CompressionSetting,
} from '../../../src/channels/index.js'
import { EncoderPool, NO_POOL_METRICS } from '../../../src/codecs/index.js'
import { noCounter } from '../../../src/core/metrics.js'
import { silentLogger } from '../../../src/core/logger.js'
import { rectOf } from '../../../src/core/region.js'
import { DisplayModel, type Frame } from '../../../src/display/index.js'
import { createPictureStore } from '../../../src/kernels/index.js'
import {
  capsOf,
  DISPLAY_CAP,
  displayClient,
  displayServer,
  IMAGE_TYPE,
  decodeDrawCopy,
} from '../../../src/protocol/index.js'
import { RecordingContext, tell } from '../../helpers/channel-rig.js'
import { ClientAnswers } from '../../helpers/client-answers.js'
import { noiseFrame, scribble, show, testFrame } from '../../helpers/frames.js'
import { displayDeps } from '../../helpers/display-deps.js'
import { WINDOW_BYTES } from '../../helpers/inline-encoders.js'
import { PaintedSurface } from '../../helpers/painted.js'
import { pictureOf } from '../../helpers/picture-of.js'

const INIT = { pixmapCacheId: 1, pixmapCacheSize: 0n, glzDictionaryId: 1, glzWindowSize: 2 ** 22 }
const ACK_WINDOW = 4

const pool = new EncoderPool({ clock: systemClock, logger: silentLogger, metrics: NO_POOL_METRICS })
test.after.always(() => pool.close())

/** A display channel whose images are coded by threads, and its client, which acknowledges at once. */
const rig = (
  compression: CompressionSetting,
  caps: readonly number[] = [],
  zlibGlzWan: 'always' | 'never' = 'never',
) => {
  const model = new DisplayModel(createPictureStore)
  const encoders = encodersOf(pool)
  const share = new DisplayShare(encoders, WINDOW_BYTES, noCounter)
  const surface = new PaintedSurface()
  const sent: { type: number; body: Uint8Array }[] = []
  let woken = (): void => undefined
  class Context extends RecordingContext {
    override wake(): void {
      woken()
    }
  }
  const context = new Context()
  const channel = new DisplayChannel(
    newDisplayRecord(newWireRecord(true), 0, capsOf([DISPLAY_CAP.monitorsConfig, ...caps])),
    context,
    share,
    displayDeps({ model, encoders, clock: systemClock, compression, zlibGlzWan, ackWindow: ACK_WINDOW }),
  )
  model.consolesChanged([{ index: 0, label: 'a', head: 0 }])
  channel.attach()
  tell(channel, displayClient.init, INIT)
  const answers = new ClientAnswers((message, value) => tell(channel, message, value))
  /** @returns whether the client got anything: its driver pumps a channel after what its client says */
  const turn = (): boolean => {
    while (channel.pump()) {
      /* more at once */
    }
    const now = context.take()
    sent.push(...now)
    surface.follow(now)
    for (const message of now) {
      answers.handled(message)
    }
    return now.length > 0
  }
  /** Serves the channel, as its driver would, until something holds. */
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) {
      const wake = new Promise<void>((resolve) => (woken = resolve))
      const answered = turn()
      if (!holds() && !answered && !channel.snapshot().outbox.items.some(({ kind }) => kind !== 'damage')) {
        await wake
      } else {
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
  }
  const close = (): void => {
    channel.close()
    share.close()
  }
  return { model, channel, surface, sent, until, close }
}

/** A frame of blocks of one colour, which every codec makes smaller. */
const blockFrame = (width: number, height: number): Frame => {
  const frame = testFrame(width, height)
  for (let at = 0; at < frame.pixels.length; at++) {
    frame.pixels[at] = (Math.floor(at / 200) % 11) * 20
  }
  return frame
}

const sameAs = (surface: PaintedSurface, frame: Frame) => (): boolean =>
  surface.marked && Buffer.compare(surface.pixels, pictureOf(frame)) === 0

const imageTypes = (sent: readonly { type: number; body: Uint8Array }[]): Set<number | undefined> =>
  new Set(
    sent
      .filter(({ type }) => type === displayServer.drawCopy.id)
      .map(({ body }) => decodeDrawCopy(body).image?.type),
  )

test('the first picture is one message', async (t) => {
  const frame = testFrame(1024, 768)
  const { model, surface, sent, until, close } = rig('lz')
  show(model, frame)
  await until(sameAs(surface, frame))
  t.is(sent.filter(({ type }) => type === displayServer.drawCopy.id).length, 1)
  close()
})

for (const setting of ['lz', 'off', 'quic'] as const) {
  test(`a first picture of too many bytes goes in parts: ${setting}`, async (t) => {
    const frame = noiseFrame(2048, 2048)
    const { model, surface, sent, until, close } = rig(setting)
    show(model, frame)
    await until(sameAs(surface, frame))
    const sizes = sent.filter(({ type }) => type === displayServer.drawCopy.id).map(({ body }) => body.length)
    t.true(sizes.length >= 2, `${sizes.length} parts`)
    t.true(Math.max(...sizes) <= 6 * 1024 * 1024 + 1024)
    close()
  })
}

// Palettes are not for images that channels share, as those of these tests may, which run at once.
for (const [setting, types, caps] of [
  ['lz', [IMAGE_TYPE.lzRgb, IMAGE_TYPE.lzPlt], []],
  ['quic', [IMAGE_TYPE.quic], []],
  ['glz', [IMAGE_TYPE.glzRgb], []],
  ['lz4', [IMAGE_TYPE.lz4], [DISPLAY_CAP.lz4Compression]],
  ['off', [IMAGE_TYPE.bitmap], []],
] as const) {
  test(`image-compression ${setting}: pictures and changes arrive exactly, coded so`, async (t) => {
    const frame = blockFrame(640, 480)
    const { model, surface, sent, until, close } = rig(setting, caps)
    show(model, frame)
    await until(sameAs(surface, frame))
    for (let turn = 0; turn < 6; turn++) {
      scribble(model, rectOf(17 * turn, 9 * turn, 200, 150), turn + 1)
      await until(sameAs(surface, frame))
    }
    const seen = imageTypes(sent)
    t.true(seen.has(types[0]), `image types ${[...seen].join()}`)
    t.deepEqual(
      [...seen].filter((type) => !types.some((each) => each === type)),
      [],
    )
    close()
  })
}

test('GLZ may be packed with zlib', async (t) => {
  const frame = blockFrame(640, 480)
  const { model, surface, sent, until, close } = rig('glz', [], 'always')
  show(model, frame)
  await until(sameAs(surface, frame))
  for (let turn = 0; turn < 5; turn++) {
    scribble(model, rectOf(17 * turn, 9 * turn, 200, 150), turn + 1)
    await until(sameAs(surface, frame))
  }
  t.true(imageTypes(sent).has(IMAGE_TYPE.zlibGlzRgb))
  close()
})

test('a client may ask for a codec', async (t) => {
  const frame = testFrame(640, 480)
  const { model, channel, surface, sent, until, close } = rig('auto')
  tell(channel, displayClient.preferredCompression, { compression: 4 })
  show(model, frame)
  await until(sameAs(surface, frame))
  t.deepEqual(imageTypes(sent), new Set([IMAGE_TYPE.quic]))
  close()
})

test('changes while all is being coded, and new surfaces, leave the exact picture', async (t) => {
  const { model, surface, until, close } = rig('auto')
  let frame = testFrame(800, 600)
  show(model, frame)
  for (let turn = 0; turn < 40; turn++) {
    scribble(model, rectOf((turn * 37) % 500, (turn * 53) % 400, 300, 200), turn)
    if (turn % 10 === 9) {
      frame = testFrame(700 + turn, 500)
      show(model, frame)
    }
    let turns = 0
    await until(() => turns++ > turn % 3)
  }
  await until(sameAs(surface, frame))
  t.pass()
  close()
})

test('L-mem-client: the windows of a client take the memory that there is, and the limit is counted', (t) => {
  const hits: (string | undefined)[] = []
  const share = new DisplayShare(encodersOf(pool), 10_000, {
    add: (_amount, labels) => hits.push(labels?.['limit']),
  })
  t.is(share.dictionary(1, 2000, 0)?.windowPixels, 2000)
  t.is(share.dictionary(2, 2000, 0)?.windowPixels, 500)
  t.is(share.dictionary(3, 2000, 0), undefined)
  t.is(share.dictionary(1, 9999, 0)?.windowPixels, 2000)
  t.deepEqual(hits, ['memory-client', 'memory-client'])
  share.close()
})
