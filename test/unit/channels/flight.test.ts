import test from 'ava'
import { ChannelWire, newWireRecord, type DeliveryMeter } from '../../../src/channels/wire.js'
import { setIdle, type Delivery } from '../../../src/channels/flight.js'
import { commonClient, displayServer, type Message } from '../../../src/protocol/index.js'
import { RecordingContext } from '../../helpers/channel-rig.js'

const MARK_SIZE = 6
const SET_ACK_SIZE = 14

const rig = (window = 3) => {
  const record = newWireRecord(true)
  const context = new RecordingContext()
  const deliveries: Delivery[] = []
  let nowMs = 0
  const meter: DeliveryMeter = { nowMs: () => nowMs, delivered: (delivery) => void deliveries.push(delivery) }
  const wire = new ChannelWire(record, context, meter)
  wire.setAck(window)
  const says = <T>(message: Message<T>, value: T): void => {
    wire.receiveCommon(message.id, message.encode(value))
  }
  return {
    record,
    wire,
    context,
    deliveries,
    send: (count: number): void => {
      for (let i = 0; i < count; i++) {
        wire.send(displayServer.mark, {})
      }
    },
    synced: (generation: number): void => says(commonClient.ackSync, { generation }),
    ack: (): void => says(commonClient.ack, {}),
    wait: (ms: number): void => {
      nowMs += ms
    },
  }
}

test('the first answer tells the round trip of the question alone', (t) => {
  const { send, synced, wait, deliveries } = rig()
  wait(5)
  send(4)
  wait(30)
  synced(1)
  t.deepEqual(deliveries, [{ tookMs: 35, rate: 0, idle: true }])
})

test('an ACK is for a window of messages, the question before them counted', (t) => {
  const { send, synced, ack, wait, record, deliveries } = rig()
  synced(1)
  deliveries.length = 0
  send(4)
  t.is(record.unacked, 5)
  wait(20)
  ack()
  t.is(record.unacked, 2)
  t.is(record.flight.bytes, 2 * MARK_SIZE)
  t.is(record.flight.delivered, SET_ACK_SIZE + 2 * MARK_SIZE)
  t.deepEqual(deliveries, [{ tookMs: 20, rate: (SET_ACK_SIZE + 2 * MARK_SIZE) / 20, idle: false }])
})

test('another question is answered for all that came before it, and no ACK for that is missed or odd', (t) => {
  const { send, synced, ack, wire, record, context } = rig()
  synced(1)
  send(4)
  wire.setAck(3)
  t.is(record.unacked, 6)
  // On its way when the question came.
  ack()
  t.is(record.unacked, 3)
  synced(2)
  t.is(record.unacked, 1)
  t.is(record.flight.bytes, SET_ACK_SIZE)
  send(2)
  ack()
  t.is(record.unacked, 0)
  t.is(record.flight.bytes, 0)
  t.deepEqual(context.odd, [])
})

test('N-CH-06: what acknowledges nothing that was sent is odd and opens nothing', (t) => {
  const { send, synced, ack, wire, record, context } = rig()
  ack()
  synced(2)
  synced(0)
  send(1)
  synced(1)
  ack()
  t.is(record.unacked, 2)
  wire.setAck(3)
  synced(2)
  synced(1)
  t.is(record.syncedGeneration, 2)
  t.deepEqual(context.odd, ['ack', 'ack', 'ack', 'ack', 'ack'])
})

test('the rate is what arrived between two answers, and no more than what was sent in that time', (t) => {
  const { send, synced, ack, wait, deliveries } = rig(2)
  synced(1)
  send(1)
  wait(10)
  ack()
  // Two windows within a while, answered in one heap.
  send(2)
  wait(40)
  send(2)
  wait(1)
  deliveries.length = 0
  ack()
  ack()
  t.deepEqual(
    deliveries.map(({ rate }) => rate),
    [(2 * MARK_SIZE) / 41, (4 * MARK_SIZE) / 41],
  )
})

test('where there was nothing more to send, a rate is marked so, until that has arrived', (t) => {
  const { send, synced, ack, wait, record, deliveries } = rig(2)
  synced(1)
  send(1)
  setIdle(record.flight)
  wait(10)
  send(2)
  ack()
  ack()
  send(2)
  wait(10)
  ack()
  t.deepEqual(
    deliveries.slice(1).map(({ idle }) => idle),
    [false, true, false],
  )
  t.is(record.unacked, 0)
})
