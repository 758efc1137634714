import test from 'ava'
import {
  chooseCodec,
  isFastLine,
  jpegQuality,
  preferredSetting,
  type ChoiceInput,
  type CompressionSetting,
} from '../../../src/channels/display/codec-choice.js'

const choose = (setting: CompressionSetting, more: Partial<ChoiceInput> = {}): string =>
  chooseCodec({
    lossy: setting === 'jpeg',
    setting,
    width: 200,
    height: 100,
    lz4: true,
    available: { lz4: true, jpeg: true },
    glzWindow: 2 ** 22,
    shared: false,
    isSmooth: () => false,
    isPhoto: () => false,
    ...more,
  })

const gradient = { isSmooth: () => true }
const photo = { ...gradient, isPhoto: () => true }

test('a forced codec is taken where it can be', (t) => {
  for (const setting of ['lz', 'glz', 'quic', 'lz4', 'jpeg'] as const) {
    t.is(choose(setting), setting)
  }
  t.is(choose('off'), 'raw')
})

test('what client or machine lack is replaced by LZ', (t) => {
  t.is(choose('lz4', { lz4: false }), 'lz')
  t.is(choose('lz4', { available: { lz4: false, jpeg: true } }), 'lz')
  t.is(choose('jpeg', { available: { lz4: true, jpeg: false } }), 'lz')
  t.is(choose('glz', { glzWindow: 0 }), 'lz')
  t.is(choose('glz', { glzWindow: 20_000 }), 'lz', 'an image as large as the window')
  t.is(choose('quic', { width: 2 }), 'lz')
  t.is(choose('quic', { height: 2 }), 'lz')
  t.is(choose('jpeg', { width: 20, height: 20 }), 'lz')
})

test('photos and gradients go as QUIC, screens with the dictionary where there is one', (t) => {
  t.is(choose('auto', photo), 'quic')
  t.is(choose('auto', gradient), 'quic')
  t.is(choose('auto_glz', photo), 'quic')
  t.is(choose('auto_lz', photo), 'quic')
  t.is(choose('auto'), 'glz')
  t.is(choose('auto_glz'), 'glz')
  t.is(choose('auto_lz'), 'lz')
  t.is(choose('auto', { glzWindow: 0 }), 'lz')
})

test('what a key press changes waits for no thread, and of what is tiny nobody asks whether it is a photo', (t) => {
  t.is(choose('auto', { width: 64, height: 64 }), 'lz')
  t.is(choose('auto', { ...photo, width: 64, height: 64 }), 'quic')
  const small = {
    width: 20,
    height: 20,
    lossy: true,
    isSmooth: (): boolean => {
      t.fail()
      return true
    },
  }
  t.is(choose('auto', small), 'lz')
  t.is(choose('auto_glz', { width: 20, height: 20, isSmooth: small.isSmooth }), 'glz')
})

test('where detail may be lost photos go as JPEG, and nothing else does', (t) => {
  for (const setting of ['auto', 'auto_glz', 'auto_lz', 'quic'] as const) {
    t.is(choose(setting, { ...photo, lossy: true }), 'jpeg')
    t.is(choose(setting, { ...gradient, lossy: true }), 'quic')
    t.is(choose(setting, { ...photo, lossy: true, width: 40 }), choose(setting, { ...photo, width: 40 }))
    t.is(choose(setting, { ...photo, lossy: true, available: { lz4: true, jpeg: false } }), 'quic')
  }
  t.is(choose('auto', { lossy: true }), 'glz')
  for (const setting of ['glz', 'lz', 'lz4'] as const) {
    t.is(choose(setting, { ...photo, lossy: true }), setting)
  }
  t.is(choose('off', { ...photo, lossy: true }), 'raw')
})

test('what must be exact is never JPEG, whatever is set', (t) => {
  for (const setting of ['auto', 'auto_glz', 'auto_lz', 'quic', 'jpeg'] as const) {
    t.is(choose(setting, { ...photo, lossy: false }), 'quic')
  }
  t.is(choose('jpeg', { lossy: false }), 'glz')
})

test('several clients share what LZ coded where bytes do not count', (t) => {
  t.is(choose('auto', { shared: true }), 'lz')
  t.is(choose('auto', { ...photo, shared: true }), 'quic')
  t.is(choose('auto_glz', { shared: true }), 'glz', 'who asks for GLZ gets it')
  t.false(isFastLine(undefined))
  t.false(isFastLine(50e6))
  t.true(isFastLine(1e9))
})

test('the slower the line the more detail is lost', (t) => {
  t.deepEqual([undefined, 1e9, 8e6, 3e6, 1e6].map(jpegQuality), [85, 85, 85, 70, 50])
})

test('a client may prefer what QEMU knows', (t) => {
  t.is(preferredSetting(1), 'off')
  t.is(preferredSetting(2), 'auto_glz')
  t.is(preferredSetting(7), 'lz4')
  t.is(preferredSetting(0), undefined)
  t.is(preferredSetting(99), undefined)
})
