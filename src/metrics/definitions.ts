import type { Counter, Gauge, Histogram } from '../core/metrics.js'
import { ERROR_RULES } from '../core/errors.js'
import { LIMIT_RULES } from '../core/limits.js'

/** One metric; label values come from closed sets and never from a peer (style-anchors.md B9). */
export interface MetricDefinition {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  readonly labels: readonly string[]
  /** Values of the one label that are shown from the start, at 0. */
  readonly known: readonly string[]
  /** Upper bounds of a histogram, in the unit of its name. */
  readonly buckets: readonly number[]
}

const counter = (name: string, help: string, label?: string, known: readonly string[] = []) =>
  ({ name, type: 'counter', help, labels: label === undefined ? [] : [label], known, buckets: [] }) as const

const gauge = (name: string, help: string, labels: readonly string[] = [], known: readonly string[] = []) =>
  ({ name, type: 'gauge', help, labels, known, buckets: [] }) as const

const histogram = (
  name: string,
  help: string,
  label: string | undefined,
  known: readonly string[],
  buckets: readonly number[],
) => ({ name, type: 'histogram', help, labels: label === undefined ? [] : [label], known, buckets }) as const

const CHANNELS = ['main', 'display', 'inputs', 'cursor']
const CODECS = ['raw', 'lz', 'glz', 'zlib-glz', 'quic', 'lz4', 'jpeg']
const IMAGE_CODECS = [...CODECS, 'lz-palette']
const VIDEO_CODECS = ['mjpeg', 'vp8', 'vp9', 'h264']
const SOURCES = ['dbus-display']
const ENCODE_BUCKETS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1]

/** 10 Mbit/s of 1024 x 1024 is the end of what counts as a slow line. */
const BIT_RATE_BUCKETS = [0.25, 0.5, 1, 2, 5, 10, 20, 50, 100, 500, 1000].map((rate) => rate * 1024 * 1024)

const ROUND_TRIP_BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5]

