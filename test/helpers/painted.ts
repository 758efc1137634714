import {
  BRUSH_TYPE,
  CHANNEL_TYPES,
  commonServer,
  decodeDrawCopy,
  decodeSubMessages,
  displayServer,
  IMAGE_TYPE,
  RESOURCE_TYPE,
  ROP,
  SURFACE_FORMAT,
  type DecodedDrawCopy,
  type ValueOf,
} from '../../src/protocol/index.js'
import type { Sent } from './channel-rig.js'
import { PaletteCache } from './client-palettes.js'
import { Blocked, ClientSession } from './client-session.js'
import { ClientStreams, clipRects, stockVideo, type VideoDecoders } from './client-streams.js'
import { ClientSurface, partOf } from './client-surface.js'

/** A message as a rig hands it over; what knows its serial or where its sub-messages are says so. */
export interface Followed extends Sent {
  /** Counted when left out. */
  readonly serial?: number
  /** Offset of a sub-message list in the body. */
  readonly subList?: number
}

export interface PaintedOptions {
  /** Of all display channels of this client; one of its own when left out. */
  readonly session?: ClientSession
  /** Id of the display channel. */
  readonly channel?: number
  /** MJPEG alone when left out. */
  readonly video?: VideoDecoders
  /** Frames by which streams play late; see {@link ClientStreams}. */
  readonly streamLag?: number
}

/** How often something was seen, and the bytes of the messages that carried it. */
export interface Tally {
  count: number
  bytes: number
}

interface StreamReportOrder {
  readonly streamId: number
  readonly uniqueId: number
  readonly maxWindowSize: number
  readonly timeoutMs: number
}

const PRIMARY = 0

const nameOf = (names: Readonly<Record<string, number>>, value: number): string =>
  Object.entries(names).find(([, number]) => number === value)?.[0] ?? String(value)

const MESSAGE_NAMES = new Map(
  [...Object.entries(commonServer), ...Object.entries(displayServer)].map(([name, { id }]) => [id, name]),
)

type Waits = ValueOf<typeof commonServer.waitForChannels>['waits']

/**
 * What a client shows that follows the messages of one display channel: a strict model of a stock client
 * (`protocol-display.md`). It takes
 *
 * - SURFACE_CREATE and SURFACE_DESTROY of the primary and off-screen surfaces (32-bit xRGB), MARK, MONITORS_CONFIG;
 * - DRAW_COPY (rop PUT, clip rectangles, parts of images, images of other sizes by their nearest pixels; no masks) with
 *   images raw, LZ_RGB, LZ_PLT, GLZ_RGB, ZLIB_GLZ_RGB, QUIC, LZ4, JPEG, SURFACE, FROM_CACHE and FROM_CACHE_LOSSLESS;
 *   DRAW_FILL with a solid brush (put, or, and, xor), DRAW_BLACKNESS, DRAW_WHITENESS, COPY_BITS;
 * - the palette cache of the channel, of 128 palettes; INVAL_PALETTE, INVAL_ALL_PALETTES;
 * - the pixmap cache (CACHE_ME, CACHE_REPLACE_ME, INVAL_LIST, INVAL_ALL_PIXMAPS), within the budget that was offered;
 * - WAIT_FOR_CHANNELS, sub-messages and LIST; channels of one {@link ClientSession} wait for each other;
 * - streams: STREAM_CREATE, _CLIP, _DATA, _DATA_SIZED, _DESTROY, _DESTROY_ALL, _ACTIVATE_REPORT; MJPEG, and what `video` decodes.
 *
 * Anything else of the display channel fails, and so does all that a stock client would hang on, or let pass although the
 * server must be wrong: FROM_CACHE of what is not there, an id added twice or dropped twice, drawing outside of a surface, a
 * frame of a stream that is not there. `lossyPixels` counts pixels that came from JPEG or a stream and were not drawn over.
 */
export class PaintedSurface {
  marked = false
  /** By name: messages, and images as `image lzRgb`. */
  readonly tally = new Map<string, Tally>()
  /** The last one of each stream. */
  readonly reports = new Map<number, StreamReportOrder>()
  readonly session: ClientSession
  readonly palettes = new PaletteCache()
  readonly streams: ClientStreams
  readonly #channel: number
  readonly #surfaces = new Map<number, ClientSurface>()
  readonly #backlog: Followed[] = []
  #serial = 0
  #blockedOn: string | undefined

  constructor({ session, channel = 0, video = stockVideo, streamLag = 0 }: PaintedOptions = {}) {
    this.session = session ?? new ClientSession()
    this.#channel = channel
    this.streams = new ClientStreams(video, streamLag)
    this.session.progress.add(() => {
      this.#run()
    })
  }

  get exists(): boolean {
    return this.#surfaces.has(PRIMARY)
  }

  get width(): number {
    return this.#surfaces.get(PRIMARY)?.width ?? 0
  }

