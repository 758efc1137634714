import { lzVectors } from '../unit/codecs/lz/vectors.js'
import type { Oracle } from './oracle.js'
import { decodeAnyMessage } from './oracles/decode-any-message.js'
import { decodeLzOracle } from './oracles/decode-lz.js'
import { framerStream } from './oracles/framer-stream.js'
import { linkStage } from './oracles/link-stage.js'
import { wholeSession } from './oracles/whole-session.js'

const decodeLz: Oracle = {
  name: 'decode-lz',
  seeds: () => lzVectors().map(({ encoded }) => encoded),
  run: decodeLzOracle,
}

export const ORACLES: readonly Oracle[] = [decodeAnyMessage, decodeLz, framerStream, linkStage, wholeSession]
