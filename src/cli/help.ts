import { CTL_ACTIONS } from './ctl.js'
import { ALL_SETTINGS, environmentName, GROUPS } from '../config/index.js'

const WIDTH = 100
const INDENT = 6

export const COMMANDS = {
  run: 'serve the screen of one virtual machine until SIGTERM',
  'check-config': 'print the effective configuration and where each value came from',
  'viewer-file': 'write a connection file (.vv) for remote-viewer',
  'make-certs': 'make a certificate authority and a server certificate for tls-listen',
  health: 'ask a running spice-sidecar how it is, for probes',
  ctl: 'set tickets and end sessions of a running spice-sidecar, over its admin socket',
  help: 'print this',
  version: 'print the version',
} as const

export type Command = keyof typeof COMMANDS

const COMMAND_FLAGS: Partial<Record<Command, readonly (readonly [string, string])[]>> = {
  'viewer-file': [
    ['--output FILE', 'write FILE, mode 0600, in place of standard output'],
    ['--title TEXT', 'title of the window'],
    ['--host NAME', 'name or address under which clients reach this machine'],
    ['--full-screen', 'begin with the whole screen'],
    ['--proxy URL', 'HTTP proxy through which clients come, http://[USER:PASSWORD@]HOST:PORT'],
  ],
  'make-certs': [
    ['--output DIR', 'directory for ca-cert.pem, ca-key.pem, server-cert.pem and server-key.pem'],
    ['--host NAME', 'name or address under which clients reach this machine; may be repeated'],
    ['--days N', 'how long the certificates are good, 1 to 7300; 825 if not given'],
  ],
  ctl: [
    ['--from FILE', 'set-ticket: file whose first line is the ticket, mode 600; without it standard input'],
    ['--expiry TIME', 'set-ticket, expire: never, now, +SECONDS or seconds since 1970'],
    ['--connected WORD', 'set-ticket: keep, disconnect or fail when a client is connected'],
    ['--client N', 'disconnect: number of the client, as clients lists it'],
  ],
  health: [
    ['--live', 'is the process alive (/livez)'],
    ['--ready', 'does it accept clients (/readyz)'],
  ],
}

export const generalHelp = (): string =>
  [
    'A SPICE server beside QEMU.',
    '',
    'usage: spice-sidecar COMMAND [--SETTING VALUE]...',
    '',
    ...Object.entries(COMMANDS).map(([name, text]) => `  ${name.padEnd(14)}${text}`),
    '',
    'spice-sidecar run --help lists the settings.',
    'example: spice-sidecar run --qmp /run/vm/qmp.sock --listen 127.0.0.1:5900 --ticket-file /run/vm/ticket',
    '',
  ].join('\n')

export const commandHelp = (command: Command): string => {
  const own = COMMAND_FLAGS[command] ?? []
  const actions = command === 'ctl' ? Object.entries(CTL_ACTIONS) : []
  const lines = [
    `usage: spice-sidecar ${command} ${command === 'ctl' ? `${Object.keys(CTL_ACTIONS).join('|')} ` : ''}${own.length > 0 ? '[FLAG]... ' : ''}[--SETTING VALUE]...`,
    '',
    COMMANDS[command],
  ]
  if (actions.length > 0) {
    lines.push('', 'actions', ...actions.map(([name, text]) => `  ${name.padEnd(16)}${text}`))
  }
  if (own.length > 0) {
    lines.push('', 'flags', ...own.map(([flag, text]) => `  ${flag.padEnd(16)}${text}`))
  }
  for (const group of GROUPS) {
    lines.push('', group)
    for (const [key, { group: its, kind, help, initialText }] of ALL_SETTINGS) {
      if (its === group) {
        lines.push(
          `  --${key}${kind.onOff ? '' : ` ${kind.placeholder}`}`,
          ...wrapped(`${help} [${initialText}]`),
        )
      }
    }
  }
  lines.push(
    '',
    ...wrapped(
      'Each setting can also be in the YAML file named by --config, without the dashes, or in the environment',
      0,
    ),
  )
  lines.push(
    ...wrapped(
      `(--max-refresh-rate is ${environmentName('max-refresh-rate')}). Flags win over the environment, that over the file.`,
      0,
    ),
    '',
  )
  return lines.join('\n')
}

const wrapped = (text: string, indent = INDENT): string[] => {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && indent + line.length + 1 + word.length > WIDTH) {
      lines.push(line)
      line = ''
    }
    line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line].map((each) => ' '.repeat(indent) + each)
}
