import type { ExecutionContext } from 'ava'
import { SidecarError, type ErrorCode } from '../../src/core/errors.js'
import { DEFAULT_LIMITS } from '../../src/core/limits.js'
import type { LogFields, Logger } from '../../src/core/logger.js'
import { QmpClient, type QmpClientOptions, type QmpState } from '../../src/qmp/index.js'
import { FakeClock } from './fake-clock.js'
import { FakeQmp, type FakeMonitor } from './fake-qmp.js'

export interface LogLine {
  readonly level: 'error' | 'warn' | 'info' | 'debug'
  readonly message: string
  readonly fields: LogFields
}

export const recordingLogger = (lines: LogLine[]): Logger => {
  const at =
    (level: LogLine['level']) =>
    (message: string, fields: LogFields = {}): void =>
      void lines.push({ level, message, fields })
  const logger: Logger = {
    error: at('error'),
    warn: at('warn'),
    info: at('info'),
    debug: at('debug'),
    child: () => logger,
  }
  return logger
}

/** A client, the fake QEMU it talks to, and a clock that only the test moves. */
export interface QmpRig {
  readonly fake: FakeQmp
  readonly clock: FakeClock
  readonly client: QmpClient
  readonly log: LogLine[]
  readonly states: QmpState[]
  /** Settles when the client enters `state`, at once when it is in it. */
  readonly reached: (state: QmpState) => Promise<void>
  /** Starts client and fake; the result is QEMU's end of a connection that is ready. */
  readonly connect: () => Promise<FakeMonitor>
}

export const qmpRig = (
  t: ExecutionContext,
  options: Partial<QmpClientOptions> = {},
  fakeOptions: { readsFds?: boolean } = {},
): QmpRig => {
  const fake = new FakeQmp(fakeOptions)
  const clock = new FakeClock()
  const log: LogLine[] = []
  const states: QmpState[] = []
  const client = new QmpClient({
    path: fake.path,
    clock,
    logger: recordingLogger(log),
    limits: DEFAULT_LIMITS,
    ...options,
  })
  client.onState((state) => states.push(state))
  t.teardown(() => {
    client.close()
    fake.remove()
  })
  const reached = (state: QmpState): Promise<void> =>
    new Promise((resolve) => {
      if (client.state === state) {
        resolve()
        return
      }
      const stop = client.onState((now) => {
        if (now === state) {
          stop()
          resolve()
        }
      })
    })
  return {
    fake,
    clock,
    client,
    log,
    states,
    reached,
    connect: async () => {
      await fake.listen()
      client.start()
      const monitor = await fake.monitor()
      await reached('ready')
      return monitor
    },
  }
}

/** Waits for the promise to be rejected with a SidecarError of this code. */
export const rejectedWith = async (
  t: ExecutionContext,
  promise: Promise<unknown>,
  code: ErrorCode,
): Promise<SidecarError> => {
  const error = await t.throwsAsync(promise, { instanceOf: SidecarError })
  t.is(error.code, code, error.message)
  return error
}

/** Waits for the back-off and lets just that much time pass, so that no later deadline falls due. */
export const retries = async ({ client, clock, reached }: QmpRig): Promise<void> => {
  await reached('waiting')
  for (let waitedMs = 0; waitedMs < 10_000 && client.state === 'waiting'; waitedMs += 250) {
    clock.advance(250)
  }
}

/** After a lost connection: the client comes back within the longest back-off and works. */
export const recovers = async (t: ExecutionContext, rig: QmpRig): Promise<void> => {
  rig.fake.answers.set('query-status', { running: true, status: 'running' })
  await retries(rig)
  await rig.reached('ready')
  t.deepEqual(await rig.client.execute('query-status'), { running: true, status: 'running' })
}
