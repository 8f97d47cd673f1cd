/** Namespace `simpleitk`: arithmetic, comparison, logic and functions of voxels, under their ITK names. */
import { absolute, mask } from "../kernels/arithmetic.ts"
import { bitwise, logicalNot } from "../kernels/bitwise.ts"
import { comparison, type Relation } from "../kernels/comparison.ts"
import { choose, pointwise } from "../kernels/pointwise.ts"
import { image, num } from "./argument.ts"
import { combining, heavy, onImages, selecting } from "./heavy.ts"
import { isImage, type Primitive } from "./primitive.ts"

const RELATIONS: readonly (readonly [name: string, relation: Relation])[] = [
  ["Equal", "=="],
  ["NotEqual", "!="],
  ["Less", "<"],
  ["LessEqual", "<="],
  ["Greater", ">"],
  ["GreaterEqual", ">="],
]

const COMBINES = { And: "and", Or: "or", Xor: "xor" } as const

export const POINTWISE_PRIMITIVES: readonly Primitive[] = [
  ...RELATIONS.map(([name, relation]) =>
    selecting(
      heavy("simpleitk", `${name}(a: image, b: image|number): image`, async ([a, b], { run }) =>
        isImage(b)
          ? await run(comparison, [image(a), b], { relation, constant: null })
          : await run(comparison, [image(a)], { relation, constant: num(b) }),
      ),
      ([, b]) => (b === undefined ? null : { kind: "comparison", relation, constant: num(b) }),
    ),
  ),
  ...(["Minimum", "Maximum"] as const).map((choice) =>
    heavy(
      "simpleitk",
      `${choice}(a: image, b: image|number): image`,
      async ([a, b], { run }) =>
        isImage(b)
          ? await run(choose, [image(a), b], { choice, constant: null })
          : await run(choose, [image(a)], { choice, constant: num(b) }),
      2,
    ),
  ),
  ...(["Square", "Sqrt", "Exp", "Log", "UnaryMinus"] as const).map((of) =>
    heavy(
      "simpleitk",
      `${of}(image: image): image`,
      async ([input], { run }) => await run(pointwise, [image(input)], { of }),
    ),
  ),
  heavy("simpleitk", "Abs(image: image): image", onImages(absolute)),
  ...(["And", "Or", "Xor"] as const).map((of) =>
    combining(
      heavy(
        "simpleitk",
        `${of}(a: image, b: image): image`,
        async ([a, b], { run }) => await run(bitwise, [image(a), image(b)], { of }),
        2,
      ),
      COMBINES[of],
    ),
  ),
  heavy("simpleitk", "Not(image: image): image", onImages(logicalNot), 2),
  heavy("simpleitk", "Mask(image: image, where: image): image", onImages(mask)),
]
