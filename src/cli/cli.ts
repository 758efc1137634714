import { configuredTlsFiles } from '../app/door-parts.js'
import {
  formatConfig,
  listed,
  loadConfig,
  namesCertificate,
  reasonOf,
  requireForRun,
  type Config,
  type LoadedConfig,
} from '../config/index.js'
import { SidecarError } from '../core/errors.js'
import { loadTlsMaterial, type TlsMaterial } from '../server/index.js'
import { didYouMean, parseArguments, UsageError, type Arguments, type OwnFlags } from './arguments.js'
import { CTL_ACTIONS, isCtlAction, runCtl } from './ctl.js'
import { askHealth } from './health.js'
import { COMMANDS, commandHelp, generalHelp, type Command } from './help.js'
import { EXIT, type CliActions, type CliIo } from './io.js'
import { makeCerts } from './make-certs.js'
import { viewerFile } from './viewer-file.js'

const OWN_FLAGS: Partial<Record<Command, OwnFlags>> = {
  'viewer-file': { output: 'value', title: 'value', host: 'value', 'full-screen': 'switch', proxy: 'value' },
  'make-certs': { output: 'value', host: 'list', days: 'value' },
  health: { live: 'switch', ready: 'switch' },
  ctl: { from: 'value', expiry: 'value', connected: 'value', client: 'value' },
}

/** Words that mean a command although they look like a flag. */
const ALIASES: Readonly<Record<string, Command>> = {
  '--help': 'help',
  '-h': 'help',
  '--version': 'version',
  '-V': 'version',
}

interface Invocation {
  readonly given: Arguments
  /** Of `ctl`: the word after it. */
  readonly action: string | undefined
  readonly io: CliIo
  readonly actions: CliActions
  readonly version: string
}

/**
 * Runs one command line, without the name of the program.
 *
 * @returns the exit code: 0, 1 (a health check failed), 64 (wrong command line), 78 (wrong configuration)
 * @throws whatever `actions.run` throws
 */
export const runCli = async (
  argv: readonly string[],
  io: CliIo,
  actions: CliActions,
  version: string,
): Promise<number> => {
  try {
    const { command, words } = splitCommand(argv)
    const action = command === 'ctl' && words[0]?.startsWith('-') === false ? words[0] : undefined
    const given = parseArguments(words.slice(action === undefined ? 0 : 1), OWN_FLAGS[command])
    if (given.help) {
      io.stdout(command === 'help' ? generalHelp() : commandHelp(command))
      return EXIT.ok
    }
    return await HANDLERS[command]({ given, action, io, actions, version })
  } catch (error) {
    if (error instanceof UsageError) {
      io.stderr(`spice-sidecar: ${error.message}\n`)
      return EXIT.usage
    }
    if (error instanceof SidecarError && error.code === 'SIDECAR_CONFIG') {
      io.stderr(`spice-sidecar: ${error.message}\n`)
      return EXIT.config
    }
    throw error
  }
}

const splitCommand = (argv: readonly string[]): { command: Command; words: readonly string[] } => {
  const [first, ...words] = argv
  if (first === undefined) {
    throw new UsageError('a command is missing; spice-sidecar help lists them')
  }
  const name = ALIASES[first] ?? first
  if (!isCommand(name)) {
    throw new UsageError(didYouMean(first, Object.keys(COMMANDS)))
  }
  return { command: name, words }
}

const isCommand = (name: string): name is Command => Object.hasOwn(COMMANDS, name)

const load = ({ given, io }: Invocation): LoadedConfig =>
  loadConfig({ flags: given.settings, environment: io.env, readFile: (path) => io.readFile(path) })

const warn = (warnings: readonly string[], io: CliIo): void => {
  warnings.forEach((warning) => {
    io.stderr(`spice-sidecar: warning: ${warning}\n`)
  })
}

const run = async (invocation: Invocation): Promise<number> => {
  const { config, warnings } = load(invocation)
  const forRun = requireForRun(config)
  checkTicket(config.ticketFile, invocation.io)
  checkTicket(config.viewOnlyTicketFile, invocation.io)
  warn(warnings, invocation.io)
  return invocation.actions.run(forRun)
}

/** Checks what `run` would check before it listens. */
const checkConfig = (invocation: Invocation): number => {
  const loaded = load(invocation)
  requireForRun(loaded.config)
  checkTicket(loaded.config.ticketFile, invocation.io)
  checkTicket(loaded.config.viewOnlyTicketFile, invocation.io)
  readCertificate(loaded.config)
  warn(loaded.warnings, invocation.io)
  invocation.io.stdout(formatConfig(loaded))
  return EXIT.ok
}

/** Looks at the ticket file as `run` will, so that a wrong one ends the process before it listens. */
const checkTicket = (path: string | undefined, io: CliIo): void => {
  if (path === undefined) {
    return
  }
  const ticket = io.readTicket(path)
  if (ticket === undefined) {
    warn([`the first line of ${path} is empty, so nobody can connect until there is a ticket`], io)
  }
  ticket?.fill(0)
}

/** The key pair as `run` will load it, so that a wrong one ends the process before it listens. */
const readCertificate = (config: Config): TlsMaterial | undefined => {
  if (!namesCertificate(config)) {
    return undefined
  }
  const material = loadTlsMaterial(configuredTlsFiles(config), config.tlsCiphers)
  material.key.fill(0)
  return material
}

const writeViewerFile = (invocation: Invocation): number => {
  const { given, io } = invocation
  const { config } = load(invocation)
  const output = given.own.get('output')
  const ticket = config.ticketFile === undefined ? undefined : io.readTicket(config.ticketFile)
  const text = viewerFile(config, {
    title: given.own.get('title'),
    host: given.own.get('host'),
    fullScreen: given.own.get('full-screen') === 'true',
    proxy: given.own.get('proxy'),
    certificate: readCertificate(config),
    ticket,
    deleteAfterReading: ticket !== undefined && output !== undefined,
  })
  if (output === undefined) {
    io.stdout(text)
    return EXIT.ok
  }
  try {
    io.writeSecretFile(output, text)
  } catch (error) {
    io.stderr(`spice-sidecar: ${output} cannot be written: ${reasonOf(error)}\n`)
    return EXIT.cannotCreate
  }
  return EXIT.ok
}

const health = async (invocation: Invocation): Promise<number> => {
  const { own } = invocation.given
  const live = own.get('live') === 'true'
  if (live === (own.get('ready') === 'true')) {
    throw new UsageError('health needs either --live or --ready')
  }
  return askHealth(load(invocation).config, live ? '/livez' : '/readyz', invocation.io)
}

const ctl = async (invocation: Invocation): Promise<number> => {
  const { action, given, io } = invocation
  if (action === undefined || !isCtlAction(action)) {
    const actions = listed(Object.keys(CTL_ACTIONS))
    throw new UsageError(`ctl needs one of ${actions}`)
  }
  return runCtl(action, given.own, load(invocation).config, io)
}

const HANDLERS: Readonly<Record<Command, (invocation: Invocation) => number | Promise<number>>> = {
  run,
  'check-config': checkConfig,
  'viewer-file': writeViewerFile,
  'make-certs': ({ given, io }) => makeCerts(given.own, io),
  health,
  ctl,
  help: ({ io }) => {
    io.stdout(generalHelp())
    return EXIT.ok
  },
  version: ({ io, version }) => {
    io.stdout(`spice-sidecar ${version}\n`)
    return EXIT.ok
  },
}
