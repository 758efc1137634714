import { randomFillSync } from 'node:crypto'
import type { Limits } from '../core/limits.js'

/** Why a connection is not even read; the key of the limit. */
export type AdmissionRefusal = 'pending' | 'pending-drop' | 'pending-source' | 'pending-session'

type AdmissionLimits = Pick<Limits, AdmissionRefusal>

/** Evenly from 0 to below 1; random bytes are fetched many at once, since a flood draws for each connection. */
const makeDraw = (): (() => number) => {
  const numbers = new Uint32Array(256)
  let next = numbers.length
  return () => {
    if (next === numbers.length) {
      randomFillSync(numbers)
      next = 0
    }
    const number = numbers[next] ?? 0
    next += 1
    return number / 2 ** 32
  }
}

export interface AdmissionDeps {
  /** Has a client from there authenticated, whose session is on. */
  hasSession(source: string): boolean
  /** Evenly from 0 to below 1. */
  draw?(): number
}

/**
 * Counts connections that have not authenticated yet (threat model L-pending, L-pending-src). Strangers share the
 * places of `pending`, the last of which are given at random, so that a flood does not shut everybody else out. A
 * source with a session has places of its own: nothing that strangers do keeps its further channels out.
 */
export class Admission {
  readonly #limits: AdmissionLimits
  readonly #deps: AdmissionDeps
  readonly #draw: () => number
  readonly #bySource = new Map<string, number>()
  #strangers = 0

  constructor(limits: AdmissionLimits, deps: AdmissionDeps) {
    this.#limits = limits
    this.#deps = deps
    this.#draw = deps.draw?.bind(deps) ?? makeDraw()
  }

  get pending(): number {
    return [...this.#bySource.values()].reduce((sum, count) => sum + count, 0)
  }

  /**
   * Takes a place for a connection from `source`.
   *
   * @returns a function that gives the place back, callable any number of times; or why there is none
   */
  admit(source: string): (() => void) | AdmissionRefusal {
    const stranger = !this.#deps.hasSession(source)
    const refusal = stranger ? this.#refusalOfStranger(source) : this.#refusalOfSession(source)
    if (refusal !== undefined) {
      return refusal
    }
    this.#strangers += stranger ? 1 : 0
    this.#bySource.set(source, this.#from(source) + 1)
    let held = true
    return () => {
      if (held) {
        held = false
        this.#strangers -= stranger ? 1 : 0
        this.#leave(source)
      }
    }
  }

  #from(source: string): number {
    return this.#bySource.get(source) ?? 0
  }

  #refusalOfSession(source: string): AdmissionRefusal | undefined {
    return this.#from(source) >= this.#limits['pending-session'] ? 'pending-session' : undefined
  }

  #refusalOfStranger(source: string): AdmissionRefusal | undefined {
    const { pending, 'pending-drop': from, 'pending-source': perSource } = this.#limits
    if (this.#strangers >= pending) {
      return 'pending'
    }
    if (this.#from(source) >= perSource) {
      return 'pending-source'
    }
    const chance = (this.#strangers - from + 1) / (pending - from + 1)
    return this.#strangers >= from && this.#draw() < chance ? 'pending-drop' : undefined
  }

  #leave(source: string): void {
    const left = this.#from(source) - 1
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
