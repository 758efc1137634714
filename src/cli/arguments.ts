import { ALL_SETTINGS, nearestName, type Flag } from '../config/index.js'

/** Flags of a command beside the settings: `value` takes one, `list` one each time, `switch` none. */
export type OwnFlags = Readonly<Record<string, 'value' | 'list' | 'switch'>>

export interface Arguments {
  readonly settings: readonly Flag[]
  /** A `list` has commas between its values. */
  readonly own: ReadonlyMap<string, string>
  readonly help: boolean
}

/** The command line itself is wrong: exit 64, as opposed to a wrong setting. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

const shown = (text: string): string => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)

/**
 * Reads `--key value`, `--key=value`, `--switch` and `--no-switch`. Names of settings are not judged here, so that a
 * wrong one gets the same sentence wherever it is written.
 *
 * @throws UsageError when a word is no flag, or a flag lacks its value
 */
export const parseArguments = (words: readonly string[], ownFlags: OwnFlags = {}): Arguments => {
  const settings: Flag[] = []
  const own = new Map<string, string>()
  let help = false
  for (let i = 0; i < words.length; i++) {
    const word = words[i] ?? ''
    if (word === '--help' || word === '-h') {
      help = true
      continue
    }
    const { key, given, no } = splitFlag(word, ownFlags)
    let text = given
    if (text === undefined && isSwitch(key, ownFlags)) {
      text = no ? 'false' : 'true'
    }
    if (text === undefined && words[i + 1]?.startsWith('--') === false) {
      text = words[++i]
    }
    if (text === undefined && isKnown(key, ownFlags)) {
      throw new UsageError(`--${key} needs a value; write --${key}=VALUE if it begins with --`)
    }
    if (!Object.hasOwn(ownFlags, key)) {
      settings.push({ key, text: text ?? '' })
    } else if (ownFlags[key] === 'list') {
      own.set(key, [own.get(key), text].filter((each) => each !== undefined).join(','))
    } else if (own.has(key)) {
      throw new UsageError(`--${key} is given twice`)
    } else {
      own.set(key, text ?? '')
    }
  }
  return { settings, own, help }
}

interface SplitFlag {
  readonly key: string
  readonly given: string | undefined
  readonly no: boolean
}

const splitFlag = (word: string, ownFlags: OwnFlags): SplitFlag => {
  if (!word.startsWith('--') || word === '--') {
    throw new UsageError(`${shown(word)} is no flag; flags begin with --`)
  }
  const equals = word.indexOf('=')
  const name = equals < 0 ? word.slice(2) : word.slice(2, equals)
  const given = equals < 0 ? undefined : word.slice(equals + 1)
  const positive = name.startsWith('no-') ? name.slice('no-'.length) : undefined
  if (positive === undefined || !isSwitch(positive, ownFlags)) {
    if (given !== undefined && ownFlags[name] === 'switch') {
      throw new UsageError(`--${name} takes no value`)
    }
    return { key: name, given, no: false }
  }
  if (given !== undefined) {
    throw new UsageError(`--${name} takes no value`)
  }
  return { key: positive, given, no: true }
}

const isSwitch = (key: string, ownFlags: OwnFlags): boolean =>
  (Object.hasOwn(ownFlags, key) && ownFlags[key] === 'switch') || ALL_SETTINGS.get(key)?.kind.onOff === true

const isKnown = (key: string, ownFlags: OwnFlags): boolean =>
  Object.hasOwn(ownFlags, key) || ALL_SETTINGS.has(key)

/** The command nearest to a wrong word, as the end of a sentence. */
export const didYouMean = (word: string, names: Iterable<string>): string => {
  const near = nearestName(word, names)
  return `${shown(word)} is no command${near === undefined ? '' : `; did you mean ${near}?`}`
}
