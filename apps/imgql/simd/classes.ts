/** Classes of values, as limits part them, and how often each occurs. */

/** Adds to `counts`, four tables of 256, how often each byte occurs: bytes beside each other are counted in different tables. */
export function countBytes(values: usize, count: i32, counts: usize): void {
  let at = 0
  for (; at + 4 <= count; at += 4) {
    const four = load<u32>(values + at)
    addOne(counts + ((four & 0xff) << 2))
    addOne(counts + 1024 + (((four >>> 8) & 0xff) << 2))
    addOne(counts + 2048 + (((four >>> 16) & 0xff) << 2))
    addOne(counts + 3072 + ((four >>> 24) << 2))
  }
  for (; at < count; at += 1) addOne(counts + ((<usize>load<u8>(values + at)) << 2))
}

function addOne(at: usize): void {
  store<u32>(at, load<u32>(at) + 1)
}

/**
 * The class of a float is how many of the rising `limits` it has reached; that of NaN is one more than there are limits. `guide` has
 * for each of `cells` even parts of the way from the first limit to the last how many limits lie in cells before it. Classes are
 * written as numbers of 16 bits, and added to `counts`.
 */
export function classifyFloats(
  values: usize,
  classes: usize,
  count: i32,
  limits: usize,
  guide: usize,
  counts: usize,
  limitCount: i32,
  cells: i32,
  scale: f64,
): void {
  const first = load<f64>(limits)
  for (let at = 0; at < count; at += 1) {
    const value = <f64>load<f32>(values + (at << 2))
    let reached = limitCount + 1
    if (value == value) {
      // The cell of NaN, which an infinite value times 0 gives, is the first.
      const cell = min(cells - 1, max(0, <i32>((value - first) * scale)))
      reached = load<i32>(guide + (cell << 2))
      const end = load<i32>(guide + (cell << 2), 4)
      while (reached < end && value >= load<f64>(limits + (reached << 3))) reached += 1
    }
    store<u16>(classes + (at << 1), <u16>reached)
    addOne(counts + (reached << 2))
  }
}

/**
 * The same as {@link classifyFloats} for a few limits, which are floats: classes are bytes, and `reached` gets for each limit how many
 * values reach it, and then how many are not NaN.
 */
export function classifyByFew(
  values: usize,
  classes: usize,
  count: i32,
  limits: usize,
  reached: usize,
  limitCount: i32,
): void {
  const ofNan = i8x16.splat(<i8>(limitCount + 1))
  for (let limit = -1; limit < limitCount; limit += 1) {
    const low = v128.load32_splat(limits + (max(0, limit) << 2))
    let total = 0
    for (let at = 0; at < count; at += 16) {
      const start = values + (at << 2)
      const isAt = limit == -1 ? orderedSixteen(start) : reachedSixteen(start, low)
      const rest = count - at
      const valid: u32 = rest >= 16 ? 0xffff : ((<u32>1) << rest) - 1
      total += popcnt((<u32>i8x16.bitmask(isAt)) & valid)
      const before = v128.load(classes + at)
      v128.store(classes + at, limit == -1 ? v128.andnot(ofNan, isAt) : i8x16.sub(before, isAt))
    }
    const into = reached + ((limit == -1 ? limitCount : limit) << 2)
    store<i32>(into, load<i32>(into) + total)
  }
}

function reachedSixteen(start: usize, low: v128): v128 {
  const first = i16x8.narrow_i32x4_s(f32x4.ge(v128.load(start), low), f32x4.ge(v128.load(start, 16), low))
  const second = i16x8.narrow_i32x4_s(f32x4.ge(v128.load(start, 32), low), f32x4.ge(v128.load(start, 48), low))
  return i8x16.narrow_i16x8_s(first, second)
}

function orderedSixteen(start: usize): v128 {
  const a = v128.load(start)
  const b = v128.load(start, 16)
  const c = v128.load(start, 32)
  const d = v128.load(start, 48)
  const first = i16x8.narrow_i32x4_s(f32x4.eq(a, a), f32x4.eq(b, b))
  return i8x16.narrow_i16x8_s(first, i16x8.narrow_i32x4_s(f32x4.eq(c, c), f32x4.eq(d, d)))
}
