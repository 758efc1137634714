import test from 'ava'
import { DEFAULT_LIMITS } from '../../../src/core/limits.js'
import { Admission, sourceOf, type AdmissionDeps } from '../../../src/server/admission.js'

const strangers: AdmissionDeps = { hasSession: () => false }

/** Tries so many sources once each; what they were told, and how many got a place. */
const tryAll = (admission: Admission, count: number): { places: number; refusals: Set<string> } => {
  const refusals = new Set<string>()
  let places = 0
  for (let i = 0; i < count; i++) {
    const place = admission.admit(`source ${i}`)
    if (typeof place === 'string') {
      refusals.add(place)
    } else {
      places += 1
    }
  }
  return { places, refusals }
}

test('L-pending and L-pending-src: places in all and by source, given back once', (t) => {
  const limits = { ...DEFAULT_LIMITS, pending: 3, 'pending-drop': 4, 'pending-source': 2 }
  const admission = new Admission(limits, strangers)
  const first = admission.admit('a')
  const second = admission.admit('a')
  t.is(admission.admit('a'), 'pending-source')
  const third = admission.admit('b')
  t.is(admission.admit('c'), 'pending')
  for (const leave of [first, first, second, third]) {
    if (typeof leave === 'function') {
      leave()
    }
  }
  t.is(admission.pending, 0)
  t.is(typeof admission.admit('a'), 'function')
})

test('L-pending: below 32 nobody is refused, from there on by a chance that rises evenly to certainty at 64', (t) => {
  const draws: number[] = []
  let chance = 1
  const deps = {
    hasSession: () => false,
    draw: () => {
      draws.push(chance)
      return chance
    },
  }
  const admission = new Admission(DEFAULT_LIMITS, deps)
  t.is(tryAll(admission, 32).places, 32)
  t.is(draws.length, 0, 'no chance is taken below')
  for (let strangers = 32; strangers < 64; strangers++) {
    const edge = (strangers - 31) / 33
    chance = edge - 1e-9
    t.is(admission.admit('unlucky'), 'pending-drop')
    chance = edge
    t.is(typeof admission.admit(`lucky ${strangers}`), 'function')
  }
  chance = 1
  t.is(admission.admit('one more'), 'pending')
})

test('L-pending: by chance of its own a flood gets between 32 and 64 places', (t) => {
  const { places, refusals } = tryAll(new Admission(DEFAULT_LIMITS, strangers), 200)
  t.true(places > 32 && places <= 64, `${places} places`)
  t.true(refusals.has('pending-drop'))
})

test('L-pending-src: a source with a session has 32 places of its own, whatever strangers do', (t) => {
  const deps = { hasSession: (source: string) => source === 'home', draw: () => 1 }
  const admission = new Admission(DEFAULT_LIMITS, deps)
  t.is(tryAll(admission, 100).places, 64)
  for (let i = 0; i < 32; i++) {
    t.is(typeof admission.admit('home'), 'function')
  }
  t.is(admission.admit('home'), 'pending-session')
  t.is(admission.pending, 96)
})

test('L-pending: places that a source took before its session began are given back to strangers', (t) => {
  let session = ''
  const limits = { ...DEFAULT_LIMITS, pending: 1 }
  const admission = new Admission(limits, { hasSession: (source) => source === session })
  const leave = admission.admit('home')
  session = 'home'
  t.is(admission.admit('stranger'), 'pending')
  if (typeof leave === 'function') {
    leave()
  }
  t.is(typeof admission.admit('stranger'), 'function')
  t.is(admission.pending, 1)
})

for (const [address, source] of [
  [undefined, 'unix'],
  ['127.0.0.1', '127.0.0.1'],
  ['::ffff:10.1.2.3', '10.1.2.3'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:db8::5', '2001:db8:0:0'],
  ['::1', '0:0:0:0'],
  ['fe80::1%eth0', 'fe80:0:0:0'],
] as const) {
  test(`${String(address)} counts as ${source}`, (t) => {
    t.is(sourceOf(address), source)
  })
}