/** Metrics that parts of the product count into, by their name in {@link MetricFields}. */
export const METRICS = {
  clients: gauge('spice_sidecar_clients', 'Clients connected now'),
  channels: gauge('spice_sidecar_channels', 'Channels connected now', ['channel'], CHANNELS),
  channelBytesSent: counter(
    'spice_sidecar_channel_bytes_sent_total',
    'Bytes written to clients',
    'channel',
    CHANNELS,
  ),
  channelBytesReceived: counter(
    'spice_sidecar_channel_bytes_received_total',
    'Bytes read from clients',
    'channel',
    CHANNELS,
  ),
  clientRoundTrip: histogram(
    'spice_sidecar_client_round_trip_seconds',
    'Round trip of a ping to a client and back',
    undefined,
    [],
    ROUND_TRIP_BUCKETS,
  ),
  clientBitRate: histogram(
    'spice_sidecar_client_bit_rate_bits_per_second',
    'Bit rate of the line to a client, measured once a session',
    undefined,
    [],
    BIT_RATE_BUCKETS,
  ),
  strangeMessages: counter(
    'spice_sidecar_strange_messages_total',
    'Harmless things that clients sent and that made no sense, let pass',
    'kind',
    ['ack', 'agent', 'pong', 'report', 'sub-list', 'surplus'],
  ),
  framesSent: counter('spice_sidecar_frames_sent_total', 'Screen updates sent, each client counted'),
  imagesEncoded: counter('spice_sidecar_images_encoded_total', 'Images coded', 'codec', IMAGE_CODECS),
  imageBytes: counter('spice_sidecar_image_bytes_total', 'Bytes of coded images', 'codec', IMAGE_CODECS),
  encodeSeconds: histogram(
    'spice_sidecar_encode_duration_seconds',
    'Time to code one image',
    'codec',
    CODECS,
    ENCODE_BUCKETS,
  ),
  imagesFailed: counter('spice_sidecar_images_failed_total', 'Images that had to be coded again', 'reason', [
    'deadline',
    'died',
    'waited',
    'down',
    'refused',
    'lost',
    'closed',
  ]),
  encoderJobs: counter(
    'spice_sidecar_encoder_jobs_total',
    'Images handed to encoder threads, by how that ended',
    'outcome',
    ['coded', 'raw', 'cancelled', 'deadline', 'died', 'waited', 'down', 'refused', 'lost', 'closed'],
  ),
  encoderInlineJobs: counter(
    'spice_sidecar_encoder_inline_jobs_total',
    'Images coded on the main thread, by codec',
    'codec',
    CODECS,
  ),
  encoderSharedJobs: counter(
    'spice_sidecar_encoder_shared_jobs_total',
    'Images that were not coded again, as another client had the same, by codec',
    'codec',
    CODECS,
  ),
  encoderWaiting: gauge('spice_sidecar_encoder_waiting_jobs', 'Images that wait for an encoder thread'),
  encoderWorkers: gauge('spice_sidecar_encoder_workers', 'Encoder threads that run'),
  encoderWaitSeconds: histogram(
    'spice_sidecar_encoder_wait_seconds',
    'Time that images waited for an encoder thread',
    undefined,
    [],
    ENCODE_BUCKETS,
  ),
  encoderWorkersLost: counter(
    'spice_sidecar_encoder_workers_lost_total',
    'Encoder threads that died or had to be ended',
    'reason',
    ['died', 'deadline', 'start'],
  ),
  movesSent: counter('spice_sidecar_moves_sent_total', 'Moved rectangles sent without their pixels'),
  movedPixels: counter('spice_sidecar_moved_pixels_total', 'Pixels of moved rectangles'),
  refinedPixels: counter(
    'spice_sidecar_refined_pixels_total',
    'Pixels sent again without loss, after they were sent as JPEG',
  ),
  fillsSent: counter('spice_sidecar_fills_sent_total', 'Rectangles of one colour sent as such'),
  videoStreams: gauge('spice_sidecar_video_streams', 'Video streams at clients now'),
  videoStreamsStarted: counter(
    'spice_sidecar_video_streams_started_total',
    'Video streams begun, each client counted',
    'codec',
    VIDEO_CODECS,
  ),
  videoStreamsEnded: counter('spice_sidecar_video_streams_ended_total', 'Video streams ended', 'reason', [
    'rest',
    'surface',
    'codec',
  ]),
  videoFrames: counter('spice_sidecar_video_frames_total', 'Frames of video sent', 'codec', VIDEO_CODECS),
  videoBytes: counter('spice_sidecar_video_bytes_total', 'Bytes of video frames', 'codec', VIDEO_CODECS),
  videoDropped: counter(
    'spice_sidecar_video_frames_dropped_total',
    'Pictures of video left out for the rate, frames left out by the coder or not coded, frames that came late',
    'reason',
    ['rate', 'coder', 'failed', 'late'],
  ),
  videoFrameRate: histogram(
    'spice_sidecar_video_frame_rate_hertz',
    'Frames a second that a stream aims at, each frame counted',
    undefined,
    [],
    [1, 2, 5, 8, 10, 15, 20, 25, 30],
  ),
  videoQuality: histogram(
    'spice_sidecar_video_quality',
    'Quality of frames, in the scale of JPEG',
    undefined,
    [],
    [20, 30, 40, 50, 60, 70, 80],
  ),
  pixmapCacheHits: counter(
    'spice_sidecar_pixmap_cache_hits_total',
    'Rectangles drawn from the cache of a client',
  ),
  pixmapCacheMisses: counter(
    'spice_sidecar_pixmap_cache_misses_total',
    'Rectangles that were looked for in the cache of a client in vain',
  ),
  pixmapCachePixels: counter(
    'spice_sidecar_pixmap_cache_pixels_total',
    'Pixels drawn from the caches of clients',
  ),
  paletteHits: counter(
    'spice_sidecar_palette_cache_hits_total',
    'Images of few colours whose palette the client had',
  ),
  paletteMisses: counter(
    'spice_sidecar_palette_cache_misses_total',
    'Images of few colours that brought their palette',
  ),
  pixmapCacheEvictions: counter(
    'spice_sidecar_pixmap_cache_evictions_total',
    'Images that clients were told to drop to make room for others',
  ),
  cursorShapes: counter(
    'spice_sidecar_cursor_shapes_total',
    'Pointer shapes told to clients: out of their cache, new in it, or not for it',
    'result',
    ['hit', 'miss', 'uncached'],
  ),
  updateWaitSeconds: histogram(
    'spice_sidecar_update_wait_seconds',
    'Time from a change of the screen until it was handed over for coding: how long clients had no room, or threads none',
    undefined,
    [],
    ROUND_TRIP_BUCKETS,
  ),
  damageMerged: counter(
    'spice_sidecar_damage_merged_total',
    'Screen updates merged into a later one because the client had no room',
  ),
  slowSteps: counter(
    'spice_sidecar_slow_client_steps_total',
    'Times that a client read so slowly that something was left out for it',
    'step',
    ['video', 'size', 'rest'],
  ),
  agentPresent: gauge(
    'spice_sidecar_guest_agent_present',
    '1 while an agent in the guest lays out heads, else 0',
  ),
  agentDropped: counter(
    'spice_sidecar_guest_agent_dropped_total',
    'Messages and chunks of the agent in the guest that were dropped: not for us, too long, malformed, of the wrong port, empty',
    'kind',
    ['type', 'long', 'broken', 'port', 'empty'],
  ),
  inputEvents: counter('spice_sidecar_input_events_total', 'Input events passed to the guest', 'kind', [
    'key',
    'button',
    'motion',
    'position',
  ]),
  viewOnlyIgnored: counter(
    'spice_sidecar_view_only_ignored_total',
    'Messages of clients that only watch which were ignored',
  ),
  authFailures: counter('spice_sidecar_auth_failures_total', 'Links refused for their ticket', 'reason'),
  authSources: gauge(
    'spice_sidecar_auth_sources',
    'Networks whose failed authentications are remembered: those without and with a penalty so far',
    ['state'],
    ['failed', 'penalised'],
  ),
  authPenalties: counter('spice_sidecar_auth_penalties_total', 'Penalties of networks that failed too often'),
  authPenaltySeconds: counter(
    'spice_sidecar_auth_penalty_seconds_total',
    'Sum of the times for which those networks were refused',
  ),
  authRefusals: counter(
    'spice_sidecar_auth_refusals_total',
    'Links refused because their network failed before, by the limit in force',
    'limit',
    ['auth-source', 'auth-all'],
  ),
  saslCalls: gauge(
    'spice_sidecar_sasl_calls',
    'Calls of the SASL library now: at work, and lost because they took too long and have not returned',
    ['state'],
    ['running', 'lost'],
  ),
  linkRefusals: counter(
    'spice_sidecar_link_refusals_total',
    'Links refused before a ticket was looked at',
    'reason',
  ),
  clientsEnded: counter('spice_sidecar_clients_ended_total', 'Clients that left or were closed', 'reason'),
  limitHits: counter(
    'spice_sidecar_limit_hits_total',
    'Times a limit was reached, by the key of limits.md',
    'limit',
    Object.keys(LIMIT_RULES),
  ),
  tlsReloads: counter(
    'spice_sidecar_tls_reloads_total',
    'Times the TLS key pair was loaded again',
    'result',
    ['ok', 'failed'],
  ),
  tlsExpires: gauge(
    'spice_sidecar_tls_certificate_expiry_timestamp_seconds',
    'Time at which the first certificate of the chain in use ends; 0 without TLS',
  ),
  qemuConnected: gauge('spice_sidecar_qemu_connected', '1 while the QMP monitor of QEMU answers, else 0'),
  qmpReconnects: counter('spice_sidecar_qmp_reconnects_total', 'Times the QMP connection was made again'),
  qmpCommands: counter('spice_sidecar_qmp_commands_total', 'QMP commands sent'),
  sourceUp: gauge(
    'spice_sidecar_source_up',
    '1 while the display source delivers, else 0',
    ['source'],
    SOURCES,
  ),
  sourceUpdates: counter(
    'spice_sidecar_source_updates_total',
    'Changes of the screen reported by the display source',
  ),
  sourceRefused: counter(
    'spice_sidecar_source_refused_total',
    'Reports of the display source that were dropped',
    'reason',
  ),
  errors: counter(
    'spice_sidecar_errors_total',
    'Errors by code of errors.md',
    'code',
    Object.keys(ERROR_RULES),
  ),
  buildInfo: gauge('spice_sidecar_build_info', 'Always 1; the labels say what runs', [
    'version',
    'node_version',
  ]),
  lastClientActivity: gauge(
    'spice_sidecar_last_client_activity_timestamp_seconds',
    'Time of the last message from a client; 0 before the first',
  ),
} as const satisfies Record<string, MetricDefinition>

