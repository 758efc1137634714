import { writeSync } from 'node:fs'
import test from 'ava'
import { SidecarError } from '../../../src/core/errors.js'
import { DEFAULT_LIMITS } from '../../../src/core/limits.js'
import { createMemfd } from '../../../src/host/index.js'
import { ERROR, METHOD_RETURN, unwrap, type DbusValue } from '../../../src/qemu-io/index.js'
import { FakeClock } from '../../helpers/fake-clock.js'
import { openDescriptors, pixels, Rig, withRig } from './dbus-rig.js'

test.serial('a scanout and an update of QEMU 7.2 become a frame and its damage', (t) =>
  withRig(t, async (rig) => {
    const listener = await rig.listener()
    const picture = pixels(64, 48)
    listener.scanout(64, 48, picture)
    await rig.until('the picture', () => rig.shows(picture))
    t.is(rig.frame()?.stride, 256)
    listener.update(8, 16, 4, 2, new Uint8Array(32).fill(255))
    await rig.until('damage', () => rig.damage.length > 0)
    t.deepEqual(rig.damage, [{ left: 8, top: 16, right: 12, bottom: 18 }])
    for (const y of [16, 17]) {
      picture.fill(255, (y * 64 + 8) * 4, (y * 64 + 12) * 4)
    }
    t.true(rig.shows(picture))
  }),
)

test.serial('a second scanout of the same size is only what changed, of another size a new frame', (t) =>
  withRig(t, async (rig) => {
    const listener = await rig.listener()
    const picture = pixels(64, 48)
    listener.scanout(64, 48, picture)
    await rig.until('the picture', () => rig.shows(picture))
    const generation = rig.frame()?.generation
    picture[(5 * 64 + 9) * 4]! ^= 0xff
    listener.scanout(64, 48, picture)
    await rig.until('damage', () => rig.damage.length > 0)
    t.deepEqual(rig.damage, [{ left: 9, top: 5, right: 10, bottom: 6 }])
    t.is(rig.frame()?.generation, generation)
    listener.scanout(80, 20, pixels(80, 20))
    await rig.until('the new frame', () => rig.shows(pixels(80, 20)))
    t.true((rig.frame()?.generation ?? 0) > (generation ?? 0))
  }),
)

test.serial('rows of a scanout may be longer than its width', (t) =>
  withRig(t, async (rig) => {
    const listener = await rig.listener()
    const wide = pixels(70, 10)
    listener.scanout(64, 10, wide, 280)
    const picture = new Uint8Array(64 * 10 * 4)
    for (let y = 0; y < 10; y++) {
      picture.set(wide.subarray(y * 280, y * 280 + 256), y * 256)
    }
    await rig.until('the picture', () => rig.shows(picture))
  }),
)

test.serial('the listener offers shared maps, to QEMU that asks', (t) =>
  withRig(t, async (rig) => {
    const listener = await rig.listener()
    const target = { interface: 'org.freedesktop.DBus.Properties', member: 'GetAll' }
    const first = listener.peer.call(target, 's', ['org.qemu.Display1.Listener'], { reply: true })
    const second = listener.peer.call(target, 's', ['org.qemu.Display1.Listener.Unix.Map'], { reply: true })
    const answer = await rig.until('the answer', () => listener.answerTo(first))
    const properties = answer.args[0] as ReadonlyMap<string, DbusValue>
    t.deepEqual(unwrap(properties.get('Interfaces')), ['org.qemu.Display1.Listener.Unix.Map'])
    const none = await rig.until('the other answer', () => listener.answerTo(second))
    t.is((none.args[0] as ReadonlyMap<string, DbusValue>).size, 0)
  }),
)

