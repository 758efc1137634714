import test from 'ava'
import { BUILT_IN, reportFile, type Rig, startRig, whyNoRig } from '../helpers/qemu-rig.js'
import { LOCK, MOUSE_MODE, type SpiceClient } from '../helpers/spice-client.js'
import { poll } from '../helpers/temp-deadline.js'

const missing = whyNoRig()
const serial = missing === undefined ? test.serial : test.serial.skip

let rig: Rig
let client: SpiceClient

test.before(async () => {
  if (missing === undefined) {
    // No tablet at first: it is plugged in later.
    rig = await startRig({ qemu: { pointer: 'mouse' } })
    client = await rig.connect()
    await rig.qemu.guest.command('events on')
    await untilInputWorks()
  }
})

const started = performance.now()
test.after.always('stop', async () => {
  if (missing === undefined) {
    await client.stop()
    await rig.stop()
  }
  reportFile('input', started, missing)
})

/** The guest may still be finding its USB devices when its command server answers. */
async function untilInputWorks(): Promise<void> {
  const seen = (): boolean => rig.qemu.guest.events.filter((line) => line === 'key 57 0').length >= 2
  const tapSpace = async (): Promise<boolean> => {
    await client.tap(0x39)
    return seen()
  }
  await poll('keys reach the guest', tapSpace, { everyMs: 200 })
}

/** QEMU knows of a new tablet before the guest does. */
async function untilTabletWorks(): Promise<void> {
  const from = rig.qemu.guest.events.length
  let x = 300
  const move = async (): Promise<boolean> => {
    x ^= 1
    await client.send('position', { x, y: 300 })
    return rig.qemu.guest.events.slice(from).some((line) => line.startsWith('abs'))
  }
  await poll('positions reach the guest', move, { everyMs: 100 })
}

/** Linux key codes of plain scan codes are the codes themselves; these are the ones with the prefix E0. */
const EXTENDED_KEYS: readonly (readonly [number, number])[] = [
  [0x1c, 96],
  [0x1d, 97],
  [0x35, 98],
  [0x38, 100],
  [0x47, 102],
  [0x48, 103],
  [0x49, 104],
  [0x4b, 105],
  [0x4d, 106],
  [0x4f, 107],
  [0x50, 108],
  [0x51, 109],
  [0x52, 110],
  [0x53, 111],
  [0x5b, 125],
  [0x5c, 126],
  [0x5d, 127],
]

const LOCK_KEYS = { caps: 0x3a, num: 0x45, scroll: 0x46 }

/** 1 to 0x53 without the lock keys, then what came with bigger keyboards. */
function plainKeys(): number[] {
  const locks: number[] = Object.values(LOCK_KEYS)
  const keys = Array.from({ length: 0x53 }, (_, index) => index + 1).filter((code) => !locks.includes(code))
  return [...keys, 0x56, 0x57, 0x58]
}

/** Runs `act` and waits for this event of the guest among those that came after it began. */
async function causes(event: string | RegExp, act: () => Promise<unknown>): Promise<string> {
  const from = rig.qemu.guest.events.length
  await act()
  return await rig.qemu.guest.event(event, from)
}

/** As `causes`; the guest's text console sets lights without an end mark, so its readers see them with the next key. */
async function causesLight(event: string, act: () => Promise<unknown>): Promise<void> {
  const { events } = rig.qemu.guest
  const from = events.length
  await act()
  const nudge = async (): Promise<boolean> => {
    await client.tap(0x39)
    return events.slice(from).includes(event)
  }
  await poll(`guest event ${event}`, nudge, {
    everyMs: 50,
    detail: () => events.slice(from).slice(-12).join(', '),
  })
}

serial('every key of a keyboard arrives in the guest, pressed and released', async (t) => {
  const keys = [...plainKeys().map((code) => [code, code] as const)]
  for (const [code, linux] of EXTENDED_KEYS) {
    keys.push([0x100 | code, linux])
  }
  for (const [scancode, linux] of keys) {
    await causes(`key ${linux} 1`, () => client.send('key-press', { scancode }))
    await causes(`key ${linux} 0`, () => client.send('key-release', { scancode }))
  }
  t.is(keys.length, 83 - 3 + 3 + 17)
})

