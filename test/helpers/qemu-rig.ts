import { nowMs, poll } from './temp-deadline.js'
import type { Picture } from './picture.js'
import { startQemu, whyNoQemu, type Qemu, type QemuOptions } from './qemu.js'
import { startSidecar, whyNoSidecar, type SidecarOptions, type SidecarProcess } from './sidecar-process.js'
import { SpiceClient, type SpiceTarget } from './spice-client.js'

/**
 * `SPICE_SERVER=built-in` runs the cases that ask for nothing special against QEMU's own SPICE server: whatever the
 * reference does not pass is a fault of the rig.
 */
export const BUILT_IN = process.env['SPICE_SERVER'] === 'built-in'

export interface Rig {
  readonly qemu: Qemu
  /** Absent when QEMU's own server is on trial. */
  readonly sidecar: SidecarProcess | undefined
  readonly target: SpiceTarget
  readonly uri: string
  connect(): Promise<SpiceClient>
  stop(): Promise<void>
}

export interface RigOptions {
  readonly qemu?: Omit<QemuOptions, 'display'>
  readonly sidecar?: Omit<SidecarOptions, 'qmp'>
  /** Default: the sidecar, or what `SPICE_SERVER` says. */
  readonly server?: 'sidecar' | 'built-in'
}

/** QEMU with a guest and a SPICE server in front of it. */
export async function startRig(options: RigOptions = {}): Promise<Rig> {
  const builtIn = options.server === undefined ? BUILT_IN : options.server === 'built-in'
  const qemu = await startQemu({ ...options.qemu, display: builtIn ? 'spice' : 'dbus' })
  try {
    const sidecar = builtIn
      ? undefined
      : await startSidecar({ qmp: qemu.paths.sidecarQmp, ...options.sidecar })
    const port = sidecar?.port ?? qemu.spicePort ?? 0
    const target: SpiceTarget = { port }
    return {
      qemu,
      sidecar,
      target,
      uri: `spice://127.0.0.1:${port}`,
      connect: () => SpiceClient.connected(target),
      stop: async () => {
        await sidecar?.stop()
        await qemu.stop()
      },
    }
  } catch (error) {
    await qemu.stop()
    throw error
  }
}

/**
 * Waits until what somebody sees is what QEMU shows, pixel for pixel, with equal screendumps before and after, so that
 * neither could have been caught half drawn. Fails with the first difference.
 */
export async function untilSame(
  qemu: Qemu,
  look: () => Promise<Picture>,
  what: string,
  deadlineMs = 10_000,
): Promise<Picture> {
  let last = 'nothing was seen'
  return await poll(
    what,
    async () => {
      const before = await qemu.screendump()
      const seen = await look()
      const after = await qemu.screendump()
      const moving = before.firstDifference(after)
      const difference = moving ?? seen.firstDifference(after)
      last = `${moving === undefined ? 'seen against QEMU' : 'QEMU itself is drawing'}: ${JSON.stringify(difference)}`
      return difference === undefined ? seen : undefined
    },
    { deadlineMs, everyMs: 50, detail: () => last },
  )
}

/** Why such a rig cannot be had on this machine, or undefined. */
export function whyNoRig(options: Parameters<typeof whyNoQemu>[0] = {}): string | undefined {
  return whyNoQemu(options) ?? (BUILT_IN ? undefined : whyNoSidecar())
}

/** Last line of a test file: how long it took, or why its cases were left out. */
export function reportFile(name: string, startedMs: number, missing: string | undefined): void {
  const seconds = Math.round((nowMs() - startedMs) / 1000)
  console.log(missing === undefined ? `${name}: ${seconds} s` : `${name}: left out: ${missing}`)
}
