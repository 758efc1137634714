import test from 'ava'
import fc from 'fast-check'
import { GREETING } from '../../helpers/fake-qmp.js'
import { qmpRig } from '../../helpers/qmp-rig.js'
import type { QmpEvent } from '../../../src/qmp/index.js'

test('any split of the byte stream gives the same replies and events', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 90 }), { maxLength: 12 }), async (cuts) => {
      const rig = qmpRig(t)
      rig.fake.greets = false
      rig.fake.answers.clear()
      await rig.fake.listen()
      const events: QmpEvent[] = []
      rig.client.onEvent((event) => events.push(event))
      rig.client.start()
      const monitor = await rig.fake.monitor()
      let at = 0
      const sendCut = (message: unknown): void => {
        const bytes = Buffer.from(`${JSON.stringify(message)}\r\n`)
        let start = 0
        while (start < bytes.length) {
          const size = cuts[at % cuts.length] ?? bytes.length
          at++
          monitor.sendBytes(bytes.subarray(start, start + size))
          start += size
        }
      }
      sendCut(GREETING)
      const negotiation = await monitor.command()
      sendCut({ return: {}, id: negotiation.id })
      await rig.reached('ready')
      const name = rig.client.execute('query-name')
      const command = await monitor.command()
      sendCut({ event: 'MIGRATION', data: { status: 'größer' } })
      sendCut({ return: { name: 'Jürgens VM 🖥' }, id: command.id })
      t.deepEqual(await name, { name: 'Jürgens VM 🖥' })
      t.deepEqual(events, [{ name: 'MIGRATION', data: { status: 'größer' } }])
      rig.client.close()
      rig.fake.stop()
    }),
    { numRuns: 60 },
  )
})
