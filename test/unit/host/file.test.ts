import test from 'ava'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'
import {
  createEventFd,
  createMemfd,
  F_SEAL_GROW,
  F_SEAL_SEAL,
  F_SEAL_SHRINK,
  fileStatus,
  readAt,
  socketPair,
} from '../../../src/host/index.js'
import { libcFunction } from '../../../src/host/system-call.js'

test('a sealed memfd cannot change its size, a plain one can', (t) => {
  const sealed = createMemfd('sealed', 4096, { sealed: true })
  t.like(fileStatus(sealed.fd), {
    kind: 'file',
    size: 4096,
    seals: F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL,
  })
  t.throws(() => ftruncateSync(sealed.fd, 0), { code: 'EPERM' })
  t.throws(() => ftruncateSync(sealed.fd, 8192), { code: 'EPERM' })
  const plain = createMemfd('plain', 4096)
  t.is(fileStatus(plain.fd).seals, 0)
  ftruncateSync(plain.fd, 10)
  t.is(fileStatus(plain.fd).size, 10)
  t.not(fileStatus(plain.fd).inode, fileStatus(sealed.fd).inode)
  sealed.close()
  plain.close()
})

test('a size that no file can have is refused', (t) => {
  t.throws(() => createMemfd('huge', 2 ** 63), { code: 'SIDECAR_HOST' })
  t.throws(() => createMemfd('negative', 1.5), { code: 'SIDECAR_HOST' })
})

test.serial('each kind of file is told apart', (t) => {
  const kindOf = (path: string): string => {
    const fd = openSync(path, 'r')
    const { kind } = fileStatus(fd)
    closeSync(fd)
    return kind
  }
  const [a, b] = socketPair()
  const event = createEventFd()
  t.is(kindOf('/'), 'directory')
  t.is(kindOf('/dev/null'), 'char')
  t.is(kindOf('/proc/self/status'), 'file')
  t.is(fileStatus(a.fd).kind, 'socket')
  t.is(fileStatus(event.fd).kind, 'other')
  t.is(fileStatus(a.fd).seals, undefined)
  a.close()
  b.close()
  event.close()
})

test('a file of more than 2^53 bytes has a size that compares', (t) => {
  const file = createMemfd('sparse', 0)
  const ftruncate = libcFunction('int ftruncate(int fd, int64_t size)') as (
    fd: number,
    size: bigint,
  ) => number
  t.is(ftruncate(file.fd, 2n ** 62n), 0)
  t.is(fileStatus(file.fd).size, Number.MAX_SAFE_INTEGER)
  file.close()
})

test('reads at an offset into plain and into shared memory', (t) => {
  const file = createMemfd('file', 0)
  writeSync(file.fd, 'hello world')
  for (const buffer of [new ArrayBuffer(16), new SharedArrayBuffer(16)]) {
    const into = new Uint8Array(buffer, 4, 5)
    t.is(readAt(file.fd, into, 6), 5)
    t.is(Buffer.from(new Uint8Array(buffer)).toString('latin1'), '\0\0\0\0world\0\0\0\0\0\0\0')
  }
  t.is(readAt(file.fd, new Uint8Array(0), 0), 0)
  file.close()
})

test('a file that is too short gives what is there', (t) => {
  const file = createMemfd('file', 10)
  const into = new Uint8Array(16).fill(7)
  t.is(readAt(file.fd, into, 4), 6)
  t.is(readAt(file.fd, into, 10), 0)
  t.is(readAt(file.fd, into, 2 ** 52), 0)
  t.deepEqual([...into], [...Array<number>(6).fill(0), ...Array<number>(10).fill(7)])
  ftruncateSync(file.fd, 0)
  t.is(readAt(file.fd, into, 0), 0)
  file.close()
})

test('short reads go on until the file ends', async (t) => {
  // The kernel hands out a list of mappings about a page at a time; that of a stopped process stays as it is.
  const child = spawn(process.execPath, ['-e', "console.log('up'); process.stdin.resume()"], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  child.kill('SIGSTOP')
  const path = `/proc/${child.pid ?? 0}/maps`
  const expected = readFileSync(path, 'utf8')
  t.true(expected.length > 8192, `${expected.length} bytes`)
  const fd = openSync(path, 'r')
  const into = Buffer.alloc(1024 * 1024)
  const size = readAt(fd, into, 0)
  closeSync(fd)
  t.is(into.toString('utf8', 0, size), expected)
})

test('reading what cannot be read at an offset names the error', (t) => {
  const [a, b] = socketPair()
  t.like(
    t.throws(() => readAt(a.fd, new Uint8Array(1), 0)),
    {
      code: 'SIDECAR_HOST',
      message: 'pread failed with ESPIPE',
    },
  )
  t.throws(() => readAt(a.fd, new Uint8Array(1), -1), { code: 'SIDECAR_BUG' })
  t.throws(() => fileStatus(1_000_000), { code: 'SIDECAR_HOST', message: 'fstat failed with EBADF' })
  a.close()
  b.close()
})
