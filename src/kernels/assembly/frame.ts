/** First free byte of memory. */
export function base(): usize {
  return __heap_base
}

/** Whether two runs of `n` bytes are equal. */
export function equal(a: usize, b: usize, n: usize): bool {
  for (let i: usize = 0; i + 16 <= n; i += 16) {
    if (v128.any_true(v128.xor(v128.load(a + i), v128.load(b + i)))) {
      return false
    }
  }
  for (let i = n & ~15; i < n; i++) {
    if (load<u8>(a + i) != load<u8>(b + i)) {
      return false
    }
  }
  return true
}