test.serial(
  'a map is answered, read whole, then by its updates; a flip to a known map waits for its update',
  (t) =>
    withRig(t, async (rig) => {
      const listener = await rig.listener()
      const size = 64 * 48 * 4
      const maps = [createMemfd('one', size), createMemfd('two', size)]
      const pictures = [pixels(64, 48, 1), pixels(64, 48, 2)]
      maps.forEach((map, i) => writeSync(map.fd, pictures[i]!, 0, size, 0))
      const show = async (i: number): Promise<void> => {
        const serial = listener.scanoutMap({ fd: maps[i]!.fd, close: () => undefined }, 64, 48)
        const answer = await rig.until('the answer', () => listener.answerTo(serial))
        t.is(answer.header.type, METHOD_RETURN)
      }
      await show(0)
      await rig.until('the picture', () => rig.shows(pictures[0]!))
      writeSync(maps[0]!.fd, new Uint8Array(4).fill(255), 0, 4, (3 * 64 + 5) * 4)
      listener.updateMap(0, 0, 64, 48)
      await rig.until('damage', () => rig.damage.length > 0)
      t.deepEqual(rig.damage, [{ left: 5, top: 3, right: 6, bottom: 4 }])
      const generation = rig.frame()?.generation
      await show(1)
      await rig.until('the other map', () => rig.shows(pictures[1]!))
      await show(0)
      listener.mouseSet(1, 1, 1)
      await rig.until('what came after', () => rig.model.picture(0).pointer.visible)
      t.true(rig.shows(pictures[1]!))
      listener.updateMap(0, 0, 64, 48)
      pictures[0]!.fill(255, (3 * 64 + 5) * 4, (3 * 64 + 6) * 4)
      await rig.until('the first map again', () => rig.shows(pictures[0]!))
      t.is(rig.frame()?.generation, generation)
      maps.forEach((map) => map.close())
    }),
)

test.serial('a map at an offset with long rows', (t) =>
  withRig(t, async (rig) => {
    const listener = await rig.listener()
    const map = createMemfd('one', 1000 + 300 * 10)
    const picture = pixels(64, 10)
    for (let y = 0; y < 10; y++) {
      writeSync(map.fd, picture, y * 256, 256, 1000 + 300 * y)
    }
    listener.scanoutMap(map, 64, 10, 300, 1000)
    await rig.until('the picture', () => rig.shows(picture))
    map.close()
  }),
)

test.serial('a pointer has a shape, a position of its hot spot, and can be hidden', (t) =>
  withRig(t, async (rig) => {
    const listener = await rig.listener()
    const shape = new Uint8Array(16 * 16 * 4).fill(200)
    listener.cursorDefine(16, 16, 3, 5, shape)
    listener.mouseSet(100, 50, 1)
    await rig.until('the pointer', () => rig.model.picture(0).pointer.visible)
    t.deepEqual(rig.model.picture(0).pointer, { x: 103, y: 55, visible: true })
    t.deepEqual(rig.model.picture(0).shape, { width: 16, height: 16, hotX: 3, hotY: 5, pixels: shape })
    listener.cursorDefine(64, 64, 0, 0, new Uint8Array(64 * 64 * 4))
    listener.mouseSet(0, 0, 0)
    await rig.until('no pointer', () => !rig.model.picture(0).pointer.visible)
    t.is(rig.model.picture(0).shape, undefined)
  }),
)

test.serial('qxl says where the hot spot is', (t) =>
  withRig(
    t,
    async (rig) => {
      const listener = await rig.listener()
      listener.cursorDefine(16, 16, 3, 5, new Uint8Array(16 * 16 * 4).fill(200))
      listener.mouseSet(103, 55, 1)
      await rig.until('the pointer', () => rig.model.picture(0).pointer.visible)
      t.deepEqual(rig.model.picture(0).pointer, { x: 103, y: 55, visible: true })
    },
    { consoles: [{ number: 0, label: 'qxl-vga' }] },
  ),
)

test.serial('a console that is disabled is off', (t) =>
  withRig(t, async (rig) => {
    const listener = await rig.listener()
    listener.scanout(64, 48, pixels(64, 48))
    await rig.until('the picture', () => rig.frame())
    listener.disable()
    await rig.until('off', () => rig.frame() === undefined)
    listener.scanout(64, 48, pixels(64, 48))
    await rig.until('on again', () => rig.shows(pixels(64, 48)))
  }),
)

