import { spawnSync } from 'node:child_process'
import { chmodSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { CHANNEL_TYPES, commonServer, LINK_ERROR } from '../../src/protocol/index.js'
import { link, type LinkOutcome } from '../helpers/scripted-client.js'
import { PROGRAM, startSidecar, whyNoSidecar, type SidecarProcess } from '../helpers/sidecar-process.js'
import { poll } from '../helpers/temp-deadline.js'
import { removeTempDirectory, tempDirectory } from '../helpers/temp.js'

const run = whyNoSidecar() === undefined ? test.serial : test.serial.skip

interface Ctl {
  readonly status: number | null
  readonly out: string
  readonly err: string
}

/** A running sidecar with an admin socket, and `spice-sidecar ctl` for it. */
const withControl = async (
  flags: readonly string[],
  body: (sidecar: SidecarProcess, ctl: (input: string, ...words: string[]) => Ctl) => Promise<void>,
): Promise<void> => {
  const folder = tempDirectory()
  const admin = `unix:${join(folder, 'admin.sock')}`
  const sidecar = await startSidecar({
    qmp: join(folder, 'no-qemu.sock'),
    ticket: 'initial',
    flags: ['--admin', admin, ...flags],
  })
  const ctl = (input: string, ...words: string[]): Ctl => {
    const { status, stdout, stderr } = spawnSync(PROGRAM, ['ctl', ...words, '--admin', admin], {
      input,
      encoding: 'utf8',
      timeout: 20_000,
    })
    return { status, out: stdout, err: stderr }
  }
  try {
    await body(sidecar, ctl)
  } finally {
    await sidecar.stop()
    removeTempDirectory(folder)
  }
}

const begin = (sidecar: SidecarProcess, ticket: string): Promise<LinkOutcome> =>
  link({ host: '127.0.0.1', port: sidecar.port }, { type: CHANNEL_TYPES.main, ticket })

run('an administrator sets a ticket, looks who is there, throws a client out and locks', async (t) => {
  await withControl([], async (sidecar, ctl) => {
    t.is((await begin(sidecar, 'word-1')).result, LINK_ERROR.permissionDenied)
    t.deepEqual(ctl('word-1\n', 'set-ticket', '--expiry', '+60'), { status: 0, out: '', err: '' })
    const { result, channel } = await begin(sidecar, 'word-1')
    t.is(result, LINK_ERROR.ok)
    const listed = JSON.parse(ctl('', 'clients').out) as { clients: { number: number; source: string }[] }
    t.like(listed.clients, [{ number: 1, source: '127.0.0.1' }])
    const second = ctl('word-2\n', 'set-ticket', '--connected', 'fail')
    t.is(second.status, 1)
    t.regex(second.err, /a client is connected/)
    t.is(ctl('', 'disconnect', '--client', '1').status, 0)
    await channel.expect(commonServer.disconnecting)
    await channel.closed()
    t.is(ctl('', 'lock').status, 0)
    t.is((await begin(sidecar, 'word-1')).result, LINK_ERROR.permissionDenied)
    const log = JSON.stringify(sidecar.log)
    t.false(log.includes('word-1') || log.includes('word-2'))
    t.deepEqual(sidecar.noise, [])
  })
})

run('a ticket file that changes is followed; one that cannot be used keeps the old ticket', async (t) => {
  await withControl([], async (sidecar) => {
    const replace = (text: string): void => {
      writeFileSync(`${sidecar.ticketFile}.new`, text, { mode: 0o600 })
      renameSync(`${sidecar.ticketFile}.new`, sidecar.ticketFile)
    }
    const loaded = (count: number): Promise<boolean> =>
      poll(
        `ticket ${count} to be loaded`,
        () => sidecar.log.filter((line) => line.msg === 'Ticket file changed; ticket loaded').length >= count,
      )
    sidecar.writeTicket('first')
    await loaded(1)
    t.is((await begin(sidecar, 'first')).result, LINK_ERROR.ok)
    replace('second\n')
    await loaded(2)
    t.is((await begin(sidecar, 'first')).result, LINK_ERROR.permissionDenied)
    t.is((await begin(sidecar, 'second')).result, LINK_ERROR.ok)
    chmodSync(sidecar.ticketFile, 0o644)
    await sidecar.logged('Ticket file changed but cannot be used; the old ticket stays')
    t.is((await begin(sidecar, 'second')).result, LINK_ERROR.ok)
  })
})

run('ctl without anybody to answer says so', (t) => {
  const { status, stderr } = spawnSync(
    PROGRAM,
    ['ctl', 'clients', '--admin', 'unix:/nonexistent/admin.sock'],
    {
      encoding: 'utf8',
      timeout: 20_000,
    },
  )
  t.is(status, 1)
  t.regex(stderr, /did not answer: ENOENT/)
})
