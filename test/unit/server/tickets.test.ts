import { generateKeyPairSync } from 'node:crypto'
import test from 'ava'
import type { TicketExpiry } from '../../../src/core/ticket.js'
import { TicketStore } from '../../../src/server/index.js'
import { FakeClock } from '../../helpers/fake-clock.js'
import { ticketBlock } from '../../helpers/scripted-client.js'

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 1024 })
const spki = publicKey.export({ type: 'spki', format: 'der' })

const rig = (ticket: string | undefined, expiry: TicketExpiry, open = false) => {
  const clock = new FakeClock()
  const store = new TicketStore(clock, { open })
  store.set(ticket === undefined ? undefined : Buffer.from(ticket), expiry)
  const admits = (tried: string): boolean => {
    const proof = store.decrypt(privateKey, ticketBlock(spki, tried))
    return proof !== undefined && store.admitsSession(proof) !== undefined
  }
  return { clock, store, admits }
}

test('the right ticket is good, any other is not', (t) => {
  const { admits } = rig('secret', { kind: 'never' })
  t.true(admits('secret'))
  for (const tried of ['', 'secre', 'secret2', 'Secret']) {
    t.false(admits(tried))
  }
})

test('a ticket of 60 bytes works, as far as a stock client can send one', (t) => {
  const ticket = 'x'.repeat(60)
  t.true(rig(ticket, { kind: 'never' }).admits(ticket))
})

test('expiry: some seconds after it was set, to the millisecond', (t) => {
  const { clock, admits } = rig('secret', { kind: 'after', seconds: 5 })
  clock.advance(4999)
  t.true(admits('secret'))
  clock.advance(1)
  t.false(admits('secret'))
})

test('expiry: now, and at a time since 1970', (t) => {
  t.false(rig('secret', { kind: 'now' }).admits('secret'))
  const { clock, admits } = rig('secret', { kind: 'at', unixSeconds: 1_700_000_010 })
  t.true(admits('secret'))
  clock.advance(10_000)
  t.false(admits('secret'))
  t.false(rig('secret', { kind: 'at', unixSeconds: 5 }).admits('secret'))
})

test('setting a ticket again begins its expiry anew; setting none locks', (t) => {
  const { clock, store, admits } = rig('secret', { kind: 'after', seconds: 5 })
  clock.advance(6000)
  store.set(Buffer.from('secret'), { kind: 'after', seconds: 5 })
  t.true(admits('secret'))
  t.false(store.locked)
  store.set(undefined, { kind: 'never' })
  t.true(store.locked)
  t.false(admits('secret'))
})

test('an open store admits every ticket, and is not locked without one', (t) => {
  const { store, admits } = rig(undefined, { kind: 'never' }, true)
  t.true(admits(''))
  t.true(admits('anything'))
  t.false(store.locked)
})

test('a session knows its own ticket after another was set', (t) => {
  const { store } = rig('first', { kind: 'never' })
  const session = store.decrypt(privateKey, ticketBlock(spki, 'first'))
  store.set(Buffer.from('second'), { kind: 'never' })
  const again = store.decrypt(privateKey, ticketBlock(spki, 'first'))
  const other = store.decrypt(privateKey, ticketBlock(spki, 'second'))
  t.true(store.sameTicket(session!, again!))
  t.false(store.sameTicket(session!, other!))
})
