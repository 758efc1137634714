import test from 'ava'
import { Heads } from '../../../src/app/heads.js'
import { DEFAULT_LIMITS } from '../../../src/core/limits.js'
import { noCounter } from '../../../src/core/metrics.js'
import type { WantedHead } from '../../../src/display/index.js'
import type { AgentMonitor } from '../../../src/protocol/index.js'
import { KeptLog, RecordingLayouts } from '../../helpers/server-rig.js'

const wanted = (width: number, height: number): WantedHead => ({
  console: 0,
  width,
  height,
  x: 0,
  y: 0,
  widthMm: 0,
  heightMm: 0,
})

class StandIn {
  takesLayouts = false
  readonly asked: (readonly AgentMonitor[])[] = []

  layOut(monitors: readonly AgentMonitor[]): void {
    this.asked.push(monitors)
  }
}

const rig = () => {
  const device = new RecordingLayouts()
  const agent = new StandIn()
  const log = new KeptLog()
  const heads = new Heads(device, DEFAULT_LIMITS, log, noCounter, () => [], agent)
  const told: boolean[] = []
  heads.observe(() => told.push(heads.resizable))
  const present = (takesLayouts: boolean): void => {
    agent.takesLayouts = takesLayouts
    heads.agentChanged()
  }
  const sizes = () => agent.asked.map(([first]) => `${first?.width}x${first?.height}`)
  return { device, agent, log, heads, told, present, sizes }
}

test('the display device goes first, even with an agent', (t) => {
  const { device, heads, present, sizes } = rig()
  present(true)
  heads.setHeads([wanted(800, 600)])
  t.is(device.asked.length, 1)
  t.deepEqual(sizes(), [])
})

test('what the device refused goes to the agent, and all that follows; clients see no change', (t) => {
  const { device, heads, present, sizes, told, log } = rig()
  present(true)
  heads.setHeads([wanted(800, 600)])
  heads.follow(false)
  heads.setHeads([wanted(900, 700)])
  t.is(device.asked.length, 1)
  t.deepEqual(sizes(), ['800x600', '900x700'])
  t.deepEqual(told, [])
  t.deepEqual(log.lines, [])
})

test('without an agent the refusal is told once and warned of; one that comes gets the last layout', (t) => {
  const { heads, present, sizes, told, log } = rig()
  heads.setHeads([wanted(800, 600)])
  heads.follow(false)
  heads.follow(false)
  t.deepEqual(told, [false])
  t.is(log.lines.length, 1)
  present(true)
  t.deepEqual(told, [false, true])
  t.deepEqual(sizes(), ['800x600'])
  present(false)
  t.deepEqual(told, [false, true, false])
  t.is(log.lines.length, 1)
})

test('a new QEMU is asked itself again', (t) => {
  const { device, heads, present, sizes } = rig()
  present(true)
  heads.follow(false)
  heads.follow(true)
  heads.setHeads([wanted(800, 600)])
  t.is(device.asked.length, 1)
  t.deepEqual(sizes(), [])
})

test('an agent that comes before anybody asked for a layout is asked for none', (t) => {
  const { heads, present, sizes } = rig()
  heads.follow(false)
  present(true)
  t.deepEqual(sizes(), [])
})
