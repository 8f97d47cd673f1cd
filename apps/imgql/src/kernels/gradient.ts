/**
 * The magnitude of the gradient, as ITK's GradientMagnitude: central differences over twice the spacing, voxels beyond
 * the edge being those at it.
 */
import type { Image } from "../image/image.ts"
import type { Kernel, NoParameters } from "./kernel.ts"
import { shareOf } from "./kernel.ts"
import type { Shape } from "./shape.ts"
import { floatsOf, makeImage, requireScalar, shapeOf, spacingOf } from "./shape.ts"
import { makeFloats } from "./memory.ts"

interface Memory {
  readonly shape: Shape
  readonly input: Image
  /** The input as float32: the input itself, or yet to be filled. */
  readonly values: Float32Array
  /** What a difference along each axis is multiplied by; 0 along an axis that a picture lacks. */
  readonly scales: readonly [number, number, number]
  readonly output: Image
}

function convertPart({ input, values }: Memory, part: number, parts: number): void {
  if (input.voxels === values) return
  const { from, to } = shareOf(values.length, part, parts)
  values.set(input.voxels.subarray(from, to), from)
}

function computePart(memory: Memory, part: number, parts: number): void {
  const { shape, values, scales } = memory
  const { nx, ny, nz } = shape
  const [scaleX, scaleY, scaleZ] = scales
  const output = floatsOf(memory.output)
  const { from, to } = shareOf(shape.rows, part, parts)
  for (let row = from; row < to; row += 1) {
    const y = row % ny
    const z = (row - y) / ny
    const start = row * nx
    const before = y > 0 ? start - nx : start
    const after = y < ny - 1 ? start + nx : start
    const below = z > 0 ? start - nx * ny : start
    const above = z < nz - 1 ? start + nx * ny : start
    for (let x = 0; x < nx; x += 1) {
      const left = x > 0 ? x - 1 : x
      const right = x < nx - 1 ? x + 1 : x
      const alongX = (values[start + right]! - values[start + left]!) * scaleX
      const alongY = (values[after + x]! - values[before + x]!) * scaleY
      const alongZ = (values[above + x]! - values[below + x]!) * scaleZ
      output[start + x] = Math.sqrt(alongX * alongX + alongY * alongY + alongZ * alongZ)
    }
  }
}

function prepareGradient(kernel: string, inputs: readonly Image[], isSpacingUsed: boolean): Memory {
  const input = requireScalar(kernel, inputs)
  const { voxels } = input
  const shape = shapeOf(input)
  const [x, y, z] = isSpacingUsed ? spacingOf(input) : [1, 1, 1]
  return {
    shape,
    input,
    values: voxels instanceof Float32Array ? voxels : makeFloats(voxels.length),
    scales: [0.5 / x, 0.5 / y, shape.axes === 2 ? 0 : 0.5 / z],
    output: makeImage(input, "float32"),
  }
}

const PHASES: Kernel<never, Memory, Image>["phases"] = [{ run: convertPart }, { run: computePart }]

/** The length of the gradient at each voxel, per spacing unit. */
export const gradient: Kernel<NoParameters, Memory, Image> = {
  name: "gradient",
  prepare: (inputs) => prepareGradient("gradient", inputs, true),
  phases: PHASES,
  finish: ({ output }) => output,
}

/** {@link gradient}, per spacing unit or per voxel. */
export const gradientMagnitude: Kernel<{ readonly isSpacingUsed: boolean }, Memory, Image> = {
  name: "GradientMagnitude",
  prepare: (inputs, { isSpacingUsed }) => prepareGradient("GradientMagnitude", inputs, isSpacingUsed),
  phases: PHASES,
  finish: ({ output }) => output,
}