test.serial('an update that does not fit makes it register again for the whole picture', (t) =>
  withRig(t, async (rig) => {
    const first = await rig.listener()
    first.scanout(640, 480, pixels(640, 480))
    await rig.until('the picture', () => rig.frame())
    first.update(0, 0, 720, 400, pixels(720, 400))
    const second = await rig.until('a second listener', () => {
      const listener = rig.qemu.listener()
      return listener !== first && listener?.peer.begun === true ? listener : undefined
    })
    t.true(first.peer.ended)
    t.true(rig.shows(pixels(640, 480)))
    second.scanout(720, 400, pixels(720, 400))
    await rig.until('the new size', () => rig.shows(pixels(720, 400)))
  }),
)

test.serial('an update after the console changed its size is not of the surface that is shown', (t) =>
  withRig(t, async (rig) => {
    const first = await rig.listener()
    const picture = pixels(640, 480)
    first.scanout(640, 480, picture)
    await rig.until('the picture', () => rig.frame())
    rig.qemu.changed(0, 'Console', [
      ['Width', 'u', 640],
      ['Height', 'u', 400],
    ])
    // Two connections have no order between them: repeat until the worker knows.
    const second = await rig.until('a second listener', () => {
      first.update(0, 0, 4, 1, picture.subarray(0, 16))
      const listener = rig.qemu.listener()
      return listener !== first && listener?.peer.begun === true ? listener : undefined
    })
    second.scanout(640, 400, pixels(640, 400, 2))
    await rig.until('the new size', () => rig.shows(pixels(640, 400, 2)))
  }),
)

test.serial('QEMU that never shows what it announces is not asked for ever', (t) =>
  withRig(
    t,
    async (rig) => {
      await rig.until('it gives up', () => rig.qemu.listeners.length >= 8)
      rig.qemu.changed(0, 'Mouse', [['IsAbsolute', 'b', false]])
      await rig.until('later news', () => !rig.source.input.state.absolute)
      t.is(rig.qemu.listeners.length, 8)
      rig.qemu.changed(0, 'Console', [['Width', 'u', 801]])
      await rig.until('a new size is a new chance', () => rig.qemu.listeners.length > 8)
    },
    { onListener: (listener) => listener.update(0, 0, 10, 10, pixels(10, 10)) },
  ),
)

test.serial('consoles are numbered densely, come and go, keep their pictures', (t) =>
  withRig(
    t,
    async (rig) => {
      await rig.until('consoles', () => rig.model.consoles.length === 2)
      t.deepEqual(rig.model.consoles, [
        { index: 0, label: 'a', head: 0 },
        { index: 1, label: 'c', head: 0 },
      ])
      ;(await rig.listener(5)).scanout(20, 20, pixels(20, 20, 5))
      await rig.until('the picture of the second', () => rig.shows(pixels(20, 20, 5), 1))
      rig.qemu.consoleAdded({ number: 2, label: 'b' })
      await rig.until('three consoles', () => rig.model.consoles.length === 3)
      t.deepEqual(
        rig.model.consoles.map(({ label }) => label),
        ['a', 'b', 'c'],
      )
      t.true(rig.shows(pixels(20, 20, 5), 2))
      t.is(rig.frame(1), undefined)
      ;(await rig.listener(2)).scanout(10, 10, pixels(10, 10, 2))
      await rig.until('the picture of the new one', () => rig.shows(pixels(10, 10, 2), 1))
      rig.qemu.consoleRemoved(0)
      await rig.until('two consoles', () => rig.model.consoles.length === 2)
      t.true(rig.shows(pixels(10, 10, 2), 0))
      t.true(rig.shows(pixels(20, 20, 5), 1))
    },
    {
      consoles: [
        { number: 5, label: 'c' },
        { number: 0, label: 'a' },
        { number: 1, label: 'text', type: 'Text' },
      ],
    },
  ),
)

