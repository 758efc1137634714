import type { Rect } from '../../core/region.js'
import type { Limits } from '../../core/limits.js'
import type { PointerPosition, PointerShape } from '../../display/source.js'

/** What the worker is started with. */
export interface WorkerStart {
  /** Connected socket to QEMU's D-Bus display; stays the main thread's to close, after the worker ended. */
  readonly peerFd: number
  /** Eventfd that the main thread writes after each command; the main thread's to close. */
  readonly wakeFd: number
  /** See `shared.ts`. */
  readonly shared: SharedArrayBuffer
  readonly limits: Limits
}

/** A console of QEMU while it exists. `slot` names it in all other messages; slots are reused. */
export interface ConsoleState {
  readonly slot: number
  /** Number in its object path. */
  readonly number: number
  readonly label: string
  readonly head: number
}

export interface InputState {
  readonly available: boolean
  readonly absolute: boolean
  /** Lock keys: 1 scroll, 2 num, 4 caps. */
  readonly modifiers: number
}

/** Consoles in order of their numbers, and the input devices; the latest replaces all earlier ones. */
export interface StateUpdate {
  readonly kind: 'state'
  readonly consoles: readonly ConsoleState[]
  readonly input: InputState
}

export interface FrameHandle {
  readonly generation: number
  readonly width: number
  readonly height: number
  /** At least `width * height * 4` bytes. */
  readonly memory: SharedArrayBuffer
}

/** What changed on one console; `null` stands for "none any more". */
export interface ScreenUpdate {
  readonly kind: 'update'
  readonly slot: number
  readonly frame?: FrameHandle | null
  readonly damage: readonly Rect[]
  readonly shape?: PointerShape | null
  readonly position?: PointerPosition
}

/** The worker is done with QEMU and ends. */
export interface Ended {
  readonly kind: 'ended'
  readonly gone: boolean
  readonly reason: string
}

/** SetUIInfo was refused for this console. */
export interface HeadRefused {
  readonly kind: 'headRefused'
  readonly slot: number
  readonly errorName: string
}

export type FromWorker = StateUpdate | ScreenUpdate | Ended | HeadRefused

export interface SlotHead {
  readonly slot: number
  readonly width: number
  readonly height: number
  readonly x: number
  readonly y: number
  readonly widthMm: number
  readonly heightMm: number
}

export type ToWorker =
  { readonly kind: 'close' } | { readonly kind: 'heads'; readonly heads: readonly SlotHead[] }
