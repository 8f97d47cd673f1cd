/**
 * Otsu's threshold, with the arithmetic of ITK: bins whose edges are float32 steps above the minimum, class means of bin
 * centers in double, and the first of several equally good bins, equal meaning within one unit in the last place. (N. Otsu, "A
 * Threshold Selection Method from Gray-Level Histograms", IEEE Transactions on Systems, Man, and Cybernetics 9, 1979.)
 *
 * Bins reach from the least to the largest value that counts, and a little beyond. Those of 8-bit images reach over their
 * whole type, whatever their values are, as in ITK.
 */
import type { Image, VoxelType } from "../image/image.ts"
import type { Kernel } from "./kernel.ts"
import { shareOf } from "./kernel.ts"
import { KernelError } from "./kernel-error.ts"
import { bytesOf, CHUNK, makeImage, readDoubles, requireSameSize, requireScalar, requireThat } from "./shape.ts"
import { makeDoubles, makeInts } from "./memory.ts"
import { areVectors, countVectors, findRange, selectVectors } from "./otsu-vectors.ts"

export interface OtsuParameters {
  readonly bins: number
  /** Cut at the middle of the best bin, and not at its end. */
  readonly isMidpoint?: boolean
}

/** A mask of what lies above the threshold, and the threshold. */
export interface OtsuResult {
  readonly mask: Image
  readonly threshold: number
}

interface Memory {
  readonly kernel: string
  readonly image: Image
  /** Only its voxels count, and are in the result; null for all. */
  readonly mask: Image | null
  readonly bins: number
  readonly isMidpoint: boolean
  readonly inside: number
  readonly outside: number
  /** By part: the smallest and largest value. */
  readonly extremes: Float64Array
  /** The lower edge of each bin, and the upper one of the last. */
  readonly edges: Float64Array
  /** By part, then, in the first, their sum. */
  readonly counts: Int32Array
  /** [0]: the threshold. */
  readonly threshold: Float64Array
  readonly output: Image
}

function findPart(memory: Memory, part: number, parts: number): void {
  const { image, extremes } = memory
  if (areVectors(memory)) {
    extremes.set(findRange(memory, shareOf(image.voxels.length, part, parts)), part * 2)
    return
  }
  let least = Infinity
  let most = -Infinity
  const values = new Float64Array(CHUNK)
  const where = new Float64Array(CHUNK).fill(1)
  eachChunk(memory, shareOf(image.voxels.length, part, parts), (start, end) => {
    readChunk(memory, start, end, values, where)
    for (let at = 0; at < end - start; at += 1) {
      if (where[at] === 0) continue
      const value = values[at]!
      if (value < least) least = value
      if (value > most) most = value
    }
  })
  extremes.set([least, most], part * 2)
}

function eachChunk(
  _: Memory,
  { from, to }: { readonly from: number; readonly to: number },
  visit: (start: number, end: number) => void,
): void {
  for (let start = from; start < to; start += CHUNK) visit(start, Math.min(start + CHUNK, to))
}

function readChunk(
  { image, mask }: Memory,
  start: number,
  end: number,
  values: Float64Array,
  where: Float64Array,
): void {
  readDoubles(image.voxels, start, end, values)
  if (mask !== null) readDoubles(mask.voxels, start, end, where)
}

/** From half below the least to half above the largest of a type of 8 bits. */
const WHOLE_TYPES: Readonly<Partial<Record<VoxelType, readonly [number, number]>>> = {
  uint8: [-0.5, 255.5],
  int8: [-128.5, 127.5],
}

function chooseEdges({ kernel, image, extremes, edges, bins }: Memory, parts: number): void {
  let [least, most] = [Infinity, -Infinity]
  for (let part = 0; part < parts; part += 1) {
    least = Math.min(least, extremes[part * 2]!)
    most = Math.max(most, extremes[part * 2 + 1]!)
  }
  if (least > most) {
    throw new KernelError(
      "KERNEL_INPUT_INVALID",
      `${kernel} needs voxels to choose a threshold among; the mask has none. Test it with volume() first.`,
    )
  }
  const margin = (most - least) / bins / 100
  const [bottom, top] = WHOLE_TYPES[image.type] ?? [least, most + margin]
  const step = Math.fround(Math.fround(Math.fround(top) - Math.fround(bottom)) / bins)
  for (let bin = 0; bin < bins; bin += 1) edges[bin] = bottom + Math.fround(bin * step)
  edges[bins] = top
}

function countPart(memory: Memory, part: number, parts: number): void {
  const { image, edges, bins } = memory
  const counts = memory.counts.subarray(part * bins, (part + 1) * bins)
  if (areVectors(memory)) {
    countVectors(memory, edges, counts, shareOf(image.voxels.length, part, parts))
    return
  }
  const values = new Float64Array(CHUNK)
  const where = new Float64Array(CHUNK).fill(1)
  const least = edges[0]!
  const scale = bins / (edges[bins]! - least || 1)
  eachChunk(memory, shareOf(image.voxels.length, part, parts), (start, end) => {
    readChunk(memory, start, end, values, where)
    for (let at = 0; at < end - start; at += 1) {
      const value = values[at]!
      if (where[at] === 0 || value !== value) continue
      // A guess, and then the bin whose edges say so.
      let bin = Math.min(bins - 1, Math.max(0, Math.trunc((value - least) * scale)))
      while (bin > 0 && value < edges[bin]!) bin -= 1
      while (bin < bins - 1 && value >= edges[bin + 1]!) bin += 1
      counts[bin]! += 1
    }
  })
}

