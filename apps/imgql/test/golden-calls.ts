/**
 * Golden cases as calls: a primitive by its namespace and name, its arguments in order, and what ITK makes of them. Those in
 * goldens/calls/ are written so; the older ones, a file each in goldens/, are read as calls here.
 */
import { readdirSync, readFileSync } from "node:fs"
import { type Image, plainGrid, type VoxelType } from "../src/image/image.ts"
import type { Input, Written } from "./golden-inputs.ts"

const FOLDER = new URL("./goldens/", import.meta.url)
const CALLS = new URL("calls/", FOLDER)

export type Argument = number | boolean | string | readonly Argument[] | Input

export type Expected =
  | { readonly kind: "image"; readonly image: Omit<Image, "voxels">; readonly values: readonly Written[] }
  | { readonly kind: "value"; readonly value: Numbers }
  /** ITK, or SimpleITK on top of it, throws. */
  | { readonly kind: "refused" }

/** A number, or a list of them, or of lists. */
export type Numbers = Written | readonly Numbers[]

export interface Call {
  /** As a program would write it, more or less. */
  readonly name: string
  readonly primitive: string
  readonly args: readonly Argument[]
  readonly expected: Expected
  readonly tolerance: Tolerance
  /** Of the file that it is about, if it is about one. */
  readonly md5: string | null
}

/** How far a value may be from the expected one. */
export interface Tolerance {
  /** As a part of the largest of all that is expected: a float32 is exact to 6e-8 of itself, a float64 to 1.1e-16. */
  readonly relative: number
  readonly absolute: number
}

export const EXACT: Tolerance = { relative: 0, absolute: 0 }

/** Where equality is too much to ask of floats, and why. Whole numbers are equal everywhere. */
const TOLERANCES: Readonly<Record<string, Tolerance>> = {
  // ITK keeps coordinates and squares of distances in float32 (see goldens/README.md).
  "vox1.dt": { relative: 3e-7, absolute: 2e-6 },
  "simpleitk.SignedMaurerDistanceMap": { relative: 3e-7, absolute: 2e-6 },
  // Sums that are rounded to float32 once here and several times there, or in another order.
  "vox1.gradient": { relative: 3e-7, absolute: 0 },
  "simpleitk.GradientMagnitude": { relative: 3e-7, absolute: 0 },
  "vox1.crossCorrelation": { relative: 1e-6, absolute: 0 },
  "vox1.intensity": { relative: 2e-7, absolute: 0 },
  "simpleitk.DiscreteGaussian": { relative: 1e-7, absolute: 0 },
  "simpleitk.SmoothingRecursiveGaussian": { relative: 1e-7, absolute: 0 },
  // The same in float64, and functions that every library rounds for itself.
  "simpleitk.Exp": { relative: 3e-16, absolute: 0 },
  "simpleitk.Log": { relative: 3e-16, absolute: 0 },
  "vox1.avg": { relative: 1e-15, absolute: 0 },
  "vox1.avg0": { relative: 1e-15, absolute: 0 },
  "simpleitk.CurvatureFlow": { relative: 1e-14, absolute: 0 },
  "simpleitk.Statistics": { relative: 1e-12, absolute: 0 },
  // Sums in blocks here, and one after the other there.
  "arrays.array_stats": { relative: 1e-14, absolute: 0 },
  "arrays.compare_arrays": { relative: 1e-14, absolute: 0 },
  "arrays.dice_score": { relative: 3e-16, absolute: 0 },
  "vox1.label_mean": { relative: 6e-8, absolute: 0 },
  // Distances in float32, as in ITK.
  "vox1.hd95": { relative: 3e-7, absolute: 2e-6 },
  // Sums in float64 here, and in float32 there, over and over.
  "vox1.n4": { relative: 1e-6, absolute: 0 },
  "simpleitk.N4BiasFieldCorrection": { relative: 1e-6, absolute: 0 },
}

