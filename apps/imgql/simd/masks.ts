/** Masks: which values lie in a range, and from bytes to bits and back. */

/** `inside` where a byte lies from `lower` to `upper`, `outside` elsewhere. */
export function selectBytes(
  from: usize,
  to: usize,
  count: i32,
  lower: i32,
  upper: i32,
  inside: i32,
  outside: i32,
): void {
  const low = i8x16.splat(<i8>lower)
  const span = i8x16.splat(<i8>(upper - lower))
  const yes = i8x16.splat(<i8>inside)
  const no = i8x16.splat(<i8>outside)
  for (let at = 0; at < count; at += 16) {
    const shifted = i8x16.sub(v128.load(from + at), low)
    v128.store(to + at, v128.bitselect(yes, no, i8x16.le_u(shifted, span)))
  }
}

function selectFour(from: usize, low: v128, high: v128): v128 {
  const values = v128.load(from)
  return v128.and(f32x4.ge(values, low), f32x4.le(values, high))
}

/** `inside` where a float lies from `lower` to `upper`, `outside` elsewhere, also for NaN. */
export function selectFloats(
  from: usize,
  to: usize,
  count: i32,
  lower: f32,
  upper: f32,
  inside: i32,
  outside: i32,
): void {
  const low = f32x4.splat(lower)
  const high = f32x4.splat(upper)
  const yes = i8x16.splat(<i8>inside)
  const no = i8x16.splat(<i8>outside)
  for (let at = 0; at < count; at += 16) {
    const start = from + 4 * at
    const first = i16x8.narrow_i32x4_s(selectFour(start, low, high), selectFour(start + 16, low, high))
    const second = i16x8.narrow_i32x4_s(selectFour(start + 32, low, high), selectFour(start + 48, low, high))
    v128.store(to + at, v128.bitselect(yes, no, i8x16.narrow_i16x8_s(first, second)))
  }
}

/**
 * Sets the bits of the bytes that are `value`, or, inverted, of those that are not. Every row begins with a word of its own.
 */
export function packRows(bytes: usize, bits: usize, nx: i32, words: i32, rows: i32, value: i32, isInverted: i32): void {
  const wanted = i8x16.splat(<i8>value)
  const flip: u32 = isInverted ? 0xffffffff : 0
  const rest = nx & 31
  const tail: u32 = rest == 0 ? 0xffffffff : ((<u32>1) << rest) - 1
  for (let row = 0; row < rows; row += 1) {
    const start = bytes + row * nx
    const into = bits + ((row * words) << 2)
    for (let word = 0; word < words; word += 1) {
      const at = start + (word << 5)
      const low: u32 = i8x16.bitmask(i8x16.eq(v128.load(at), wanted))
      const high: u32 = i8x16.bitmask(i8x16.eq(v128.load(at, 16), wanted))
      store<u32>(into + (word << 2), (low | (high << 16)) ^ flip)
    }
    const last = into + ((words - 1) << 2)
    store<u32>(last, load<u32>(last) & tail)
  }
}

/** All bits set in the bytes whose bits are set, none in the others. */
export function spreadBits(bits: u32): v128 {
  const both = i16x8.splat(<i16>bits)
  const spread = i8x16.swizzle(both, i8x16(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1))
  const each = i8x16(1, 2, 4, 8, 16, 32, 64, -128, 1, 2, 4, 8, 16, 32, 64, -128)
  return i8x16.eq(v128.and(spread, each), each)
}

/** `foreground` where a bit is set; elsewhere the byte, or `background` if that is the foreground. */
export function paintRows(
  bytes: usize,
  bits: usize,
  to: usize,
  nx: i32,
  words: i32,
  rows: i32,
  foreground: i32,
  background: i32,
): void {
  const front = i8x16.splat(<i8>foreground)
  const back = i8x16.splat(<i8>background)
  for (let row = 0; row < rows; row += 1) {
    const start = row * nx
    const line = bits + ((row * words) << 2)
    // A row may write past its end: the next one comes after it.
    for (let x = 0; x < nx; x += 16) {
      const value = v128.load(bytes + start + x)
      const other = v128.bitselect(back, value, i8x16.eq(value, front))
      const mask = spreadBits(load<u16>(line + (x >> 3)))
      v128.store(to + start + x, v128.bitselect(front, other, mask))
    }
  }
}
