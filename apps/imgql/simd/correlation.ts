/** Histograms of windows that slide, and the sums that their correlation with another is made of. */

/** Counts the voxels of a row into the columns they stand in, or out of them. Bins are numbers of 16 bits, as counts are. */
export function countColumns(bins: usize, columns: usize, nx: i32, stride: i32, change: i32): void {
  for (let x = 0; x < nx; x += 1) {
    const at = columns + ((<usize>load<u16>(bins + (x << 1))) << 1)
    store<u16>(at, load<u16>(at) + change)
    columns += stride << 1
  }
}

/**
 * One row of the output. Columns, each `stride` counts of which the last 8 are of voxels that are not counted, enter and leave
 * the window of `reach` columns to both sides; behind the last column is one of zeros. `low` and `high` are the lowest 15 bits
 * of the reference and the 15 above; `height` is how many voxels a column has, `sum`, `root` and `isConstant` are those of the
 * reference.
 *
 * Sums change with the counts that change: most columns are as the one that they replace in most vectors, or in all.
 */
export function correlateRow(
  columns: usize,
  window: usize,
  low: usize,
  high: usize,
  output: usize,
  nx: i32,
  reach: i32,
  stride: i32,
  bins: i32,
  height: i32,
  sum: f64,
  root: f64,
  isConstant: i32,
): void {
  const bytes = stride << 1
  const counted = bytes - 16
  const none = columns + nx * bytes
  memory.fill(window, 0, bytes)
  let squares = i32x4.splat(0)
  let lows = squares
  let highs = squares
  let result: f64 = 0
  let before = -1
  for (let x = -reach; x < nx; x += 1) {
    const enters = x + reach
    const leaves = enters - 2 * reach - 1
    const entering = enters < nx ? columns + enters * bytes : none
    const leaving = leaves >= 0 ? columns + leaves * bytes : none
    let isSame = true
    for (let at = 0; at < counted; at += 16) {
      const change = i16x8.sub(v128.load(entering + at), v128.load(leaving + at))
      if (!v128.any_true(change)) continue
      isSame = false
      const counts = v128.load(window + at)
      const changed = i16x8.add(counts, change)
      v128.store(window + at, changed)
      // The difference of two squares.
      squares = i32x4.add(squares, i32x4.dot_i16x8_s(change, i16x8.add(counts, changed)))
      lows = i32x4.add(lows, i32x4.dot_i16x8_s(change, v128.load(low + at)))
      highs = i32x4.add(highs, i32x4.dot_i16x8_s(change, v128.load(high + at)))
    }
    const dropped = load<u16>(window + counted) + load<u16>(entering + counted) - load<u16>(leaving + counted)
    store<u16>(window + counted, dropped)
    if (x < 0) continue
    const total = (min(nx - 1, x + reach) - max(0, x - reach) + 1) * height - <i32>(<u16>dropped)
    if (!isSame || total != before) {
      result = correlationOf(sumOf(squares), sumOf(lows), sumOf(highs), total, bins, sum, root, isConstant)
      before = total
    }
    store<f32>(output + (x << 2), <f32>result)
  }
}

/** Pearson's, of sums of whole numbers, which are exact: a variance is 0 where all counts are the same, and only there. */
function correlationOf(
  squares: i32,
  lows: i32,
  highs: i32,
  total: i32,
  bins: i32,
  sum: f64,
  root: f64,
  isConstant: i32,
): f64 {
  const variance = <f64>bins * <f64>squares - <f64>total * <f64>total
  if (isConstant) return variance == 0 ? 1 : 0
  if (variance == 0) return 0
  const products = <f64>lows + <f64>highs * 32768
  return (<f64>bins * products - <f64>total * sum) / (Math.sqrt(variance) * root)
}

function sumOf(parts: v128): i32 {
  const pairs = i32x4.add(parts, i32x4.shuffle(parts, parts, 2, 3, 0, 1))
  return i32x4.extract_lane(pairs, 0) + i32x4.extract_lane(pairs, 1)
}

/** The bin of each float, of those that are `width` wide and begin at `from`; `drop` for what is not below `to`, and for NaN. */
export function binFloats(
  values: usize,
  bins: usize,
  count: i32,
  from: f64,
  to: f64,
  width: f64,
  last: i32,
  drop: i32,
): void {
  for (let at = 0; at < count; at += 1) {
    const value = <f64>load<f32>(values + (at << 2))
    // Rounding may put a value just below the end one bin too far.
    const bin = min(last, <i32>((value - from) / width))
    store<u16>(bins + (at << 1), <u16>(value >= from && value < to ? bin : drop))
  }
}

/** Adds the bins of voxels whose byte in the mask is not 0 to the counts, which are of 32 bits. */
export function countMasked(bins: usize, mask: usize, counts: usize, count: i32): void {
  for (let at = 0; at < count; at += 16) {
    // A region is small, as a rule.
    if (!v128.any_true(v128.load(mask + at))) continue
    for (let each = at; each < min(at + 16, count); each += 1) {
      if (load<u8>(mask + each) == 0) continue
      const into = counts + ((<usize>load<u16>(bins + (each << 1))) << 2)
      store<i32>(into, load<i32>(into) + 1)
    }
  }
}
