import test from 'ava'
import { watchAgentPort } from '../../../src/app/agent-port.js'
import type { QmpEvent } from '../../../src/qmp/index.js'

const rig = (filename: string, frontendOpen: boolean) => {
  const told = { closed: 0, asked: 0 }
  let event: (event: QmpEvent) => void = () => undefined
  const qmp = {
    onEvent: (listener: (event: QmpEvent) => void) => {
      event = listener
      return () => undefined
    },
    execute: () => {
      told.asked += 1
      return Promise.resolve([
        { label: 'other', filename: 'unix:/run/other.sock,server=on', frontendOpen: false },
        { label: 'vdagent', filename, frontendOpen },
      ])
    },
  }
  const link = {
    portClosed: () => {
      told.closed += 1
    },
  }
  // Only query-chardev is asked for.
  watchAgentPort(qmp as unknown as Parameters<typeof watchAgentPort>[0], '/run/./vdagent.sock', link)
  const tell = async (name: 'VSERPORT_CHANGE' | 'RESET', open = false): Promise<void> => {
    event(
      name === 'RESET'
        ? { name, data: { guest: true, reason: 'guest-reset' } }
        : { name, data: { id: 'port', open } },
    )
    await Promise.resolve().then(() => undefined)
  }
  return { told, tell }
}

for (const filename of [
  'unix:/run/vdagent.sock,server=on',
  'unix:/run/vdagent.sock,server',
  'disconnected:unix:/run/vdagent.sock,server=on',
  'unix:/run/vdagent.sock',
]) {
  test(`a port that the guest closed is found as ${filename}`, async (t) => {
    const { told, tell } = rig(filename, false)
    await tell('VSERPORT_CHANGE')
    t.deepEqual(told, { closed: 1, asked: 1 })
  })
}

test('another port that closed, or one that opened, is nothing', async (t) => {
  const open = rig('unix:/run/vdagent.sock,server=on', true)
  await open.tell('VSERPORT_CHANGE')
  await open.tell('VSERPORT_CHANGE', true)
  t.deepEqual(open.told, { closed: 0, asked: 1 })
  const elsewhere = rig('unix:/run/vdagent.sock2,server=on', false)
  await elsewhere.tell('VSERPORT_CHANGE')
  t.is(elsewhere.told.closed, 0)
})

test('a guest that starts anew has closed it', async (t) => {
  const { told, tell } = rig('pty:/dev/pts/1', true)
  await tell('RESET')
  t.deepEqual(told, { closed: 1, asked: 0 })
})