test.serial('a head above 0 is off until it shows more than the placeholder or was asked for', (t) =>
  withRig(
    t,
    async (rig) => {
      const placeholder = pixels(640, 480)
      ;(await rig.listener(1)).scanout(640, 480, placeholder)
      ;(await rig.listener(2)).scanout(640, 480, placeholder)
      const third = await rig.listener(3)
      third.scanout(800, 600, pixels(800, 600))
      await rig.until('the third head', () => rig.frame(3))
      const second = await rig.listener(2)
      second.cursorDefine(8, 8, 0, 0, pixels(8, 8))
      await rig.until('news of the second', () => rig.model.picture(2).shape)
      t.is(rig.frame(2), undefined)
      rig.source.setHeads([{ console: 2, width: 640, height: 480, x: 640, y: 0, widthMm: 0, heightMm: 0 }])
      await rig.until('the second head', () => rig.frame(2))
      await rig.until('the layout', () => rig.qemu.layouts.length > 0)
      t.deepEqual(rig.qemu.layouts, ['Console_2 640x480+640+0'])
      rig.source.setHeads([{ console: 3, width: 0, height: 0, x: 0, y: 0, widthMm: 0, heightMm: 0 }])
      await rig.until('the third is off', () => rig.frame(3) === undefined)
      third.scanout(1024, 768, pixels(1024, 768))
      third.cursorDefine(8, 8, 0, 0, pixels(8, 8))
      await rig.until('news of the third', () => rig.model.picture(3).shape)
      t.is(rig.frame(3), undefined)
    },
    { consoles: [0, 1, 2, 3].map((number) => ({ number, head: number })) },
  ),
)

test.serial('a layout from before the start is asked for, one that cannot be is logged once', (t) =>
  withRig(
    t,
    async (rig) => {
      rig.source.setHeads([{ console: 0, width: 1001, height: 701, x: 0, y: 0, widthMm: 300, heightMm: 200 }])
      rig.source.setHeads([{ console: 0, width: 1000, height: 700, x: 0, y: 0, widthMm: 300, heightMm: 200 }])
      await rig.until('the layout', () => rig.qemu.layouts.at(-1) === 'Console_0 1000x700+0+0')
      rig.source.setHeads([{ console: 0, width: 900, height: 700, x: 0, y: 0, widthMm: 1e9, heightMm: -5 }])
      await rig.until('the layout', () => rig.qemu.layouts.at(-1) === 'Console_0 900x700+0+0')
      await rig.until('the log', () => rig.warnings.length > 0)
      t.deepEqual(rig.warnings, ['The display device cannot be resized'])
      t.deepEqual([rig.qemu.millimetres[0], rig.qemu.millimetres.at(-1)], ['300x200', '65535x0'])
    },
    { fixedSize: true },
  ),
)

{
  const clock = new FakeClock()
  const wanted = { console: 0, width: 1000, height: 700, x: 0, y: 0, widthMm: 0, heightMm: 0 }

  test.serial('a guest that does not follow a layout is asked again, three times', (t) =>
    withRig(
      t,
      async (rig) => {
        ;(await rig.listener()).scanout(640, 480, pixels(640, 480))
        await rig.until('a picture', () => rig.frame(0))
        rig.source.setHeads([wanted])
        for (let asked = 1; asked <= 4; asked++) {
          await rig.until('the layout', () => rig.qemu.layouts.length === asked)
          clock.advance(1000)
        }
        t.is(clock.pending, 0)
      },
      {},
      { clock },
    ),
  )
}

{
  const clock = new FakeClock()
  const wanted = { console: 0, width: 1000, height: 700, x: 0, y: 0, widthMm: 0, heightMm: 0 }

  test.serial('a guest that follows a layout is not asked again', (t) =>
    withRig(
      t,
      async (rig) => {
        const listener = await rig.listener()
        rig.source.setHeads([wanted])
        await rig.until('the layout', () => rig.qemu.layouts.length === 1)
        listener.scanout(1000, 700, pixels(1000, 700))
        await rig.until('the picture', () => rig.frame(0))
        clock.advance(1000)
        t.is(clock.pending, 0)
        t.is(rig.qemu.layouts.length, 1)
      },
      {},
      { clock },
    ),
  )
}

