import test from 'ava'
import { reportFile } from '../helpers/qemu-rig.js'
import { startQemu, whyNoQemu } from '../helpers/qemu.js'
import { startSidecar, whyNoSidecar } from '../helpers/sidecar-process.js'
import { SpiceClient } from '../helpers/spice-client.js'

const missing = whyNoQemu({ guest: false }) ?? whyNoSidecar()
const serial = missing === undefined ? test.serial : test.serial.skip

const started = performance.now()
test.after.always('time', () => {
  reportFile('metrics', started, missing)
})

serial('metrics and health follow a client that comes, works and goes', async (t) => {
  const qemu = await startQemu({ guest: false })
  t.teardown(() => qemu.stop())
  const sidecar = await startSidecar({ qmp: qemu.paths.sidecarQmp })
  t.teardown(async () => {
    await sidecar.stop()
  })
  for (const path of ['/livez', '/healthz', '/readyz']) {
    t.is((await sidecar.get(path)).status, 200, path)
  }
  await sidecar.untilMetric('spice_sidecar_qemu_connected', (n) => n === 1)
  t.is(await sidecar.metric('spice_sidecar_clients'), 0)

  const client = await SpiceClient.connected({ port: sidecar.port })
  t.teardown(() => client.stop())
  t.is(await sidecar.metric('spice_sidecar_clients'), 1)
  t.is(await sidecar.metric('spice_sidecar_source_up', { source: 'dbus-display' }), 1)
  for (const channel of ['main', 'display', 'inputs', 'cursor']) {
    t.is(await sidecar.metric('spice_sidecar_channels', { channel }), 1, channel)
    t.true((await sidecar.metric('spice_sidecar_channel_bytes_sent_total', { channel })) > 0, channel)
    t.true((await sidecar.metric('spice_sidecar_channel_bytes_received_total', { channel })) > 0, channel)
  }
  // What was counted as sent to the display is what the client read, once both stand still.
  await sidecar.untilMetric('spice_sidecar_frames_sent_total', (n) => n > 0)
  await client.send('key-press', { scancode: 0x1e })
  await client.send('key-release', { scancode: 0x1e })
  await sidecar.untilMetric('spice_sidecar_input_events_total', (n) => n >= 2)
  t.true((await sidecar.metric('process_resident_memory_bytes')) > 20e6)

  const { text } = await sidecar.get('/metrics')
  t.regex(text, /^# TYPE spice_sidecar_clients gauge$/m)
  t.is((await sidecar.get('/nothing-here')).status, 404)

  await client.stop()
  await sidecar.untilMetric('spice_sidecar_clients', (n) => n === 0)
  t.is(await sidecar.metric('spice_sidecar_channels'), 0)
  t.is((await sidecar.stop()).code, 0)
  t.deepEqual(sidecar.noise, [])
})

serial('it is ready without QEMU, and says in its metrics that QEMU is not there', async (t) => {
  const sidecar = await startSidecar({ qmp: '/nonexistent/qemu.qmp' })
  t.teardown(async () => {
    await sidecar.stop()
  })
  t.is((await sidecar.get('/readyz')).status, 200)
  t.is(await sidecar.metric('spice_sidecar_qemu_connected'), 0)
  t.is((await sidecar.stop()).code, 0)
})