serial('a press and release in one message arrives as both', async (t) => {
  const from = rig.qemu.guest.events.length
  await client.send('key', { scancode: 0x148 })
  await rig.qemu.guest.event('key 103 1', from)
  await rig.qemu.guest.event('key 103 0', from)
  t.pass()
})

serial('the client learns of the lock lights that the guest sets', async (t) => {
  await rig.qemu.guest.command('leds 2')
  await client.until('num lock is lit at the client', () => client.locks === LOCK.num)
  await rig.qemu.guest.command('leds 0')
  await client.until('no lock is lit at the client', () => client.locks === 0)
  await causesLight('led 1 1', () => client.tap(LOCK_KEYS.caps))
  await client.until('caps lock is lit at the client', () => client.locks === LOCK.caps)
  await causesLight('led 1 0', () => client.tap(LOCK_KEYS.caps))
  await client.until('caps lock is dark at the client', () => client.locks === 0)
  t.pass()
})

serial('the guest follows the lock state that the client asks for', async (t) => {
  await causesLight('led 1 1', () => client.send('set-locks', { locks: LOCK.caps }))
  await client.until('caps lock is lit', () => client.locks === LOCK.caps)
  await causesLight('led 1 0', () => client.send('set-locks', { locks: 0 }))
  await client.until('caps lock is dark', () => client.locks === 0)
  t.pass()
})

serial('without an absolute device the client sends relative motion', async (t) => {
  t.is(client.mouseMode, MOUSE_MODE.server)
  const from = rig.qemu.guest.events.length
  // More than the eight that may be under way without an acknowledgement.
  for (let i = 0; i < 30; i++) {
    await client.send('motion', { dx: 3, dy: -2 })
  }
  const sum = (): { x: number; y: number } => {
    const moves = rig.qemu.guest.events.slice(from).map((line) => /^rel (-?\d+) (-?\d+)/.exec(line))
    return moves.reduce((to, m) => ({ x: to.x + Number(m?.[1] ?? 0), y: to.y + Number(m?.[2] ?? 0) }), {
      x: 0,
      y: 0,
    })
  }
  await poll('all motion arrives', () => sum().x >= 90, { detail: () => JSON.stringify(sum()) })
  t.deepEqual(sum(), { x: 90, y: -60 })
})

const BUTTONS = [
  { name: 'left', number: 1, mask: 1, code: 272 },
  { name: 'middle', number: 2, mask: 2, code: 274 },
  { name: 'right', number: 3, mask: 4, code: 273 },
] as const

async function buttonsAndWheelArrive(): Promise<void> {
  for (const { number, mask, code } of BUTTONS) {
    await causes(`btn ${code} 1`, () => client.send('button-press', { button: number, buttons: mask }))
    await causes(`btn ${code} 0`, () => client.send('button-release', { button: number, buttons: 0 }))
  }
  for (const [button, turn] of [
    [4, 1],
    [5, -1],
  ] as const) {
    await causes(`wheel ${turn}`, async () => {
      await client.send('button-press', { button, buttons: 0 })
      await client.send('button-release', { button, buttons: 0 })
    })
  }
}

serial('buttons and wheel arrive in server mouse mode', async (t) => {
  await buttonsAndWheelArrive()
  t.pass()
})

const POINTERS = [
  { image: 2, hotX: 16, hotY: 16, what: 'an opaque square' },
  { image: 3, hotX: 32, hotY: 32, what: 'a disc that fades out' },
  { image: 0, hotX: 0, hotY: 0, what: 'an arrow with a shadow' },
]