/**
 * Where the last bit of one voxel decides whether the brightest one is in the histogram, since ITK's bins end just before or
 * just behind it. Such a bit moves imgql's result as far as ITK's is away (a test shows it).
 */
const EDGE: Tolerance = { relative: 2e-4, absolute: 0 }
const ON_EDGE: readonly string[] = [
  "(shaded head float32)",
  "(shaded slice float32)",
  "(shaded slice float64)",
  "(shaded slice float32, all slice uint8)",
]

/** Primitives that are about files, which golden-files.test.ts has. */
const ON_FILES: readonly string[] = ["simpleitk.ReadImage", "simpleitk.WriteImage"]

/** Those that compute. */
export function readCalls(): Call[] {
  return [...readOlder().flatMap(asCalls), ...readNewer().filter(({ primitive }) => !ON_FILES.includes(primitive))]
}

export function readFileCalls(of: string): Call[] {
  return readNewer().filter(({ primitive }) => primitive === of)
}

interface NewerFile {
  readonly primitive: string
  readonly cases: readonly NewerCase[]
}

interface NewerCase {
  readonly args: readonly Argument[]
  readonly refused?: string
  readonly md5?: string
  readonly result?: Numbers
  readonly size?: readonly number[]
  readonly spacing?: readonly number[]
  readonly origin?: readonly number[]
  readonly direction?: readonly number[]
  readonly dtype?: VoxelType
  readonly components?: number
  readonly values?: readonly Written[]
}

function readNewer(): Call[] {
  return listFiles(CALLS).flatMap((file) => {
    // Written by the generator; a wrong shape fails the test that compares with it.
    const { primitive, cases } = JSON.parse(readFileSync(new URL(file, CALLS), "utf8")) as NewerFile
    return cases.map((found) => ({
      ...makeCall(primitive, found.args, expectedOf(found)),
      md5: found.md5 ?? null,
    }))
  })
}

function expectedOf({ refused, result, size = [], dtype = "uint8", values = [], ...rest }: NewerCase): Expected {
  if (refused !== undefined) return { kind: "refused" }
  if (result !== undefined) return { kind: "value", value: result }
  const plain = plainGrid(size)
  const { spacing = plain.spacing, origin = plain.origin, direction = plain.direction, components = 1 } = rest
  return { kind: "image", image: { size, spacing, origin, direction, type: dtype, components }, values }
}

function makeCall(primitive: string, args: readonly Argument[], expected: Expected): Call {
  const shown = `(${args.map(showArgument).join(", ")})`
  return {
    name: `${primitive}${shown}`,
    primitive,
    args,
    expected,
    tolerance: ON_EDGE.includes(shown) && /n4/i.test(primitive) ? EDGE : (TOLERANCES[primitive] ?? EXACT),
    md5: null,
  }
}

function showArgument(argument: Argument): string {
  if (!isInput(argument)) return JSON.stringify(argument)
  if ("values" in argument) return `${argument.type} [${argument.values.join(", ")}]`
  const { image, grid, type, components } = argument
  return `${image} ${grid} ${type}${components === undefined ? "" : ` x ${components}`}`
}

export function isInput(argument: Argument): argument is Input {
  return typeof argument === "object" && !Array.isArray(argument)
}

/** One of the older files. */
export interface Golden {
  readonly name: string
  readonly primitive: string
  readonly args: Readonly<Record<string, number | string>>
  readonly size: readonly number[]
  readonly spacing: readonly number[]
  readonly dtype: "uint8" | "float32" | "float64"
  /** Voxels, or numbers by name. */
  readonly values: number[] | Readonly<Record<string, number>>
  readonly threshold?: number
  readonly components?: number
}

export function readOlder(): Golden[] {
  return listFiles(FOLDER).map((file) => {
    // Written by the generator, as above.
    const golden = JSON.parse(readFileSync(new URL(file, FOLDER), "utf8")) as Omit<Golden, "name">
    return { ...golden, name: file.replace(/\.json$/, "") }
  })
}

