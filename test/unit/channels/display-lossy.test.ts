import anyTest from 'ava'
import { loadTurboJpeg, turboJpegReason } from '../../../src/host/turbojpeg.js'
import { rectOf } from '../../../src/core/region.js'
import { displayClient, displayServer, IMAGE_COMPRESSION } from '../../../src/protocol/index.js'
import { tell } from '../../helpers/channel-rig.js'
import { allOf, GuestClient, lineOf, SharedGuest, type ClientOptions } from '../../helpers/display-clients.js'
import { paintPhoto, paintText, textScreen } from '../../helpers/photo.js'

const test = loadTurboJpeg() === undefined ? anyTest.skip : anyTest

anyTest('the library is there, or a reason why not', (t) => {
  const reason = turboJpegReason()
  if (reason !== undefined) {
    t.log(`tests of photos that go as JPEG are skipped: ${reason}`)
  }
  t.pass()
})

const [WIDTH, HEIGHT] = [640, 400]
const PHOTO = rectOf(128, 128, 384, 256)

/** A screen of text that the client has; then a photo is shown on it. */
const rig = (options: ClientOptions = {}, screen = textScreen(WIDTH, HEIGHT)) => {
  const guest = new SharedGuest(screen)
  const client = new GuestClient(guest, { ...options, display: { jpegWan: 'always', ...options.display } })
  client.settle()
  const images = (): Record<string, number> =>
    Object.fromEntries(
      [...client.surface.tally].flatMap(([name, { count }]) =>
        name.startsWith('image ') ? [[name.slice(6), count]] : [],
      ),
    )
  const show = (seed = 1, rect = PHOTO): void => {
    paintPhoto(guest.screen, rect, seed)
    guest.damage(rect)
    client.settle()
  }
  return { guest, client, images, show }
}

test('a photo comes as JPEG at once, and exactly when it has come to rest', (t) => {
  const { client, images, show } = rig()
  t.true(client.exact)
  show()
  const first = images()['jpeg']
  t.true(first! >= 1)
  t.is(images()['quic'], undefined)
  t.false(client.exact)
  t.true(client.surface.lossyPixels > 0)
  client.rest(380)
  t.is(images()['quic'], undefined, 'too early')
  client.rest(600)
  t.true(client.exact)
  t.is(client.surface.lossyPixels, 0)
  t.is(images()['jpeg'], first)
  t.deepEqual(client.record.lossy.areas, [])
  client.rest(1000)
  const all = client.sent.length
  client.rest(1000)
  t.is(client.sent.length, all, 'nothing more is sent')
})

test('text is never lossy, nor is anything small', (t) => {
  const { guest, client, images } = rig()
  paintText(guest.screen, allOf(guest.screen), 5)
  guest.damage(allOf(guest.screen))
  client.settle()
  t.true(client.exact)
  paintPhoto(guest.screen, rectOf(0, 0, 60, 60), 2)
  guest.damage(rectOf(0, 0, 60, 60))
  client.settle()
  t.true(client.exact)
  t.is(images()['jpeg'], undefined)
})

/** Where a photo ends is found to so many pixels. */
const EDGE = 16

test('text beside a photo is exact at once', (t) => {
  const { guest, client, images } = rig()
  paintText(guest.screen, allOf(guest.screen), 9)
  paintPhoto(guest.screen, PHOTO, 2)
  guest.damage(allOf(guest.screen))
  client.settle()
  t.true(images()['jpeg']! >= 1)
  const { pixels, width } = client.surface
  const { picture } = guest
  let wrong = 0
  for (let at = 0; at < pixels.length; at += 4) {
    const [x, y] = [(at / 4) % width, Math.floor(at / 4 / width)]
    const inside =
      x >= PHOTO.left - EDGE && x < PHOTO.right + EDGE && y >= PHOTO.top - EDGE && y < PHOTO.bottom + EDGE
    wrong +=
      !inside && Buffer.compare(pixels.subarray(at, at + 4), picture.subarray(at, at + 4)) !== 0 ? 1 : 0
  }
  t.is(wrong, 0)
  client.rest(800)
  t.true(client.exact)
})

test('what keeps changing is not made exact before it stops; what lies beside it is', (t) => {
  const { client, images, show } = rig()
  const [busy, quiet] = [rectOf(0, 0, 256, 128), rectOf(0, 200, 256, 128)]
  show(1, quiet)
  for (let frame = 0; frame < 20; frame++) {
    show(10 + frame, busy)
    client.rest(50)
  }
  t.true(images()['jpeg']! >= 21)
  const { areas } = client.record.lossy
  t.true(areas.length > 0 && areas.every(({ rect }) => rect.bottom <= busy.bottom), 'quiet one is exact')
  client.rest(800)
  t.true(client.exact)
})

