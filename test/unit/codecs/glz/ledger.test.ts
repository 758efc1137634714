import test from 'ava'
import { SidecarError } from '../../../../src/core/errors.js'
import { GlzLedger, type GlzCoded } from '../../../../src/codecs/glz/index.js'

const image = (
  imageId: number,
  winHeadDist: number,
  references: readonly (readonly [channel: number, imageId: number])[] = [],
): GlzCoded => ({
  ...{ size: 100, imageId, winHeadDist, oldestReferredTo: imageId },
  references: references.map(([channel, id]) => ({ channel, imageId: id })),
})

const wait = (channelId: number, serial: number): object => ({ channelType: 2, channelId, serial })

test('an image waits for the messages of other channels that it refers to', (t) => {
  const ledger = new GlzLedger(0)
  ledger.sent(image(0, 0), 0, 41)
  ledger.sent(image(1, 1), 1, 7)
  t.deepEqual(
    ledger.waitsFor(
      image(2, 2, [
        [0, 0],
        [1, 1],
      ]),
      2,
    ),
    [wait(0, 41), wait(1, 7)],
  )
  t.deepEqual(ledger.waitsFor(image(2, 2), 2), [])
})

test('what was waited for is not waited for again, on that channel', (t) => {
  const ledger = new GlzLedger(0)
  ledger.sent(image(0, 0), 0, 41)
  ledger.sent(image(1, 1), 0, 42)
  t.deepEqual(ledger.waitsFor(image(2, 2, [[0, 1]]), 1), [wait(0, 42)])
  ledger.sent(image(2, 2, [[0, 1]]), 1, 5)
  t.deepEqual(ledger.waitsFor(image(3, 3, [[0, 0]]), 1), [])
  t.deepEqual(ledger.waitsFor(image(3, 3, [[0, 0]]), 2), [wait(0, 41)])
  t.deepEqual(ledger.waitsFor(image(3, 3, [[0, 1]]), 2), [wait(0, 42)])
})

test('ids go on where the ledger says, and a hole is a bug', (t) => {
  const ledger = new GlzLedger(17)
  t.is(ledger.nextId, 17)
  ledger.sent(image(17, 0), 0, 1)
  t.is(ledger.nextId, 18)
  for (const id of [17, 19]) {
    t.is(t.throws(() => ledger.sent(image(id, 0), 0, 2), { instanceOf: SidecarError }).code, 'SIDECAR_BUG')
  }
})

test('an image that left the window is forgotten', (t) => {
  const ledger = new GlzLedger(0)
  ledger.sent(image(0, 0), 0, 1)
  ledger.sent(image(1, 1), 0, 2)
  ledger.sent(image(2, 1), 1, 1)
  t.deepEqual(ledger.waitsFor(image(3, 2, [[0, 1]]), 1), [wait(0, 2)])
  t.throws(() => ledger.waitsFor(image(3, 3, [[0, 0]]), 1), { instanceOf: SidecarError })
})
