import { readFileSync, writeFileSync } from 'node:fs'
import { format, resolveConfig } from 'prettier'
import { ALL_SETTINGS, environmentName, GROUPS } from '../src/config/index.js'
import { ERROR_RULES } from '../src/core/errors.js'
import { LIMIT_RULES } from '../src/core/limits.js'
import { COLLECTED_METRICS, METRICS, type MetricDefinition } from '../src/metrics/index.js'
import { compatibility } from './compatibility.js'

const NOTE = 'This page is generated: change the schema it comes from, then run `npm run docs`.'

const cell = (text: string | number): string => String(text).replaceAll('|', '\\|')

const table = (head: readonly string[], rows: readonly (readonly (string | number)[])[]): string =>
  [head, head.map(() => '---'), ...rows].map((row) => `| ${row.map(cell).join(' | ')} |`).join('\n')

const page = (title: string, source: string, ...parts: readonly string[]): string =>
  [`# ${title}`, `${NOTE} Source: \`${source}\`.`, ...parts, ''].join('\n\n')

const configuration = (): string => {
  const groups = GROUPS.flatMap((group) => {
    const rows = [...ALL_SETTINGS]
      .filter(([key, setting]) => setting.group === group && !key.startsWith('limit-'))
      .map(([key, { kind, initialText, help }]) => [`\`${key}\``, kind.allowed, initialText, help])
    return [
      `## ${group[0]?.toUpperCase() ?? ''}${group.slice(1)}`,
      table(['setting', 'allowed', 'default', 'meaning'], rows),
    ]
  })
  return page(
    'Configuration',
    'src/config/schema.ts',
    [
      'Every setting has one name, the same in the file, the environment and the flags.',
      'Later ones win: defaults, file, environment, flags.',
    ].join('\n'),
    table(
      ['where', '`max-refresh-rate`', 'a list such as `listen`'],
      [
        [
          'file named by `config` (YAML or JSON)',
          '`max-refresh-rate: 30`',
          '`listen: [127.0.0.1:5900, "unix:/run/vm/spice.sock"]`',
        ],
        [
          'environment',
          `\`${environmentName('max-refresh-rate')}=30\``,
          `\`${environmentName('listen')}=127.0.0.1:5900,unix:/run/vm/spice.sock\``,
        ],
        ['flag', '`--max-refresh-rate 30`', '`--listen 127.0.0.1:5900 --listen unix:/run/vm/spice.sock`'],
      ],
    ),
    [
      'A setting that is true or false is a flag without a value, such as `--insecure`, and `--no-insecure` is its opposite.',
      'An unknown setting, a setting of a later version and a value that is not allowed are errors: the process ends with code 78 and one sentence.',
      'A secret is never a setting: it is in a file, and the setting names the file.',
      'A ticket file must be closed to others; its group may read it (mode 600, 400, 640 or 440).',
      '`spice-sidecar check-config` prints the effective configuration and where each value came from.',
    ].join('\n'),
    ...groups,
    'The limits (`limit-…`) are on [a page of their own](limits.md).',
    '## Rules between settings',
    [
      '- `ticket-file` and `disable-ticketing` exclude each other; without either of them nobody can connect.',
      '- `listen` takes an address that other machines can reach only with `insecure`; loopback is 127.0.0.0/8, `::1`, `localhost` and every unix socket.',
      '- No address may be in `listen` twice, or be that of `metrics`.',
      '- `limit-out-soft` is at most `limit-out-hard`.',
      '- `run` needs `qmp` and at least one `listen`.',
    ].join('\n'),
  )
}

const limits = (): string =>
  page(
    'Limits',
    'src/core/limits.ts',
    [
      'Each limit is the setting `limit-KEY`, for example `--limit-clients 4`.',
      'Reaching one counts in `spice_sidecar_limit_hits_total{limit="KEY"}`.',
      'The id is the name in the threat model.',
    ].join('\n'),
    table(
      ['key', 'default', 'unit', 'allowed', 'of what', 'on reaching it', 'id'],
      Object.entries(LIMIT_RULES).map(([key, rule]) => [
        `\`${key}\``,
        rule.value,
        rule.unit,
        `${rule.min} to ${rule.max}`,
        rule.what,
        rule.onReaching,
        rule.id,
      ]),
    ),
  )

const metricRows = (definitions: Readonly<Record<string, MetricDefinition>>): string[][] =>
  Object.values(definitions).map(({ name, type, labels, help }) => [
    `\`${name}\``,
    type,
    labels.map((label) => `\`${label}\``).join(', '),
    help,
  ])

const metrics = (): string =>
  page(
    'Metrics',
    'src/metrics/definitions.ts',
    [
      'The address of `metrics` (127.0.0.1:9464 unless configured) answers GET and HEAD on these paths.',
      'Each connection gets one answer.',
    ].join('\n'),
    table(
      ['path', 'answer'],
      [
        ['`/metrics`', 'all values, Prometheus text format 0.0.4, or OpenMetrics 1.0.0 when asked for'],
        ['`/livez`, `/healthz`', '200: the event loop turns'],
        [
          '`/readyz`',
          '200 when the configuration is valid and the listeners are open, else 503 with the reason; never waits for QEMU',
        ],
      ],
    ),
    [
      'Labels come from closed sets: no label holds an address, a name or an id of a peer.',
      'Counters begin at 0 when the process starts.',
    ].join('\n'),
    '## Counted by spice-sidecar',
    table(['name', 'type', 'labels', 'meaning'], metricRows(METRICS)),
    '## Read when asked for',
    table(['name', 'type', 'labels', 'meaning'], metricRows(COLLECTED_METRICS)),
  )

const errors = (): string =>
  page(
    'Errors',
    'src/core/errors.ts',
    [
      'A code never changes its meaning: match on the code, not on the text.',
      'The scope is what the error ends; everything outside of it goes on.',
      '`spice_sidecar_errors_total{code="…"}` counts them.',
    ].join('\n'),
    table(
      ['code', 'scope', 'trying again', 'meaning and what to do'],
      Object.entries(ERROR_RULES).map(([code, { scope, retry, help }]) => [
        `\`${code}\``,
        scope,
        retry,
        help,
      ]),
    ),
  )

const PAGES: Readonly<Record<string, () => string>> = {
  'docs/configuration.md': configuration,
  'docs/limits.md': limits,
  'docs/metrics.md': metrics,
  'docs/errors.md': errors,
  'docs/compatibility.md': () =>
    page('Compatibility', 'src/protocol/registry.ts`, `src/protocol/support.ts', ...compatibility(table)),
}

/** The generated pages by their path in the repository, formatted as the repository formats text. */
export const generatedDocs = async (): Promise<ReadonlyMap<string, string>> => {
  const options = (await resolveConfig('docs/configuration.md')) ?? {}
  const pages = new Map<string, string>()
  for (const [path, build] of Object.entries(PAGES)) {
    pages.set(path, await format(build(), { ...options, parser: 'markdown' }))
  }
  return pages
}

const isCurrent = (path: string, text: string): boolean => {
  try {
    return readFileSync(path, 'utf8') === text
  } catch {
    return false
  }
}

if (import.meta.main) {
  for (const [path, text] of await generatedDocs()) {
    if (!isCurrent(path, text)) {
      writeFileSync(path, text)
      console.log(`wrote ${path}`)
    }
  }
}
