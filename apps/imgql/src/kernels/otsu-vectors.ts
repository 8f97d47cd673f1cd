/** What takes time in `otsu.ts`, for the images that it is most asked of: float32, and a mask of bytes or none. */
import type { Image } from "../image/image.ts"
import type { Share } from "./kernel.ts"
import type { Workspace } from "./simd.ts"
import { layOut, VECTOR_CHUNK } from "./simd.ts"

interface Masked {
  readonly image: Image
  readonly mask: Image | null
}

interface Vectors {
  readonly image: Image & { readonly voxels: Float32Array }
  readonly mask: (Image & { readonly voxels: Uint8Array }) | null
}

export function areVectors<Memory extends Masked>(memory: Memory): memory is Memory & Vectors {
  return memory.image.type === "float32" && (memory.mask === null || memory.mask.type === "uint8")
}

const VALUES = VECTOR_CHUNK * 4

/** Calls `visit` with how many values and bytes of the mask lie at the first two places, for one chunk after the other. */
function eachChunk(
  { image: { voxels }, mask }: Vectors,
  { bytes, floats, places }: Workspace,
  { from, to }: Share,
  visit: (count: number, start: number) => void,
): void {
  const [valuesAt, maskAt] = [places[0]!, places[1]!]
  if (mask === null) bytes.fill(1, maskAt, maskAt + VECTOR_CHUNK)
  for (let start = from; start < to; start += VECTOR_CHUNK) {
    const end = Math.min(start + VECTOR_CHUNK, to)
    floats.set(voxels.subarray(start, end), valuesAt / 4)
    if (mask !== null) bytes.set(mask.voxels.subarray(start, end), maskAt)
    visit(end - start, start)
  }
}

/** The least and the largest value of the mask; Infinity and -Infinity if there is none. */
export function findRange(memory: Vectors, share: Share): readonly [number, number] {
  const workspace = layOut(VALUES, VECTOR_CHUNK, 32)
  const { loops, bytes, floats, places } = workspace
  const [valuesAt, maskAt, foundAt] = [places[0]!, places[1]!, places[2]!]
  let [least, most] = [Infinity, -Infinity]
  eachChunk(memory, workspace, share, (count) => {
    // Vectors may reach past the end, where nothing is of the mask.
    bytes.fill(0, maskAt + count, maskAt + count + 4)
    loops.rangeFloats(valuesAt, maskAt, count, foundAt)
    least = Math.min(least, ...floats.subarray(foundAt / 4, foundAt / 4 + 4))
    most = Math.max(most, ...floats.subarray(foundAt / 4 + 4, foundAt / 4 + 8))
  })
  return [least, most]
}

/** Adds the values of the mask to the bins between edges. */
export function countVectors(memory: Vectors, edges: Float64Array, counts: Int32Array, share: Share): void {
  const bins = counts.length
  const workspace = layOut(VALUES, VECTOR_CHUNK, edges.byteLength, counts.byteLength)
  const { loops, words, doubles, places } = workspace
  const [valuesAt, maskAt, edgesAt, countsAt] = [places[0]!, places[1]!, places[2]!, places[3]!]
  doubles.set(edges, edgesAt / 8)
  words.fill(0, countsAt / 4, countsAt / 4 + bins)
  const scale = bins / (edges[bins]! - edges[0]! || 1)
  eachChunk(memory, workspace, share, (count) => {
    loops.countFloats(valuesAt, maskAt, count, edgesAt, countsAt, bins, scale)
  })
  counts.set(words.subarray(countsAt / 4, countsAt / 4 + bins))
}

interface Selection {
  readonly threshold: number
  readonly inside: number
  readonly outside: number
  readonly output: Uint8Array
}

/** 0 outside the mask; there `inside` up to the threshold, `outside` above. */
export function selectVectors(memory: Vectors & Selection, share: Share): void {
  const { threshold, inside, outside, output } = memory
  const workspace = layOut(VALUES, VECTOR_CHUNK, VECTOR_CHUNK)
  const { loops, bytes, places } = workspace
  const [valuesAt, maskAt, outputAt] = [places[0]!, places[1]!, places[2]!]
  eachChunk(memory, workspace, share, (count, start) => {
    loops.selectMasked(valuesAt, maskAt, outputAt, count, threshold, inside, outside)
    output.set(bytes.subarray(outputAt, outputAt + count), start)
  })
}
