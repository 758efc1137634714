import koffi, { type LibraryHandle } from 'koffi'
import { SidecarError } from '../core/errors.js'
import { AV_LAYOUTS, type AvLayout } from './avcodec-layout.js'
import { openShared, probeLibrary, type OpenLibrary, type Probe } from './optional-library.js'
import { memory, textAt, type Whole } from './sasl-memory.js'
import { bindSwscale, type SwscaleFunctions } from './swscale.js'

type Value = number | bigint | string

/** Functions of libavcodec and libavutil that are used; addresses are numbers. */
interface AvFunctions {
  readonly findEncoder: (name: string) => Whole
  readonly allocContext: (codec: bigint) => Whole
  readonly freeContext: (cell: bigint) => void
  readonly allocParameters: () => Whole
  readonly freeParameters: (cell: bigint) => void
  readonly useParameters: (context: bigint, parameters: bigint) => number
  readonly open: (context: bigint, codec: bigint, options: bigint) => number
  readonly allocPacket: () => Whole
  readonly freePacket: (cell: bigint) => void
  readonly clearPacket: (packet: bigint) => void
  readonly sendFrame: (context: bigint, frame: bigint) => number
  readonly receivePacket: (context: bigint, packet: bigint) => number
  readonly allocFrame: () => Whole
  readonly freeFrame: (cell: bigint) => void
  readonly frameBuffer: (frame: bigint, align: number) => number
  readonly frameWritable: (frame: bigint) => number
  readonly setOption: (object: bigint, name: string, value: string, flags: number) => number
  readonly errorText: (error: number, text: bigint, size: bigint) => number
  readonly setLogLevel: (level: number) => void
}

/** The library is to say nothing by itself: it would write to the standard error output. */
const AV_LOG_QUIET = -8

/** Options of the coder behind a context are found as well. */
const AV_OPT_SEARCH_CHILDREN = 1

const MAX_ERROR_TEXT = 128

/** @throws Error when a function is missing */
const bindAvcodec = (avcodec: LibraryHandle, avutil: LibraryHandle): AvFunctions => {
  return {
    findEncoder: avcodec.func(
      'uint64_t avcodec_find_encoder_by_name(const char *)',
    ) as AvFunctions['findEncoder'],
    allocContext: avcodec.func('uint64_t avcodec_alloc_context3(uint64_t)') as AvFunctions['allocContext'],
    freeContext: avcodec.func('void avcodec_free_context(uint64_t)') as AvFunctions['freeContext'],
    allocParameters: avcodec.func(
      'uint64_t avcodec_parameters_alloc(void)',
    ) as AvFunctions['allocParameters'],
    freeParameters: avcodec.func('void avcodec_parameters_free(uint64_t)') as AvFunctions['freeParameters'],
    useParameters: avcodec.func(
      'int avcodec_parameters_to_context(uint64_t, uint64_t)',
    ) as AvFunctions['useParameters'],
    open: avcodec.func('int avcodec_open2(uint64_t, uint64_t, uint64_t)') as AvFunctions['open'],
    allocPacket: avcodec.func('uint64_t av_packet_alloc(void)') as AvFunctions['allocPacket'],
    freePacket: avcodec.func('void av_packet_free(uint64_t)') as AvFunctions['freePacket'],
    clearPacket: avcodec.func('void av_packet_unref(uint64_t)') as AvFunctions['clearPacket'],
    sendFrame: avcodec.func('int avcodec_send_frame(uint64_t, uint64_t)') as AvFunctions['sendFrame'],
    receivePacket: avcodec.func(
      'int avcodec_receive_packet(uint64_t, uint64_t)',
    ) as AvFunctions['receivePacket'],
    allocFrame: avutil.func('uint64_t av_frame_alloc(void)') as AvFunctions['allocFrame'],
    freeFrame: avutil.func('void av_frame_free(uint64_t)') as AvFunctions['freeFrame'],
    frameBuffer: avutil.func('int av_frame_get_buffer(uint64_t, int)') as AvFunctions['frameBuffer'],
    frameWritable: avutil.func('int av_frame_make_writable(uint64_t)') as AvFunctions['frameWritable'],
    setOption: avutil.func(
      'int av_opt_set(uint64_t, const char *, const char *, int)',
    ) as AvFunctions['setOption'],
    errorText: avutil.func('int av_strerror(int, uint64_t, uint64_t)') as AvFunctions['errorText'],
    setLogLevel: avutil.func('void av_log_set_level(int)') as AvFunctions['setLogLevel'],
  }
}

