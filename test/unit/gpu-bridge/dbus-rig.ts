import { readdirSync } from 'node:fs'
import type { ExecutionContext } from 'ava'
import { systemClock } from '../../../src/app/system-clock.js'
import { DEFAULT_LIMITS } from '../../../src/core/limits.js'
import { silentLogger, type Logger } from '../../../src/core/logger.js'
import { DisplayModel, type Frame, type SourceEnd } from '../../../src/display/index.js'
import { createPictureStore } from '../../../src/kernels/index.js'
import type { Rect } from '../../../src/core/region.js'
import {
  createDbusDisplaySource,
  type DbusDisplayOptions,
  type DbusDisplaySource,
} from '../../../src/gpu-bridge/index.js'
import { FakeDbusQemu, type FakeListener, type FakeQemuOptions } from '../../helpers/fake-dbus-qemu.js'
import { poll, withDeadline } from '../../helpers/temp-deadline.js'

/** A picture whose pixels follow from their place and `seed`. */
export const pixels = (width: number, height: number, seed = 1): Uint8Array => {
  const bytes = new Uint8Array(width * height * 4)
  for (let at = 0; at < bytes.length; at++) {
    bytes[at] = (at * 7 + seed * 13) % 251
  }
  return bytes
}

export const openDescriptors = (): number => readdirSync('/proc/self/fd').length

/** The real source with its worker, connected to a fake QEMU. */
export class Rig {
  readonly qemu: FakeDbusQemu
  readonly source: DbusDisplaySource
  readonly model = new DisplayModel(createPictureStore)
  readonly damage: Rect[] = []
  readonly refusals = new Map<string, number>()
  readonly warnings: string[] = []
  readonly abort = new AbortController()
  readonly ended: Promise<SourceEnd>

  constructor(qemuOptions: FakeQemuOptions = {}, options: Partial<DbusDisplayOptions> = {}) {
    this.qemu = new FakeDbusQemu(qemuOptions)
    const keep = (text: string): void => void this.warnings.push(text)
    const logger: Logger = { ...silentLogger, warn: keep, info: keep }
    this.source = createDbusDisplaySource({
      openPeer: this.qemu.openPeer,
      clock: systemClock,
      logger,
      limits: DEFAULT_LIMITS,
      minFrameIntervalMs: 0,
      ...options,
      metrics: {
        refused: {
          add: (amount, labels) => {
            const reason = labels?.['reason'] ?? ''
            this.refusals.set(reason, (this.refusals.get(reason) ?? 0) + amount)
          },
        },
      },
    })
    const { model } = this
    const damage = model.damage.bind(model)
    model.damage = (console, rects) => {
      this.damage.push(...rects)
      damage(console, rects)
      model.refresh(console)
    }
    this.ended = this.source.run(model, this.abort.signal)
  }

  /** Waits for the listener of a console to be registered and through its handshake. */
  listener(console = 0): Promise<FakeListener> {
    return this.until('a listener', () => {
      const listener = this.qemu.listener(console)
      return listener?.peer.begun === true ? listener : undefined
    })
  }

  frame(console = 0): Frame | undefined {
    return this.model.picture(console).frame
  }

  /** Whether the console shows exactly these pixels. */
  shows(bytes: Uint8Array, console = 0): boolean {
    const frame = this.frame(console)
    return frame !== undefined && Buffer.compare(frame.pixels, bytes) === 0
  }

  until<T>(what: string, look: () => T | undefined | false): Promise<T> {
    return poll(what, look, {
      everyMs: 2,
      deadlineMs: 8000,
      detail: () => JSON.stringify([[...this.refusals], this.qemu.layouts, this.qemu.input.slice(-3)]),
    })
  }

  refused(reason: string): Promise<number> {
    return this.until(`refusal ${reason}`, () => this.refusals.get(reason))
  }

  async stop(): Promise<SourceEnd> {
    this.abort.abort()
    try {
      return await withDeadline(this.ended, 8000, 'the source ends')
    } finally {
      this.qemu.close()
    }
  }
}

/** Runs a test on a rig and checks that it leaves no descriptor behind. */
export const withRig = async (
  t: ExecutionContext,
  run: (rig: Rig) => Promise<void>,
  qemuOptions: FakeQemuOptions = {},
  options: Partial<DbusDisplayOptions> = {},
): Promise<void> => {
  const before = openDescriptors()
  const rig = new Rig(qemuOptions, options)
  try {
    await run(rig)
  } finally {
    await rig.stop()
  }
  await poll('all descriptors are closed', () => openDescriptors() <= before, {
    deadlineMs: 5000,
    detail: () => `${before} before, ${openDescriptors()} now`,
  })
  t.pass()
}
