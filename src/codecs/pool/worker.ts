import { runEncoderWorker } from './worker-main.js'

runEncoderWorker()
