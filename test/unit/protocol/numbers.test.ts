import test from 'ava'
import { CHANNEL_TYPES, MESSAGE_GROUPS } from '../../../src/protocol/index.js'

const span = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i)

/** Every message number that the protocol has, from the tables of protocol-session.md and protocol-display.md. */
const NUMBERS: Readonly<Record<string, readonly number[]>> = {
  'common server': span(1, 8),
  'common client': span(1, 6),
  'main server': span(101, 118),
  'main client': span(101, 112),
  'display server': [...span(101, 108), ...span(122, 126), ...span(302, 323)],
  'display client': span(101, 105),
  'inputs server': [101, 102, 111],
  'inputs client': [...span(101, 104), ...span(111, 114)],
  'cursor server': span(101, 108),
  'playback server': span(101, 107),
  'record server': span(101, 104),
  'record client': span(101, 103),
  'smartcard server': [101],
  'smartcard client': [101],
  'usbredir server': [101, 102],
  'usbredir client': [101, 102],
  'port server': [101, 102, 201, 202],
  'port client': [101, 102, 201],
  'webdav server': [101, 102, 201, 202],
  'webdav client': [101, 102, 201],
}

test('every message number of every channel has one declaration', (t) => {
  const declared = Object.fromEntries(
    MESSAGE_GROUPS.map(({ channel, direction, messages }) => [
      `${channel} ${direction}`,
      Object.values(messages)
        .map(({ id }) => id)
        .sort((a, b) => a - b),
    ]),
  )
  t.deepEqual(declared, NUMBERS)
})

test('every channel type has its messages', (t) => {
  const channels = new Set(MESSAGE_GROUPS.map(({ channel }) => channel))
  t.deepEqual([...channels].sort(), ['common', ...Object.keys(CHANNEL_TYPES)].sort())
})
