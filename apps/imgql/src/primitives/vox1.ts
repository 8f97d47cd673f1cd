/** Namespace `vox1`: the operators of VoxLogicA 1, each a kernel with its arguments put in order. */
import type { Image, VoxelType } from "../image/image.ts"
import { absolute, mask, type Operation } from "../kernels/arithmetic.ts"
import { alpha, blue, green, intensity, red, rgb, rgba } from "../kernels/channels.ts"
import { between, comparison, type ComparisonParameters } from "../kernels/comparison.ts"
import { lcc, maxvol, through } from "../kernels/components.ts"
import { border, constant, x, y, z } from "../kernels/coordinates.ts"
import { crossCorrelation } from "../kernels/cross-correlation.ts"
import { dt } from "../kernels/distance.ts"
import { extract } from "../kernels/geometry.ts"
import { gradient } from "../kernels/gradient.ts"
import type { Kernel, NoParameters } from "../kernels/kernel.ts"
import { and, not, or, xor } from "../kernels/logic.ts"
import { interior, near } from "../kernels/morphology.ts"
import { otsu } from "../kernels/otsu.ts"
import { percentiles } from "../kernels/percentiles.ts"
import { average, averageOrZero, maximum, minimum, volume } from "../kernels/statistics.ts"
import { distanceLimitOf, withinDistance } from "../kernels/within-distance.ts"
import { parseSignature } from "../language/signature.ts"
import { image, isTrue, num, perAxis, whole } from "./argument.ts"
import {
  arithmeticOf,
  combining,
  type Compute,
  direct,
  heavy,
  onImages,
  restricting,
  selecting,
  taking,
} from "./heavy.ts"
import { isImage, type Primitive, type Value } from "./primitive.ts"

/** Each with its name between a voxel and a number, and its version. */
const OPERATIONS: readonly (readonly [string, string, Operation, number])[] = [
  ["addition", "add_vs", "add", 1],
  ["subtraction", "sub_vs", "subtract", 1],
  ["multiplication", "mul_vs", "multiply", 1],
  ["division", "div_vs", "divide", 3],
]

const RELATIONS: readonly (readonly [string, ComparisonParameters["relation"], ComparisonParameters["relation"]])[] = [
  ["==", "==", "=="],
  ["!=", "!=", "!="],
  ["<", "<", ">"],
  ["<=", "<=", ">="],
  [">", ">", "<"],
  [">=", ">=", "<="],
]

/** Of each voxel, in bytes: a run of a row has two voxels at least, and its ends, parent and label or weight; the result. */
const COMPONENT_BYTES = (5 * 4) / 2 + 1
/** The value, whether it is a member, its key, its place, and its rank. */
const PERCENTILE_BYTES = 4 + 1 + 4 + 4 + 4

