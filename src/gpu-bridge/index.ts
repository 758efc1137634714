export * from './dbus-display/index.js'
