import test from 'ava'
import { area, contains, intersect, rectOf, type Rect } from '../../../src/core/region.js'
import { VIDEO_REST_MS, VideoRegions } from '../../../src/display/video-regions.js'

const WIDTH = 1280
const HEIGHT = 800

/** Plays what a guest does, frame by frame, on a clock of its own. */
class Script {
  readonly regions: VideoRegions
  nowMs = 1000
  /** What {@link VideoRegions} was told is video. */
  asked = 0

  constructor(isVideo: (box: Rect) => boolean = () => true) {
    this.regions = new VideoRegions(WIDTH, HEIGHT, (box) => {
      this.asked += 1
      return isVideo(box)
    })
  }

  /** Shows frames with the rectangles that `draw` gives for each. */
  run(lengthMs: number, fps: number, draw: (frame: number) => readonly Rect[]): this {
    const startMs = this.nowMs
    for (let frame = 1; (frame * 1000) / fps <= lengthMs; frame++) {
      this.nowMs = startMs + (frame * 1000) / fps
      this.regions.follow({ moves: [], rects: draw(frame) }, this.nowMs)
    }
    this.nowMs = startMs + lengthMs
    return this
  }

  scroll(lengthMs: number, fps: number, to: Rect, dy: number): this {
    const startMs = this.nowMs
    for (let frame = 1; (frame * 1000) / fps <= lengthMs; frame++) {
      this.nowMs = startMs + (frame * 1000) / fps
      const fresh = { ...to, top: to.bottom + dy }
      this.regions.follow(
        { moves: [{ to: { ...to, bottom: to.bottom + dy }, dx: 0, dy }], rects: [fresh] },
        this.nowMs,
      )
    }
    return this
  }

  drag(lengthMs: number, fps: number, from: Rect): this {
    const startMs = this.nowMs
    for (let frame = 1; (frame * 1000) / fps <= lengthMs; frame++) {
      this.nowMs = startMs + (frame * 1000) / fps
      const x = from.left + frame * 8
      const to = { ...from, left: x, right: x + from.right - from.left }
      this.regions.follow(
        { moves: [{ to, dx: 8, dy: 0 }], rects: [{ ...to, left: x - 8, right: x }] },
        this.nowMs,
      )
    }
    return this
  }

  wait(ms: number): this {
    this.nowMs += ms
    this.regions.settle(this.nowMs)
    return this
  }

  get boxes(): readonly Rect[] {
    return this.regions.regions.map(({ box }) => box)
  }
}

const VIDEO = rectOf(101, 77, 640, 360)
const shown = (script: Script, ...wanted: Rect[]): boolean =>
  script.boxes.length === wanted.length &&
  wanted.every((box) => script.boxes.some((each) => contains(each, box) && area(each) < area(box) * 1.05))

test('video in a window is found within about a second, on even pixels, and nothing else', (t) => {
  for (const fps of [8, 15, 25, 30, 60]) {
    const script = new Script().run(600, fps, () => [VIDEO])
    t.deepEqual(script.boxes, [], 'not at once')
    script.run(900, fps, () => [VIDEO])
    t.deepEqual(script.boxes, [rectOf(100, 76, 642, 362)], `at ${fps} frames a second`)
  }
})

test('damage in strips and a picture that is looked at in parts are one video', (t) => {
  const columns = Array.from({ length: 20 }, (_, at) => rectOf(VIDEO.left + at * 32, VIDEO.top, 32, 360))
  t.true(
    shown(
      new Script().run(2000, 25, () => columns),
      VIDEO,
    ),
  )
  const script = new Script()
  for (let frame = 0; frame < 50; frame++) {
    script.nowMs += 38
    script.regions.follow({ moves: [], rects: [{ ...VIDEO, bottom: 256 }] }, script.nowMs)
    script.nowMs += 2
    script.regions.follow({ moves: [], rects: [{ ...VIDEO, top: 256 }] }, script.nowMs)
  }
  t.true(shown(script, VIDEO))
})

test('video with a corner that stands still is one box', (t) => {
  const still = rectOf(101, 77, 200, 120)
  const parts = [rectOf(301, 77, 440, 120), rectOf(101, 197, 640, 240)]
  t.deepEqual(
    parts.map((part) => area(intersect(part, still))),
    [0, 0],
  )
  t.true(
    shown(
      new Script().run(2000, 25, () => parts),
      VIDEO,
    ),
  )
})

test('a video that pauses is over after a second, and comes back as another one', (t) => {
  const script = new Script().run(2000, 25, () => [VIDEO])
  const [first] = script.regions.regions
  t.is(script.regions.deadlineMs, script.nowMs + VIDEO_REST_MS)
  t.is(script.wait(VIDEO_REST_MS - 1).boxes.length, 1)
  t.is(script.wait(1).boxes.length, 0)
  t.is(script.regions.deadlineMs, undefined)
  script.run(2000, 25, () => [VIDEO])
  t.is(script.boxes.length, 1)
  t.not(script.regions.regions[0]!.id, first!.id)
})

