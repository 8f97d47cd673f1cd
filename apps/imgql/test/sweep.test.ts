/** One pass over an image for many thresholds gives what a pass for each gives, bit for bit. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { Image, VoxelType } from "../src/image/image.ts"
import { mask } from "../src/kernels/arithmetic.ts"
import { between, comparison } from "../src/kernels/comparison.ts"
import { runHere } from "../src/kernels/kernel.ts"
import { and, not, or, xor } from "../src/kernels/logic.ts"
import { volume } from "../src/kernels/statistics.ts"
import type { Selection } from "../src/kernels/selection.ts"
import { nextAfter, rangeOf } from "../src/kernels/selection.ts"
import { sweep, sweepMask } from "../src/kernels/sweep.ts"
import { binaryThreshold } from "../src/kernels/threshold.ts"
import { imageOf } from "./golden.ts"
import { runApart } from "./run-apart.ts"

const TYPES: readonly VoxelType[] = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]

/** Values and limits meet often, and now and then are at the ends of what there is. */
const numbers = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -4, max: 9 }) },
  { weight: 3, arbitrary: fc.double({ min: -4, max: 9, noNaN: true }) },
  { weight: 1, arbitrary: fc.constantFrom(-0, 0.1, Math.fround(0.1), 1e300, -1e300, Infinity, -Infinity, 65_535, 255) },
)

const simple: fc.Arbitrary<Selection> = fc.oneof(
  fc.record({
    kind: fc.constant("comparison" as const),
    relation: fc.constantFrom("==", "!=", "<", "<=", ">", ">="),
    constant: numbers,
  }),
  fc.record({ kind: fc.constant("between" as const), low: numbers, high: numbers }),
  fc
    .record({ low: numbers, high: numbers, inside: fc.constantFrom(1, 0, 255), outside: fc.constantFrom(0, 1) })
    .map(({ low, high, inside, outside }) => ({
      kind: "threshold" as const,
      lower: Math.min(low, high),
      upper: Math.max(low, high),
      inside,
      outside,
    })),
)

/** Formulas of them, some levels deep. */
const { selection: selections } = fc.letrec<{ selection: Selection }>((tie) => ({
  selection: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    { weight: 2, arbitrary: simple },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("not" as const), of: tie("selection") }) },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constantFrom("and" as const, "or" as const, "xor" as const),
        left: tie("selection"),
        right: tie("selection"),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant("kept" as const), where: tie("selection"), of: tie("selection") }),
    },
  ),
}))

const LOGIC = { and, or, xor } as const

const images = fc
  .tuple(
    fc.constantFrom(...TYPES),
    fc.array(fc.oneof({ weight: 9, arbitrary: numbers }, { weight: 1, arbitrary: fc.constant(Number.NaN) }), {
      maxLength: 40,
    }),
  )
  .map(([type, values]) => imageOf({ size: [values.length, 1] }, type, values))

function runAlone(image: Image, selection: Selection): Image {
  switch (selection.kind) {
    case "threshold":
      return runHere(binaryThreshold, [image], selection)
    case "comparison":
      return runHere(comparison, [image], selection)
    case "between":
      return runHere(between, [image], selection)
    case "not":
      return runHere(not, [runAlone(image, selection.of)], {})
    case "kept":
      return runAlone(runHere(mask, [image, runAlone(image, selection.where)], {}), selection.of)
    case "and":
    case "or":
    case "xor":
      return runHere(LOGIC[selection.kind], [runAlone(image, selection.left), runAlone(image, selection.right)], {})
  }
}

describe("a sweep", () => {
  it("counts and selects what every selection does alone", () => {
    const lists = fc.array(selections, { maxLength: 12 })
    let ranges = 0
    fc.assert(
      fc.property(images, lists, fc.integer({ min: 1, max: 3 }), (image, list, parts) => {
        const found = runApart(sweep, [image], { selections: list, areClassesKept: true }, parts)
        if (found.classes === null) throw new Error("The classes were asked for.")
        expect(found.counts).toHaveLength(list.length)
        for (const [at, selection] of list.entries()) {
          const alone = runAlone(image, selection)
          const swept = runApart(sweepMask, [found.classes], found.tableOf(at), parts)
          expect([...swept.voxels]).toEqual([...alone.voxels])
          expect(found.counts[at]).toBe(runHere(volume, [alone], {}))
          const range = rangeOf(image.type, selection)
          if (range === null) continue
          ranges += 1
          expect([...runHere(binaryThreshold, [image], range).voxels]).toEqual([...alone.voxels])
        }
      }),
      { numRuns: 500 },
    )
    // Many are one threshold, whatever they are made of.
    expect(ranges).toBeGreaterThan(500)
  })

  it("has more classes than a byte holds, where there are many limits", () => {
    const values = Float32Array.from({ length: 5000 }, (_, at) => Math.sin(at) * 400)
    const image = imageOf({ size: [100, 50] }, "float32", values)
    const list = Array.from({ length: 400 }, (_, at) => ({
      kind: "comparison" as const,
      relation: ">=" as const,
      constant: at - 200.5,
    }))
    const { counts, classes, tableOf } = runApart(sweep, [image], { selections: list, areClassesKept: true }, 3)
    expect(classes?.type).toBe("uint16")
    for (const [at, { constant }] of list.entries()) {
      expect(counts[at]).toBe(values.filter((value) => value >= constant).length)
    }
    if (classes === null) throw new Error("They were asked for.")
    const found = runApart(sweepMask, [classes], tableOf(17), 2)
    expect([...found.voxels]).toEqual(Array.from(values, (value) => (value >= 17 - 200.5 ? 1 : 0)))
  })

  it("keeps no classes unless asked", () => {
    const image = imageOf({ size: [2, 1] }, "uint8", [1, 2])
    const list = [{ kind: "between" as const, low: 2, high: 3 }]
    const { classes, counts } = runApart(sweep, [image], { selections: list, areClassesKept: false }, 1)
    expect({ classes, counts }).toEqual({ classes: null, counts: [1] })
  })

  it.each([
    ["a lower threshold above the upper one", { lower: 2, upper: 1, inside: 1, outside: 0 }],
    ["a value that is no byte", { lower: 1, upper: 2, inside: 256, outside: 0 }],
    ["a value that is no whole number", { lower: 1, upper: 2, inside: 1, outside: 0.5 }],
  ])("refuses %s, as the threshold alone does", (_, parameters) => {
    const image = imageOf({ size: [2, 1] }, "float32", [1, 2])
    const wrong: Selection = { kind: "threshold", ...parameters }
    const refusal = expect.objectContaining({ code: "KERNEL_INPUT_INVALID" }) as Error
    expect(() => runAlone(image, wrong)).toThrow(refusal)
    expect(() => runHere(sweep, [image], { selections: [wrong], areClassesKept: false })).toThrow(refusal)
  })
})

describe("the next double", () => {
  it("is the least one above", () => {
    expect(nextAfter(0)).toBe(Number.MIN_VALUE)
    expect(nextAfter(-Number.MIN_VALUE) + 0).toBe(0)
    expect(nextAfter(1)).toBe(1 + Number.EPSILON)
    expect(nextAfter(-1)).toBe(-1 + Number.EPSILON / 2)
    expect(nextAfter(Infinity)).toBeNaN()
    expect(nextAfter(Number.MAX_VALUE)).toBe(Infinity)
  })
})
