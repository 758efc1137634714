// A session works while strangers connect from many loopback addresses: how long its input takes to come back, quiet and
// under the flood, in one run. Run it with `npm run bench:hostile`; options: [connections a second] [seconds].
import { connect } from 'node:net'
import { setPriority } from 'node:os'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import {
  capsOf,
  CHANNEL_TYPES,
  commonClient,
  commonServer,
  encodeLinkMess,
  inputsClient,
  inputsServer,
  mainServer,
} from '../src/protocol/index.js'
import { link, type ScriptedChannel } from '../test/helpers/scripted-client.js'
import { startSidecar } from '../test/helpers/sidecar-process.js'
import { pause } from '../test/helpers/temp-deadline.js'
import { quantile, short, table } from './statistics.js'

const TICKET = 'bench'
const SAMPLES_PER_SECOND = 50
/** The server acknowledges each fourth motion (`protocol-session.md` 4.3): a round trip without a guest. */
const MOTIONS_PER_ACK = 4
/** Attackers would be on other machines: on this one they may not take the time of whom they attack. */
const ATTACKER_NICE = 10
/** Attackers let go of a connection after this time at the latest. */
const HOLD_MS = 1000

interface Flood {
  readonly port: number
  readonly perSecond: number
  readonly seconds: number
}

/** Connects with a good link message and random bytes for a ticket, each time from another address. */
const attack = async ({ port, perSecond, seconds }: Flood): Promise<number> => {
  const hello = encodeLinkMess({
    connectionId: 0,
    channelType: CHANNEL_TYPES.main,
    channelId: 0,
    commonCaps: capsOf([0, 3]),
    channelCaps: [],
  })
  const ticket = Buffer.concat([Buffer.from([1, 0, 0, 0]), Buffer.alloc(128, 7)])
  let made = 0
  setPriority(0, ATTACKER_NICE)
  const startMs = performance.now()
  while (performance.now() - startMs < seconds * 1000) {
    const due = ((performance.now() - startMs) / 1000) * perSecond
    for (; made < due; made++) {
      const localAddress = `127.${1 + (made % 200)}.${(made >> 8) % 250}.${1 + (made % 250)}`
      const socket = connect({ host: '127.0.0.1', port, localAddress })
      socket.on('error', () => undefined)
      socket.on('connect', () => socket.write(hello))
      socket.once('data', () => socket.write(ticket))
      setTimeout(() => socket.destroy(), HOLD_MS)
    }
    await pause(2)
  }
  return made
}

/** Answers pings, as a client that lives does. */
const stayAlive = async (main: ScriptedChannel): Promise<void> => {
  for (let framed = await main.next(); framed !== undefined; framed = await main.next()) {
    if (framed.type === commonServer.ping.id) {
      const { id, timestamp } = commonServer.ping.decode(framed.body)
      main.send(commonClient.pong, { id, timestamp })
    }
  }
}

/** Milliseconds of round trips on the inputs channel, at an even pace. */
const echoes = async (inputs: ScriptedChannel, seconds: number): Promise<number[]> => {
  const times: number[] = []
  const endMs = performance.now() + seconds * 1000
  while (performance.now() < endMs) {
    const startMs = performance.now()
    for (let motion = 0; motion < MOTIONS_PER_ACK; motion++) {
      inputs.send(inputsClient.mouseMotion, { dx: 0, dy: 0, buttons: 0 })
    }
    await inputs.expect(inputsServer.mouseMotionAck)
    times.push(performance.now() - startMs)
    await pause(1000 / SAMPLES_PER_SECOND)
  }
  return times
}

const main = async (): Promise<void> => {
  const [perSecond = 1000, seconds = 10] = process.argv.slice(2).map(Number)
  const sidecar = await startSidecar({ qmp: '/nonexistent/qmp', ticket: TICKET })
  try {
    const where = { host: '127.0.0.1', port: sidecar.port }
    const session = await link(where, { type: CHANNEL_TYPES.main, ticket: TICKET })
    const { sessionId } = await session.channel.expect(mainServer.init)
    stayAlive(session.channel).catch(() => undefined)
    const { channel: inputs } = await link(where, {
      type: CHANNEL_TYPES.inputs,
      connectionId: sessionId,
      ticket: TICKET,
    })
    inputs.reader.socket.setNoDelay(true)
    await inputs.expect(inputsServer.init)
    await echoes(inputs, 1)
    const cpu = (): Promise<number> => sidecar.metric('process_cpu_seconds_total')
    const cpuStart = await cpu()
    const quiet = await echoes(inputs, seconds)
    const quietCpu = (await cpu()) - cpuStart
    const flood: Flood = { port: sidecar.port, perSecond, seconds: seconds + 1 }
    const worker = new Worker(new URL(import.meta.url), { workerData: flood })
    const made = new Promise<number>((resolve) => worker.once('message', resolve))
    await pause(500)
    const cpuBefore = await cpu()
    const busy = await echoes(inputs, seconds)
    const busyCpu = (await cpu()) - cpuBefore
    const connections = await made
    await worker.terminate()
    const refusals = await sidecar.metric('spice_sidecar_link_refusals_total')
    const clients = await sidecar.metric('spice_sidecar_clients')
    if (clients !== 1 || refusals < connections / 4) {
      throw new Error(`void: ${clients} clients, ${refusals} refusals of ${connections} connections`)
    }
    const row = (name: string, part: number): string[] => {
      const [before, during] = [quantile(quiet, part), quantile(busy, part)]
      return [name, short(before), short(during), short(during / before)]
    }
    console.log(
      table([
        ['input echo, ms', 'quiet', 'under the flood', 'ratio'],
        row('median', 0.5),
        row('p99', 0.99),
        row('worst', 1),
      ]),
    )
    const share = (cpuSeconds: number): string => `${((100 * cpuSeconds) / seconds).toFixed(1)} %`
    console.log(`\nsidecar, share of one core: ${share(quietCpu)} quiet, ${share(busyCpu)} under the flood`)
    console.log(`\n${connections} connections in ${seconds + 1} s, ${refusals} refused; the session went on`)
  } finally {
    await sidecar.stop()
  }
}

if (isMainThread) {
  await main()
} else {
  parentPort?.postMessage(await attack(workerData as Flood))
}
