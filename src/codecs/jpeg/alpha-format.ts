/** Bytes in front of the two streams: u8 flags, u32 JPEG size, u32 size of both, little-endian (codecs.md 7). */
export const JPEG_ALPHA_HEADER_SIZE = 9

/** Flag: the first alpha row is the top row. */
export const JPEG_ALPHA_TOP_DOWN = 1
