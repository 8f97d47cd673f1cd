/** Primitives on images: namespaces `vox1` and `simpleitk`, each a kernel with its arguments put in order. */
import type { Image, VoxelType } from "../image/image.ts"
import { absolute, type ArithmeticParameters, arithmetic, cast, mask, type Operation } from "../kernels/arithmetic.ts"
import { alpha, blue, green, intensity, red, rgb, rgba } from "../kernels/channels.ts"
import { between, comparison, type ComparisonParameters } from "../kernels/comparison.ts"
import { connectedComponent, lcc, maxvol, through } from "../kernels/components.ts"
import { border, constant, x, y, z } from "../kernels/coordinates.ts"
import { crossCorrelation } from "../kernels/cross-correlation.ts"
import { curvatureFlow } from "../kernels/curvature-flow.ts"
import { dt, signedMaurerDistanceMap } from "../kernels/distance.ts"
import { discreteGaussian } from "../kernels/gaussian.ts"
import { extract, resample } from "../kernels/geometry.ts"
import { gradient, gradientMagnitude } from "../kernels/gradient.ts"
import type { Kernel, NoParameters } from "../kernels/kernel.ts"
import { and, not, or, xor } from "../kernels/logic.ts"
import { median } from "../kernels/median.ts"
import {
  binaryDilate,
  binaryErode,
  binaryMorphologicalClosing,
  binaryMorphologicalOpening,
  interior,
  near,
} from "../kernels/morphology.ts"
import { otsu, otsuThreshold } from "../kernels/otsu.ts"
import { percentiles } from "../kernels/percentiles.ts"
import { relabelComponent } from "../kernels/relabel.ts"
import { rescaleIntensity } from "../kernels/rescale.ts"
import { average, averageOrZero, maximum, minimum, minimumMaximum, statistics, volume } from "../kernels/statistics.ts"
import { binaryThreshold, type BinaryThresholdParameters } from "../kernels/threshold.ts"
import { parseSignature } from "../language/signature.ts"
import { image, isTrue, num, perAxis, text, whole } from "./argument.ts"
import { isImage, type Means, type Primitive, type Value } from "./primitive.ts"

type HeavyWork = Extract<Primitive["work"], { readonly kind: "heavy" }>
type Selecting = NonNullable<HeavyWork["selection"]>
type Compute = (args: readonly Value[], means: Means) => Promise<Value>

const OPERATIONS: readonly Operation[] = ["add", "subtract", "multiply", "divide"]
const OPERATION_NAMES = {
  add: { vox1: "addition", short: "add_vs", itk: "Add" },
  subtract: { vox1: "subtraction", short: "sub_vs", itk: "Subtract" },
  multiply: { vox1: "multiplication", short: "mul_vs", itk: "Multiply" },
  divide: { vox1: "division", short: "div_vs", itk: "Divide" },
} as const

const RELATIONS: readonly (readonly [string, ComparisonParameters["relation"], ComparisonParameters["relation"]])[] = [
  ["==", "==", "=="],
  ["!=", "!=", "!="],
  ["<", "<", ">"],
  ["<=", "<=", ">="],
  [">", ">", "<"],
  [">=", ">=", "<="],
]