test.serial('input reaches QEMU in order, on the console it is for, inside its bounds', (t) =>
  withRig(
    t,
    async (rig) => {
      const { input } = rig.source
      await rig.until('input', () => input.state.available)
      input.keyDown(30)
      input.keyUp(30)
      input.keyDown(0xc8)
      input.position(1, 5000, -3)
      input.buttonDown(0)
      input.buttonUp(0)
      input.position(0, 10, 20)
      input.buttonDown(2)
      input.keyDown(0)
      input.keyDown(4000)
      input.buttonDown(7)
      input.position(9, 1, 1)
      input.motion(0, 0)
      input.motion(-3, 4)
      await rig.until('all of it', () => rig.qemu.input.at(-1)?.includes('RelMotion'))
      t.deepEqual(rig.qemu.input, [
        'Console_0 Press 30',
        'Console_0 Release 30',
        'Console_0 Press 200',
        'Console_1 SetAbsPosition 799 0',
        'Console_1 Press 0',
        'Console_1 Release 0',
        'Console_0 SetAbsPosition 10 20',
        'Console_0 Press 2',
        'Console_0 RelMotion -3 4',
      ])
    },
    { consoles: [{ number: 0 }, { number: 1, width: 800, height: 600 }] },
  ),
)

test.serial('the state of the input devices is followed, and gone with the source', async (t) => {
  const rig = new Rig({ consoles: [{ number: 0, absolute: false, modifiers: 2 }] })
  const { input } = rig.source
  let changes = 0
  const off = input.onChange(() => (changes += 1))
  t.deepEqual(input.state, { available: false, absolute: false, modifiers: 0 })
  await rig.until('the state', () => input.state.available)
  t.deepEqual(input.state, { available: true, absolute: false, modifiers: 2 })
  rig.qemu.changed(0, 'Mouse', [['IsAbsolute', 'b', true]])
  await rig.until('absolute', () => input.state.absolute)
  rig.qemu.changed(0, 'Keyboard', [['Modifiers', 'u', 4]])
  await rig.until('caps lock', () => input.state.modifiers === 4)
  t.is(changes, 3)
  off()
  await rig.stop()
  t.is(changes, 3)
  t.false(input.state.available)
  input.keyDown(30)
})

test.serial('updates keep the pace that was set, the first after a pause comes at once', async (t) => {
  const clock = new FakeClock()
  await withRig(
    t,
    async (rig) => {
      const listener = await rig.listener()
      listener.scanout(8, 8, pixels(8, 8, 1))
      await rig.until('the first', () => rig.shows(pixels(8, 8, 1)))
      listener.scanout(9, 9, pixels(9, 9, 2))
      await rig.until('the second', () => rig.shows(pixels(9, 9, 2)))
      listener.scanout(10, 10, pixels(10, 10, 3))
      listener.scanout(11, 11, pixels(11, 11, 4))
      // The input state comes by another way: when it is here, the frames would have been.
      rig.qemu.changed(0, 'Keyboard', [['Modifiers', 'u', 4]])
      await rig.until('other news', () => rig.source.input.state.modifiers === 4)
      t.true(rig.shows(pixels(9, 9, 2)))
      clock.advance(39)
      t.true(rig.shows(pixels(9, 9, 2)))
      clock.advance(1)
      await rig.until('the last', () => rig.shows(pixels(11, 11, 4)))
    },
    {},
    { clock, minFrameIntervalMs: 40 },
  )
})

test.serial('QEMU that goes away ends the run as such, and the screen with it', async (t) => {
  const rig = new Rig()
  ;(await rig.listener()).scanout(8, 8, pixels(8, 8))
  await rig.until('the picture', () => rig.frame())
  rig.qemu.main?.close()
  t.is((await rig.ended).kind, 'peerGone')
  t.is(rig.frame(), undefined)
  await rig.until('the listener is closed', () => rig.qemu.listener() === undefined)
  await rig.stop()
})

