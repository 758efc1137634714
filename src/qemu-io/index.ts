export * from './dbus/index.js'
export { QemuIoLoop, type LoopOptions } from './loop.js'
export { QemuIo, type QemuIoEnd, type QemuIoOptions } from './qemu-io.js'
