/**
 * Squared distances to the nearest site, one axis after the other.
 *
 * Along an axis a square is the least sum of a square of the axes before and the squared way to it. What is nearest is usually near:
 * so ways of growing length are tried, to both sides, for sixteen lines at once, until no longer one can help. Where that takes many
 * steps, the lower envelope of parabolas takes over, whose time is linear (P. F. Felzenszwalb, D. P. Huttenlocher, "Distance Transforms
 * of Sampled Functions", Theory of Computing 8, 2012).
 *
 * Planes have rows of a multiple of 16 floats. All squares are float32, as in ITK.
 */

/** Steps a voxel, on average over a tile, beyond which the envelope is faster. */
const PATIENCE: i32 = 48

const TILE: i32 = 16

/**
 * The border of a slice: what of `inside` has a bit of `before`, `here` or `after` in its row or one beside it. These lie between two rows
 * of zeros each, `words` words long.
 */
export function findBorder(
  before: usize,
  here: usize,
  after: usize,
  inside: usize,
  border: usize,
  words: i32,
  count: i32,
): void {
  const row = words << 2
  for (let at = 0; at < count << 2; at += 16) {
    const any = v128.or(v128.or(rowsAt(before + at, row), rowsAt(here + at, row)), rowsAt(after + at, row))
    v128.store(border + at, v128.and(any, v128.load(inside + at)))
  }
}

function rowsAt(at: usize, row: i32): v128 {
  return v128.or(v128.or(v128.load(at - row), v128.load(at)), v128.load(at + row))
}

/**
 * The squared way along x to the nearest set bit of the row; Infinity in rows without. `ascending` has the squares of 0, 1, ...
 * steps, `descending` ends with that of 0; `nx` of both. Returns whether any bit is set.
 */
export function findSlice(
  border: usize,
  plane: usize,
  ascending: usize,
  descending: usize,
  nx: i32,
  ny: i32,
  words: i32,
  width: i32,
): i32 {
  let any: u32 = 0
  for (let y = 0; y < ny; y += 1) {
    any |= findRow(border + ((y * words) << 2), plane + ((y * width) << 2), ascending, descending, nx, words)
    // Beyond the row nothing is far.
    for (let x = nx; x < width; x += 1) store<f32>(plane + ((y * width + x) << 2), 0)
  }
  return any != 0
}

function findRow(border: usize, row: usize, ascending: usize, descending: usize, nx: i32, words: i32): u32 {
  let last = -1
  for (let word = 0; word < words; word += 1) {
    let bits = load<u32>(border + (word << 2))
    while (bits != 0) {
      const x = (word << 5) + ctz(bits)
      bits &= bits - 1
      // The first half of the way back to the site before is nearer to that one.
      const middle = last == -1 ? 0 : (last + x + 1) >>> 1
      if (last != -1) copyFloats(row + ((last + 1) << 2), ascending + 4, middle - last - 1)
      copyFloats(row + (middle << 2), descending + ((nx - 1 - (x - middle)) << 2), x - middle + 1)
      last = x
    }
  }
  if (last == -1) {
    const far = f32x4.splat(Infinity)
    for (let x = 0; x < nx; x += 4) v128.store(row + (x << 2), far)
    return 0
  }
  copyFloats(row + ((last + 1) << 2), ascending + 4, nx - last - 1)
  return 1
}

/** May write up to 12 bytes past the end, where the next stretch or row comes. */
function copyFloats(to: usize, from: usize, count: i32): void {
  for (let at = 0; at < count; at += 4) v128.store(to + (at << 2), v128.load(from + (at << 2)))
}

/**
 * Writes to `to` the least sum, over each column of `from`, of a square and the squared way to it. `ways` has the squares of 0, 1,
 * ... `length` - 1 steps; `spare` room for the envelope: 24 bytes for every place along the column, and 24 more.
 */
export function sweepPlane(
  from: usize,
  to: usize,
  ways: usize,
  spare: usize,
  width: i32,
  length: i32,
  step: f64,
): void {
  // Rows are Infinity as a whole or nowhere: those before and after all others have nothing to offer.
  let first = 0
  while (first < length && load<f32>(from + ((first * width) << 2)) == Infinity) first += 1
  let last = length - 1
  while (last > first && load<f32>(from + ((last * width) << 2)) == Infinity) last -= 1
  for (let x = 0; x < width; x += TILE) {
    if (first < length && sweepTile(from + (x << 2), to + (x << 2), ways, width << 2, length, first, last)) continue
    for (let column = x; column < x + TILE; column += 1) {
      sweepLine(from + (column << 2), to + (column << 2), ways, spare, width << 2, length, step)
    }
  }
}

