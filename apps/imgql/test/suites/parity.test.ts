/**
 * The operators of VoxLogicA 1 on images of 6 x 7 x 5 voxels with uneven spacing, on the real engine, against what their
 * definitions come to when they are followed word by word.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { saveValue } from "../../src/files/save.ts"
import type { Image } from "../../src/image/image.ts"
import { generate, imageOf } from "../golden.ts"
import { runHere } from "../program-run.ts"
import * as reference from "../reference.ts"

const GRID = { size: [6, 7, 5], spacing: [0.7, 1.3, 2.1] }
const COUNT = 6 * 7 * 5
/** What float32 may lose of sums of these sizes. */
const TOLERANCE = 1e-5
const HANGS_MS = 120_000

type Numbers = readonly number[]

const I: Numbers = Array.from(generate(11, COUNT), (value) => Math.floor(value * 8) - 1)
const J: Numbers = Array.from(generate(12, COUNT))
const A: Numbers = J.map((value) => (value > 0.8 ? 1 : 0))
const B: Numbers = Array.from(generate(13, COUNT), (value) => (value > 0.55 ? 1 : 0))
const D: Numbers = Array.from(generate(16, COUNT), (value) => (value > 0.04 ? 1 : 0))
const K: Numbers = Array.from(generate(15, COUNT), (value) => Math.fround(value * value))
const C: Numbers = Array.from(generate(14, COUNT), (value) => (value > 0.9 ? 1 : 0))

const SCALARS: readonly (readonly [expression: string, value: number | boolean])[] = [
  ["7 .+. 2", 9],
  ["7 .-. 2", 5],
  ["7 .*. 2", 14],
  ["7 ./. 2", 3.5],
  ["2 .=. 2", true],
  ["2 .<. 2", false],
  ["2 .<=. 2", true],
  ["2 .>. 2", false],
  ["2 .>=. 2", true],
  ["true .&. false", false],
  ["true .|. false", true],
  ["!. false", true],
  ["min(i)", Math.min(...I)],
  ["max(i)", Math.max(...I)],
  ["volume(a)", sum(A)],
  ["avg(i, a)", sum(I.filter((_, at) => A[at] === 1)) / sum(A)],
]

const IMAGES: readonly (readonly [expression: string, values: Numbers])[] = [
  ["2 .= i", I.map((value) => is(value === 2))],
  ["2 .<= i", I.map((value) => is(value >= 2))],
  ["2 .>= i", I.map((value) => is(value <= 2))],
  ["2 .< i", I.map((value) => is(value > 2))],
  ["2 .> i", I.map((value) => is(value < 2))],
  ["i =. 2", I.map((value) => is(value === 2))],
  ["i <=. 2", I.map((value) => is(value <= 2))],
  ["i <. 2", I.map((value) => is(value < 2))],
  ["i >. 2", I.map((value) => is(value > 2))],
  ["i >=. 2", I.map((value) => is(value >= 2))],
  ["2 .+ j", J.map((value) => 2 + value)],
  ["2 .- j", J.map((value) => 2 - value)],
  ["2 .* j", J.map((value) => 2 * value)],
  ["2 ./ (j +. 1)", J.map((value) => 2 / (value + 1))],
  ["j +. 2", J.map((value) => value + 2)],
  ["j -. 2", J.map((value) => value - 2)],
  ["j *. 2", J.map((value) => value * 2)],
  ["j /. 2", J.map((value) => value / 2)],
  ["i + j", I.map((value, at) => value + valueAt(J, at))],
  ["a & b", both(A, B)],
  ["a | b", either(A, B)],
  ["! a", complement(A)],
  ["a \\ b", both(A, complement(B))],
  ["xor(a, b)", A.map((value, at) => is(value !== B[at]))],
  ["N a", near(A)],
  ["I d", interior(D)],
  ["B+ a", both(near(A), complement(A))],
  ["a ~> b", through(B, A)],
  ["mayReach(a, c)", mayReach(A, C)],
  ["touch(a, c)", touch(A, C)],
  ["grow(a, c)", either(A, touch(C, A))],
  ["surrounded(c, d)", surrounded(C, D)],
  ["dt(b)", distances(B)],
  ["pdt(c)", positive(C)],
  ["distgeq(2, c)", positive(C).map((value) => is(value >= 2))],
  ["distleq(2, c)", positive(C).map((value) => is(value <= 2))],
  ["smoothen(b, 1.4)", atMost(1.4, atLeast(1.4, complement(B)))],
  ["erode(b, 1.4)", complement(atMost(1.4, complement(B)))],
  ["imopen(b, 1.4)", atMost(1.4, complement(atMost(1.4, complement(B))))],
  ["imclose(c, 1.4)", complement(atMost(1.4, complement(atMost(1.4, C))))],
  ["lcc(a)", reference.label(mask(A), true)],
  ["maxvol(a)", reference.maxvol(mask(A))],
  ["percentiles(i, b, 0.5)", reference.percentiles(floats(I), mask(B), 0.5)],
  ["~(j, k, 1, 4)", alike(4)],
  ["gradient(j)", reference.gradient(floats(J))],
  ["border", J.map((_, at) => is(isOutermost(at)))],
  [
    "x(i) + (10 .* y(i)) + (100 .* z(i))",
    J.map((_, at) => placeOf(at).reduce((all, place, axis) => all + place * 10 ** axis, 0)),
  ],
  ["mask(i, a)", I.map((value, at) => value * valueAt(A, at))],
  ["ifB(false, a, b)", B],
  ["ifN(true, i, j)", I],
  ["norm(10, j)", J.map((value) => (10 * value) / Math.max(...J))],
  ["divZ(i, a, j)", I.map((value, at) => (A[at] === 1 ? value : valueAt(J, at)))],
  ["booleanToNumber(3, a)", A.map((value) => 3 * value)],
  ["overlayB(a, i, j)", A.map((value, at) => valueAt(value === 1 ? J : I, at))],
  ["intensity(rgb(i, j, a))", I.map((value, at) => 0.2126 * value + 0.7152 * valueAt(J, at) + 0.0722 * valueAt(A, at))],
]

