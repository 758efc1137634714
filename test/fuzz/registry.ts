import { lzVectors } from '../unit/codecs/lz/vectors.js'
import { quicVectors } from '../unit/codecs/quic/vectors.js'
import type { Oracle } from './oracle.js'
import { decodeAnyMessage } from './oracles/decode-any-message.js'
import { decodeGlz } from './oracles/decode-glz.js'
import { decodeJpegOracle } from './oracles/decode-jpeg.js'
import { decodeLzOracle } from './oracles/decode-lz.js'
import { decodeLz4Oracle } from './oracles/decode-lz4.js'
import { decodeQuicOracle } from './oracles/decode-quic.js'
import { drivenClients } from './oracles/driven-clients.js'
import { framerStream } from './oracles/framer-stream.js'
import { linkStage } from './oracles/link-stage.js'
import { saslStage } from './oracles/sasl-stage.js'
import { wholeSession } from './oracles/whole-session.js'

const decodeLz: Oracle = {
  name: 'decode-lz',
  seeds: () => lzVectors().map(({ encoded }) => encoded),
  run: decodeLzOracle,
}

const decodeQuic: Oracle = {
  name: 'decode-quic',
  seeds: () => quicVectors().map(({ encoded }) => encoded),
  run: decodeQuicOracle,
}

export const ORACLES: readonly Oracle[] = [
  decodeAnyMessage,
  decodeJpegOracle,
  decodeGlz,
  decodeLz,
  decodeLz4Oracle,
  decodeQuic,
  drivenClients,
  framerStream,
  linkStage,
  saslStage,
  wholeSession,
]
