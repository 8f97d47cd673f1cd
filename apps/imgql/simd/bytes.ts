/** Bytes as truth values: put together, counted, and used to choose. */

/** 0: and, 1: or, 2: exclusive or, bit by bit; 3: 1 where the first byte is 0, and 0 elsewhere. */
export function combineBytes(a: usize, b: usize, to: usize, count: i32, operation: i32): void {
  const one = i8x16.splat(1)
  const zero = i8x16.splat(0)
  if (operation == 0) {
    for (let at = 0; at < count; at += 16) v128.store(to + at, v128.and(v128.load(a + at), v128.load(b + at)))
  } else if (operation == 1) {
    for (let at = 0; at < count; at += 16) v128.store(to + at, v128.or(v128.load(a + at), v128.load(b + at)))
  } else if (operation == 2) {
    for (let at = 0; at < count; at += 16) v128.store(to + at, v128.xor(v128.load(a + at), v128.load(b + at)))
  } else {
    for (let at = 0; at < count; at += 16) v128.store(to + at, v128.and(i8x16.eq(v128.load(a + at), zero), one))
  }
}

/** How many bytes are not 0. */
export function countSet(bytes: usize, count: i32): i32 {
  const zero = i8x16.splat(0)
  let clear = 0
  let at = 0
  for (; at + 16 <= count; at += 16) clear += popcnt(i8x16.bitmask(i8x16.eq(v128.load(bytes + at), zero)))
  for (; at < count; at += 1) clear += load<u8>(bytes + at) == 0 ? 1 : 0
  return count - clear
}

/** The floats whose byte in the mask is not 0; 0 for the others. */
export function maskFloats(values: usize, mask: usize, to: usize, count: i32): void {
  const zero = i32x4.splat(0)
  for (let at = 0; at < count; at += 4) {
    const members = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(mask + at)))
    v128.store(to + (at << 2), v128.andnot(v128.load(values + (at << 2)), i32x4.eq(members, zero)))
  }
}

/** Bytes of 0 and 1 as bits, eight a byte, the first the lowest. Returns whether there was any other byte. */
export function packBits(bytes: usize, to: usize, count: i32): i32 {
  const one = i8x16.splat(1)
  const zero = i8x16.splat(0)
  let other = zero
  for (let at = 0; at < count; at += 16) {
    const value = v128.load(bytes + at)
    other = v128.or(other, v128.andnot(value, one))
    store<u16>(to + (at >> 3), i8x16.bitmask(i8x16.ne(value, zero)))
  }
  return v128.any_true(other)
}

/** Replaces bytes, each below 16, by what stands at their place in the table. */
export function lookUpSixteen(bytes: usize, table: usize, to: usize, count: i32): void {
  const entries = v128.load(table)
  for (let at = 0; at < count; at += 16) v128.store(to + at, i8x16.swizzle(entries, v128.load(bytes + at)))
}