for (const { image, hotX, hotY, what } of POINTERS) {
  serial(`the shape of the guest's pointer arrives: ${what}`, async (t) => {
    client.cursor = undefined
    await rig.qemu.guest.command('pattern 0')
    await rig.qemu.guest.command(`cursor ${image}`)
    await rig.qemu.guest.command('movecursor 200 150')
    await client.until('the shape arrives', () => client.cursor?.hotX === hotX && client.cursor.hotY === hotY)
    const isThere = (): boolean =>
      client.cursorPosition?.x === 200 + hotX && client.cursorPosition.y === 150 + hotY
    await client.until('its hot spot is where the guest put it', isThere)
    const { width, height, rgba } = client.cursor!
    t.deepEqual([width, height], [64, 64])
    const alpha = (x: number, y: number): number => rgba[(y * 64 + x) * 4 + 3]!
    if (image === 2) {
      // 32x32 opaque, the rest transparent; colour x * 8, y * 8, 128.
      t.deepEqual([...rgba.subarray((5 * 64 + 9) * 4, (5 * 64 + 9) * 4 + 4)], [72, 40, 128, 255])
      t.deepEqual([alpha(31, 31), alpha(32, 31), alpha(40, 40)], [255, 0, 0])
    } else if (image === 3) {
      t.deepEqual([alpha(32, 32), alpha(0, 0)], [255, 0])
      const faint = alpha(32 + 28, 32)
      t.true(faint > 0 && faint < 128, `alpha fades out: ${faint}`)
    } else {
      t.true(alpha(1, 2) === 255 && alpha(60, 60) === 0)
    }
  })
}

/** A server may hide it or define a shape that is fully transparent: a person sees the same. */
async function hidingIsSeen(): Promise<void> {
  await rig.qemu.guest.command('cursor 2')
  const seen = (): boolean => {
    const opaque = client.cursor?.rgba.some((byte, index) => index % 4 === 3 && byte !== 0) ?? false
    return client.cursorVisible && opaque
  }
  await client.until('the pointer is seen', seen)
  await rig.qemu.guest.command('hidecursor')
  await client.until('the pointer is gone', () => !seen())
}

serial('a hidden pointer is hidden at the client', async (t) => {
  await hidingIsSeen()
  t.pass()
})

serial('when a tablet is plugged in, the client goes to client mode and its positions arrive', async (t) => {
  await rig.qemu.qmp('device_add', { driver: 'usb-tablet', id: 'tablet', bus: 'xhci.0' })
  await client.until('client mouse mode', () => client.mouseMode === MOUSE_MODE.client, 20_000)
  const { width, height } = client.surface!
  await untilTabletWorks()
  const points = [
    [100, 50],
    [width - 1, height - 1],
    [0, 0],
    [width / 2, height / 3],
  ] as const
  for (const [x, y] of points) {
    const from = rig.qemu.guest.events.length
    await client.send('position', { x: Math.floor(x), y: Math.floor(y) })
    const near = (line: string): boolean => {
      const at = /^abs (\d+) (\d+)$/.exec(line)
      const error = [Number(at?.[1]) - (x * 32768) / width, Number(at?.[2]) - (y * 32768) / height]
      return at !== null && Math.abs(error[0]!) <= 32768 / width && Math.abs(error[1]!) <= 32768 / height
    }
    await poll(`position ${x},${y} arrives`, () => rig.qemu.guest.events.slice(from).some(near), {
      detail: () => rig.qemu.guest.events.slice(from).join(', '),
    })
  }
  t.pass()
})

serial('buttons and wheel arrive in client mouse mode', async (t) => {
  await buttonsAndWheelArrive()
  t.pass()
})

serial('many positions in a row end at the last one', async (t) => {
  const from = rig.qemu.guest.events.length
  for (let i = 0; i <= 60; i++) {
    await client.send('position', { x: 10 * i, y: 5 * i })
  }
  const { width } = client.surface!
  const wanted = (600 * 32768) / width
  const last = (): number => Number(/^abs (\d+)/.exec(rig.qemu.guest.events.slice(from).at(-1) ?? '')?.[1])
  await poll('the last position arrives', () => Math.abs(last() - wanted) <= 32768 / width, {
    detail: () => `${last()} instead of ${wanted}`,
  })
  t.pass()
})

serial('a hidden pointer is hidden in client mouse mode too', async (t) => {
  await hidingIsSeen()
  t.pass()
})

serial('what a client holds down is released when it goes', async (t) => {
  await causes('key 30 1', () => client.send('key-press', { scancode: 0x1e }))
  await causes('key 97 1', () => client.send('key-press', { scancode: 0x11d }))
  await causes('btn 272 1', () => client.send('button-press', { button: 1, buttons: 1 }))
  const from = rig.qemu.guest.events.length
  await client.stop()
  // QEMU's own server leaves buttons down.
  for (const event of ['key 30 0', 'key 97 0', ...(BUILT_IN ? [] : ['btn 272 0'])]) {
    await rig.qemu.guest.event(event, from)
  }
  t.pass()
})
