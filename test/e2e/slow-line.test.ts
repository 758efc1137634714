import test from 'ava'
import { BUILT_IN, reportFile, startRig, untilSame, whyNoRig } from '../helpers/qemu-rig.js'
import { Shaper } from '../helpers/shaper.js'
import { SpiceClient } from '../helpers/spice-client.js'
import { nowMs } from '../helpers/temp-deadline.js'

// QEMU's own server queues every frame and is still busy with them half a minute later.
const missing = BUILT_IN ? "QEMU's own server does not pass" : whyNoRig()
const serial = missing === undefined ? test.serial : test.serial.skip

const KEY_A = 0x1e

const started = nowMs()
test.after.always('time', () => reportFile('slow-line', started, missing))

serial('over a slow line a client skips what is stale and ends with the last picture', async (t) => {
  const rig = await startRig()
  t.teardown(() => rig.stop())
  const shaper = await Shaper.start(rig.target.port ?? 0, { delayMs: 40, bitsPerSecond: 10e6 })
  t.teardown(() => shaper.stop())
  await rig.qemu.guest.command('pattern 0')
  const client = await SpiceClient.connected({ port: shaper.port })
  t.teardown(() => client.stop())
  await untilSame(rig.qemu, () => client.picture(), 'the client shows the first picture', 20_000)

  // 240 KB a frame before coding, 25 a second: several times what the line carries.
  await rig.qemu.guest.command('animate 0 0 300 200 25 50')
  await rig.qemu.guest.event(/^finished/)
  const endMs = nowMs()
  await untilSame(rig.qemu, () => client.picture(), 'the client ends with the last picture', 20_000)
  const seconds = (nowMs() - endMs) / 1000
  const { bytes } = await client.counters()
  t.log(`${seconds.toFixed(1)} s behind the guest, ${(bytes['display']! / 1e6).toFixed(1)} MB`)
  t.true(client.invalidations > 3)
})

serial(
  'over 1 Mbit/s and 200 ms, text that scrolls goes as moves, keys are answered, and the end is exact',
  async (t) => {
    const rig = await startRig()
    t.teardown(() => rig.stop())
    const shaper = await Shaper.start(rig.target.port ?? 0, { delayMs: 100, bitsPerSecond: 1e6 })
    t.teardown(() => shaper.stop())
    const { guest } = rig.qemu
    await guest.command('mode 1280x800')
    await guest.command('pattern 0')
    await guest.command('follow on')
    const client = await SpiceClient.connected({ port: shaper.port })
    t.teardown(() => client.stop())
    await untilSame(rig.qemu, () => client.picture(), 'the client shows the first picture', 60_000)
    await guest.command('term 640 0 640 800 20 0')
    for (let press = 0; press < 5; press++) {
      await client.latency(KEY_A, 96, 96, 30_000)
    }
    await guest.command('stop')
    await untilSame(rig.qemu, () => client.picture(), 'the client ends with the last picture', 30_000)
    const moves = await rig.sidecar!.metric('spice_sidecar_moves_sent_total')
    t.log(`${moves} moves`)
    t.true(moves > 5)
  },
)
