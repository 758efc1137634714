import test, { type ExecutionContext } from 'ava'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { Watchdog } from '../../../src/host/index.js'

const HOST = new URL('../../../src/host/index.js', import.meta.url).href
const CALLS = new URL('../../../src/host/system-call.js', import.meta.url).href

interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly output: string
}

/** Runs a script in a process of its own, which may die. */
const run = async (t: ExecutionContext, script: string, flags: readonly string[] = []): Promise<Ended> => {
  const child = spawn(
    process.execPath,
    [...flags, '--input-type=module', '-e', `const host = await import('${HOST}');${script}`],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  t.teardown(() => child.kill('SIGKILL'))
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null]
  return { code, signal, output }
}

test('the watchdog ends a process that is stopped', async (t) => {
  const ended = await run(
    t,
    `new host.Watchdog().arm(300)
     process.kill(process.pid, 'SIGSTOP')
     setTimeout(() => console.log('went on'), 60_000)`,
  )
  t.deepEqual(ended, { code: null, signal: 'SIGKILL', output: '' })
})

test('the watchdog ends a process whose worker armed it and hangs', async (t) => {
  const worker = `import('${HOST}').then((host) => { new host.Watchdog().arm(300); for (;;); })`
  const ended = await run(
    t,
    `const { Worker } = await import('node:worker_threads')
     new Worker(${JSON.stringify(worker)}, { eval: true })
     setTimeout(() => console.log('went on'), 60_000)`,
  )
  t.deepEqual(ended, { code: null, signal: 'SIGKILL', output: '' })
})

test('a watchdog armed anew, disarmed or closed ends nobody', async (t) => {
  const ended = await run(
    t,
    `const [anew, disarmed, closed] = [new host.Watchdog(), new host.Watchdog(), new host.Watchdog()]
     for (const dog of [anew, disarmed, closed]) { dog.arm(1000) }
     anew.arm(60_000)
     disarmed.disarm()
     closed.close()
     setTimeout(() => console.log('lived'), 1500)`,
  )
  t.deepEqual(ended, { code: 0, signal: null, output: 'lived\n' })
})

test('a closed watchdog cannot be armed, and no watchdog for no time', (t) => {
  const dog = new Watchdog()
  for (const ms of [0, -1, Number.NaN, 2 ** 31]) {
    t.throws(() => dog.arm(ms), { code: 'SIDECAR_BUG' })
  }
  dog.close()
  dog.close()
  t.throws(() => dog.arm(1000), { code: 'SIDECAR_HOST' })
})

test('a hardened process dumps no core, cannot be read, and keeps its files to itself', async (t) => {
  const { code, output } = await run(
    t,
    `const { readFileSync } = await import('node:fs')
     const { libcFunction } = await import('${CALLS}')
     host.hardenProcess()
     const prctl = libcFunction('int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)')
     const core = /Max core file size +(\\S+) +(\\S+)/.exec(readFileSync('/proc/self/limits', 'utf8'))
     console.log(JSON.stringify([core[1], core[2], prctl(3, 0, 0, 0, 0), process.umask()]))`,
  )
  t.is(code, 0)
  t.deepEqual(JSON.parse(output), ['0', '0', 0, 0o077])
})

const everything = `
  const [a, b] = host.socketPair()
  const memory = host.createMemfd('m', 3, { sealed: true })
  const event = host.createEventFd()
  const epoll = new host.Epoll()
  epoll.add(b.fd)
  host.sendWithFds(a.fd, Uint8Array.of(1), [memory.fd])
  const ready = epoll.wait(1000).length
  const { fds } = new host.FdReceiver(1).receive(b.fd, new Uint8Array(4))
  const size = host.readAt(fds[0].fd, new Uint8Array(8), 0)
  const uid = host.peerCredentials(a.fd).uid
  for (const owned of [a, b, memory, event, epoll, ...fds]) { owned.close() }
  const seen = [ready, size, uid === process.getuid(), host.openFdCount()]`

test('everything works where Node forbids code from strings and prototype access', async (t) => {
  const ended = await run(t, `${everything}; console.log(seen.join())`, [
    '--disable-proto=delete',
    '--disallow-code-generation-from-strings',
  ])
  t.deepEqual(ended, { code: 0, signal: null, output: '1,3,true,0\n' })
})

test('everything works in a worker beside the main thread', async (t) => {
  const worker = `import('${HOST}').then((host) => { ${everything}
    process.on('warning', (warning) => seen.push(warning.message))
    setImmediate(() => process.getBuiltinModule('node:worker_threads').parentPort.postMessage(seen.join())) })`
  const ended = await run(
    t,
    `${everything}
     const { Worker } = await import('node:worker_threads')
     new Worker(${JSON.stringify(worker)}, { eval: true }).on('message', (text) => console.log(seen.join(), text))`,
  )
  t.deepEqual(ended, { code: 0, signal: null, output: '1,3,true,0 1,3,true,0\n' })
})

test('an eventfd known by its number wakes another thread', async (t) => {
  const worker = `import('${HOST}').then((host) => {
    const { parentPort, workerData } = process.getBuiltinModule('node:worker_threads')
    const epoll = new host.Epoll()
    epoll.add(workerData)
    parentPort.postMessage('waiting')
    const ready = epoll.wait(30_000)
    console.log('woken by', ready.length)
    epoll.close()
  })`
  const ended = await run(
    t,
    `const { Worker } = await import('node:worker_threads')
     const event = host.createEventFd()
     const worker = new Worker(${JSON.stringify(worker)}, { eval: true, workerData: event.fd })
     worker.on('message', () => host.signalEventFd(event.fd))
     worker.on('exit', () => event.close())`,
  )
  t.deepEqual(ended, { code: 0, signal: null, output: 'woken by 1\n' })
})