  get height(): number {
    return this.#surfaces.get(PRIMARY)?.height ?? 0
  }

  /** 4 bytes a pixel: blue, green, red, 0. */
  get pixels(): Uint8Array {
    return this.#surfaces.get(PRIMARY)?.pixels ?? NOTHING
  }

  /** Pixels of the primary surface that may differ from the guest's. */
  get lossyPixels(): number {
    return this.#surfaces.get(PRIMARY)?.lossy.reduce((sum, mark) => sum + mark, 0) ?? 0
  }

  /** What a message waits for that has to come on another channel; those behind it wait, too. */
  get blockedOn(): string | undefined {
    return this.#blockedOn
  }

  /** How often a message or a kind of image (`image lzRgb`) was seen. */
  count(name: string): number {
    return this.tally.get(name)?.count ?? 0
  }

  follow(sent: readonly Followed[]): void {
    for (const message of sent) {
      this.#serial = message.serial ?? this.#serial + 1
      this.#backlog.push(...this.#inOrder({ ...message, serial: this.#serial }))
    }
    const before = this.session.handled.get(this.#channel)
    this.#run()
    if (before !== this.session.handled.get(this.#channel)) {
      for (const tell of [...this.session.progress]) {
        tell()
      }
    }
  }

  #inOrder(message: Followed): Followed[] {
    const isList = message.type === commonServer.list.id
    if (!isList && (message.subList ?? 0) === 0) {
      return [message]
    }
    const carried = decodeSubMessages(message.body, isList ? 0 : (message.subList ?? 0)).map((sub) => ({
      ...{ ...sub, serial: message.serial ?? 0 },
    }))
    return isList ? carried : [...carried, message]
  }

  #run(): void {
    for (let next = this.#backlog[0]; next !== undefined; next = this.#backlog[0]) {
      try {
        this.#one(next.type, next.body)
      } catch (error) {
        if (!(error instanceof Blocked)) {
          throw error
        }
        this.#blockedOn = error.message
        return
      }
      this.#blockedOn = undefined
      this.#tell(MESSAGE_NAMES.get(next.type) ?? String(next.type), next.body.length)
      this.#backlog.shift()
      const isLastPart = this.#backlog[0]?.serial !== next.serial
      if (isLastPart && next.serial !== undefined) {
        this.session.handled.set(this.#channel, next.serial)
      }
    }
  }

  #tell(name: string, bytes: number): void {
    const tally = this.tally.get(name) ?? { count: 0, bytes: 0 }
    tally.count += 1
    tally.bytes += bytes
    this.tally.set(name, tally)
  }

