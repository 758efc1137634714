import { spawnSync } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { tempDirectory } from './temp.js'

const SASLPASSWD = '/usr/sbin/saslpasswd2'

/** Why no users of SASL can be made here, or undefined. */
export const whyNoSasl = (): string | undefined =>
  existsSync(SASLPASSWD) ? undefined : `${SASLPASSWD} is not there: install sasl2-bin`

/** A configuration directory of SASL with a database of users; `SASL_CONF_PATH` names it. */
export class SaslUsers {
  readonly directory = tempDirectory()

  /** `settings`: further lines of the configuration file. */
  constructor(mechanisms: readonly string[], settings: readonly string[] = []) {
    const lines = [
      `mech_list: ${mechanisms.join(' ')}`,
      'pwcheck_method: auxprop',
      'auxprop_plugin: sasldb',
      `sasldb_path: ${this.#database}`,
      ...settings,
    ]
    writeFileSync(join(this.directory, 'qemu.conf'), `${lines.join('\n')}\n`)
  }

  get env(): Record<string, string> {
    return { SASL_CONF_PATH: this.directory }
  }

  add(user: string, password: string): void {
    const { status, stderr } = spawnSync(SASLPASSWD, ['-p', '-c', '-f', this.#database, '-a', 'qemu', user], {
      input: password,
      encoding: 'utf8',
    })
    if (status !== 0) {
      throw new Error(`saslpasswd2 failed: ${stderr}`)
    }
  }

  get #database(): string {
    return join(this.directory, 'sasldb2')
  }
}
