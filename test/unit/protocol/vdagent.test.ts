import test from 'ava'
import { ByteReader } from '../../../src/core/bytes.js'
import {
  AGENT_CAP,
  AGENT_TYPE,
  AgentReassembler,
  MONITORS_FLAG,
  agentChunkHeader,
  agentMessages,
  capsOf,
  decodeMonitorsConfig,
  encodeAgentMessage,
  encodeMonitorsConfig,
} from '../../../src/protocol/index.js'
import { concat, hex } from './hex.js'

const ANNOUNCE = hex('01000000 06000000 0000000000000000 08000000 01000000 77500300')

/** What spice-gtk announces (`protocol-session.md` 3.8). */
const GTK_CAPS = capsOf([
  AGENT_CAP.mouseState,
  AGENT_CAP.monitorsConfig,
  AGENT_CAP.reply,
  AGENT_CAP.displayConfig,
  AGENT_CAP.clipboardByDemand,
  AGENT_CAP.clipboardSelection,
  AGENT_CAP.monitorsConfigPosition,
  AGENT_CAP.fileXferDetailedErrors,
  AGENT_CAP.clipboardNoReleaseOnRegrab,
  AGENT_CAP.clipboardGrabSerial,
])

test('the recorded announcement of capabilities, both ways', (t) => {
  const { announceCapabilities } = agentMessages
  const data = announceCapabilities.encode({ request: 1, caps: GTK_CAPS })
  t.deepEqual(encodeAgentMessage(announceCapabilities.id, data), ANNOUNCE)
  t.deepEqual(announceCapabilities.decode(ANNOUNCE.subarray(20)), { request: 1, caps: [0x00035077] })
})

test('the recorded chunk header of the guest port', (t) => {
  t.deepEqual(agentChunkHeader.decode(new ByteReader(hex('01000000 1c000000'))), { port: 1, size: 28 })
})

const monitor = { width: 1920, height: 1080, depth: 32, x: -1920, y: 0, widthMm: 0, heightMm: 0 }

test('a monitors config has height before width, then all millimetres', (t) => {
  const bytes = hex(`01000000 03000000 38040000 80070000 20000000 80f8ffff 00000000 f401 e803`)
  const config = {
    flags: MONITORS_FLAG.usePosition | MONITORS_FLAG.physicalSize,
    monitors: [{ ...monitor, widthMm: 1000, heightMm: 500 }],
  }
  t.deepEqual(encodeMonitorsConfig(config), bytes)
  t.deepEqual(decodeMonitorsConfig(bytes), config)
})

test('millimetres are read only where the flag promises them and they are there', (t) => {
  const bytes = hex(`01000000 02000000 38040000 80070000 20000000 80f8ffff 00000000 f401 e803`)
  t.deepEqual(decodeMonitorsConfig(bytes.subarray(0, 28)).monitors, [monitor])
  t.deepEqual(decodeMonitorsConfig(bytes.subarray(0, 31)).monitors, [monitor])
  bytes[4] = 1
  t.deepEqual(decodeMonitorsConfig(bytes).monitors, [monitor])
})

test('a monitors config with an impossible count is refused', (t) => {
  const refusal = { code: 'SIDECAR_PROTOCOL' }
  t.throws(() => decodeMonitorsConfig(hex('01000000 00000000')), refusal)
  t.throws(() => decodeMonitorsConfig(hex('ffffffff 00000000')), refusal)
  t.throws(() => decodeMonitorsConfig(hex('01000000 000000')), refusal)
  const many = encodeMonitorsConfig({ flags: 0, monitors: Array.from({ length: 17 }, () => monitor) })
  t.throws(() => decodeMonitorsConfig(many, 16), refusal)
  t.is(decodeMonitorsConfig(many, 17).monitors.length, 17)
  t.deepEqual(decodeMonitorsConfig(hex('00000000 00000000')).monitors, [])
})

test('an agent message in one piece is handed out whole', (t) => {
  const stream = new AgentReassembler({ limit: 100 })
  t.deepEqual(stream.push(ANNOUNCE), {
    kind: 'piece',
    type: AGENT_TYPE.announceCapabilities,
    size: 8,
    first: true,
    last: true,
    data: ANNOUNCE.subarray(20),
  })
  t.false(stream.midMessage)
})

test('an agent message in several pieces is handed out with the last', (t) => {
  const stream = new AgentReassembler({ limit: 8 })
  t.like(stream.push(ANNOUNCE.subarray(0, 20)), { first: true, last: false, data: undefined })
  t.like(stream.push(ANNOUNCE.subarray(20, 25)), { first: false, last: false, data: undefined })
  t.like(stream.push(new Uint8Array(0)), { first: false, last: false, data: undefined })
  t.like(stream.push(ANNOUNCE.subarray(25)), { first: false, last: true, data: ANNOUNCE.subarray(20) })
})

test('a message without data ends with its header', (t) => {
  const stream = new AgentReassembler({ limit: 0 })
  t.like(stream.push(encodeAgentMessage(AGENT_TYPE.clientDisconnected, new Uint8Array(0))), {
    first: true,
    last: true,
    data: new Uint8Array(0),
  })
})

test('a message above the limit passes without being kept', (t) => {
  const stream = new AgentReassembler({ limit: 7 })
  t.like(stream.push(ANNOUNCE.subarray(0, 24)), { first: true, last: false })
  t.is(stream.snapshot().kept.length, 0)
  t.like(stream.push(ANNOUNCE.subarray(24)), { last: true, data: undefined })
  const huge = new AgentReassembler({ limit: 7 })
  t.like(huge.push(hex('01000000 04000000 0000000000000000 ffffffff')), { size: 0xffff_ffff, last: false })
  t.is(huge.snapshot().remaining, 0xffff_ffff)
})

test('what breaks the agent framing is an error for good', (t) => {
  const fails = (...pieces: Uint8Array[]): void => {
    const stream = new AgentReassembler({ limit: 100 })
    const results = pieces.map((piece) => stream.push(piece))
    const last = results.at(-1)
    t.is(last?.kind === 'error' && last.error.code, 'SIDECAR_PROTOCOL')
    t.is(stream.push(ANNOUNCE).kind, 'error')
  }
  fails(ANNOUNCE.subarray(0, 19))
  fails(new Uint8Array(0))
  fails(concat(ANNOUNCE, hex('00')))
  fails(ANNOUNCE.subarray(0, 24), ANNOUNCE.subarray(20))
  fails(hex('02000000 06000000 0000000000000000 00000000'))
})

test('a snapshot between pieces continues the message, and is a copy', (t) => {
  const stream = new AgentReassembler({ limit: 100 })
  stream.push(ANNOUNCE.subarray(0, 23))
  const state = stream.snapshot()
  t.deepEqual(state, { type: 6, size: 8, remaining: 5, kept: hex('010000') })
  const restored = new AgentReassembler({ limit: 100 }, state)
  state.kept.fill(0xff)
  t.like(restored.push(ANNOUNCE.subarray(23)), { last: true, data: ANNOUNCE.subarray(20) })
  t.like(stream.push(ANNOUNCE.subarray(23)), { last: true, data: ANNOUNCE.subarray(20) })
})
