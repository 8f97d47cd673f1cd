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
 * the window of `reach` columns to both sides. `low` and `high` are the lowest 15 bits of the reference and the 15 above; `height`
 * is how many voxels a column has, `sum`, `root` and `isConstant` are those of the reference.
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
  memory.fill(window, 0, bytes)
  for (let x = 0; x < min(reach, nx); x += 1) addColumn(window, columns + x * bytes, bytes)
  for (let x = 0; x < nx; x += 1) {
    const enters = x + reach < nx
    const leaves = x - reach > 0
    let squares = i32x4.splat(0)
    let lows = squares
    let highs = squares
    // Without a column at either side, one of zeros stands for it: it lies behind the last column.
    const entering = columns + (enters ? x + reach : nx) * bytes
    const leaving = columns + (leaves ? x - reach - 1 : nx) * bytes
    for (let at = 0; at < counted; at += 16) {
      const change = i16x8.sub(v128.load(entering + at), v128.load(leaving + at))
      const counts = i16x8.add(v128.load(window + at), change)
      v128.store(window + at, counts)
      squares = i32x4.add(squares, i32x4.dot_i16x8_s(counts, counts))
      lows = i32x4.add(lows, i32x4.dot_i16x8_s(counts, v128.load(low + at)))
      highs = i32x4.add(highs, i32x4.dot_i16x8_s(counts, v128.load(high + at)))
    }
    const dropped = load<u16>(window + counted) + load<u16>(entering + counted) - load<u16>(leaving + counted)
    store<u16>(window + counted, dropped)
    const across = min(nx - 1, x + reach) - max(0, x - reach) + 1
    const total = <f64>(across * height - <i32>(<u16>dropped))
    const variance = <f64>bins * <f64>sumOf(squares) - total * total
    let result: f64 = 0
    if (isConstant) result = variance == 0 ? 1 : 0
    else if (variance != 0) {
      const products = <f64>sumOf(lows) + <f64>sumOf(highs) * 32768
      result = (<f64>bins * products - total * sum) / (Math.sqrt(variance) * root)
    }
    store<f32>(output + (x << 2), <f32>result)
  }
}

function addColumn(window: usize, column: usize, bytes: i32): void {
  for (let at = 0; at < bytes; at += 16) {
    v128.store(window + at, i16x8.add(v128.load(window + at), v128.load(column + at)))
  }
}

function sumOf(parts: v128): i32 {
  const pairs = i32x4.add(parts, i32x4.shuffle(parts, parts, 2, 3, 0, 1))
  return i32x4.extract_lane(pairs, 0) + i32x4.extract_lane(pairs, 1)
}