function sweepTile(from: usize, to: usize, ways: usize, stride: i32, length: i32, first: i32, last: i32): bool {
  let patience = PATIENCE * length
  for (let at = 0; at < length; at += 1) {
    const here = from + at * stride
    let a = v128.load(here)
    let b = v128.load(here, 16)
    let c = v128.load(here, 32)
    let d = v128.load(here, 48)
    // Beyond the first and the last row that matter there is nothing to look at.
    const before = at - first
    const after = last - at
    const both = min(before, after)
    const most = max(before, after)
    let steps = both < 0 ? -both : 1
    const begin = steps
    let low: usize = here - (steps - 1) * stride
    let high: usize = here + (steps - 1) * stride
    for (; steps <= both; steps += 1) {
      const way = v128.load32_splat(ways + (steps << 2))
      if (!isAnyAbove(a, b, c, d, way)) break
      low -= <usize>stride
      high += <usize>stride
      a = f32x4.pmin(a, f32x4.add(f32x4.pmin(v128.load(low), v128.load(high)), way))
      b = f32x4.pmin(b, f32x4.add(f32x4.pmin(v128.load(low, 16), v128.load(high, 16)), way))
      c = f32x4.pmin(c, f32x4.add(f32x4.pmin(v128.load(low, 32), v128.load(high, 32)), way))
      d = f32x4.pmin(d, f32x4.add(f32x4.pmin(v128.load(low, 48), v128.load(high, 48)), way))
    }
    if (steps > both) {
      // Only one side has more.
      const onward = before < after ? stride : -stride
      let there = before < after ? high : low
      for (; steps <= most; steps += 1) {
        const way = v128.load32_splat(ways + (steps << 2))
        if (!isAnyAbove(a, b, c, d, way)) break
        there += <usize>onward
        a = f32x4.pmin(a, f32x4.add(v128.load(there), way))
        b = f32x4.pmin(b, f32x4.add(v128.load(there, 16), way))
        c = f32x4.pmin(c, f32x4.add(v128.load(there, 32), way))
        d = f32x4.pmin(d, f32x4.add(v128.load(there, 48), way))
      }
    }
    patience -= steps - begin
    if (patience < 0) return false
    const into = to + at * stride
    v128.store(into, a)
    v128.store(into, b, 16)
    v128.store(into, c, 32)
    v128.store(into, d, 48)
  }
  return true
}

function isAnyAbove(a: v128, b: v128, c: v128, d: v128, way: v128): bool {
  const most = f32x4.pmax(f32x4.pmax(a, b), f32x4.pmax(c, d))
  return v128.any_true(f32x4.gt(most, way))
}

/** The lower envelope of one parabola a site. Sites, their squares and where they begin to be the nearest lie in `spare`. */
function sweepLine(from: usize, to: usize, ways: usize, spare: usize, stride: i32, length: i32, step: f64): void {
  let count = 0
  const inverse = 1 / (2 * step * step)
  for (let at = 0; at < length; at += 1) {
    const height = <f64>load<f32>(from + at * stride)
    if (height == Infinity) continue
    let begin = -Infinity
    while (count > 0) {
      const last = spare + (count - 1) * 24
      const site = load<i32>(last, 16)
      begin = <f64>(at + site) / 2 + ((height - load<f64>(last, 8)) * inverse) / <f64>(at - site)
      if (begin > load<f64>(last)) break
      count -= 1
      begin = -Infinity
    }
    const next = spare + count * 24
    store<f64>(next, begin)
    store<f64>(next, height, 8)
    store<i32>(next, at, 16)
    count += 1
  }
  if (count == 0) {
    for (let at = 0; at < length; at += 1) store<f32>(to + at * stride, Infinity)
    return
  }
  store<f64>(spare + count * 24, Infinity)
  let current = spare
  for (let at = 0; at < length; at += 1) {
    while (load<f64>(current, 24) < <f64>at) current += 24
    const site = load<i32>(current, 16)
    const way = load<f32>(ways + (abs(at - site) << 2))
    store<f32>(to + at * stride, <f32>load<f64>(current, 8) + way)
  }
}

/** From squares to distances, or squares still: below 0 on set bits, or, with the inside positive, on the others. Infinity becomes `nowhere`. */
export function finishPlane(
  plane: usize,
  bits: usize,
  width: i32,
  words: i32,
  rows: i32,
  isSquared: i32,
  isInsidePositive: i32,
  nowhere: f32,
): void {
  const far = f32x4.splat(nowhere)
  const infinite = f32x4.splat(Infinity)
  const each = i32x4(1, 2, 4, 8)
  const minus = i32x4.splat(0x80000000)
  const flip: u32 = isInsidePositive ? 0xf : 0
  for (let row = 0; row < rows; row += 1) {
    const line = bits + ((row * words) << 2)
    const start = plane + ((row * width) << 2)
    for (let x = 0; x < words << 5 && x < width; x += 4) {
      const square = v128.load(start + (x << 2))
      const root = isSquared ? square : f32x4.sqrt(square)
      const way = v128.bitselect(far, root, f32x4.eq(square, infinite))
      const set = (((<u32>load<u8>(line + (x >> 3))) >>> (x & 4)) & 0xf) ^ flip
      const isBelow = i32x4.eq(v128.and(i32x4.splat(set), each), each)
      v128.store(start + (x << 2), v128.xor(way, v128.and(isBelow, minus)))
    }
  }
}
