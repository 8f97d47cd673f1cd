/** What lies within a distance of set bits: rows of bits, spread along x and put together. */
import { spreadBits } from "./masks"

/**
 * Writes the bytes of the rows of a slice: `near` where the rows around one, each spread along x, have a bit, `far` elsewhere.
 *
 * Rows are a multiple of 16 bytes. The rows around one are told by `offsets` from it, in bytes, by groups: `groups` has for each how
 * many there are in it, and how far it and all before it are spread once it is there. `line` has room for a row.
 */
export function spreadSlice(
  bits: usize,
  to: usize,
  offsets: usize,
  groups: usize,
  groupCount: i32,
  line: usize,
  rowBytes: i32,
  rows: i32,
  nx: i32,
  near: i32,
  far: i32,
): void {
  const front = i8x16.splat(<i8>near)
  const back = i8x16.splat(<i8>far)
  for (let row = 0; row < rows; row += 1) {
    const here = bits + row * rowBytes
    for (let at = 0; at < rowBytes; at += 16) v128.store(line + at, i64x2.splat(0))
    let next = offsets
    for (let group = 0; group < groupCount; group += 1) {
      const end = next + (load<i32>(groups + (group << 3)) << 2)
      for (let at = 0; at < rowBytes; at += 16) {
        let joined = v128.load(line + at)
        for (let offset = next; offset < end; offset += 4)
          joined = v128.or(joined, v128.load(here + load<i32>(offset) + at))
        v128.store(line + at, joined)
      }
      next = end
      spreadRow(line, rowBytes, load<i32>(groups + (group << 3), 4))
    }
    const start = to + row * nx
    // A row may write past its end: the next one comes after it.
    for (let x = 0; x < nx; x += 16) {
      v128.store(start + x, v128.bitselect(front, back, spreadBits(load<u16>(line + (x >> 3)))))
    }
  }
}

/** A step may be as long as what is reached to one side and one voxel more: at the edge of a row there is no other side. */
function spreadRow(line: usize, rowBytes: i32, reach: i32): void {
  let reached = 0
  while (reached < reach) {
    const step = min(min(reached + 1, reach - reached), 63)
    const back = 64 - step
    let before: u64 = 0
    let middle = load<u64>(line)
    for (let at = 0; at < rowBytes; at += 8) {
      const after = at + 8 < rowBytes ? load<u64>(line + at, 8) : 0
      store<u64>(line + at, middle | (middle << step) | (before >>> back) | (middle >>> step) | (after << back))
      before = middle
      middle = after
    }
    reached += step
  }
}
