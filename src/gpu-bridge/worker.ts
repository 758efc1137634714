import { runDbusDisplayWorker } from './dbus-display/index.js'

runDbusDisplayWorker()