export const VOX1_PRIMITIVES: readonly Primitive[] = [
  ...OPERATIONS.flatMap(([name, short, operation, version]) => [
    heavy("vox1", `${name}(a: image|number, b: image|number): image`, arithmeticOf(operation), version),
    heavy("vox1", `${short}(image: image, value: number): image`, arithmeticOf(operation), version),
  ]),
  heavy("vox1", "sub_sv(value: number, image: image): image", arithmeticOf("subtract")),
  heavy("vox1", "div_sv(value: number, image: image): image", arithmeticOf("divide"), 3),
  ...RELATIONS.map(([name, relation, mirrored]) =>
    selecting(
      heavy("vox1", `${name}(a: image|number, b: image|number): image`, async ([a, b], { run }) => {
        if (isImage(a) && isImage(b)) return await run(comparison, [a, b], { relation, constant: null })
        return isImage(a)
          ? await run(comparison, [a], { relation, constant: num(b) })
          : await run(comparison, [image(b)], { relation: mirrored, constant: num(a) })
      }),
      ([a, b]) => {
        if (b !== undefined) return { kind: "comparison", relation, constant: num(b) }
        return a === undefined ? null : { kind: "comparison", relation: mirrored, constant: num(a) }
      },
    ),
  ),
  plain("intensity", intensity),
  plain("red", red),
  plain("green", green),
  plain("blue", blue),
  plain("alpha", alpha),
  plain("near", near),
  plain("interior", interior),
  direct(plain("dt", dt), ([of], selection) => {
    const limit = distanceLimitOf(image(of), selection)
    return limit === null ? null : async ({ run }) => await run(withinDistance, [image(of)], limit)
  }),
  taking(plain("lcc", lcc), COMPONENT_BYTES),
  { ...taking(plain("Lcc", lcc), COMPONENT_BYTES), aliasOf: "lcc" },
  taking(plain("maxvol", maxvol), COMPONENT_BYTES),
  plain("gradient", gradient),
  plain("abs", absolute),
  combining(plain("not", not), "not"),
  taking(heavy("vox1", "rgb(r: image, g: image, b: image): image", onImages(rgb)), 3 * 4),
  taking(heavy("vox1", "rgba(r: image, g: image, b: image, a: image): image", onImages(rgba)), 4 * 4),
  combining(heavy("vox1", "and(a: image, b: image): image", onImages(and)), "and"),
  combining(heavy("vox1", "or(a: image, b: image): image", onImages(or)), "or"),
  combining(heavy("vox1", "xor_image(a: image, b: image): image", onImages(xor)), "xor"),
  restricting(heavy("vox1", "mask(image: image, where: image): image", onImages(mask))),
  taking(heavy("vox1", "through(seed: image, where: image): image", onImages(through)), COMPONENT_BYTES),
  ...based("border", border),
  ...based("x", x),
  ...based("y", y),
  ...based("z", z),
  ...basedConstant("tt(of: image): image", "tt(): image", () => ({ type: "uint8", value: 1 })),
  ...basedConstant("ff(of: image): image", "ff(): image", () => ({ type: "uint8", value: 0 })),
  ...basedConstant("constant(value: number, of: image): image", "constant(value: number): image", (value) => ({
    type: "float32",
    value: num(value),
  })),
  ...basedConstant("bconstant(value: boolean, of: image): image", "bconstant(value: boolean): image", (value) => ({
    type: "uint8",
    value: isTrue(value) ? 1 : 0,
  })),
  ...(["==", ">=", "<="] as const).map((relation) => {
    const name = { "==": "eq_sv", ">=": "geq_sv", "<=": "leq_sv" }[relation]
    return selecting(
      heavy(
        "vox1",
        `${name}(value: number, image: image): image`,
        async ([value, of], { run }) => await run(comparison, [image(of)], { relation, constant: num(value) }),
      ),
      ([value]) => ({ kind: "comparison", relation, constant: num(value) }),
    )
  }),
  selecting(
    heavy(
      "vox1",
      "between(low: number, high: number, image: image): image",
      async ([low, high, of], { run }) => await run(between, [image(of)], { low: num(low), high: num(high) }),
    ),
    ([low, high]) => ({ kind: "between", low: num(low), high: num(high) }),
  ),
  number("avg(image: image, where: image): number", average),
  number("avg0(image: image, where: image): number", averageOrZero),
  number("min(image: image): number", minimum),
  number("max(image: image): number", maximum),
  counting("volume(image: image): number"),
  { ...counting("vol(image: image): number"), aliasOf: "volume" },
  taking(
    heavy(
      "vox1",
      "percentiles(image: image, where: image, correction: number): image",
      async ([of, where, correction], { run }) =>
        await run(percentiles, [image(of), image(where)], { correction: num(correction) }),
    ),
    PERCENTILE_BYTES,
  ),
  heavy(
    "vox1",
    "otsu(image: image, where: image, bins: number): image",
    async ([of, where, bins], { run }) => (await run(otsu, [image(of), image(where)], { bins: whole(bins) })).mask,
    2,
  ),
  heavy(
    "vox1",
    "crossCorrelation(radius: number, a: image, b: image, where: image, m1: number, m2: number, bins: number): image",
    async ([radius, a, b, where, from, to, bins], { run }) =>
      await run(crossCorrelation, [image(a), image(b), image(where)], {
        radius: num(radius),
        from: num(from),
        to: num(to),
        bins: whole(bins),
      }),
  ),
  heavy(
    "vox1",
    "extract(image: image, size: sequence, index: sequence): image",
    async ([of, size, index], { run }) =>
      await run(extract, [image(of)], { size: perAxis(size, 3), index: perAxis(index, 3) }),
  ),
]

function plain<Memory>(name: string, kernel: Kernel<NoParameters, Memory, Image>): Primitive {
  return heavy("vox1", `${name}(image: image): image`, onImages(kernel))
}

function number<Memory>(line: string, kernel: Kernel<NoParameters, Memory, number>): Primitive {
  return heavy("vox1", line, onImages(kernel))
}

function counting(line: string): Primitive {
  const primitive = number(line, volume)
  const { work } = primitive
  return work.kind === "heavy" ? { ...primitive, work: { ...work, isCount: true } } : primitive
}

/** About the size of an image only: one that is given, or else the program's first. */
function based<Memory>(name: string, kernel: Kernel<NoParameters, Memory, Image>): Primitive[] {
  return [heavy("vox1", `${name}(of: image): image`, onImages(kernel)), withoutImage(`${name}(): image`)]
}

function basedConstant(
  line: string,
  shortLine: string,
  settings: (value: Value | undefined) => { readonly type: VoxelType; readonly value: number },
): Primitive[] {
  const compute: Compute = async (args, { run }) => {
    const of = image(args.at(-1))
    const { type, value } = settings(args[0])
    return await run(constant, [of], { type, value })
  }
  return [heavy("vox1", line, compute), withoutImage(shortLine)]
}

function withoutImage(line: string): Primitive {
  return { signature: parseSignature("vox1", line), version: 1, work: { kind: "based" } }
}
