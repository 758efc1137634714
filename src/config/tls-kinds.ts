import { listed, quoted, type Kind } from './kinds.js'

/** Channels by the names of QEMU's `tls-channel`, and `default` (`protocol-session.md` 1.8). */
const CHANNEL_NAMES = [
  'main',
  'display',
  'inputs',
  'cursor',
  'playback',
  'record',
  'smartcard',
  'usbredir',
  'port',
  'webdav',
  'default',
]

const MAX_CIPHERS = 1000
const MAX_CLIENT_NAMES = 1000
const MAX_CLIENT_NAME = 1000

export const channelNames: Kind<readonly string[]> = {
  placeholder: 'CHANNEL',
  many: true,
  onOff: false,
  allowed: `a list of ${listed(CHANNEL_NAMES)}`,
  read: (texts) => {
    const wrong = texts.find((text) => !CHANNEL_NAMES.includes(text))
    return wrong === undefined
      ? { value: [...new Set(texts)] }
      : { problem: `has ${quoted(wrong)}, but must be a list of ${listed(CHANNEL_NAMES)}` }
  },
}

/** Whether OpenSSL knows them shows when TLS is set up. */
export const cipherNames: Kind<string | undefined> = {
  placeholder: 'SUITES',
  many: false,
  onOff: false,
  allowed: 'names of cipher suites with colons between them',
  read: (texts) => {
    const [text = ''] = texts
    return texts.length === 1 && text.length <= MAX_CIPHERS && /^[\w+!@=-]+(?::[\w+!@=-]+)*$/.test(text)
      ? { value: text }
      : {
          problem: `is ${quoted(texts.join(', '))}, but must be names of cipher suites with colons between them`,
        }
  },
}

/** Whole names: `CN=laptop.example.com,O=Example`, `laptop.example.com`, `anna@example.com`. */
export const clientNames: Kind<readonly string[]> = {
  placeholder: 'NAME',
  many: true,
  onOff: false,
  allowed: 'a list of names of client certificates',
  read: (texts) => {
    const wrong = texts.find((text) => text === '' || text.length > MAX_CLIENT_NAME || /\p{Cc}/u.test(text))
    if (wrong !== undefined) {
      return { problem: `has ${quoted(wrong)}, but must be a list of names of client certificates` }
    }
    return texts.length <= MAX_CLIENT_NAMES
      ? { value: [...new Set(texts)] }
      : { problem: `has ${texts.length} names, but at most ${MAX_CLIENT_NAMES} are allowed` }
  },
}
