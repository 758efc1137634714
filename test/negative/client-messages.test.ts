import fc from 'fast-check'
import test from 'ava'
import type { Channel } from '../../src/channels/index.js'
import { SidecarError } from '../../src/core/errors.js'
import { rectOf } from '../../src/core/region.js'
import {
  CLIENT_USE,
  displayClient,
  MESSAGE_GROUPS,
  SERVED_CHANNELS,
  type FieldKind,
  type Message,
} from '../../src/protocol/index.js'
import { arbitraryOfMessage } from '../helpers/arbitraries.js'
import { RecordingContext, tell } from '../helpers/channel-rig.js'
import { freshRecords, newWorld, type ServedChannel } from '../helpers/channel-world.js'
import { scribble, show, testFrame, testShape } from '../helpers/frames.js'

const INIT = { pixmapCacheId: 1, pixmapCacheSize: 100n, glzDictionaryId: 1, glzWindowSize: 100 }

/** A channel in the middle of a session, with everything that a message could touch. */
const running = (name: ServedChannel, initialised = true): Channel => {
  const world = newWorld()
  const context = new RecordingContext()
  world.mouse.allowClient(true)
  world.mouse.request(2)
  world.model.consolesChanged([{ index: 0, label: 'a', head: 0 }])
  show(world.model, testFrame(30, 20))
  world.model.pointerShape(0, testShape(4, 4, [1, 2, 3, 255]))
  const channel = world.make(freshRecords[name](true), context)
  channel.start()
  channel.attach()
  if (name === 'display' && initialised) {
    tell(channel, displayClient.init, INIT)
  }
  scribble(world.model, rectOf(0, 0, 9, 9))
  return channel
}

type Answer = 'taken' | 'refused'

/** Anything but an effect or a refusal of that channel is a failure of the test. */
const say = (name: ServedChannel, message: Message<unknown>, body: Uint8Array): Answer => {
  const channel = running(name, message.id !== displayClient.init.id)
  try {
    channel.receive(message.id, body)
    channel.settle()
    while (channel.pump()) {
      continue
    }
    channel.close()
    return 'taken'
  } catch (error) {
    if (error instanceof SidecarError && error.scope === 'channel') {
      channel.close()
      return 'refused'
    }
    throw error
  }
}

const ALL = SERVED_CHANNELS.flatMap((name) =>
  MESSAGE_GROUPS.filter(
    ({ channel, direction }) => direction === 'client' && (channel === 'common' || channel === name),
  ).flatMap(({ channel, messages }) =>
    Object.entries(messages).map(([label, message]) => ({
      name,
      message,
      title: `${label} on the ${name} channel`,
      key: `${channel} ${label}`,
      use: CLIENT_USE[channel as ServedChannel | 'common'][label]!,
    })),
  ),
)

const valid = (message: Message<unknown>, seed: number): Uint8Array =>
  message.encode(fc.sample(arbitraryOfMessage(message), { seed, numRuns: 1 })[0])

for (const { name, message, title, key, use } of ALL) {
  if (message.minSize > 0) {
    test(`N-CH-03: ${title}, one byte short, closes the channel`, (t) => {
      for (let size = 0; size < message.minSize; size++) {
        t.is(say(name, message, new Uint8Array(size)), 'refused', `${size} bytes`)
      }
    })
  }

  if (message.minSize === message.maxSize && use !== 'refused' && !key.startsWith('display')) {
    test(`N-CH-03: ${title}, one byte long, is taken as without it`, (t) => {
      for (let seed = 1; seed <= 10; seed++) {
        const body = valid(message, seed)
        t.is(say(name, message, body), 'taken')
        t.is(say(name, message, Uint8Array.from([...body, 0xff])), 'taken')
      }
    })
  }
}

test('N-CH-03: a byte behind each fixed-size message of its own changes nothing on the display channel', (t) => {
  const { init, preferredCompression } = displayClient
  for (const [message, body] of [
    [init, init.encode(INIT)],
    [preferredCompression, preferredCompression.encode({ compression: 6 })],
  ] as const) {
    t.is(say('display', message, body), 'taken')
    t.is(say('display', message, Uint8Array.from([...body, 0xff])), 'taken')
  }
})

/** The edges of a number: ends, next to the ends, and where the sign changes. */
const edges = (kind: FieldKind): readonly unknown[] => {
  switch (kind.name) {
    case 'int': {
      const half = 2 ** (kind.bits - 1)
      return kind.signed
        ? [0, 1, -1, half - 1, half - 2, -half, 1 - half]
        : [0, 1, half - 1, half, 2 * half - 2, 2 * half - 1]
    }
    case 'bigint': {
      const half = 2n ** 63n
      return kind.signed
        ? [0n, 1n, -1n, half - 1n, half - 2n, -half]
        : [0n, 1n, half - 1n, half, 2n * half - 2n, 2n * half - 1n]
    }
    case 'enum': {
      return edges(kind.base)
    }
    case 'flags': {
      return edges(kind.base)
    }
    default: {
      return []
    }
  }
}

