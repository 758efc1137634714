import test from 'ava'
import fc from 'fast-check'
import { DISPLAY_CAP, displayClient, displayServer } from '../../src/protocol/index.js'
import { pumpAll } from '../helpers/channel-rig.js'
import { acts } from '../helpers/guest-screen.js'
import { STOCK_VIDEO_CAPS, VideoRig } from '../helpers/video-rig.js'

const steps = fc.array(
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ kind: fc.constant('video' as const), frames: fc.integer({ min: 1, max: 40 }) }),
    },
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('act' as const), act: acts }) },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constantFrom('look' as const, 'block' as const, 'unblock' as const) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constantFrom('rest' as const, 'prefer' as const, 'new size' as const),
      }),
    },
  ),
  { minLength: 4, maxLength: 16 },
)

test('whatever is drawn beside a video, however slow the client: a quiet while after it the picture is exact', (t) => {
  let frames = 0
  fc.assert(
    fc.property(
      steps,
      fc.constantFrom(0, 3),
      fc.constantFrom(
        STOCK_VIDEO_CAPS,
        STOCK_VIDEO_CAPS.filter((cap) => cap !== DISPLAY_CAP.streamReport),
        [],
      ),
      (happenings, streamLag, caps) => {
        const rig = new VideoRig(caps, streamLag)
        rig.settle()
        for (const step of happenings) {
          switch (step.kind) {
            case 'video': {
              rig.video(step.frames)
              break
            }
            case 'act': {
              rig.draw(step.act)
              pumpAll(rig.channel)
              break
            }
            case 'look': {
              rig.settle()
              break
            }
            case 'rest': {
              rig.world.clock.advance(1100)
              rig.channel.alarm()
              break
            }
            case 'prefer': {
              rig.tell(displayClient.preferredVideoCodecType, { codecs: [77, 1, 1] })
              break
            }
            case 'new size': {
              rig.world.model.scanout(0, undefined)
              rig.world.model.scanout(0, { generation: 2, ...rig.guest })
              break
            }
            default: {
              rig.context.hasRoom = step.kind === 'unblock'
            }
          }
        }
        rig.context.hasRoom = true
        rig.settle()
        rig.quiet(3000)
        t.true(rig.exact)
        t.is(rig.surface.lossyPixels, 0)
        t.deepEqual(rig.record.streams.list, [])
        t.deepEqual(rig.surface.streams.ids, [])
        t.deepEqual(rig.context.odd, [])
        frames += rig.count(displayServer.streamData) + rig.count(displayServer.streamDataSized)
        rig.channel.close()
      },
    ),
    { numRuns: 60 },
  )
  t.true(frames > 20, `${frames} frames of video were sent`)
})
