import type { Limits } from '../core/limits.js'

/** Why a connection is not even read. */
export type AdmissionRefusal = 'pending' | 'pending-source'

/** Counts connections that have not authenticated yet, in all and by source (threat model L-pending, L-pending-src). */
export class Admission {
  readonly #limits: Pick<Limits, 'pending' | 'pending-source'>
  readonly #bySource = new Map<string, number>()
  #pending = 0

  constructor(limits: Pick<Limits, 'pending' | 'pending-source'>) {
    this.#limits = limits
  }

  get pending(): number {
    return this.#pending
  }

  /**
   * Takes a place for a connection from `source`.
   *
   * @returns a function that gives the place back, callable any number of times; or why there is none
   */
  admit(source: string): (() => void) | AdmissionRefusal {
    const fromSource = this.#bySource.get(source) ?? 0
    if (this.#pending >= this.#limits.pending) {
      return 'pending'
    }
    if (fromSource >= this.#limits['pending-source']) {
      return 'pending-source'
    }
    this.#pending += 1
    this.#bySource.set(source, fromSource + 1)
    let held = true
    return () => {
      if (held) {
        held = false
        this.#leave(source)
      }
    }
  }

  #leave(source: string): void {
    this.#pending -= 1
    const left = (this.#bySource.get(source) ?? 1) - 1
    if (left === 0) {
      this.#bySource.delete(source)
    } else {
      this.#bySource.set(source, left)
    }
  }
}

/** The part of an address that counts as one source: IPv4 as it is, IPv6 by its /64, a unix socket as one. */
export const sourceOf = (remoteAddress: string | undefined): string => {
  if (remoteAddress === undefined) {
    return 'unix'
  }
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(remoteAddress)?.[1]
  if (mapped !== undefined || !remoteAddress.includes(':')) {
    return mapped ?? remoteAddress
  }
  return prefix64(remoteAddress)
}

/** First four groups of an IPv6 address, `::` written out. */
const prefix64 = (address: string): string => {
  const [head = '', tail] = (address.split('%')[0] ?? '').split('::')
  const groups = head === '' ? [] : head.split(':')
  if (tail !== undefined) {
    const behind = tail === '' ? [] : tail.split(':')
    while (groups.length + behind.length < 8) {
      groups.push('0')
    }
    groups.push(...behind)
  }
  return groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')
}
