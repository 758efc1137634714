import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'ava'
import { silentLogger } from '../../../src/core/logger.js'
import { systemClock } from '../../../src/app/system-clock.js'
import { TicketFileWatch } from '../../../src/server/index.js'
import { FakeClock } from '../../helpers/fake-clock.js'
import { poll } from '../../helpers/temp-deadline.js'
import { tempDirectory } from '../../helpers/temp.js'

const rig = (prepare: (folder: string) => string, clock = systemClock) => {
  const folder = tempDirectory()
  const path = prepare(folder)
  let changes = 0
  const watch = new TicketFileWatch(path, { clock, logger: silentLogger, changed: () => (changes += 1) })
  const changed = (at: number): Promise<boolean> => poll(`change ${at}`, () => changes >= at)
  return { folder, path, watch, changed, count: () => changes }
}

const plain = (folder: string): string => {
  const path = join(folder, 'ticket')
  writeFileSync(path, 'one\n', { mode: 0o600 })
  return path
}

test('a file that is written, replaced, removed and made anew', async (t) => {
  const { folder, path, watch, changed } = rig(plain)
  try {
    writeFileSync(path, 'two and more\n')
    await changed(1)
    writeFileSync(join(folder, 'fresh'), 'three\n')
    renameSync(join(folder, 'fresh'), path)
    await changed(2)
    rmSync(path)
    await changed(3)
    writeFileSync(path, 'four\n')
    t.true(await changed(4))
  } finally {
    watch.close()
  }
})

test('the swapped links of a Kubernetes mount', async (t) => {
  const { folder, watch, changed } = rig((folder) => {
    mkdirSync(join(folder, '..one'))
    writeFileSync(join(folder, '..one', 'ticket'), 'one\n')
    symlinkSync('..one', join(folder, '..data'))
    symlinkSync('..data/ticket', join(folder, 'ticket'))
    return join(folder, 'ticket')
  })
  try {
    mkdirSync(join(folder, '..two'))
    writeFileSync(join(folder, '..two', 'ticket'), 'one\n')
    symlinkSync('..two', join(folder, '..data_tmp'))
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'))
    t.true(await changed(1))
  } finally {
    watch.close()
  }
})

test('without a word of the kernel a change is seen at the next look, and none is made up', (t) => {
  const clock = new FakeClock()
  const { folder, path, watch, count } = rig(plain, clock)
  clock.advance(10_000)
  t.is(count(), 0)
  writeFileSync(join(folder, 'neighbour'), '')
  clock.advance(10_000)
  t.is(count(), 0)
  writeFileSync(path, 'another\n')
  clock.advance(10_000)
  t.is(count(), 1)
  watch.close()
  writeFileSync(path, 'and again, with more\n')
  clock.advance(20_000)
  t.is(count(), 1)
})
