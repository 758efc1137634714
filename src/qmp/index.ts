export { QmpClient, type QmpClientOptions, type QmpMetrics, type QmpState } from './client.js'
export {
  COMMANDS,
  type CommandName,
  type FdCommand,
  type InputButton,
  type InputEvent,
  type InputEvents,
  type PlainCommand,
  type QemuVersion,
} from './commands.js'
export { openDbusDisplay } from './dbus-display.js'
export { socketFd } from './socket-fd.js'
export { EVENTS, type EventName, type QmpEvent } from './events.js'