/** Metrics that are read when somebody asks for them; nothing counts into these. */
export const COLLECTED_METRICS = {
  eventLoopDelay: gauge(
    'spice_sidecar_event_loop_delay_seconds',
    'Delay of the event loop since the last scrape; measured while a client is connected, else 0',
    ['stat'],
    ['p50', 'p99', 'max'],
  ),
  cpuUser: counter('process_cpu_user_seconds_total', 'User CPU time of the process'),
  cpuSystem: counter('process_cpu_system_seconds_total', 'System CPU time of the process'),
  cpu: counter('process_cpu_seconds_total', 'CPU time of the process, user and system'),
  startTime: gauge('process_start_time_seconds', 'Start of the process, seconds since 1970'),
  residentMemory: gauge('process_resident_memory_bytes', 'Resident memory'),
  openFds: gauge('process_open_fds', 'Open file descriptors'),
  heapTotal: gauge('nodejs_heap_size_total_bytes', 'JavaScript heap, reserved'),
  heapUsed: gauge('nodejs_heap_size_used_bytes', 'JavaScript heap, used'),
  externalMemory: gauge(
    'nodejs_external_memory_bytes',
    'Memory outside the JavaScript heap that belongs to its objects',
  ),
} as const satisfies Record<string, MetricDefinition>

interface Shapes {
  readonly counter: Counter
  readonly gauge: Gauge
  readonly histogram: Histogram
}

/** What the parts of the product are handed: one counter, gauge or histogram for each of {@link METRICS}. */
export type MetricFields = { readonly [K in keyof typeof METRICS]: Shapes[(typeof METRICS)[K]['type']] }

export type ExpositionFormat = 'text' | 'openmetrics'

/** All metrics of the process. */
export type Metrics = MetricFields & {
  /** All values now, in Prometheus text format 0.0.4 or OpenMetrics 1.0.0. */
  render(format: ExpositionFormat): Promise<string>
  /** Stops all measuring; callable any number of times. */
  close(): void
}
