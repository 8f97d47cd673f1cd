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
import { layOut } from "./simd.ts"

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

/** How many bytes of rows are computed on at once, so that their copies stay in the nearer caches. */
const BYTES_AT_ONCE = 65_536

function computePart(memory: Memory, part: number, parts: number): void {
  const { shape, values, scales } = memory
  const { nx, ny, nz } = shape
  const output = floatsOf(memory.output)
  const share = shareOf(shape.rows, part, parts)
  const height = Math.max(1, Math.min(ny, Math.floor(BYTES_AT_ONCE / (nx * 4))))
  const size = height * nx * 4
  const { loops, floats, places } = layOut(size + 2 * nx * 4, size, size, size)
  const [here, below, above, lengths] = [places[0]! / 4 + nx, places[1]! / 4, places[2]! / 4, places[3]! / 4]
  for (let row = share.from; row < share.to;) {
    // Some rows of one slice.
    const y = row % ny
    const z = (row - y) / ny
    const rows = Math.min(height, ny - y, share.to - row)
    const copy = (into: number, first: number, count: number): void => {
      floats.set(values.subarray(first * nx, (first + count) * nx), into)
    }
    copy(here - nx, y > 0 ? row - 1 : row, 1)
    copy(here, row, rows)
    copy(here + rows * nx, y + rows < ny ? row + rows : row + rows - 1, 1)
    copy(below, z > 0 ? row - ny : row, rows)
    copy(above, z < nz - 1 ? row + ny : row, rows)
    loops.gradientRows(here * 4, below * 4, above * 4, lengths * 4, nx, rows, ...scales)
    output.set(floats.subarray(lengths, lengths + rows * nx), row * nx)
    for (let end = row; end < row + rows; end += 1) {
      computeVoxel(memory, output, end, 0)
      computeVoxel(memory, output, end, nx - 1)
    }
    row += rows
  }
}

/** One voxel at the end of a row. */
function computeVoxel({ shape, values, scales }: Memory, output: Float32Array, row: number, x: number): void {
  const { nx, ny, nz } = shape
  const y = row % ny
  const z = (row - y) / ny
  const at = row * nx + x
  const alongX = (values[x < nx - 1 ? at + 1 : at]! - values[x > 0 ? at - 1 : at]!) * scales[0]
  const alongY = (values[y < ny - 1 ? at + nx : at]! - values[y > 0 ? at - nx : at]!) * scales[1]
  const alongZ = (values[z < nz - 1 ? at + nx * ny : at]! - values[z > 0 ? at - nx * ny : at]!) * scales[2]
  output[at] = Math.sqrt(alongX * alongX + alongY * alongY + alongZ * alongZ)
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
