import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { poll } from './temp-deadline.js'
import { TempProcess } from './temp-process.js'
import { removeTempDirectory, tempDirectory } from './temp.js'

const REALM = 'SPICE.TEST'
const PROGRAMS = ['/usr/sbin/krb5kdc', '/usr/sbin/kdb5_util', '/usr/sbin/kadmin.local', '/usr/bin/kinit']

/** Why no KDC can be had here, or undefined. */
export const whyNoKdc = (): string | undefined => {
  const missing = PROGRAMS.find((path) => !existsSync(path))
  return missing === undefined
    ? undefined
    : `${missing} is not there: install krb5-kdc, krb5-admin-server and krb5-user`
}

/** A port that was free a moment ago; a KDC cannot be asked which one it took. */
const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })

/** A Kerberos realm of its own on loopback: one server with its key, and users. */
export class Kdc {
  readonly directory = tempDirectory()
  readonly #process: TempProcess

  private constructor(port: number) {
    this.#configure(port)
    this.#run('/usr/sbin/kdb5_util', ['create', '-s', '-r', REALM, '-P', 'master'])
    // A client asks for the name that it connects to, the library of the server for that of the machine.
    for (const host of new Set(['localhost', '127.0.0.1', hostname()])) {
      this.#admin(`addprinc -randkey spice/${host}`)
      this.#admin(`ktadd -k ${this.keytab} spice/${host}`)
    }
    this.#process = new TempProcess('kdc', '/usr/sbin/krb5kdc', ['-n', '-r', REALM], {
      env: { ...this.env, KRB5_KDC_PROFILE: join(this.directory, 'kdc.conf') },
    })
  }

  static async start(): Promise<Kdc> {
    const kdc = new Kdc(await freePort())
    try {
      await poll('the KDC answers', () => {
        if (!kdc.#process.alive) {
          throw new Error(`the KDC ended: ${kdc.#process.output()}`)
        }
        return kdc.#process.lines.some((line) => line.includes('commencing operation'))
      })
      return kdc
    } catch (error) {
      await kdc.stop()
      throw error
    }
  }

  /** For the server: its own key and no user's. */
  get env(): Record<string, string> {
    return { KRB5_CONFIG: join(this.directory, 'krb5.conf') }
  }

  get keytab(): string {
    return join(this.directory, 'server.keytab')
  }

  /** Makes a user and logs in; the environment of its programs. */
  login(user: string): Record<string, string> {
    this.#admin(`addprinc -pw kerberos ${user}`)
    const env = { ...this.env, KRB5CCNAME: `FILE:${join(this.directory, `${user}.cc`)}` }
    this.#run('/usr/bin/kinit', [`${user}@${REALM}`], { env, input: 'kerberos\n' })
    return env
  }

  async stop(): Promise<void> {
    await this.#process.kill()
    removeTempDirectory(this.directory)
  }

  #configure(port: number): void {
    const database = join(this.directory, 'db')
    mkdirSync(database)
    writeFileSync(
      join(this.directory, 'krb5.conf'),
      `[libdefaults]
  default_realm = ${REALM}
  dns_lookup_kdc = false
  dns_lookup_realm = false
  dns_canonicalize_hostname = false
  rdns = false
  ignore_acceptor_hostname = true
[realms]
  ${REALM} = {
    kdc = 127.0.0.1:${port}
  }
`,
    )
    writeFileSync(
      join(this.directory, 'kdc.conf'),
      `[kdcdefaults]
  kdc_listen = 127.0.0.1:${port}
  kdc_tcp_listen = 127.0.0.1:${port}
[realms]
  ${REALM} = {
    database_name = ${join(database, 'principal')}
    key_stash_file = ${join(database, 'stash')}
    acl_file = ${join(database, 'acl')}
  }
[logging]
  kdc = STDERR
`,
    )
  }

  #admin(query: string): void {
    this.#run('/usr/sbin/kadmin.local', ['-r', REALM, '-q', query])
  }

  #run(
    program: string,
    args: readonly string[],
    options: { env?: Record<string, string>; input?: string } = {},
  ): void {
    const { status, stderr } = spawnSync(program, args, {
      env: {
        ...process.env,
        ...this.env,
        KRB5_KDC_PROFILE: join(this.directory, 'kdc.conf'),
        ...options.env,
      },
      input: options.input ?? '',
      encoding: 'utf8',
    })
    if (status !== 0) {
      throw new Error(`${program} failed: ${stderr}`)
    }
  }
}