test.serial('aborting closes every listener and the main connection', async (t) => {
  const rig = new Rig({ consoles: [{ number: 0 }, { number: 1 }] })
  await rig.listener(0)
  await rig.listener(1)
  rig.abort.abort()
  t.deepEqual(await rig.ended, { kind: 'closed' })
  await rig.until(
    'all closed',
    () => rig.qemu.listeners.every(({ peer }) => peer.ended) && rig.qemu.main?.ended,
  )
  await rig.stop()
})

test.serial('a run that is aborted before or while it connects is closed', async (t) => {
  const before = openDescriptors()
  const rig = new Rig()
  rig.abort.abort()
  t.deepEqual(await rig.ended, { kind: 'closed' })
  t.deepEqual(await rig.source.run(rig.model, rig.abort.signal), { kind: 'closed' })
  await rig.stop()
  await rig.until('no descriptor is left', () => openDescriptors() <= before)
})

test.serial('one run at a time, and another after it', async (t) => {
  const rig = new Rig()
  await rig.listener()
  t.is((await rig.source.run(rig.model, rig.abort.signal)).kind, 'failed')
  rig.abort.abort()
  await rig.ended
  await rig.until('the listener is closed', () => rig.qemu.listener() === undefined)
  const again = new AbortController()
  const second = rig.source.run(rig.model, again.signal)
  const listener = await rig.listener()
  listener.scanout(8, 8, pixels(8, 8))
  await rig.until('the picture', () => rig.shows(pixels(8, 8)))
  again.abort()
  t.deepEqual(await second, { kind: 'closed' })
  await rig.stop()
})

test.serial('a peer that cannot be opened is the end of the run, not an exception', async (t) => {
  for (const [code, kind] of [
    ['SIDECAR_PEER_GONE', 'peerGone'],
    ['SIDECAR_QMP', 'failed'],
  ] as const) {
    const rig = new Rig({}, { openPeer: () => Promise.reject(new SidecarError(code, 'no')) })
    t.deepEqual(await rig.ended, { kind, reason: 'no' })
    await rig.stop()
  }
})

test.serial('QEMU that does not answer on the main connection is given up', async (t) => {
  const clock = new FakeClock()
  const rig = new Rig({ sasl: { '\0AUTH EXTERNAL': '' } }, { clock })
  await rig.until('the greeting', () => rig.qemu.main?.lines.length === 1)
  clock.advance(DEFAULT_LIMITS['stage-ms'])
  t.is((await rig.ended).kind, 'failed')
  await rig.stop()
})

test.serial('a map that is refused is answered with an error, so that QEMU goes on', (t) =>
  withRig(t, async (rig) => {
    const listener = await rig.listener()
    const map = createMemfd('small', 100)
    const serial = listener.scanoutMap(map, 64, 48)
    const answer = await rig.until('the answer', () => listener.answerTo(serial))
    t.is(answer.header.type, ERROR)
    await rig.refused('map-descriptor')
    map.close()
  }),
)

test.serial('a layout outlives a QEMU that went away, not the user who asked for it', async (t) => {
  const rig = new Rig()
  await rig.listener()
  rig.source.setHeads([{ console: 0, width: 1000, height: 700, x: 0, y: 0, widthMm: 0, heightMm: 0 }])
  await rig.until('the layout', () => rig.qemu.layouts.length === 1)
  rig.qemu.main?.close()
  await rig.ended
  const again = new AbortController()
  const second = rig.source.run(rig.model, again.signal)
  await rig.until('the same layout', () => rig.qemu.layouts.length === 2)
  again.abort()
  await second
  const last = new AbortController()
  const third = rig.source.run(rig.model, last.signal)
  await rig.until('input', () => rig.source.input.state.available)
  rig.source.input.keyDown(30)
  await rig.until('the key', () => rig.qemu.input.length > 0)
  t.is(rig.qemu.layouts.length, 2)
  last.abort()
  await third
  await rig.stop()
})
