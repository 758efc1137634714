export default {
  files: ['build/test/**/*.test.js', '!build/test/e2e/**'],
  workerThreads: false,
  timeout: '60s',
}