/** libavcodec with libavutil and libswscale, of a version whose structures are known (`performance-notes.md` section 6). */
export class Avcodec {
  readonly layout: AvLayout
  readonly functions: AvFunctions
  readonly swscale: SwscaleFunctions

  constructor(layout: AvLayout, functions: AvFunctions, swscale: SwscaleFunctions) {
    this.layout = layout
    this.functions = functions
    this.swscale = swscale
  }

  /** Address of the coder of that name, as `libx264`; `undefined`: the library was built without it. */
  encoder(name: string): bigint | undefined {
    const codec = BigInt(this.functions.findEncoder(name))
    return codec === 0n ? undefined : codec
  }

  /** Sets an option of a context, or of the coder behind it, by name. @returns whether it took it */
  setOption(context: bigint, name: string, value: string): boolean {
    return this.functions.setOption(context, name, value, AV_OPT_SEARCH_CHILDREN) >= 0
  }

  /** An error of the library in its own words. */
  failed(what: string, error: number, context: Readonly<Record<string, Value>> = {}): SidecarError {
    const text = memory(MAX_ERROR_TEXT)
    this.functions.errorText(error, text.address, BigInt(MAX_ERROR_TEXT))
    const detail = textAt(text.address).replaceAll(/[^ -~]+/g, ' ')
    return new SidecarError('SIDECAR_HOST', `libavcodec ${what}`, { ...context, error, detail })
  }
}

/** @throws Error when a library is of another version than its name says */
const checkVersion = (name: string, library: LibraryHandle, expected: number): void => {
  const version = library.func(`unsigned int ${name}_version(void)`) as () => number
  const major = version() >>> 16
  if (major !== expected) {
    throw new Error(`${name} says that it is version ${major}, not ${expected}`)
  }
}

/** @throws Error with the reason */
const bind = (layout: AvLayout, avcodec: LibraryHandle, open: OpenLibrary): Avcodec => {
  const avutil = open(`libavutil.so.${layout.avutil}`)
  const swscale = open(`libswscale.so.${layout.swscale}`)
  checkVersion('avcodec', avcodec, layout.avcodec)
  checkVersion('avutil', avutil, layout.avutil)
  checkVersion('swscale', swscale, layout.swscale)
  const functions = bindAvcodec(avcodec, avutil)
  functions.setLogLevel(AV_LOG_QUIET)
  return new Avcodec(layout, functions, bindSwscale(swscale))
}

/** Tries the library anew; `open` stands in for the system's loader in tests. */
export const probeAvcodec = (open: OpenLibrary = openShared): Probe<Avcodec> => {
  const reasons: string[] = []
  if (koffi.sizeof('void *') !== 8) {
    return { library: undefined, reason: 'libavcodec is used on 64-bit machines only' }
  }
  for (const layout of AV_LAYOUTS) {
    const probe = probeLibrary(`libavcodec.so.${layout.avcodec}`, open, (handle) =>
      bind(layout, handle, open),
    )
    if (probe.library !== undefined) {
      return probe
    }
    reasons.push(probe.reason)
  }
  return { library: undefined, reason: reasons.join('; ') }
}

let probed: Probe<Avcodec> | undefined

/** The library, loaded once in a thread (it costs 14 MB in a process), or `undefined` where none can be used. */
export const loadAvcodec = (): Avcodec | undefined => (probed ??= probeAvcodec()).library

/** Why {@link loadAvcodec} gives nothing, for the log; `undefined` when it gives the library. */
export const avcodecReason = (): string | undefined => (probed ??= probeAvcodec()).reason
