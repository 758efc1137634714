/** Bit numbers, never masks, of the common capabilities (`protocol-session.md` 1.4). */
export const COMMON_CAP = {
  authSelection: 0,
  authSpice: 1,
  authSasl: 2,
  miniHeader: 3,
} as const

export const MAIN_CAP = {
  semiSeamlessMigrate: 0,
  nameAndUuid: 1,
  agentConnectedTokens: 2,
  seamlessMigrate: 3,
} as const

export const DISPLAY_CAP = {
  sizedStream: 0,
  monitorsConfig: 1,
  composite: 2,
  a8Surface: 3,
  streamReport: 4,
  lz4Compression: 5,
  prefCompression: 6,
  glScanout: 7,
  multiCodec: 8,
  codecMjpeg: 9,
  codecVp8: 10,
  codecH264: 11,
  prefVideoCodecType: 12,
  codecVp9: 13,
  codecH265: 14,
  glScanout2: 15,
} as const

export const INPUTS_CAP = { keyScancode: 0 } as const

/** Bit 0, CELT 0.5.1, is dead: nobody sets it. */
export const PLAYBACK_CAP = { volume: 1, latency: 2, opus: 3 } as const

/** Bit 0, CELT 0.5.1, is dead: nobody sets it. */
export const RECORD_CAP = { volume: 1, opus: 2 } as const

/** usbredir, port and webdav. */
export const VMC_CAP = { dataCompressLz4: 0 } as const

/** Capability words in which exactly `bits` are set; as few words as will do. */
export const capsOf = (bits: readonly number[]): readonly number[] => {
  const words: number[] = []
  for (const bit of bits) {
    const at = bit >>> 5
    while (words.length <= at) {
      words.push(0)
    }
    words[at] = ((words[at] ?? 0) | (1 << (bit & 31))) >>> 0
  }
  return words
}

/** Is `bit` set; words that are missing are all zero. */
export const hasCap = (words: readonly number[], bit: number): boolean =>
  (((words[bit >>> 5] ?? 0) >>> (bit & 31)) & 1) === 1
