/** Namespace `arrays`: how well masks and images agree, what values there are, and lists of numbers for filters. */
import { type Overlap, confusion, differences, overlap } from "../kernels/agreement.ts"
import { maximum, statistics } from "../kernels/statistics.ts"
import { MAX_LISTED, tally } from "../kernels/tally.ts"
import { binaryThreshold } from "../kernels/threshold.ts"
import { image, num, sequence, whole } from "./argument.ts"
import { cheap } from "./define.ts"
import { heavy, selecting, taking } from "./heavy.ts"
import type { Means, Primitive, Value } from "./primitive.ts"
import { PrimitiveError } from "./primitive-error.ts"

const LARGEST_UINT32 = 4_294_967_295

/** The values sorted, in doubles, and those that differ with how many there are of each. */
const TALLY_BYTES = 24

export const ARRAY_PRIMITIVES: readonly Primitive[] = [
  cheap("arrays", "vector_uint32(values: sequence): sequence", ([values]) => sequence(values).map(uint32)),
  cheap("arrays", "vector_double(values: sequence): sequence", ([values]) => sequence(values).map(num)),
  heavy("arrays", "pixel_accuracy(found: image, truth: image): number", async ([found, truth], { run }) => {
    const { equal, different } = await run(differences, [image(found), image(truth)], {})
    return equal / (equal + different)
  }),
  heavy(
    "arrays",
    "confusion_matrix(found: image, truth: image, classes: number = 0): sequence",
    async ([found, truth, given], means) => {
      const classes = whole(given) > 0 ? whole(given) : 1 + (await largestOf([found, truth], means))
      return await means.run(confusion, [image(found), image(truth)], { classes })
    },
  ),
  overlapping("dice_score", ({ both, first, second }) => share(2 * both, first + second)),
  overlapping("jaccard_index", ({ both, first, second }) => share(both, first + second - both)),
  heavy("arrays", "count_pixels(image: image, value: number): number", async ([of, value], { run }) => {
    const { first } = await run(overlap, [image(of), image(of)], { label: num(value) })
    return first
  }),
  taking(
    heavy("arrays", "count_pixels(image: image): sequence", async ([of], { run }) => {
      const { values, counts, distinct } = await run(tally, [image(of)], {})
      if (distinct <= MAX_LISTED) return values.map((value, at) => [value, counts[at] ?? 0])
      const expected = `count_pixels lists at most ${String(MAX_LISTED)} different values, found ${String(distinct)}`
      throw new PrimitiveError("ARGUMENT_INVALID", `${expected}; count one of them, or cast the image first`)
    }),
    TALLY_BYTES,
  ),
  selecting(
    heavy(
      "arrays",
      "threshold_equal(image: image, value: number, inside: number = 1, outside: number = 0): image",
      async ([of, ...limits], { run }) => await run(binaryThreshold, [image(of)], equalTo(limits)),
    ),
    ([, ...limits]) => ({ kind: "threshold", ...equalTo(limits) }),
  ),
  taking(
    heavy(
      "arrays",
      "array_stats(image: image): sequence",
      async ([of], { run }) => {
        const { mean, min, max, variance, count } = await run(statistics, [image(of)], {})
        const { median, distinct } = await run(tally, [image(of)], {})
        // Of a single voxel there is no variance.
        const deviation = count === 1 ? 0 : Math.sqrt((variance * (count - 1)) / count)
        return [mean, deviation, min, max, median, count, distinct]
      },
      2,
    ),
    TALLY_BYTES,
  ),
  heavy("arrays", "compare_arrays(a: image, b: image): sequence", async ([a, b], { run }) => {
    const found = await run(differences, [image(a), image(b)], {})
    return [found.equal, found.different, found.mean, found.meanAbsolute, found.maxAbsolute, found.min, found.max]
  }),
]

function overlapping(name: string, score: (overlap: Overlap) => number): Primitive {
  const line = `${name}(found: image, truth: image, label: number = 1): number`
  return heavy("arrays", line, async ([found, truth, label], { run }) =>
    score(await run(overlap, [image(found), image(truth)], { label: num(label) })),
  )
}

/** Of nothing, all: two masks without a voxel are equal. */
function share(part: number, all: number): number {
  return all === 0 ? 1 : part / all
}

async function largestOf(images: readonly (Value | undefined)[], { run }: Means): Promise<number> {
  const largest = await Promise.all(images.map(async (each) => await run(maximum, [image(each)], {})))
  return Math.max(...largest)
}

function equalTo([value, inside, outside]: readonly (Value | undefined)[]): {
  readonly lower: number
  readonly upper: number
  readonly inside: number
  readonly outside: number
} {
  return { lower: num(value), upper: num(value), inside: Math.trunc(num(inside)), outside: Math.trunc(num(outside)) }
}

function uint32(value: Value): number {
  const number = whole(value)
  if (number >= 0 && number <= LARGEST_UINT32) return number
  const message = `vector_uint32 holds numbers from 0 to ${String(LARGEST_UINT32)}, found ${String(number)}`
  throw new PrimitiveError("ARGUMENT_INVALID", message)
}
