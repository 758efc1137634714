import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { dirname, join } from 'node:path'
import test from 'ava'
import { REPOSITORY } from '../helpers/qemu.js'
import { spicyScreenshot } from '../helpers/spice-client-screenshot.js'
import { poll, withDeadline } from '../helpers/temp-deadline.js'
import { runCommand, TempProcess } from '../helpers/temp-process.js'

const shellScripts = (): string[] => {
  const folder = join(REPOSITORY, 'scripts')
  const scripts = readdirSync(folder)
    .map((name) => join(folder, name))
    .filter((path) => path.endsWith('.sh') || readFileSync(path, 'utf8').startsWith('#!'))
  return [...scripts, join(REPOSITORY, '.ci/run'), join(REPOSITORY, 'bin/spice-sidecar')]
}

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => resolve(true))
    socket.once('error', () => resolve(false))
    socket.once('close', () => resolve(false))
    socket.on('connect', () => socket.destroy())
  })

test('shellcheck has nothing to say about the scripts', async (t) => {
  const scripts = shellScripts()
  t.true(scripts.length > 8)
  await t.notThrowsAsync(runCommand('shellcheck', ['--external-sources', ...scripts], { deadlineMs: 60_000 }))
})

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test.serial(
    `the demo shows its guest to a stock client and ends on ${signal} with nothing left`,
    async (t) => {
      const demo = new TempProcess('scripts/demo', join(REPOSITORY, 'scripts/demo'), [])
      try {
        const told = await poll(
          'the demo tells how to connect',
          () => {
            if (!demo.alive) {
              throw new Error(`it ended\n${demo.output(40)}`)
            }
            const text = demo.lines.join('\n')
            return text.includes('Ctrl-C stops everything') && text
          },
          { deadlineMs: 200_000, everyMs: 100, detail: () => demo.output() },
        )
        const [, port, ticket] = /spice:\/\/127\.0\.0\.1:(\d+)\s+ticket: (\S+)/.exec(told) ?? []
        const [, file] = /remote-viewer (\/\S+\.vv)/.exec(told) ?? []
        if (port === undefined || ticket === undefined || file === undefined) {
          throw new Error(`no address, ticket or connection file in:\n${told}`)
        }
        t.regex(readFileSync(file, 'utf8'), /^\[virt-viewer\]\n/)
        const seen = await spicyScreenshot(`spice://127.0.0.1:${port}`, ticket)
        t.is(seen.size, '1280x800')
        // The nearest hill of the picture that guest/demo.c paints.
        t.deepEqual([seen.pixel(2, 797), seen.pixel(1277, 797)], ['190f33', '190f33'])
        await t.throwsAsync(spicyScreenshot(`spice://127.0.0.1:${port}`, 'not the ticket'))

        demo.signal(signal)
        const { code } = await withDeadline(demo.exited, 20_000, 'the demo ends')
        t.is(code, 0, demo.output())
        t.false(existsSync(dirname(file)))
        t.false(await accepts(Number(port)))
      } finally {
        await demo.stop(15_000)
      }
    },
  )
}