let folder = ""
let lines: readonly string[] = []

/** All cases are one program: what they share is computed once. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "imgql-parity-"))
  const inputs = { i: floats(I), j: floats(J), a: mask(A), b: mask(B), c: mask(C), d: mask(D), k: floats(K) }
  // Text keeps spacing as it is; NIfTI rounds it.
  for (const [name, image] of Object.entries(inputs)) await saveValue(image, { root: folder, name: `${name}.mha` })
  const program = [
    'import "simpleitk" import "vox1"',
    ...Object.keys(inputs).map((name) => `let ${name} = ReadImage("${name}.mha")`),
    ...SCALARS.map(([expression], at) => `print "${String(at)}" ${expression}`),
    ...IMAGES.map(([expression], at) => `save "found/${String(at)}.json" ${expression}`),
  ]
  const ran = await runHere(folder, program.join("\n"))
  expect(ran.failures).toEqual([])
  lines = ran.lines
}, HANGS_MS)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe("operators of VoxLogicA 1", () => {
  it("are sixteen on numbers, and at least 43 on images", () => {
    expect(SCALARS).toHaveLength(16)
    expect(IMAGES.length).toBeGreaterThanOrEqual(43)
  })

  it.each(SCALARS.map(([expression, value], at) => ({ expression, value, at })))("$expression", ({ value, at }) => {
    expect(lines[at]).toMatch(/^\d+=/)
    const found = (lines[at] ?? "").replace(/^\d+=/, "")
    if (typeof value === "boolean") expect(found).toBe(String(value))
    else expect(Number(found)).toBeCloseTo(value, 5)
  })

  it.each(IMAGES.map(([expression, values], at) => ({ expression, values, at })))("$expression", ({ values, at }) => {
    // What `save` writes of an image.
    const found = JSON.parse(readFileSync(join(folder, `found/${String(at)}.json`), "utf8")) as Image
    expect(found).toMatchObject({ ...GRID, components: 1 })
    expect(values).toHaveLength(COUNT)
    // A case whose every voxel is the same would tell little.
    expect(new Set(values).size).toBeGreaterThan(1)
    const far = values.flatMap((value, place) => {
      const other = found.voxels[place] ?? Number.NaN
      return Math.abs(other - value) <= TOLERANCE ? [] : [`at ${String(place)}: ${String(other)}, not ${String(value)}`]
    })
    expect(far).toEqual([])
  })
})

// Definitions

function mayReach(a: Numbers, b: Numbers): Numbers {
  return near(either(through(near(a), b), a))
}

function touch(a: Numbers, b: Numbers): Numbers {
  return through(near(b), a)
}

function surrounded(a: Numbers, b: Numbers): Numbers {
  return both(a, complement(mayReach(complement(either(a, b)), complement(b))))
}

function atLeast(way: number, of: Numbers): Numbers {
  return positive(of).map((value) => is(value >= way))
}

function atMost(way: number, of: Numbers): Numbers {
  return positive(of).map((value) => is(value <= way))
}

function positive(of: Numbers): Numbers {
  return distances(of).map((value) => Math.max(0, value))
}

function alike(bins: number): Numbers {
  const reach = GRID.spacing.map((step) => Math.max(1, Math.round(1 / step)))
  const [x = 1, y = 1, z = 1] = reach
  const region = mask(J.map(() => 1))
  const [from, to] = [Math.min(...K), Math.max(...K)]
  const all = { image: floats(J), other: floats(K), region, reach: [x, y, z] as const, from, to, bins }
  return reference.crossCorrelation(all)
}

// Images and numbers

function mask(values: Numbers): Image {
  return imageOf(GRID, "uint8", values)
}

function floats(values: Numbers): Image {
  return imageOf(GRID, "float32", values)
}

function near(values: Numbers): Numbers {
  return reference.near(mask(values))
}

function interior(values: Numbers): Numbers {
  return reference.interior(mask(values))
}

/** The components of `where` that meet `seed`. */
function through(seed: Numbers, where: Numbers): Numbers {
  return reference.through(mask(seed), mask(where))
}

function distances(values: Numbers): Numbers {
  return reference.dt(mask(values))
}

function both(one: Numbers, other: Numbers): Numbers {
  return one.map((value, at) => value * valueAt(other, at))
}

function either(one: Numbers, other: Numbers): Numbers {
  return one.map((value, at) => Math.max(value, valueAt(other, at)))
}

function complement(values: Numbers): Numbers {
  return values.map((value) => 1 - value)
}

function is(holds: boolean): number {
  return holds ? 1 : 0
}

function sum(values: Numbers): number {
  return values.reduce((total, value) => total + value, 0)
}

function valueAt(values: Numbers, at: number): number {
  return values[at] ?? Number.NaN
}

function placeOf(at: number): Numbers {
  return [at % 6, Math.floor(at / 6) % 7, Math.floor(at / 42)]
}

function isOutermost(at: number): boolean {
  return placeOf(at).some((place, axis) => place === 0 || place === (GRID.size[axis] ?? 0) - 1)
}
