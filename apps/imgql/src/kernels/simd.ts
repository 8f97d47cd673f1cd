/**
 * The inner loops that are made for vectors: `simd/`, compiled to WebAssembly by `npm run build`.
 *
 * Every thread has the module and its memory to itself. A phase lays out in it what it works on, a few rows or slices at a time,
 * copies them in, and the results out. That costs less than it seems: the copies stay in the caches of the core.
 */
import { readFileSync } from "node:fs"
import { KernelError } from "./kernel-error.ts"

/** Threads and tests alike take it from what is built. */
const PROGRAM = new URL(import.meta.url.endsWith(".ts") ? "../../dist/simd.wasm" : "../simd.wasm", import.meta.url)

/** All arguments are places in bytes, counts of values, or values. What each does is said in `simd/`. */
export interface Loops {
  selectBytes(from: number, to: number, count: number, ...range: Range): void
  selectFloats(from: number, to: number, count: number, ...range: Range): void
  packRows(bytes: number, bits: number, ...rows: [...Rows, value: number, isInverted: number]): void
  paintRows(bytes: number, bits: number, to: number, ...rows: [...Rows, foreground: number, background: number]): void
  findBorder(before: number, here: number, after: number, inside: number, border: number, ...rows: Words): void
  findSlice(border: number, plane: number, ascending: number, descending: number, ...slice: Slice): number
  sweepPlane(from: number, to: number, ways: number, spare: number, width: number, length: number, step: number): void
  finishPlane(plane: number, bits: number, width: number, words: number, rows: number, ...finish: Finish): void
  spreadSlice(bits: number, to: number, ...by: Spreading): void
  binFloats(values: number, bins: number, count: number, from: number, to: number, ...more: Binning): void
  countMasked(bins: number, mask: number, counts: number, count: number): void
  countColumns(bins: number, columns: number, nx: number, stride: number, change: number): void
  correlateRow(columns: number, window: number, low: number, high: number, output: number, ...row: Correlation): void
  gradientRows(here: number, below: number, above: number, output: number, ...rows: Gradient): void
  rangeFloats(values: number, mask: number, count: number, found: number): void
  countFloats(values: number, mask: number, count: number, ...bins: Bins): void
  selectMasked(values: number, mask: number, to: number, count: number, ...limit: Limit): void
  extremesOf(values: number, count: number, found: number): void
  combineBytes(a: number, b: number, to: number, count: number, operation: number): void
  countSet(bytes: number, count: number): number
  maskFloats(values: number, mask: number, to: number, count: number): void
  packBits(bytes: number, to: number, count: number): number
  lookUpSixteen(bytes: number, table: number, to: number, count: number): void
  classifyByFew(values: number, classes: number, count: number, ...by: [limits: number, ...Reached]): void
  countBytes(values: number, count: number, counts: number): void
  classifyFloats(values: number, classes: number, count: number, ...by: Classes): void
}

type Spreading = [
  ...[offsets: number, groups: number, groupCount: number, line: number],
  ...[rowBytes: number, rows: number, nx: number, near: number, far: number],
]
type Words = [words: number, count: number]
type Range = [lower: number, upper: number, inside: number, outside: number]
type Rows = [nx: number, words: number, rows: number]
type Slice = [nx: number, ny: number, words: number, width: number]
type Finish = [isSquared: number, isInsidePositive: number, nowhere: number]
type Binning = [width: number, last: number, drop: number]
type Correlation = [
  ...[nx: number, reach: number, stride: number, bins: number, height: number],
  ...[sum: number, root: number, isConstant: number],
]
type Gradient = [nx: number, rows: number, scaleX: number, scaleY: number, scaleZ: number]
type Bins = [edges: number, counts: number, bins: number, scale: number]
type Reached = [reached: number, limitCount: number]
type Classes = [
  ...[limits: number, guide: number, counts: number],
  ...[limitCount: number, cells: number, scale: number],
]
type Limit = [threshold: number, inside: number, outside: number]

/** The memory of this thread's module, by every width; all of it, so an index is a place divided by the width. */
export interface Workspace {
  readonly loops: Loops
  readonly bytes: Uint8Array
  readonly shorts: Uint16Array
  readonly words: Int32Array
  readonly floats: Float32Array
  readonly doubles: Float64Array
  /** Where each of the arrays begins that were asked for: at a multiple of 16. */
  readonly places: readonly number[]
}

/** What of the global WebAssembly is used here; the libraries that we compile with do not know of it. */
declare const WebAssembly: {
  readonly Module: new (program: Uint8Array) => object
  readonly Instance: new (module: object) => { readonly exports: unknown }
}

interface Module extends Loops {
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number }
}

let loaded: Module | null = null

/** Loops read and write up to this many bytes past the end of an array. */
const SLACK = 64

const PAGE = 65_536

/** How many voxels loops without shape look at once: their copies stay in the nearer caches. */
export const VECTOR_CHUNK = 16_384

/** Makes room in this thread's module for arrays of so many bytes. What was laid out before is given up; nothing is cleared. */
export function layOut(...sizes: readonly number[]): Workspace {
  loaded ??= load()
  const { memory } = loaded
  const places: number[] = []
  let end = SLACK
  for (const size of sizes) {
    places.push(end)
    end = (end + size + SLACK + 15) & ~15
  }
  const missing = end - memory.buffer.byteLength
  if (missing > 0) memory.grow(Math.ceil(missing / PAGE))
  const { buffer } = memory
  return {
    loops: loaded,
    bytes: new Uint8Array(buffer),
    shorts: new Uint16Array(buffer),
    words: new Int32Array(buffer),
    floats: new Float32Array(buffer),
    doubles: new Float64Array(buffer),
    places,
  }
}

function load(): Module {
  let program: Buffer
  try {
    program = readFileSync(PROGRAM)
  } catch (cause) {
    throw new KernelError(
      "KERNELS_NOT_BUILT",
      `Kernels expect their inner loops in ${PROGRAM.pathname}, which cannot be read. Run "npm run build".`,
      { cause },
    )
  }
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(program))
  // What simd/index.ts exports, and the memory that the compiler adds.
  return exports as Module
}