  #one(type: number, body: Uint8Array): void {
    switch (type) {
      case commonServer.setAck.id:
      case commonServer.ping.id:
      case commonServer.disconnecting.id:
      case commonServer.notify.id:
      case displayServer.monitorsConfig.id: {
        break
      }
      case displayServer.invalPalette.id: {
        this.palettes.remove(displayServer.invalPalette.decode(body).id)
        break
      }
      case displayServer.invalAllPalettes.id: {
        this.palettes.clear()
        break
      }
      case commonServer.waitForChannels.id: {
        this.#wait(commonServer.waitForChannels.decode(body).waits)
        break
      }
      case displayServer.invalList.id: {
        this.#inval(body)
        break
      }
      case displayServer.invalAllPixmaps.id: {
        this.#wait(displayServer.invalAllPixmaps.decode(body).waits)
        this.session.pixmaps.clear()
        break
      }
      case displayServer.surfaceCreate.id: {
        this.#create(body)
        break
      }
      case displayServer.surfaceDestroy.id: {
        const { surfaceId } = displayServer.surfaceDestroy.decode(body)
        this.#surface(surfaceId)
        this.#surfaces.delete(surfaceId)
        break
      }
      case displayServer.mark.id: {
        this.#surface(PRIMARY)
        this.marked = true
        break
      }
      default: {
        this.#draw(type, body)
      }
    }
  }

  #draw(type: number, body: Uint8Array): void {
    switch (type) {
      case displayServer.copyBits.id: {
        const { surfaceId, box, clip, srcPos } = displayServer.copyBits.decode(body)
        const surface = this.#surface(surfaceId)
        surface.move(box, srcPos.x, srcPos.y, clipRects(clip, surface))
        break
      }
      case displayServer.drawCopy.id: {
        this.#drawCopy(decodeDrawCopy(body), body.length)
        break
      }
      case displayServer.drawFill.id: {
        const { brush, rop, ...fill } = displayServer.drawFill.decode(body)
        if (brush.type !== BRUSH_TYPE.solid || !('color' in brush)) {
          throw new Error(`fill with brush ${brush.type}`)
        }
        this.#fill(fill, brush.color, rop)
        break
      }
      case displayServer.drawBlackness.id: {
        this.#fill(displayServer.drawBlackness.decode(body), 0)
        break
      }
      case displayServer.drawWhiteness.id: {
        this.#fill(displayServer.drawWhiteness.decode(body), 0xff_ffff)
        break
      }
      default: {
        this.#stream(type, body)
      }
    }
  }

  #stream(type: number, body: Uint8Array): void {
    const alive = (surface: ClientSurface): boolean => [...this.#surfaces.values()].includes(surface)
    switch (type) {
      case displayServer.streamCreate.id: {
        const said = displayServer.streamCreate.decode(body)
        this.streams.create(this.#surface(said.surfaceId), said)
        this.reports.delete(said.id)
        break
      }
      case displayServer.streamData.id: {
        this.streams.frame(displayServer.streamData.decode(body), alive)
        break
      }
      case displayServer.streamDataSized.id: {
        const { id, mmTime, data, ...sized } = displayServer.streamDataSized.decode(body)
        this.streams.frame({ id, mmTime, data, sized }, alive)
        break
      }
      case displayServer.streamClip.id: {
        const { id, clip } = displayServer.streamClip.decode(body)
        this.streams.clip(id, clip)
        break
      }
      case displayServer.streamDestroy.id: {
        this.streams.destroy(displayServer.streamDestroy.decode(body).id)
        break
      }
      case displayServer.streamDestroyAll.id: {
        this.streams.destroyAll()
        break
      }
      case displayServer.streamActivateReport.id: {
        const order = displayServer.streamActivateReport.decode(body)
        this.streams.get(order.streamId)
        this.reports.set(order.streamId, order)
        break
      }
      default: {
        throw new Error(`message ${type} is not one that a client of this model takes`)
      }
    }
  }

  #surface(id: number): ClientSurface {
    const surface = this.#surfaces.get(id)
    if (surface === undefined) {
      throw new Error(`there is no surface ${id}`)
    }
    return surface
  }

  #create(body: Uint8Array): void {
    const { surfaceId, width, height, format } = displayServer.surfaceCreate.decode(body)
    if (format !== SURFACE_FORMAT.xrgb32) {
      throw new Error(`surface of format ${format}`)
    }
    this.#surfaces.set(surfaceId, new ClientSurface(width, height))
    this.marked &&= surfaceId !== PRIMARY
  }

  #wait(waits: Waits): void {
    for (const { channelType, channelId, serial } of waits) {
      if (channelType !== CHANNEL_TYPES.display) {
        throw new Error(`waiting for a channel of type ${channelType}`)
      }
      if ((this.session.handled.get(channelId) ?? 0) < serial) {
        this.session.lacks(`message ${serial} of display channel ${channelId}`)
      }
    }
  }

  #inval(body: Uint8Array): void {
    for (const { type, id } of displayServer.invalList.decode(body).resources) {
      if (type !== RESOURCE_TYPE.pixmap) {
        throw new Error(`resource of type ${type} to be dropped`)
      }
      this.session.pixmaps.remove(id)
    }
  }

  #fill(
    { surfaceId, box, clip, mask }: Pick<DecodedDrawCopy, 'surfaceId' | 'box' | 'clip' | 'mask'>,
    colour: number,
    rop: number = ROP.put,
  ): void {
    const surface = this.#surface(surfaceId)
    const paint = PAINTS.get(rop)
    withoutMask(mask)
    if (rop === ROP.put) {
      surface.fill(colour, box, clipRects(clip, surface))
    } else if (paint === undefined) {
      throw new Error(`fill with rop ${rop}`)
    } else {
      surface.paint((word) => paint(colour, word), box, clipRects(clip, surface))
    }
  }

  #drawCopy({ surfaceId, box, clip, mask, rop, srcArea, image }: DecodedDrawCopy, bytes: number): void {
    const surface = this.#surface(surfaceId)
    withoutMask(mask)
    if (rop !== ROP.put || image === undefined) {
      throw new Error(`copy with rop ${rop}, or of nothing`)
    }
    surface.check(box, 'drawing')
    const pixels = this.session.pixels(image, (id) => this.#surface(id).image(), this.palettes)
    const part = partOf(pixels, srcArea, box.right - box.left, box.bottom - box.top)
    surface.put(part, box, clipRects(clip, surface))
    this.#tell(`image ${nameOf(IMAGE_TYPE, image.type)}`, bytes)
  }
}

const NOTHING = new Uint8Array(0)

/** Raster operations of a colour and what is there. */
const PAINTS: ReadonlyMap<number, (colour: number, word: number) => number> = new Map([
  [ROP.or, (colour, word) => colour | word],
  [ROP.and, (colour, word) => colour & word],
  [ROP.xor, (colour, word) => colour ^ word],
])

const withoutMask = ({ imageAt }: { readonly imageAt: number }): void => {
  if (imageAt !== 0) {
    throw new Error('drawing through a mask')
  }
}
