import koffi from 'koffi'

export const MSG_CTRUNC = 0x8
export const MSG_DONTWAIT = 0x40
export const MSG_NOSIGNAL = 0x4000
export const MSG_CMSG_CLOEXEC = 0x40000000

/** The kernel's SCM_MAX_FD. */
export const MAX_FDS_PER_MESSAGE = 253

const SOL_SOCKET = 1
const SCM_RIGHTS = 1

/** Offsets in `struct msghdr`, 64-bit Linux. */
const IOV = 16
const IOV_COUNT = 24
const CONTROL = 32
const CONTROL_SIZE = 40
const FLAGS = 48
const MSGHDR_SIZE = 56
const CMSG_HEADER = 16

/** Bytes that carry `count` descriptors; without the padding of CMSG_SPACE, so that no surplus one fits. */
const controlSize = (count: number): number => (count === 0 ? 0 : CMSG_HEADER + 4 * count)

/**
 * `struct msghdr` with one `iovec` and room for descriptors, for sendmsg and recvmsg. Memory is taken once and does
 * not move, so the addresses inside stay right (qemu-integration.md 1.1).
 */
export class MessageHeader {
  /** What is handed to the call. */
  readonly bytes = new Uint8Array(new ArrayBuffer(MSGHDR_SIZE))
  readonly #header = new DataView(this.bytes.buffer)
  readonly #iov = new DataView(new ArrayBuffer(16))
  readonly #control: DataView
  readonly #controlAddress: bigint

  constructor(maxFds: number) {
    // One byte more than nothing: an empty ArrayBuffer may have no address.
    this.#control = new DataView(new ArrayBuffer(controlSize(maxFds) + 8))
    this.#controlAddress = koffi.address(this.#control.buffer)
    this.#header.setBigUint64(IOV, koffi.address(this.#iov.buffer), true)
    this.#header.setBigUint64(IOV_COUNT, 1n, true)
  }

  /** Where the bytes are. The caller keeps the array alive until the call has returned. */
  setBytes(address: bigint, size: number): void {
    this.#iov.setBigUint64(0, address, true)
    this.#iov.setBigUint64(8, BigInt(size), true)
  }

  /** Attaches descriptors to send. */
  setFds(fds: readonly number[]): void {
    this.#setControlSize(controlSize(fds.length))
    if (fds.length > 0) {
      this.#control.setBigUint64(0, BigInt(controlSize(fds.length)), true)
      this.#control.setInt32(8, SOL_SOCKET, true)
      this.#control.setInt32(12, SCM_RIGHTS, true)
      fds.forEach((fd, i) => this.#control.setInt32(CMSG_HEADER + 4 * i, fd, true))
    }
  }

  /** Makes room for `count` descriptors to receive; the kernel overwrites the size, so before every call. */
  roomForFds(count: number): void {
    this.#setControlSize(controlSize(count))
    this.#header.setInt32(FLAGS, 0, true)
  }

  /** Whether the kernel threw descriptors away for lack of room. */
  get controlCut(): boolean {
    return (this.#header.getInt32(FLAGS, true) & MSG_CTRUNC) !== 0
  }

  /** Descriptors that came with the message just received. */
  receivedFds(): number[] {
    const fds: number[] = []
    const end = Math.min(Number(this.#header.getBigUint64(CONTROL_SIZE, true)), this.#control.byteLength)
    let at = 0
    while (at + CMSG_HEADER <= end) {
      const size = Number(this.#control.getBigUint64(at, true))
      if (size < CMSG_HEADER || size > end - at) {
        break
      }
      if (
        this.#control.getInt32(at + 8, true) === SOL_SOCKET &&
        this.#control.getInt32(at + 12, true) === SCM_RIGHTS
      ) {
        for (let i = at + CMSG_HEADER; i + 4 <= at + size; i += 4) {
          fds.push(this.#control.getInt32(i, true))
        }
      }
      at += Math.ceil(size / 8) * 8
    }
    return fds
  }

  #setControlSize(size: number): void {
    this.#header.setBigUint64(CONTROL, size === 0 ? 0n : this.#controlAddress, true)
    this.#header.setBigUint64(CONTROL_SIZE, BigInt(size), true)
  }
}
