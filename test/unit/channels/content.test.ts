import test from 'ava'
import fc from 'fast-check'
import { contentParts, isSmooth } from '../../../src/channels/display/content.js'
import { area, contains, intersect, isEmpty, rectOf, regionArea } from '../../../src/core/region.js'
import { paintPhoto, paintText, textScreen } from '../../helpers/photo.js'

test('photos and gradients are smooth, text and one colour are not', (t) => {
  const screen = textScreen(300, 200)
  t.false(isSmooth(screen))
  paintPhoto(screen, rectOf(0, 0, 300, 200), 1)
  t.true(isSmooth(screen))
  for (let at = 0; at < screen.pixels.length; at++) {
    screen.pixels[at] = (at >> 4) & 127
  }
  t.true(isSmooth(screen))
  screen.pixels.fill(9)
  t.false(isSmooth(screen))
})

test('a photo beside text is a part of its own', (t) => {
  const screen = textScreen(1024, 512)
  const photo = rectOf(256, 128, 512, 256)
  paintPhoto(screen, photo, 1)
  const parts = contentParts(screen)
  t.true(parts.some((part) => area(intersect(part, photo)) === area(photo) && area(part) === area(photo)))
  t.true(parts.length <= 5)
})

test('a part ends where the photo does, wherever that is', (t) => {
  for (const [x, y] of [
    [100, 77],
    [190, 150],
    [64, 64],
    [333, 201],
  ] as const) {
    const screen = textScreen(1024, 600)
    const photo = rectOf(x, y, 512, 300)
    paintPhoto(screen, photo, 1)
    const part = contentParts(screen).find((each) => area(intersect(each, photo)) > area(photo) / 2)!
    for (const side of ['left', 'top', 'right', 'bottom'] as const) {
      t.true(Math.abs(part[side] - photo[side]) < 16, `${side} of ${x},${y}`)
    }
  }
})

test('what is all of a kind stays whole, and so do crumbs', (t) => {
  const whole = [rectOf(0, 0, 600, 400)]
  const screen = textScreen(600, 400)
  t.deepEqual(contentParts(screen), whole)
  paintPhoto(screen, rectOf(0, 0, 130, 130), 1)
  t.deepEqual(contentParts(screen), whole, 'one square of photo')
  paintPhoto(screen, rectOf(0, 0, 600, 400), 1)
  t.deepEqual(contentParts(screen), whole)
  const checkered = textScreen(3000, 3000)
  for (let n = 0; n < 30; n++) {
    paintPhoto(checkered, rectOf((n % 5) * 640, Math.floor(n / 5) * 512, 384, 256), n)
  }
  t.deepEqual(contentParts(checkered), [rectOf(0, 0, 3000, 3000)], 'too many parts')
})

test('parts cover the image once, whatever is where', (t) => {
  let parted = 0
  const place = fc.tuple(
    fc.nat(500),
    fc.nat(300),
    fc.integer({ min: 200, max: 600 }),
    fc.integer({ min: 200, max: 500 }),
  )
  fc.assert(
    fc.property(
      fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 600, max: 900 })),
      fc.integer({ min: 1, max: 600 }),
      fc.array(place, { maxLength: 3 }),
      (width, height, photos) => {
        const screen = textScreen(width, height)
        for (const [x, y, w, h] of photos) {
          paintPhoto(screen, rectOf(x, y, w, h), x)
        }
        paintText(screen, rectOf(0, 0, 40, 40), 3)
        const parts = contentParts(screen)
        const whole = rectOf(0, 0, width, height)
        t.is(regionArea(parts), area(whole))
        t.true(parts.every((part) => !isEmpty(part) && contains(whole, part)))
        t.true(parts.every((a, i) => parts.every((b, j) => i === j || isEmpty(intersect(a, b)))))
        parted += parts.length > 1 ? 1 : 0
      },
    ),
    { numRuns: 40 },
  )
  t.true(parted > 0, 'nothing was ever parted')
})
