export default {
  files: ['build/test/e2e/**/*.test.js'],
  workerThreads: false,
  concurrency: 1,
  timeout: '4m',
}
