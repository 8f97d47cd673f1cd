/** The primitives that programs in the tests of the language call, with what VoxLogicA's documents say they take. */
import { parseSignature, SignatureTable } from "../../src/language/signature.ts"

const LINES: Readonly<Record<string, readonly string[]>> = {
  default: [
    ...["addition", "subtraction", "multiplication", "division"].flatMap((name) => [
      `${name}(a: number, b: number): number`,
      `${name}(a: number|sequence, b: number|sequence): sequence`,
    ]),
    "range(stop: number): sequence",
    "range(start: number, stop: number): sequence",
    "index(sequence: sequence, at: number): any",
    "subsequence(sequence: sequence, stop: number): sequence",
    "subsequence(sequence: sequence, start: number, stop: number): sequence",
    "map(f: function, sequence: sequence): sequence",
    "argmax(sequence: sequence): number",
    "sequence(items...: any): sequence",
    "dir(root: string, glob?: string, recursive?: boolean, full?: boolean): sequence",
    "load(path: string): any",
    "overlay(base: image, layers...: image): image",
    "print_primitive(message: string, value: any): any",
    ...["==", "!=", "<", "<=", ">", ">="].map((name) => `${name}(a: number, b: number): boolean`),
    "and(a: boolean, b: boolean): boolean",
    "or(a: boolean, b: boolean): boolean",
    "not(a: boolean): boolean",
  ],
  vox1: [
    ...["addition", "subtraction", "multiplication", "division"].map(
      (name) => `${name}(a: number|image, b: number|image): image`,
    ),
    ...["==", "!=", "<", "<=", ">", ">="].map((name) => `${name}(a: number|image, b: number|image): image`),
    "and(a: image, b: image): image",
    "or(a: image, b: image): image",
    "not(a: image): image",
    ...["intensity", "red", "green", "blue", "alpha", "near", "interior", "dt", "lcc", "Lcc", "maxvol", "gradient"].map(
      (name) => `${name}(image: image): image`,
    ),
    "rgb(r: image, g: image, b: image): image",
    "rgba(r: image, g: image, b: image, a: image): image",
    ...["tt", "ff", "x", "y", "z", "border"].flatMap((name) => [`${name}(): image`, `${name}(of: image): image`]),
    "constant(value: number): image",
    "bconstant(value: boolean): image",
    ...["eq_sv", "geq_sv", "leq_sv"].map((name) => `${name}(value: number, image: image): image`),
    "between(low: number, high: number, image: image): image",
    "mask(image: image, where: image): image",
    "through(seed: image, where: image): image",
    "avg(image: image, where: image): number",
    ...["volume", "vol", "min", "max"].map((name) => `${name}(image: image): number`),
    "percentiles(image: image, where: image, correction: number): image",
    "crossCorrelation(radius: number, a: image, b: image, where: image, m1: number, m2: number, bins: number): image",
  ],
  simpleitk: [
    "ReadImage(path: string): image",
    "WriteImage(image: image, path: string): any",
    "BinaryThreshold(image: image, lower: number, upper: number, inside?: number, outside?: number): image",
    "Multiply(a: image|number, b: image|number): image",
    "MinimumMaximum(image: image): sequence",
    "Extract(image: image, size: any, index: any): image",
  ],
  strings: ["concat(parts...: any): string", "format_string(format: string, values...: any): string"],
  arrays: ["vector_uint32(values: sequence): any", "dice_score(a: image, b: image): number"],
  test: [
    "fibonacci(n: number): number",
    "timewaste(size: number, iterations: number): number",
    "impure(value: any): any",
  ],
  nnunet: ["env_check(): any"],
}

export const SIGNATURES: SignatureTable = new SignatureTable(
  Object.entries(LINES).flatMap(([namespace, lines]) => lines.map((line) => parseSignature(namespace, line))),
)
