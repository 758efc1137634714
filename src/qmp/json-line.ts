import { SidecarError } from '../core/errors.js'

const QUOTE = 0x22
const PLUS = 0x2b
const MINUS = 0x2d
const DOT = 0x2e
const ZERO = 0x30
const NINE = 0x39
const UPPER_E = 0x45
const OPEN_LIST = 0x5b
const BACKSLASH = 0x5c
const CLOSE_LIST = 0x5d
const LOWER_E = 0x65
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d

export interface JsonLine {
  readonly value: unknown
  /** It holds an integer beyond 2^53 - 1, which parsing has rounded (threat model R18). */
  readonly rounded: boolean
}

// A byte order mark is not dropped: it is no JSON.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * One line of JSON. The nesting is judged before the parser sees it.
 *
 * @throws SidecarError SIDECAR_LIMIT when it is nested too deep, SIDECAR_QMP when it is not UTF-8 or not JSON
 */
export const parseJsonLine = (line: Uint8Array, maxDepth: number): JsonLine => {
  let text: string
  try {
    text = decoder.decode(line)
  } catch (cause) {
    throw new SidecarError('SIDECAR_QMP', 'QEMU sent a line that is not UTF-8', {}, cause)
  }
  const rounded = scan(text, maxDepth)
  try {
    return { value: JSON.parse(text) as unknown, rounded }
  } catch {
    // The parser's own text quotes the line, which may hold anything.
    throw new SidecarError('SIDECAR_QMP', 'QEMU sent a line that is not JSON', { bytes: line.length })
  }
}

/** Counts the nesting and says whether an integer is too large for a number; leaves the grammar to the parser. */
const scan = (text: string, maxDepth: number): boolean => {
  let depth = 0
  let rounded = false
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === QUOTE) {
      i = endOfString(text, i)
    } else if (code === OPEN_OBJECT || code === OPEN_LIST) {
      depth++
      if (depth > maxDepth) {
        throw new SidecarError('SIDECAR_LIMIT', 'a QMP line is nested too deep', { max: maxDepth })
      }
    } else if (code === CLOSE_OBJECT || code === CLOSE_LIST) {
      depth--
    } else if (isDigit(code)) {
      const end = endOfNumber(text, i)
      rounded ||= isRounded(text.slice(i, end))
      i = end - 1
    }
  }
  return rounded
}

/** Index of the closing quote, or of the end. */
const endOfString = (text: string, open: number): number => {
  let i = open + 1
  while (i < text.length && text.charCodeAt(i) !== QUOTE) {
    i += text.charCodeAt(i) === BACKSLASH ? 2 : 1
  }
  return i
}

const isDigit = (code: number): boolean => code >= ZERO && code <= NINE

const isNumberPart = (code: number): boolean =>
  isDigit(code) || code === DOT || code === LOWER_E || code === UPPER_E || code === PLUS || code === MINUS

const endOfNumber = (text: string, start: number): number => {
  let i = start + 1
  while (i < text.length && isNumberPart(text.charCodeAt(i))) {
    i++
  }
  return i
}

/** Whether this is an integer that a number cannot hold; the sign, which is not in `digits`, makes no difference. */
const isRounded = (digits: string): boolean =>
  !/[.eE]/.test(digits) && (digits.length > 16 || !Number.isSafeInteger(Number(digits)))
