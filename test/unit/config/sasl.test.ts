import test from 'ava'
import { loadConfig } from '../../../src/config/index.js'

const warningsOf = (...flags: readonly (readonly [string, string])[]): readonly string[] =>
  loadConfig({
    flags: flags.map(([key, text]) => ({ key, text })),
    environment: {},
    readFile: () => '',
  }).warnings

test('SASL needs no ticket, and says that one has no effect', (t) => {
  t.deepEqual(warningsOf(['sasl', 'true']), [])
  t.deepEqual(warningsOf(['sasl', 'true'], ['disable-ticketing', 'true']), [])
  t.deepEqual(warningsOf(['sasl', 'true'], ['ticket-file', '/run/ticket']), [
    'ticket-file has no effect with sasl',
  ])
})
