import test from 'ava'
import { agentChunk, announcement, AGENT_PORT_NAME, GuestAgent, layoutReply } from '../helpers/guest-agent.js'
import { BUILT_IN, reportFile, startRig, untilSame, whyNoRig } from '../helpers/qemu-rig.js'
import { qemuPaths, type QemuVersion } from '../helpers/qemu.js'
import type { SpiceClient } from '../helpers/spice-client.js'
import { RealVdagent, whyNoVdagent } from '../helpers/real-vdagent.js'
import { nowMs, poll } from '../helpers/temp-deadline.js'
import { Cleanup, removeTempDirectory, tempDirectory } from '../helpers/temp.js'

const startedMs = nowMs()
const missing = BUILT_IN ? "QEMU's own server takes no socket for the agent" : whyNoRig()
const serial = missing === undefined ? test.serial : test.serial.skip

/** Monitors config, reply, sparse monitors config, places. */
const CAPS = (1 << 1) | (1 << 2) | (1 << 7) | (1 << 12)

const layBy = async (client: SpiceClient, width: number, height: number): Promise<void> => {
  await client.until('the agent takes layouts', () => client.agentConnected === true)
  await poll('the client sends its layout', async () => {
    const head = { width, height, widthMm: 300, heightMm: 200 }
    const { sent } = (await client.send('resize', { heads: [head] })) as { sent: boolean }
    return sent
  })
}

/** A guest on a display of fixed size, with the agent's port. */
const startAgentRig = async (version: QemuVersion, cleanup: Cleanup) => {
  const directory = tempDirectory()
  cleanup.add(() => removeTempDirectory(directory))
  const { agent: path } = qemuPaths(directory)
  const rig = await startRig({
    qemu: {
      version,
      vga: 'std',
      directory,
      extra: [
        ...['-chardev', `socket,id=vdagent,path=${path},server=on,wait=off`],
        ...['-device', `virtserialport,bus=ports.0,chardev=vdagent,name=${AGENT_PORT_NAME},id=port-vdagent`],
      ],
    },
    sidecar: { flags: ['--agent', path] },
  })
  cleanup.add(() => rig.stop())
  return { rig, agent: new GuestAgent(rig.qemu.guest) }
}

for (const version of ['7.2', '11'] satisfies QemuVersion[]) {
  const onVersion = whyNoRig({ version }) === undefined ? serial : test.serial.skip

  onVersion(
    `QEMU ${version}: the agent in the guest follows the window where the display cannot`,
    async (t) => {
      const cleanup = new Cleanup()
      t.teardown(() => cleanup.run())
      const { rig, agent } = await startAgentRig(version, cleanup)
      const { guest } = rig.qemu
      const present = 'spice_sidecar_guest_agent_present'
      await guest.command('pattern 7')
      await agent.open()
      await agent.untilAsked()
      t.is(await rig.sidecar!.metric(present), 0, 'an agent that says nothing is none')
      await agent.send(agentChunk(announcement(1, CAPS)))
      await rig.sidecar!.untilMetric(present, (value) => value === 1)

      const client = await rig.connect()
      cleanup.add(() => client.stop())
      for (const [width, height] of [
        [1104, 700],
        [960, 604],
      ] as const) {
        await layBy(client, width, height)
        await agent.untilLayout(`${width}x${height}+0+0`)
        await agent.send(agentChunk(layoutReply(1)))
        await guest.command(`mode ${width}x${height}`)
        const picture = await untilSame(
          rig.qemu,
          () => client.picture(),
          `the client shows ${width}x${height}`,
        )
        t.is(picture.size, `${width}x${height}`)
      }
      t.false(
        client.events.some(({ event, connected }) => event === 'agent' && connected === false),
        'the client saw one agent all the time',
      )

      await agent.close()
      await client.until('the agent is gone', () => client.agentConnected === false)
      await agent.open()
      await agent.until('up')
      await agent.send(agentChunk(announcement(1, CAPS)))
      await client.until('an agent is there again', () => client.agentConnected === true)
      await agent.untilLayout('960x604+0+0')

      await agent.send(Buffer.from('0700000004000000deadbeef', 'hex'))
      await agent.until('down')
      await client.until('an agent out of step is none', () => client.agentConnected === false)
      await agent.until('up')
      await agent.untilAsked()
      await agent.send(agentChunk(announcement(0, CAPS)))
      await client.until('it is taken again', () => client.agentConnected === true)
      await layBy(client, 800, 600)
      await agent.untilLayout('800x600+0+0')

      await rig.qemu.qmp('system_reset')
      await client.until('a guest that starts anew has none', () => client.agentConnected === false)
      t.deepEqual(
        rig.sidecar!.log.filter(({ level }) => level === 'warn' || level === 'error').map(({ msg }) => msg),
        ['The guest agent broke the rules of its port'],
      )
    },
  )
}

serial('without an agent one warning names both ways to a guest that follows', async (t) => {
  const cleanup = new Cleanup()
  t.teardown(() => cleanup.run())
  const { rig } = await startAgentRig('7.2', cleanup)
  const client = await rig.connect()
  cleanup.add(() => client.stop())
  await layBy(client, 1111, 777)
  await client.until('the agent is gone', () => client.agentConnected === false)
  const warnings = rig.sidecar!.log.filter(({ level }) => level === 'warn')
  t.is(warnings.length, 1)
  t.regex(warnings[0]!.msg, /virtio-gpu.*spice-vdagent.*`agent`/)
})

const withVdagent = whyNoVdagent() === undefined ? serial : test.serial.skip

withVdagent('the spice-vdagent of Debian makes its screen as large as the window', async (t) => {
  const cleanup = new Cleanup()
  t.teardown(() => cleanup.run())
  const vdagent = await RealVdagent.prepare()
  cleanup.add(() => vdagent.stop())
  const rig = await startRig({
    qemu: { vga: 'std', guest: false },
    sidecar: { flags: ['--agent', vdagent.path] },
  })
  cleanup.add(() => rig.stop())
  await vdagent.start()
  await rig.sidecar!.untilMetric('spice_sidecar_guest_agent_present', (value) => value === 1)
  t.is(await vdagent.screenSize(), '1280x1024')
  const client = await rig.connect()
  cleanup.add(() => client.stop())
  for (const [width, height] of [
    [1000, 700],
    [640, 480],
  ] as const) {
    await layBy(client, width, height)
    await vdagent.untilScreenSize(`${width}x${height}`)
  }
  t.is(await rig.sidecar!.metric('spice_sidecar_guest_agent_dropped_total'), 0)
})

test.after.always(() => reportFile('guest-agent', startedMs, missing))