function chooseThreshold({ image, counts, edges, bins, threshold, isMidpoint }: Memory, parts: number): void {
  for (let part = 1; part < parts; part += 1) {
    for (let bin = 0; bin < bins; bin += 1) counts[bin]! += counts[part * bins + bin]!
  }
  const best = bestBin(counts, edges, bins)
  const edge = isMidpoint ? centerOf(edges, best) : edges[best + 1]!
  threshold[0] = image.type === "float64" ? edge : image.type === "float32" ? Math.fround(edge) : Math.trunc(edge)
}

/** The first bin after which to cut, so that the variance between both sides is largest. */
function bestBin(counts: Int32Array, edges: Float64Array, bins: number): number {
  let total = 0
  let weighted = 0
  for (let bin = 0; bin < bins; bin += 1) {
    total += counts[bin]!
    weighted += centerOf(edges, bin) * counts[bin]!
  }
  const mean = weighted / total
  let count = 0
  let lowMean = 0
  let best = 0
  let bestVariance = -Infinity
  // The last cut leaves at least the last bin on the upper side.
  for (let bin = 0; bin < Math.max(1, bins - 1); bin += 1) {
    const before = count
    count += counts[bin]!
    if (count > 0) lowMean = (lowMean * before + centerOf(edges, bin) * counts[bin]!) / count
    const highCount = total - count
    const highMean = highCount > 0 ? (mean * total - lowMean * count) / highCount : 0
    const variance = (count * (lowMean * lowMean) + highCount * (highMean * highMean)) / total
    if (bin > 0 && !(variance > bestVariance && !areAlmostEqual(variance, bestVariance))) continue
    best = bin
    bestVariance = variance
  }
  return best
}

function centerOf(edges: Float64Array, bin: number): number {
  return (edges[bin]! + edges[bin + 1]!) / 2
}

const pair = new Float64Array(2)
const pairBits = new BigInt64Array(pair.buffer)

/** At most one double lies between none of them: they are the same or neighbors, or closer than a tenth of the double's epsilon. */
function areAlmostEqual(a: number, b: number): boolean {
  if (Math.abs(a - b) <= 0.1 * Number.EPSILON) return true
  pair[0] = a
  pair[1] = b
  const steps = pairBits[0]! - pairBits[1]!
  return Math.sign(a) === Math.sign(b) && steps >= -1n && steps <= 1n
}

function paintPart(memory: Memory, part: number, parts: number): void {
  const { image, inside, outside } = memory
  const threshold = memory.threshold[0]!
  const output = bytesOf(memory.output)
  if (areVectors(memory)) {
    selectVectors({ ...memory, threshold, output }, shareOf(image.voxels.length, part, parts))
    return
  }
  const values = new Float64Array(CHUNK)
  const where = new Float64Array(CHUNK).fill(1)
  eachChunk(memory, shareOf(image.voxels.length, part, parts), (start, end) => {
    readChunk(memory, start, end, values, where)
    for (let at = 0; at < end - start; at += 1) {
      output[start + at] = where[at] === 0 ? 0 : values[at]! <= threshold ? inside : outside
    }
  })
}

const PHASES: Kernel<never, Memory, OtsuResult>["phases"] = [
  { run: findPart },
  { isSerial: true, run: (memory, _, parts) => chooseEdges(memory, parts) },
  { run: countPart },
  { isSerial: true, run: (memory, _, parts) => chooseThreshold(memory, parts) },
  { run: paintPart },
]

interface Settings extends OtsuParameters {
  readonly inside: number
  readonly outside: number
}

function prepareOtsu(
  kernel: string,
  image: Image,
  mask: Image | null,
  { bins, isMidpoint = false, inside, outside }: Settings,
  parts: number,
): Memory {
  requireThat(kernel, Number.isInteger(bins) && bins >= 2 && bins <= 2 ** 20, "from 2 to 1048576 bins", bins)
  return {
    kernel,
    image,
    mask,
    bins,
    isMidpoint,
    inside,
    outside,
    extremes: makeDoubles(parts * 2),
    edges: makeDoubles(bins + 1),
    counts: makeInts(parts * bins),
    threshold: makeDoubles(1),
    output: makeImage(image, "uint8"),
  }
}

function finishOtsu({ output, threshold }: Memory): OtsuResult {
  return { mask: output, threshold: threshold[0]! }
}

/** 1 on the voxels of the second image, a mask, where the first is above the threshold that parts those best. */
export const otsu: Kernel<OtsuParameters, Memory, OtsuResult> = {
  name: "otsu",
  prepare: (inputs, parameters, parts) => {
    const image = requireScalar("otsu", inputs, 0)
    const mask = requireScalar("otsu", inputs, 1)
    requireSameSize("otsu", image, mask)
    return prepareOtsu("otsu", image, mask, { ...parameters, inside: 0, outside: 1 }, parts)
  },
  phases: PHASES,
  finish: finishOtsu,
}

/** `inside` where a value is at most the threshold that parts all best, `outside` above it. */
export const otsuThreshold: Kernel<Settings, Memory, OtsuResult> = {
  name: "OtsuThreshold",
  prepare: (inputs, settings, parts) =>
    prepareOtsu("OtsuThreshold", requireScalar("OtsuThreshold", inputs), null, settings, parts),
  phases: PHASES,
  finish: finishOtsu,
}
