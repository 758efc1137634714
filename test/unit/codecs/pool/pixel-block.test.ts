import test from 'ava'
import {
  copyBlock,
  cutBlock,
  blockOf,
  packedSize,
  type PixelStore,
} from '../../../../src/codecs/pool/pixel-block.js'
import { SidecarError } from '../../../../src/core/errors.js'

/** 4 by 3 pixels of 8 bits, 6 bytes a row, 2 bytes in front. */
const store = (changes: Partial<PixelStore> = {}): PixelStore => {
  const memory = new SharedArrayBuffer(20)
  new Uint8Array(memory).set([0, 0, 1, 2, 3, 4, 0, 0, 5, 6, 7, 8, 0, 0, 9, 10, 11, 12, 0, 0])
  return { memory, offset: 2, format: 'plt8', width: 4, height: 3, stride: 6, topDown: true, ...changes }
}

const copied = (...args: Parameters<typeof blockOf>): number[] => {
  const block = blockOf(...args)
  const to = new Uint8Array(packedSize(block))
  copyBlock(block, to)
  return [...to]
}

test('a rectangle is copied without gaps', (t) => {
  t.deepEqual(copied(store(), { left: 1, top: 1, right: 3, bottom: 3 }), [6, 7, 10, 11])
  t.deepEqual(copied(store(), { left: 0, top: 0, right: 4, bottom: 2 }), [1, 2, 3, 4, 5, 6, 7, 8])
})

test('of a bottom-up store the rows are counted from the last in memory, and stay in its order', (t) => {
  const bottomUp = store({ topDown: false })
  t.deepEqual(copied(bottomUp, { left: 0, top: 0, right: 1, bottom: 2 }), [5, 9])
  t.false(blockOf(bottomUp, { left: 0, top: 0, right: 1, bottom: 2 }).topDown)
})

test('below 8 bits a rectangle begins with a byte', (t) => {
  const bits = store({ format: 'plt1-be', width: 32, stride: 6 })
  t.deepEqual(copied(bits, { left: 8, top: 0, right: 17, bottom: 1 }), [2, 3])
  t.throws(() => blockOf(bits, { left: 4, top: 0, right: 17, bottom: 1 }), { instanceOf: SidecarError })
})

test('the last row needs no padding', (t) => {
  const [memory] = [new SharedArrayBuffer(18)]
  t.notThrows(() => blockOf(store({ memory }), { left: 0, top: 0, right: 4, bottom: 3 }))
})

for (const [title, changes] of Object.entries({
  'a store longer than its memory': { height: 4 },
  'a stride below the row': { stride: 3 },
  'a negative offset': { offset: -1 },
  'no width': { width: 0 },
  'a broken height': { height: 1.5 },
})) {
  test(`${title} is refused`, (t) => {
    const error = t.throws(() => blockOf(store(changes), { left: 0, top: 0, right: 1, bottom: 1 }), {
      instanceOf: SidecarError,
    })
    t.is(error.code, 'SIDECAR_BUG')
  })
}

for (const [title, [left, top, right, bottom]] of Object.entries({
  'an empty rectangle': [1, 1, 1, 2],
  'a rectangle past the right edge': [0, 0, 5, 1],
  'a rectangle past the bottom': [0, 0, 1, 4],
  'a rectangle before the left edge': [-1, 0, 1, 1],
  'a rectangle of no number': [0, 0, Number.NaN, 1],
  'a rectangle between pixels': [0.5, 0, 1, 1],
} as const)) {
  test(`${title} is refused`, (t) => {
    t.throws(() => blockOf(store(), { left, top, right, bottom }), { instanceOf: SidecarError })
  })
}

test('bands are all rows of the block, in order', (t) => {
  const block = blockOf(store(), { left: 0, top: 0, right: 2, bottom: 3 })
  const rows = cutBlock(block, 2).map((band) => {
    const to = new Uint8Array(packedSize(band))
    copyBlock(band, to)
    return [...to]
  })
  t.deepEqual(rows, [
    [1, 2],
    [5, 6, 9, 10],
  ])
  t.is(cutBlock(block, 9).length, 3)
  t.is(cutBlock(block, 0).length, 1)
})

test('a copy into too little memory is refused', (t) => {
  const block = blockOf(store(), { left: 0, top: 0, right: 4, bottom: 3 })
  t.throws(() => copyBlock(block, new Uint8Array(11)), { instanceOf: SidecarError })
})
