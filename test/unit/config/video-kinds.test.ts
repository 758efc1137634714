import test from 'ava'
import { AUTO_VIDEO_CODECS, videoCodecs } from '../../../src/config/video-kinds.js'

const GOOD: readonly (readonly [text: string, codecs: readonly string[]])[] = [
  ['auto', AUTO_VIDEO_CODECS],
  ['mjpeg', ['mjpeg']],
  ['vp8;mjpeg', ['vp8', 'mjpeg']],
  [
    'spice:mjpeg;gstreamer:mjpeg;gstreamer:h264;gstreamer:vp8;gstreamer:vp9;',
    ['mjpeg', 'h264', 'vp8', 'vp9'],
  ],
  ['gstreamer:h265;spice:mjpeg', ['mjpeg']],
]

for (const [text, codecs] of GOOD) {
  test(`video-codecs ${text} is ${codecs.join(', ')}`, (t) => {
    t.deepEqual(videoCodecs.read([text]), { value: codecs })
  })
}

test('a list is the same as semicolons', (t) => {
  t.deepEqual(videoCodecs.read(['vp9', 'gstreamer:mjpeg']), { value: ['vp9', 'mjpeg'] })
})

for (const text of [
  '',
  ';',
  'av1',
  'x264:h264',
  'spice:',
  'spice:gstreamer:mjpeg',
  'MJPEG',
  'mjpeg,vp8',
  'auto;vp8',
]) {
  test(`video-codecs ${JSON.stringify(text)} is refused, and what is allowed is said`, (t) => {
    const read = videoCodecs.read([text])
    t.true('problem' in read && read.problem.includes('mjpeg, vp8, vp9 and h264'))
  })
}