test('two videos are two, and one may end alone', (t) => {
  const other = rectOf(900, 500, 320, 200)
  const script = new Script().run(2000, 25, () => [VIDEO, other])
  t.true(shown(script, VIDEO, other))
  script.run(1500, 25, () => [other])
  t.true(shown(script, other))
})

test('no more than four videos at once', (t) => {
  const boxes = Array.from({ length: 6 }, (_, at) => rectOf(20 + at * 200, 100, 128, 128))
  t.is(new Script().run(2000, 25, () => boxes).boxes.length, 4)
})

test('a video that grows to the whole screen becomes the larger one; one that shrinks the smaller', (t) => {
  const whole = rectOf(0, 0, WIDTH, HEIGHT)
  const script = new Script().run(2000, 25, () => [VIDEO]).run(1500, 25, () => [whole])
  t.deepEqual(script.boxes, [whole])
  script.run(4500, 25, () => [VIDEO])
  t.true(shown(script, VIDEO))
})

test('a window that is dragged is no video, and ends that which it carries', (t) => {
  const script = new Script().run(2000, 25, () => [VIDEO])
  script.drag(500, 25, VIDEO)
  t.deepEqual(script.boxes, [])
  script.drag(2000, 25, rectOf(200, 77, 640, 360))
  t.deepEqual(script.boxes, [])
})

test('a small window dragged over a video does not end it', (t) => {
  const script = new Script().run(2000, 25, () => [VIDEO])
  script.drag(100, 25, rectOf(110, 80, 120, 90))
  t.is(script.boxes.length, 1)
})

test('text that covers most of a video ends it', (t) => {
  const script = new Script().run(2000, 25, () => [VIDEO])
  script.run(4000, 25, () => [rectOf(101, 77, 640, 100)])
  t.false(script.boxes.some((box) => contains(box, VIDEO)))
})

test('what stops looking like video ends, after a second look', (t) => {
  let film = true
  const script = new Script(() => film).run(2000, 25, () => [VIDEO])
  t.is(script.boxes.length, 1)
  film = false
  script.run(2100, 25, () => [VIDEO])
  t.is(script.boxes.length, 1, 'one dark moment does not end it')
  script.run(2100, 25, () => [VIDEO])
  t.is(script.boxes.length, 0)
})

test('what is none is asked about once a second at most', (t) => {
  const script = new Script(() => false).run(6000, 60, () => [VIDEO])
  t.deepEqual(script.boxes, [])
  t.true(script.asked <= 6)
})

const LINE_HEIGHT = 16

const ACTIVITIES: Readonly<Record<string, (script: Script) => void>> = {
  'typing in an editor': (script) =>
    void script.run(10_000, 12, (key) => [
      rectOf(100 + (key % 80) * 8, 200 + Math.floor(key / 80) * LINE_HEIGHT, 16, LINE_HEIGHT),
    ]),
  'a cursor that blinks': (script) => void script.run(10_000, 8, () => [rectOf(300, 300, 2, LINE_HEIGHT)]),
  'a progress bar': (script) =>
    void script.run(10_000, 20, (step) => [rectOf(200 + step * 3, 400, 24, 20), rectOf(400, 430, 60, 16)]),
  'a progress bar that is drawn whole': (script) =>
    void script.run(10_000, 20, () => [rectOf(200, 400, 600, 24)]),
  'a spinner': (script) => void script.run(10_000, 30, () => [rectOf(500, 300, 64, 64)]),
  'a page that scrolls': (script) => void script.scroll(5000, 30, rectOf(50, 60, 1000, 700), -40),
  'a terminal that floods, by moves': (script) =>
    void script.scroll(5000, 30, rectOf(50, 60, 800, 600), -3 * LINE_HEIGHT),
  'pictures shown one after the other': (script) => void script.run(10_000, 2, () => [VIDEO]),
  'a window that opens with an animation': (script) =>
    void script.run(500, 30, (frame) => [rectOf(300, 200, 20 * frame, 12 * frame)]),
  'a mouse that leaves its trace all over the screen': (script) =>
    void script.run(10_000, 60, (frame) => [
      rectOf(
        Math.round(600 + 500 * Math.sin(frame / 9)),
        Math.round(400 + 300 * Math.cos(frame / 7)),
        24,
        24,
      ),
    ]),
}

for (const [name, play] of Object.entries(ACTIVITIES)) {
  test(`${name}: no video`, (t) => {
    const script = new Script()
    play(script)
    t.deepEqual(script.boxes, [])
    t.is(script.asked, 0, 'not even looked at')
  })
}

test('a terminal that floods and is drawn whole each time is no video where its text is looked at', (t) => {
  const script = new Script(() => false).run(5000, 30, () => [rectOf(50, 60, 800, 600)])
  t.deepEqual(script.boxes, [])
})

test('a picture of odd size keeps its last column and row out of the box', (t) => {
  const regions = new VideoRegions(641, 361, () => true)
  for (let frame = 0; frame < 60; frame++) {
    regions.follow({ moves: [], rects: [rectOf(0, 0, 641, 361)] }, frame * 40)
  }
  t.deepEqual(
    regions.regions.map(({ box }) => box),
    [rectOf(0, 0, 640, 360)],
  )
})
