import test from 'ava'
import {
  chooseCodec,
  preferredSetting,
  type ChoiceInput,
  type CompressionSetting,
} from '../../../src/channels/display/codec-choice.js'

const choose = (setting: CompressionSetting, more: Partial<ChoiceInput> = {}): string =>
  chooseCodec({
    setting,
    width: 200,
    height: 100,
    lz4: true,
    available: { lz4: true, jpeg: true },
    glzWindow: 2 ** 22,
    isPhoto: () => false,
    ...more,
  })

const photo = { isPhoto: () => true }

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

test('photos go as QUIC, screens with the dictionary where there is one', (t) => {
  t.is(choose('auto', photo), 'quic')
  t.is(choose('auto_glz', photo), 'quic')
  t.is(choose('auto_lz', photo), 'quic')
  t.is(choose('auto'), 'glz')
  t.is(choose('auto_glz'), 'glz')
  t.is(choose('auto_lz'), 'lz')
  t.is(choose('auto', { glzWindow: 0 }), 'lz')
})

test('what a key press changes waits for no thread, and nobody asks whether it is a photo', (t) => {
  const small = {
    width: 64,
    height: 64,
    isPhoto: (): boolean => {
      t.fail()
      return true
    },
  }
  t.is(choose('auto', small), 'lz')
  t.is(choose('auto_glz', { width: 20, height: 20, isPhoto: small.isPhoto }), 'glz')
})

test('a client may prefer what QEMU knows', (t) => {
  t.is(preferredSetting(1), 'off')
  t.is(preferredSetting(2), 'auto_glz')
  t.is(preferredSetting(7), 'lz4')
  t.is(preferredSetting(0), undefined)
  t.is(preferredSetting(99), undefined)
})