test('what changes while it is made exact is damage again', (t) => {
  const { guest, client, show } = rig({ line: lineOf(2e6) })
  show()
  client.rest(440)
  t.false(client.exact)
  show(2)
  t.true(client.record.lossy.areas.length > 0)
  client.rest(3000)
  t.true(client.exact)
  paintPhoto(guest.screen, PHOTO, 3)
  client.rest(5)
  guest.damage(PHOTO)
  client.rest(10_000)
  t.true(client.exact)
})

test('a photo that is moved is as lossy where it goes', (t) => {
  const screen = textScreen(WIDTH, HEIGHT)
  paintPhoto(screen, allOf(screen), 1)
  const { guest, client, images } = rig({}, screen)
  const row = screen.stride
  const before = client.sent.length
  guest.screen.pixels.copyWithin(0, 32 * row)
  paintPhoto(guest.screen, rectOf(0, HEIGHT - 32, WIDTH, 32), 7)
  guest.damage(allOf(guest.screen))
  client.settle()
  t.true(client.sent.slice(before).some(({ type }) => type === displayServer.copyBits.id))
  const known = client.record.lossy.areas.reduce((sum, { rect }) => sum + rect.bottom - rect.top, 0)
  t.true(known >= HEIGHT - 32)
  t.is(images()['quic'] ?? 0, 0)
  client.rest(1500)
  t.true(client.exact)
})

test('on a slow line it is made exact in small pieces, with room for input echo in between', (t) => {
  const { guest, client, show } = rig({ line: lineOf(1e6) })
  show()
  client.rest(400)
  const before = client.sent.length
  client.rest(100)
  const sent = client.sent.slice(before).filter(({ type }) => type === displayServer.drawCopy.id)
  t.true(sent.reduce((sum, { body }) => sum + body.length, 0) < 30_000, 'no more than the line carries')
  paintText(guest.screen, rectOf(0, 0, 16, 16), 4)
  guest.damage(rectOf(0, 0, 16, 16))
  client.pump()
  t.is(client.look().length, 1, 'the echo waits for nothing')
  client.rest(20_000)
  t.true(client.exact)
})

test('JPEG is for slow lines unless it is set', (t) => {
  for (const [jpegWan, line, lossy] of [
    ['auto', lineOf(1e6), true],
    ['auto', lineOf(100e6), false],
    ['never', lineOf(1e6), false],
    ['always', lineOf(100e6), true],
  ] as const) {
    const { images, show } = rig({ line, display: { jpegWan } })
    show()
    t.is(images()['jpeg'] !== undefined, lossy, `${jpegWan} ${line.bitsPerSecond}`)
  }
})

test('a client that asks for a lossless codec gets no JPEG, one that asks for QUIC does', (t) => {
  for (const [compression, lossy] of [
    [IMAGE_COMPRESSION.lz, false],
    [IMAGE_COMPRESSION.off, false],
    [IMAGE_COMPRESSION.quic, true],
  ] as const) {
    const { client, images, show } = rig()
    tell(client.channel, displayClient.preferredCompression, { compression })
    show()
    t.is(images()['jpeg'] !== undefined, lossy)
    client.rest(1000)
    t.true(client.exact)
  }
})

test('image-compression jpeg loses detail of everything, and makes it good', (t) => {
  const { guest, client, images } = rig({ display: { compression: 'jpeg', jpegWan: 'never' } })
  paintText(guest.screen, allOf(guest.screen), 5)
  guest.damage(allOf(guest.screen))
  client.settle()
  t.true(images()['jpeg']! > 0)
  t.false(client.exact)
  client.rest(1500)
  t.true(client.exact)
})

test('another surface has nothing to be made exact', (t) => {
  const { guest, client, show } = rig()
  show()
  t.true(client.record.lossy.areas.length > 0)
  guest.model.scanout(0, { generation: 2, ...textScreen(320, 200) })
  client.settle()
  t.deepEqual(client.record.lossy.areas, [])
})

test('a channel that goes on from its record makes exact what was lossy before', (t) => {
  const { client, show } = rig()
  show()
  client.handOver()
  client.rest(1000)
  t.true(client.exact)
})

test('the client that falls asleep is sent nothing more until it wakes', (t) => {
  const { client, show } = rig()
  show()
  client.context.hasRoom = false
  client.rest(2000)
  t.false(client.exact)
  client.context.hasRoom = true
  client.rest(1000)
  t.true(client.exact)
})
