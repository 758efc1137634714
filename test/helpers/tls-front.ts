import { systemClock } from '../../src/app/system-clock.js'
import { tlsFiles, TlsFront, type TlsFrontOptions } from '../../src/server/index.js'
import { Counted, KeptLog } from './server-rig.js'

interface FrontOptions extends Partial<TlsFrontOptions> {
  /** File with the authorities of clients. */
  readonly clientCa?: string | undefined
}

/** The TLS of a server whose files are in `directory`; not started. */
export const tlsFrontOf = (directory: string, { clientCa, ...options }: FrontOptions = {}): TlsFront =>
  new TlsFront({
    files: () => tlsFiles({ dir: directory, cert: undefined, key: undefined, ca: undefined, clientCa }),
    ciphers: undefined,
    clock: systemClock,
    logger: new KeptLog(),
    metrics: { reloads: new Counted(), expires: new Counted() },
    ...options,
  })
