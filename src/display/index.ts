export * from './desktop.js'
export * from './layout.js'
export * from './model.js'
export * from './source.js'