/** Each number of the message at each of its edges, the others as they happen to be. */
const atEdges = (message: Message<unknown>): Uint8Array[] => {
  const { fields } = message
  if (fields.name !== 'struct') {
    return []
  }
  return fields.members.flatMap(({ name, kind }, index) =>
    edges(kind).flatMap((edge, at) =>
      fc
        .sample(arbitraryOfMessage(message), { seed: 100 * index + at, numRuns: 3 })
        .map((value) => message.encode({ ...(value as object), [name]: edge })),
    ),
  )
}

for (const { name, message, title, use } of ALL) {
  const bodies = atEdges(message)
  if (bodies.length > 0) {
    test(`N-CH-04: ${title}, every number at its edges, is taken or closes the channel`, (t) => {
      const answers = bodies.map((body) => say(name, message, body))
      t.is(answers.length, bodies.length)
      if (use === 'refused') {
        t.deepEqual([...new Set(answers)], ['refused'])
      }
    })
  }
}

for (const { name, message, title } of ALL.filter(({ message }) => message.maxSize > message.minSize)) {
  test(`N-CH-04: ${title}, longer than it may be or of any bytes, is taken or closes the channel`, (t) => {
    const longest = Math.min(message.maxSize, 70_000)
    for (const size of [message.minSize, longest, longest + 1]) {
      for (const byte of [0, 1, 0x7f, 0xff]) {
        t.notThrows(() => say(name, message, new Uint8Array(size).fill(byte)))
      }
    }
  })
}

test('N-CH-04: agent data and scan codes above their largest size close the channel', (t) => {
  const find = (key: string): (typeof ALL)[number] => ALL.find((one) => one.key === key)!
  for (const { name, message } of [find('main agentData'), find('inputs keyScancode')]) {
    t.is(say(name, message, new Uint8Array(message.maxSize)), 'taken')
    t.is(say(name, message, new Uint8Array(message.maxSize + 1)), 'refused')
  }
})

test('N-CH-02: every number that is no message of a client closes the channel', (t) => {
  for (const name of SERVED_CHANNELS) {
    const known = new Set(ALL.filter((one) => one.name === name).map(({ message }) => message.id))
    for (const id of [
      0,
      7,
      8,
      9,
      99,
      100,
      ...Array.from({ length: 40 }, (_, i) => 101 + i),
      201,
      304,
      0xffff,
    ]) {
      if (!known.has(id)) {
        t.is(say(name, { ...displayClient.glDrawDone, id }, new Uint8Array(64)), 'refused', `${name} ${id}`)
      }
    }
  }
})

test('N-DISP-02: a preferred compression that does not exist is let pass', (t) => {
  const { preferredCompression } = displayClient
  for (let compression = 0; compression < 256; compression++) {
    t.is(say('display', preferredCompression, preferredCompression.encode({ compression })), 'taken')
  }
})

test('N-DISP-02: codec lists of unknown, doubled and as many codecs as there can be are let pass', (t) => {
  const { preferredVideoCodecType } = displayClient
  for (const codecs of [[], [0], [1, 1, 1], [0, 6, 255], Array.from({ length: 255 }, (_, i) => i)]) {
    t.is(say('display', preferredVideoCodecType, preferredVideoCodecType.encode({ codecs })), 'taken')
  }
})

test('N-DISP-02: a codec list that is shorter than its count closes the channel', (t) => {
  const { preferredVideoCodecType } = displayClient
  t.is(say('display', preferredVideoCodecType, Uint8Array.of(255, ...new Uint8Array(254))), 'refused')
  t.is(say('display', preferredVideoCodecType, Uint8Array.of(1)), 'refused')
})

test('N-DISP-01: cache and dictionary sizes are judged, whatever they are', (t) => {
  const { init } = displayClient
  const sizes = { pixmapCacheSize: 100n, glzWindowSize: 100 }
  for (const [change, answer] of [
    [{ pixmapCacheSize: 0n }, 'taken'],
    [{ pixmapCacheSize: -1n }, 'refused'],
    [{ pixmapCacheSize: -(2n ** 63n) }, 'refused'],
    [{ pixmapCacheSize: 2n ** 63n - 1n }, 'taken'],
    [{ glzWindowSize: 2 ** 25 }, 'taken'],
    [{ glzWindowSize: 2 ** 25 + 1 }, 'refused'],
    [{ glzWindowSize: -1 }, 'refused'],
    [{ glzWindowSize: 2 ** 31 - 1 }, 'refused'],
  ] as const) {
    t.is(say('display', init, init.encode({ ...INIT, ...sizes, ...change })), answer)
  }
})
