/** Values of float32: their slopes, their range and their histogram. */

/**
 * The magnitude of the gradient in rows of a slice. `here` is the first of them; the row before it and the one after the last lie beside
 * them, `below` and `above` those of the slices beside. The first and the last voxel of each row come out wrong.
 */
export function gradientRows(
  here: usize,
  below: usize,
  above: usize,
  output: usize,
  nx: i32,
  rows: i32,
  scaleX: f64,
  scaleY: f64,
  scaleZ: f64,
): void {
  const factorX = f64x2.splat(scaleX)
  const factorY = f64x2.splat(scaleY)
  const factorZ = f64x2.splat(scaleZ)
  const before = here - (nx << 2)
  const after = here + (nx << 2)
  for (let at = 0; at < (nx * rows) << 2; at += 16) {
    const left = v128.load(here + at - 4)
    const right = v128.load(here + at + 4)
    const front = v128.load(before + at)
    const back = v128.load(after + at)
    const under = v128.load(below + at)
    const over = v128.load(above + at)
    const low = lengthOf(right, left, back, front, over, under, factorX, factorY, factorZ)
    const high = lengthOf(
      upper(right),
      upper(left),
      upper(back),
      upper(front),
      upper(over),
      upper(under),
      factorX,
      factorY,
      factorZ,
    )
    v128.store(output + at, i64x2.shuffle(low, high, 0, 2))
  }
}

function upper(values: v128): v128 {
  return i32x4.shuffle(values, values, 2, 3, 0, 1)
}

function lengthOf(
  right: v128,
  left: v128,
  back: v128,
  front: v128,
  over: v128,
  under: v128,
  factorX: v128,
  factorY: v128,
  factorZ: v128,
): v128 {
  const alongX = slopeOf(right, left, factorX)
  const alongY = slopeOf(back, front, factorY)
  const alongZ = slopeOf(over, under, factorZ)
  const squares = f64x2.add(f64x2.add(f64x2.mul(alongX, alongX), f64x2.mul(alongY, alongY)), f64x2.mul(alongZ, alongZ))
  return f32x4.demote_f64x2_zero(f64x2.sqrt(squares))
}

function slopeOf(to: v128, from: v128, factor: v128): v128 {
  return f64x2.mul(f64x2.sub(f64x2.promote_low_f32x4(to), f64x2.promote_low_f32x4(from)), factor)
}

/** Writes four least and four largest values where the mask is not 0 to `found`, Infinity and -Infinity where there are none. NaN is passed over. */
export function rangeFloats(values: usize, mask: usize, count: i32, found: usize): void {
  const none = f32x4.splat(Infinity)
  const zero = i32x4.splat(0)
  let least = none
  let most = f32x4.neg(none)
  for (let at = 0; at < count; at += 4) {
    const value = v128.load(values + (at << 2))
    const members = i16x8.extend_low_i8x16_u(v128.load32_zero(mask + at))
    const isOut = i32x4.eq(i32x4.extend_low_i16x8_u(members), zero)
    least = f32x4.pmin(least, v128.bitselect(none, value, isOut))
    most = f32x4.pmax(most, v128.bitselect(f32x4.neg(none), value, isOut))
  }
  v128.store(found, least)
  v128.store(found, most, 16)
}

/** Adds the voxels of the mask to the bins whose `edges` they lie between. */
export function countFloats(
  values: usize,
  mask: usize,
  count: i32,
  edges: usize,
  counts: usize,
  bins: i32,
  scale: f64,
): void {
  const least = load<f64>(edges)
  const last = bins - 1
  for (let at = 0; at < count; at += 1) {
    if (load<u8>(mask + at) == 0) continue
    const value = <f64>load<f32>(values + (at << 2))
    if (value != value) continue
    // A guess, and then the bin whose edges say so.
    let bin = min(last, max(0, <i32>((value - least) * scale)))
    while (bin > 0 && value < load<f64>(edges + (bin << 3))) bin -= 1
    while (bin < last && value >= load<f64>(edges + ((bin + 1) << 3))) bin += 1
    const into = counts + (bin << 2)
    store<i32>(into, load<i32>(into) + 1)
  }
}

/** 0 outside the mask; there `inside` where a value is at most `threshold`, `outside` above it and for NaN. */
export function selectMasked(
  values: usize,
  mask: usize,
  to: usize,
  count: i32,
  threshold: f32,
  inside: i32,
  outside: i32,
): void {
  const limit = f32x4.splat(threshold)
  const yes = i8x16.splat(<i8>inside)
  const no = i8x16.splat(<i8>outside)
  const zero = i8x16.splat(0)
  for (let at = 0; at < count; at += 16) {
    const start = values + (at << 2)
    const first = i16x8.narrow_i32x4_s(f32x4.le(v128.load(start), limit), f32x4.le(v128.load(start, 16), limit))
    const second = i16x8.narrow_i32x4_s(f32x4.le(v128.load(start, 32), limit), f32x4.le(v128.load(start, 48), limit))
    const painted = v128.bitselect(yes, no, i8x16.narrow_i16x8_s(first, second))
    v128.store(to + at, v128.andnot(painted, i8x16.eq(v128.load(mask + at), zero)))
  }
}

/** Writes the least and the largest of a multiple of 4 values, four of each. NaN is passed over. */
export function extremesOf(values: usize, count: i32, found: usize): void {
  let least = f32x4.splat(Infinity)
  let most = f32x4.neg(least)
  for (let at = 0; at < count; at += 4) {
    const value = v128.load(values + (at << 2))
    least = f32x4.pmin(least, value)
    most = f32x4.pmax(most, value)
  }
  v128.store(found, least)
  v128.store(found, most, 16)
}
