import { setImmediate } from 'node:timers/promises'
import test from 'ava'
import { SaslTransport } from '../../../src/server/sasl-transport.js'
import type { Transport, TransportHandler } from '../../../src/server/transport.js'
import { FakeExchange } from '../../helpers/fake-sasl.js'
import { SteppedClock } from '../../helpers/server-rig.js'

/** A connection that takes bytes when the test says so. */
class FakeTransport implements Transport {
  readonly remoteAddress = '192.0.2.1'
  readonly secure = false
  readonly local = false
  readonly written: Uint8Array[] = []
  readonly #callbacks: ((() => void) | undefined)[] = []
  waitingBytes = 0
  handler: TransportHandler | undefined
  calls: string[] = []

  get unsentBytes(): number {
    return this.waitingBytes
  }

  use(handler: TransportHandler | undefined): void {
    this.handler = handler
  }

  pause(): void {
    this.calls.push('pause')
  }

  resume(): void {
    this.calls.push('resume')
  }

  write(bytes: Uint8Array, written?: () => void): void {
    this.written.push(bytes)
    this.waitingBytes += bytes.length
    this.#callbacks.push(written)
  }

  /** The system takes everything. */
  take(): void {
    this.waitingBytes = 0
    for (const written of this.#callbacks.splice(0)) {
      written?.()
    }
  }

  end(): void {
    this.calls.push('end')
  }

  destroy(): void {
    this.calls.push('destroy')
    this.handler?.closed()
  }
}

class Rig {
  readonly inner = new FakeTransport()
  readonly layer = new FakeExchange({})
  readonly transport: SaslTransport
  readonly heard: string[] = []

  constructor(maxPiece = 4096) {
    this.transport = new SaslTransport(this.inner, this.layer, maxPiece, new SteppedClock())
    this.transport.use({
      data: (chunk) => this.heard.push(`data ${Buffer.from(chunk).toString()}`),
      end: () => this.heard.push('end'),
      failed: (error) => this.heard.push(`failed ${error.message}`),
      closed: () => this.heard.push('closed'),
    })
  }

  get plain(): Buffer {
    return Buffer.from(new FakeExchange({}).decode(Buffer.concat(this.inner.written)))
  }
}

test('a write is one piece, a long one several, in order and over turns', async (t) => {
  const rig = new Rig()
  const long = Buffer.alloc(200_000, 'long')
  const done: string[] = []
  rig.transport.write(Buffer.from('short'), () => done.push('short'))
  t.is(rig.inner.written.length, 1)
  rig.transport.write(long, () => done.push('long'))
  t.is(rig.inner.written.length, 1 + 16, 'no more than 64 KiB in one turn')
  t.true(rig.transport.waitingBytes >= 200_005)
  while (done.length < 2) {
    rig.inner.take()
    await setImmediate()
  }
  t.deepEqual(done, ['short', 'long'])
  t.deepEqual(rig.plain, Buffer.concat([Buffer.from('short'), long]))
  t.is(rig.transport.waitingBytes, 0)
})

test('nothing is encoded ahead of a connection that takes nothing', async (t) => {
  const rig = new Rig()
  rig.transport.write(Buffer.alloc(4_000_000))
  for (let i = 0; i < 100; i++) {
    await setImmediate()
  }
  t.true(rig.inner.waitingBytes < 400_000)
  t.true(rig.transport.unsentBytes >= 4_000_000)
})

test('end waits for what was written', async (t) => {
  const rig = new Rig()
  rig.transport.write(Buffer.alloc(300_000, 1))
  rig.transport.end()
  rig.transport.write(Buffer.from('too late'))
  while (!rig.inner.calls.includes('end')) {
    rig.inner.take()
    await setImmediate()
  }
  t.deepEqual(rig.plain, Buffer.alloc(300_000, 1))
  const empty = new Rig()
  empty.transport.end()
  t.deepEqual(empty.inner.calls, ['end'])
})

test('incomplete packets are kept, and empty ones say nothing', (t) => {
  const rig = new Rig()
  const packet = Buffer.from(rig.layer.encode(Buffer.from('hello')))
  rig.inner.handler?.data(packet.subarray(0, 6))
  t.deepEqual(rig.heard, [])
  rig.inner.handler?.data(Buffer.concat([packet.subarray(6), packet]))
  t.deepEqual(rig.heard, ['data hellohello'])
})

test('a broken layer fails once, closes, and is let go once', (t) => {
  const rig = new Rig()
  rig.inner.handler?.data(Buffer.alloc(8, 0xff))
  t.deepEqual(rig.heard, ['failed packet of the layer is too long', 'closed'])
  rig.inner.handler?.data(Buffer.alloc(8))
  rig.transport.destroy()
  rig.transport.write(Buffer.from('x'))
  t.is(rig.layer.disposed, 1)
  t.is(rig.inner.written.length, 0)
})

test('pause and resume, end and failure pass through', (t) => {
  const rig = new Rig()
  rig.transport.pause()
  rig.transport.resume()
  rig.inner.handler?.end()
  rig.inner.handler?.failed(new Error('reset'))
  t.deepEqual(rig.inner.calls, ['pause', 'resume'])
  t.deepEqual(rig.heard, ['end', 'failed reset'])
  t.is(rig.transport.remoteAddress, '192.0.2.1')
})
