/** Namespace `simpleitk`: arithmetic, comparison, logic and functions of voxels, under their ITK names. */
import { absolute, mask } from "../kernels/arithmetic.ts"
import { comparison, type Relation } from "../kernels/comparison.ts"
import { and, not, or, xor } from "../kernels/logic.ts"
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
    heavy("simpleitk", `${choice}(a: image, b: image|number): image`, async ([a, b], { run }) =>
      isImage(b)
        ? await run(choose, [image(a), b], { choice, constant: null })
        : await run(choose, [image(a)], { choice, constant: num(b) }),
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
  combining(heavy("simpleitk", "And(a: image, b: image): image", onImages(and)), "and"),
  combining(heavy("simpleitk", "Or(a: image, b: image): image", onImages(or)), "or"),
  combining(heavy("simpleitk", "Xor(a: image, b: image): image", onImages(xor)), "xor"),
  heavy("simpleitk", "Not(image: image): image", onImages(not)),
  heavy("simpleitk", "Mask(image: image, where: image): image", onImages(mask)),
]
