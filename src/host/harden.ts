import { checkCall, libcFunction, nodeCall } from './system-call.js'

const setrlimit: (resource: number, limit: BigUint64Array) => number = libcFunction(
  'int setrlimit(int resource, const void *limit)',
)
const prctl: (option: number, value: number, a: number, b: number, c: number) => number = libcFunction(
  'int prctl(int option, unsigned long value, unsigned long a, unsigned long b, unsigned long c)',
)

const RLIMIT_CORE = 4
const PR_SET_DUMPABLE = 4

/**
 * No core files, no reading of our memory by other processes of the same user, new files for the owner only. For the
 * main thread, once, at start.
 *
 * @throws SidecarError SIDECAR_HOST
 */
export const hardenProcess = (): void => {
  checkCall('setrlimit RLIMIT_CORE', setrlimit(RLIMIT_CORE, new BigUint64Array(2)))
  checkCall('prctl PR_SET_DUMPABLE', prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
  nodeCall('umask', () => process.umask(0o077))
}
