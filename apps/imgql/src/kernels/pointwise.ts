/**
 * Functions of every voxel alone. As in ITK, they are computed in doubles and the result has the type of the image, so that
 * whole numbers are cut.
 */
import type { Image } from "../image/image.ts"
import { commonType } from "./arithmetic.ts"
import type { Kernel } from "./kernel.ts"
import { shareOf } from "./kernel.ts"
import {
  castTo,
  CHUNK,
  makeImage,
  readDoubles,
  requireInput,
  requireSameSize,
  requireScalar,
  writeDoubles,
} from "./shape.ts"

export type PointwiseFunction = "Square" | "Sqrt" | "Exp" | "Log" | "UnaryMinus"

const FUNCTIONS: Readonly<Record<PointwiseFunction, (value: number) => number>> = {
  Square: (value) => value * value,
  Sqrt: Math.sqrt,
  Exp: Math.exp,
  Log: Math.log,
  UnaryMinus: (value) => -value,
}

interface Memory {
  readonly image: Image
  readonly of: PointwiseFunction
  readonly output: Image
}

export const pointwise: Kernel<{ readonly of: PointwiseFunction }, Memory, Image> = {
  name: "pointwise",
  prepare: (inputs, { of }) => {
    const image = requireInput(of, inputs)
    return { image, of, output: makeImage(image, image.type, image.components) }
  },
  phases: [
    {
      run: ({ image, of, output }, part, parts) => {
        const compute = FUNCTIONS[of]
        const chunk = new Float64Array(CHUNK)
        const { from, to } = shareOf(output.voxels.length, part, parts)
        for (let start = from; start < to; start += CHUNK) {
          const count = Math.min(CHUNK, to - start)
          readDoubles(image.voxels, start, start + count, chunk)
          for (let at = 0; at < count; at += 1) chunk[at] = compute(chunk[at]!)
          writeDoubles(chunk, count, output.voxels, start)
        }
      },
    },
  ],
  finish: ({ output }) => output,
}

export type Choice = "Minimum" | "Maximum"

interface ChoiceMemory {
  readonly choice: Choice
  readonly image: Image
  readonly other: Image | number
  readonly output: Image
}

/**
 * The lesser or the greater of two images' values, or of an image's and a number, which is cast to the type of the voxels. As in
 * ITK, the second one is taken where either is NaN.
 */
export const choose: Kernel<{ readonly choice: Choice; readonly constant: number | null }, ChoiceMemory, Image> = {
  name: "choose",
  prepare: (inputs, { choice, constant }) => {
    const image = requireScalar(choice, inputs, 0)
    const second = constant === null ? requireScalar(choice, inputs, 1) : image
    requireSameSize(choice, image, second)
    const type = commonType(image.type, second.type)
    const other = constant === null ? second : castTo(type, constant)
    return { choice, image, other, output: makeImage(image, type) }
  },
  phases: [
    {
      run: ({ choice, image, other, output }, part, parts) => {
        const [a, b] = [new Float64Array(CHUNK), new Float64Array(CHUNK)]
        if (typeof other === "number") b.fill(other)
        const { from, to } = shareOf(output.voxels.length, part, parts)
        for (let start = from; start < to; start += CHUNK) {
          const count = Math.min(CHUNK, to - start)
          readDoubles(image.voxels, start, start + count, a)
          if (typeof other !== "number") readDoubles(other.voxels, start, start + count, b)
          if (choice === "Minimum") {
            for (let at = 0; at < count; at += 1) a[at] = a[at]! < b[at]! ? a[at]! : b[at]!
          } else {
            for (let at = 0; at < count; at += 1) a[at] = a[at]! > b[at]! ? a[at]! : b[at]!
          }
          writeDoubles(a, count, output.voxels, start)
        }
      },
    },
  ],
  finish: ({ output }) => output,
}
