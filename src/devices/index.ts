export * from './vdagent/index.js'