function listFiles(folder: URL): string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(".json"))
    .toSorted()
}

/** What the suffix of a cross-correlation golden's name says of its third input. */
const REGIONS: Readonly<Record<string, string>> = {
  main: "half",
  empty_reference: "none",
  small_radius: "half",
  narrow_range: "dense",
}

const IMAGES: readonly string[] = ["A", "B", "Q"]

/** An input of an older golden: images are float32, and masks uint8. */
export function olderInput({ name }: Golden, image: string): Input {
  return { image, grid: name.slice(0, 2), type: IMAGES.includes(image) ? "float32" : "uint8" }
}

/** An older golden as calls: of one primitive, or of two that do the same. */
function asCalls(golden: Golden): Call[] {
  const { primitive } = golden
  // "3d_otsu_A_dense_8" has the inputs A and dense.
  const [, , first = "", second = ""] = golden.name.split("_")
  const input = (image: string): Input => olderInput(golden, image)
  const number = (name: string): number => Number(golden.args[name])
  const expected: Expected = { kind: "image", image: gridOf(golden), values: voxelsOf(golden) }
  const call = (called: string, args: readonly Argument[], value: Expected = expected): Call =>
    makeCall(called, args, value)
  switch (primitive) {
    case "image":
    case "mask":
      return []
    case "near":
    case "interior":
    case "maxvol":
      return [call(`vox1.${primitive}`, [input(first)])]
    case "border":
      return [call("vox1.border", [input("A")])]
    case "lcc":
      return ["vox1.lcc", "vox1.Lcc"].map((called) => call(called, [input(first)]))
    case "through":
      return [call("vox1.through", [input(first), input(second)])]
    case "dt":
      return [
        call("vox1.dt", [input(first)]),
        call("simpleitk.SignedMaurerDistanceMap", [input(first), false, false, true]),
      ]
    case "gradient":
      return ["vox1.gradient", "simpleitk.GradientMagnitude"].map((called) => call(called, [input(first)]))
    case "percentiles":
      return [call("vox1.percentiles", [input(first), input(second), number("correction")])]
    case "otsu":
      return [call("vox1.otsu", [input(first), input(second), number("nbins")])]
    case "crossCorrelation": {
      const region = REGIONS[golden.name.replace(/^.d_crosscorr_/, "")] ?? ""
      const numbers = ["m1", "m2", "k"].map(number)
      return [call("vox1.crossCorrelation", [number("rad"), input("A"), input("B"), input(region), ...numbers])]
    }
    case "BinaryThreshold":
    case "Statistics":
    case "MinimumMaximum": {
      const of = golden.name.includes("int16")
        ? { ...input("Q"), type: "int16" as const }
        : input(golden.name.includes("_Q") ? "Q" : "A")
      if (primitive === "BinaryThreshold") {
        const limits = ["lower", "upper", "inside", "outside"].map(number)
        return [call("simpleitk.BinaryThreshold", [of, ...limits])]
      }
      const names = primitive === "MinimumMaximum" ? ["min", "max"] : STATISTICS
      const value = names.map((name) => numberIn(golden, name))
      return [call(`simpleitk.${primitive}`, [of], { kind: "value", value })]
    }
    default:
      throw new Error(`No primitive is compared with the golden results of "${primitive}".`)
  }
}

/** What Statistics gives, in its order. */
const STATISTICS: readonly string[] = ["min", "max", "mean", "sigma", "variance", "sum", "count"]

function gridOf({ size, spacing, dtype }: Golden): Omit<Image, "voxels"> {
  return { ...plainGrid(size), spacing, type: dtype, components: 1 }
}

function voxelsOf({ values }: Golden): readonly number[] {
  return Array.isArray(values) ? values : []
}

function numberIn({ name, values }: Golden, entry: string): number {
  const value = Array.isArray(values) ? undefined : values[entry]
  if (value !== undefined) return value
  throw new Error(`${name} has no number "${entry}".`)
}