const VOX1: readonly Primitive[] = [
  ...OPERATIONS.flatMap((operation) => {
    const { vox1, short } = OPERATION_NAMES[operation]
    return [
      heavy("vox1", `${vox1}(a: image|number, b: image|number): image`, arithmeticOf(operation)),
      heavy("vox1", `${short}(image: image, value: number): image`, arithmeticOf(operation)),
    ]
  }),
  heavy("vox1", "sub_sv(value: number, image: image): image", arithmeticOf("subtract")),
  heavy("vox1", "div_sv(value: number, image: image): image", arithmeticOf("divide")),
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
  plain("dt", dt),
  plain("lcc", lcc),
  { ...plain("Lcc", lcc), aliasOf: "lcc" },
  plain("maxvol", maxvol),
  plain("gradient", gradient),
  plain("abs", absolute),
  combining(plain("not", not), "not"),
  heavy("vox1", "rgb(r: image, g: image, b: image): image", onImages(rgb)),
  heavy("vox1", "rgba(r: image, g: image, b: image, a: image): image", onImages(rgba)),
  combining(heavy("vox1", "and(a: image, b: image): image", onImages(and)), "and"),
  combining(heavy("vox1", "or(a: image, b: image): image", onImages(or)), "or"),
  combining(heavy("vox1", "xor_image(a: image, b: image): image", onImages(xor)), "xor"),
  heavy("vox1", "mask(image: image, where: image): image", onImages(mask)),
  heavy("vox1", "through(seed: image, where: image): image", onImages(through)),
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
  heavy(
    "vox1",
    "percentiles(image: image, where: image, correction: number): image",
    async ([of, where, correction], { run }) =>
      await run(percentiles, [image(of), image(where)], { correction: num(correction) }),
  ),
  heavy(
    "vox1",
    "otsu(image: image, where: image, bins: number): image",
    async ([of, where, bins], { run }) => (await run(otsu, [image(of), image(where)], { bins: whole(bins) })).mask,
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

const SIMPLEITK: readonly Primitive[] = [
  { signature: parseSignature("simpleitk", "ReadImage(path: string): image"), version: 1, work: { kind: "file" } },
  {
    signature: parseSignature("simpleitk", "WriteImage(image: image, path: string): boolean"),
    version: 1,
    work: {
      kind: "effect",
      perform: async ([of, path], outside) => {
        await outside.save(text(path), image(of))
        return true
      },
    },
  },
  selecting(
    heavy(
      "simpleitk",
      "BinaryThreshold(image: image, lower: number, upper: number, inside: number = 1, outside: number = 0): image",
      async ([of, ...limits], { run }) => await run(binaryThreshold, [image(of)], thresholds(limits)),
    ),
    ([, ...limits]) => ({ kind: "threshold", ...thresholds(limits) }),
  ),
  ...OPERATIONS.map((operation) =>
    heavy(
      "simpleitk",
      `${OPERATION_NAMES[operation].itk}(a: image|number, b: image|number): image`,
      arithmeticOf(operation),
    ),
  ),
  heavy("simpleitk", "MinimumMaximum(image: image): sequence", async ([of], { run }) => {
    const { min, max } = await run(minimumMaximum, [image(of)], {})
    return [min, max]
  }),
  heavy("simpleitk", "Statistics(image: image): sequence", async ([of], { run }) => {
    const found = await run(statistics, [image(of)], {})
    return [found.min, found.max, found.mean, found.sigma, found.variance, found.sum, found.count]
  }),
  heavy(
    "simpleitk",
    "Cast(image: image, type: string): image",
    async ([of, type], { run }) => await run(cast, [image(of)], { type: voxelType(type) }),
  ),
  heavy(
    "simpleitk",
    "RescaleIntensity(image: image, least: number = 0, most: number = 255): image",
    async ([of, least, most], { run }) =>
      await run(rescaleIntensity, [image(of)], { least: num(least), most: num(most) }),
  ),
  heavy(
    "simpleitk",
    "Extract(image: image, size: sequence, index: sequence): image",
    async ([of, size, index], { run }) =>
      await run(extract, [image(of)], { size: perAxis(size, 3), index: perAxis(index, 3) }),
  ),
  heavy(
    "simpleitk",
    "Median(image: image, radius: number|sequence = 1): image",
    async ([of, radius], { run }) => await run(median, [image(of)], { radius: perAxis(radius, image(of).size.length) }),
  ),
  heavy(
    "simpleitk",
    "DiscreteGaussian(image: image, variance: number = 1, maximumKernelWidth: number = 32, maximumError: number = 0.01, useImageSpacing: boolean = true): image",
    async ([of, variance, width, error, isSpaced], { run }) =>
      await run(discreteGaussian, [image(of)], {
        variance: image(of).size.map(() => num(variance)),
        maximumError: num(error),
        maximumKernelWidth: whole(width),
        isSpacingUsed: isTrue(isSpaced),
      }),
  ),
  heavy(
    "simpleitk",
    "BinaryDilate(image: image, radius: number|sequence = 1, foreground: number = 1): image",
    async ([of, radius, foreground], { run }) =>
      await run(
        binaryDilate,
        [image(of)],
        morphology(image(of), { radius, foreground, background: 0, isOutsideForeground: false }),
      ),
  ),
  heavy(
    "simpleitk",
    "BinaryErode(image: image, radius: number|sequence = 1, foreground: number = 1): image",
    async ([of, radius, foreground], { run }) =>
      await run(
        binaryErode,
        [image(of)],
        morphology(image(of), { radius, foreground, background: 0, isOutsideForeground: true }),
      ),
  ),
  heavy(
    "simpleitk",
    "BinaryMorphologicalOpening(image: image, radius: number|sequence = 1, foreground: number = 1): image",
    async ([of, radius, foreground], { run }) => {
      const { size } = image(of)
      return await run(binaryMorphologicalOpening, [image(of)], {
        radius: perAxis(radius, size.length),
        shape: "ball",
        foreground: num(foreground),
        background: 0,
      })
    },
  ),
  heavy(
    "simpleitk",
    "BinaryMorphologicalClosing(image: image, radius: number|sequence = 1, foreground: number = 1): image",
    async ([of, radius, foreground], { run }) =>
      await run(binaryMorphologicalClosing, [image(of)], {
        radius: perAxis(radius, image(of).size.length),
        shape: "ball",
        foreground: num(foreground),
        isBorderSafe: true,
      }),
  ),
  heavy(
    "simpleitk",
    "ConnectedComponent(image: image, fullyConnected: boolean = false): image",
    async ([of, isFull], { run }) => await run(connectedComponent, [image(of)], { isFullyConnected: isTrue(isFull) }),
  ),
  heavy(
    "simpleitk",
    "RelabelComponent(image: image, minimumSize: number = 0, sort: boolean = true): image",
    async ([of, least, isSorted], { run }) =>
      await run(relabelComponent, [image(of)], { minimumSize: num(least), isSorted: isTrue(isSorted) }),
  ),
  heavy(
    "simpleitk",
    "SignedMaurerDistanceMap(image: image, insideIsPositive: boolean = false, squaredDistance: boolean = true, useImageSpacing: boolean = false): image",
    async ([of, isInsidePositive, isSquared, isSpacingUsed], { run }) =>
      await run(signedMaurerDistanceMap, [image(of)], {
        isInsidePositive: isTrue(isInsidePositive),
        isSquared: isTrue(isSquared),
        isSpacingUsed: isTrue(isSpacingUsed),
      }),
  ),
  heavy(
    "simpleitk",
    "OtsuThreshold(image: image, inside: number = 1, outside: number = 0, bins: number = 128): image",
    async ([of, inside, outside, bins], { run }) =>
      (await run(otsuThreshold, [image(of)], { inside: num(inside), outside: num(outside), bins: whole(bins) })).mask,
  ),
  heavy(
    "simpleitk",
    "GradientMagnitude(image: image, useImageSpacing: boolean = true): image",
    async ([of, isSpaced], { run }) => await run(gradientMagnitude, [image(of)], { isSpacingUsed: isTrue(isSpaced) }),
  ),
  heavy(
    "simpleitk",
    "CurvatureFlow(image: image, timeStep: number = 0.05, iterations: number = 5): image",
    async ([of, step, iterations], { run }) =>
      await run(curvatureFlow, [image(of)], { timeStep: num(step), iterations: whole(iterations) }),
  ),
  heavy(
    "simpleitk",
    'Resample(image: image, like: image, interpolation: string = "linear", outside: number = 0): image',
    async ([of, like, how, outside], { run }) =>
      await run(resample, [image(of), image(like)], { interpolation: interpolation(how), outside: num(outside) }),
  ),
]

export const IMAGE_PRIMITIVES: readonly Primitive[] = [...VOX1, ...SIMPLEITK]

function heavy(namespace: string, line: string, compute: Compute): Primitive {
  return { signature: parseSignature(namespace, line), version: 1, work: { kind: "heavy", compute } }
}

/** Of images alone. */
function onImages<Memory, Result extends Value>(kernel: Kernel<NoParameters, Memory, Result>): Compute {
  return async (args, { run }) => await run(kernel, args.map(image), {})
}

function plain<Memory>(name: string, kernel: Kernel<NoParameters, Memory, Image>): Primitive {
  return heavy("vox1", `${name}(image: image): image`, onImages(kernel))
}

function number<Memory>(line: string, kernel: Kernel<NoParameters, Memory, number>): Primitive {
  return heavy("vox1", line, onImages(kernel))
}

/** A primitive whose mask is a selection of values. */
function selecting(primitive: Primitive, selection: Selecting): Primitive {
  const { work } = primitive
  return work.kind === "heavy" ? { ...primitive, work: { ...work, selection } } : primitive
}

/** A primitive on masks that goes byte by byte. */
function combining(primitive: Primitive, combines: HeavyWork["combines"]): Primitive {
  const { work } = primitive
  return work.kind === "heavy" && combines !== undefined ? { ...primitive, work: { ...work, combines } } : primitive
}

function counting(line: string): Primitive {
  const primitive = number(line, volume)
  const { work } = primitive
  return work.kind === "heavy" ? { ...primitive, work: { ...work, isCount: true } } : primitive
}

/** Floats for whole numbers are cut, as the original does. */
function thresholds([lower, upper, inside, outside]: readonly (Value | undefined)[]): BinaryThresholdParameters {
  return {
    lower: num(lower),
    upper: num(upper),
    inside: Math.trunc(num(inside)),
    outside: Math.trunc(num(outside)),
  }
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

function arithmeticOf(operation: Operation): Compute {
  return async ([a, b], { run }) => {
    const parameters: ArithmeticParameters = {
      operation,
      left: isImage(a) ? null : num(a),
      right: isImage(b) ? null : num(b),
    }
    return await run(arithmetic, [a, b].filter(isImage), parameters)
  }
}

function morphology(
  of: Image,
  {
    radius,
    foreground,
    background,
    isOutsideForeground,
  }: {
    readonly radius: Value | undefined
    readonly foreground: Value | undefined
    readonly background: number
    readonly isOutsideForeground: boolean
  },
): Parameters<typeof binaryDilate.prepare>[1] {
  return {
    radius: perAxis(radius, of.size.length),
    shape: "ball",
    foreground: num(foreground),
    background,
    isOutsideForeground,
  }
}

const VOXEL_TYPES: readonly VoxelType[] = ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"]

function voxelType(value: Value | undefined): VoxelType {
  const name = text(value)
  const type = VOXEL_TYPES.find((known) => known === name)
  if (type !== undefined) return type
  throw new Error(`expected a type of voxels (${VOXEL_TYPES.join(", ")}), found "${name}"`)
}

function interpolation(value: Value | undefined): "linear" | "nearest" {
  const name = text(value)
  if (name === "linear" || name === "nearest") return name
  throw new Error(`expected "linear" or "nearest", found "${name}"`)
}
