import { existsSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { TRACES } from '../../bench/traces/catalogue.js'
import { writeTraceDisk } from '../../bench/traces/disk.js'
import { availableVideo } from '../../src/codecs/video/index.js'
import { VIDEO_CODEC } from '../../src/protocol/index.js'
import { Chromium, whyNoChromium } from '../helpers/chromium.js'
import { Picture } from '../helpers/picture.js'
import { BUILT_IN, reportFile, untilSame, whyNoRig } from '../helpers/qemu-rig.js'
import { startQemu, type Qemu } from '../helpers/qemu.js'
import { startSidecar, type SidecarProcess } from '../helpers/sidecar-process.js'
import { SpiceClient } from '../helpers/spice-client.js'
import { nowMs } from '../helpers/temp-deadline.js'
import { Cleanup, tempDirectory } from '../helpers/temp.js'
import { loadTrace, playTrace } from '../helpers/trace-guest.js'

const PAGES = '/usr/share/spice-html5'

/** Five seconds of film, 25 frames a second. */
const SIZE = { width: 640, height: 400, steps: 125 }

const STARTED = 'spice_sidecar_video_streams_started_total'
const OPEN = 'spice_sidecar_video_streams'
const SENT = 'spice_sidecar_video_frames_total'
const DROPPED = 'spice_sidecar_video_frames_dropped_total'

const startedMs = nowMs()
const missing = BUILT_IN ? "QEMU's own server does not tell of its streams" : whyNoRig()
const serial = missing === undefined ? test.serial : test.serial.skip
test.after.always('time', () => reportFile('video', startedMs, missing))

const cleanup = new Cleanup()
let qemu: Qemu

test.before(async () => {
  if (missing === undefined) {
    const disk = join(tempDirectory(), 'traces')
    writeTraceDisk(disk, [TRACES.find(({ name }) => name === 'video')!.make(SIZE)])
    qemu = await startQemu({ traces: disk })
    cleanup.add(() => qemu.stop())
  }
})

test.after.always('guest', () => cleanup.run())

interface Viewed {
  readonly sidecar: SidecarProcess
  readonly client: SpiceClient
  readonly stop: () => Promise<void>
}

/** A stock client that shows the first frame of the film. */
const view = async (...flags: readonly string[]): Promise<Viewed> => {
  await loadTrace(qemu.guest, 0)
  const sidecar = await startSidecar({ qmp: qemu.paths.sidecarQmp, flags, logLevel: 'info' })
  const client = await SpiceClient.connected({ port: sidecar.port })
  await untilSame(qemu, () => client.picture(), 'the client shows the first frame', 20_000)
  return {
    sidecar,
    client,
    stop: async () => {
      await client.stop()
      await sidecar.stop()
    },
  }
}

for (const codec of ['mjpeg', 'h264', 'vp8', 'vp9'] as const) {
  const here = codec === 'mjpeg' || availableVideo().codecs.includes(codec)
  const run = here ? serial : test.serial.skip
  run(
    `film becomes a stream of ${codec} at a stock client, and leaves the exact picture behind`,
    async (t) => {
      const { sidecar, client, stop } = await view('--video-codecs', codec)
      t.teardown(stop)
      const before = client.invalidations
      await playTrace(qemu.guest)
      t.true((await sidecar.metric(STARTED, { codec })) > 0)
      await sidecar.untilMetric(OPEN, (streams) => streams === 0, 20_000)
      await untilSame(qemu, () => client.picture(), 'the client ends with the exact picture', 20_000)
      const frames = await sidecar.metric(SENT, { codec })
      const late = await sidecar.metric(DROPPED, { reason: 'late' })
      t.log(`${frames} frames, ${late} of them late, ${client.invalidations - before} changes shown`)
      t.true(frames > 10)
      t.true(late < frames / 2, 'the client has most frames in time')
      t.true(client.invalidations - before > frames / 2, 'it shows them')
      t.is(await sidecar.metric(SENT), frames, 'no other codec')
      t.is(await sidecar.metric('spice_sidecar_images_failed_total'), 0)
      t.is(await sidecar.metric('spice_sidecar_strange_messages_total'), 0)
    },
  )
}

const hasVp8 = missing === undefined && availableVideo().codecs.includes('vp8')
const withVp8 = hasVp8 ? test.serial : test.serial.skip

withVp8('a client that asks for another codec in the middle gets it, and the exact picture', async (t) => {
  const { sidecar, client, stop } = await view('--video-codecs', 'spice:mjpeg;gstreamer:vp8')
  t.teardown(stop)
  const playing = playTrace(qemu.guest)
  await sidecar.untilMetric(SENT, (frames) => frames >= 10, 20_000)
  t.is(await sidecar.metric(STARTED, { codec: 'vp8' }), 0)
  await client.send('video-codec', { type: VIDEO_CODEC.vp8 })
  await playing
  t.is(await sidecar.metric(STARTED, { codec: 'vp8' }), 1)
  t.true((await sidecar.metric(SENT, { codec: 'vp8' })) > 0)
  await sidecar.untilMetric(OPEN, (streams) => streams === 0, 20_000)
  await untilSame(qemu, () => client.picture(), 'the client ends with the exact picture', 20_000)
})

const noBrowser = missing ?? whyNoChromium() ?? (existsSync(PAGES) ? undefined : `${PAGES} is not there`)
const inBrowser = noBrowser === undefined ? test.serial : test.serial.skip

inBrowser('film becomes a stream at spice-html5, and leaves the exact picture behind', async (t) => {
  await loadTrace(qemu.guest, 0)
  const sidecar = await startSidecar({ qmp: qemu.paths.sidecarQmp, flags: ['--web-root', PAGES] })
  t.teardown(async () => {
    await sidecar.stop()
  })
  const browser = new Chromium()
  t.teardown(() => browser.stop())
  await browser.open(`http://127.0.0.1:${sidecar.port}/spice_auto.html?password=browser`)
  const screen = async (): Promise<Picture> =>
    (await browser.canvas('#spice-screen canvas')) ?? new Picture(1, 1, Buffer.alloc(3))
  await untilSame(qemu, screen, 'the canvas', 30_000)
  await playTrace(qemu.guest)
  t.true((await sidecar.metric(STARTED, { codec: 'mjpeg' })) > 0)
  await sidecar.untilMetric(OPEN, (streams) => streams === 0, 20_000)
  await untilSame(qemu, screen, 'the canvas after the film', 30_000)
  const frames = await sidecar.metric(SENT, { codec: 'mjpeg' })
  t.log(`${frames} frames, ${await sidecar.metric(DROPPED, { reason: 'late' })} of them late`)
  t.true(frames > 10)
  t.is(await sidecar.metric('spice_sidecar_strange_messages_total', { kind: 'report' }), 0)
})

serial('where video is off film goes as pictures', async (t) => {
  const { sidecar, client, stop } = await view('--streaming-video', 'off')
  t.teardown(stop)
  await playTrace(qemu.guest)
  await untilSame(qemu, () => client.picture(), 'the client ends with the exact picture', 20_000)
  t.is(await sidecar.metric(STARTED), 0)
})
