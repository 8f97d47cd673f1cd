/** Images made of where their voxels lie, and of one number. What they take of the input is its grid. */
import type { Image, VoxelType } from "../image/image.ts"
import type { Kernel, NoParameters } from "./kernel.ts"
import { shareOf } from "./kernel.ts"
import type { Shape } from "./shape.ts"
import { bytesOf, floatsOf, makeImage, requireInput, shapeOf } from "./shape.ts"

interface Memory {
  readonly shape: Shape
  readonly output: Image
}

/** 1 on voxels that are first or last along any axis, 0 elsewhere. */
export const border: Kernel<NoParameters, Memory, Image> = {
  name: "border",
  prepare: (inputs) => {
    const input = requireInput("border", inputs)
    return { shape: shapeOf(input), output: makeImage(input, "uint8") }
  },
  phases: [
    {
      run: ({ shape, output }, part, parts) => {
        const { nx, ny, nz, rows, axes } = shape
        const bytes = bytesOf(output)
        const { from, to } = shareOf(rows, part, parts)
        for (let row = from; row < to; row += 1) {
          const y = row % ny
          const z = (row - y) / ny
          const isOutermost = y === 0 || y === ny - 1 || (axes === 3 && (z === 0 || z === nz - 1))
          if (isOutermost) bytes.fill(1, row * nx, (row + 1) * nx)
          bytes[row * nx] = 1
          bytes[(row + 1) * nx - 1] = 1
        }
      },
    },
  ],
  finish: ({ output }) => output,
}

function makeCoordinate(name: string, axis: 0 | 1 | 2): Kernel<NoParameters, Memory, Image> {
  return {
    name,
    prepare: (inputs) => {
      const input = requireInput(name, inputs)
      return { shape: shapeOf(input), output: makeImage(input, "float32") }
    },
    phases: [
      {
        run: ({ shape, output }, part, parts) => {
          const { nx, ny, rows } = shape
          const floats = floatsOf(output)
          const { from, to } = shareOf(rows, part, parts)
          for (let row = from; row < to; row += 1) {
            const y = row % ny
            const start = row * nx
            if (axis === 0) for (let x = 0; x < nx; x += 1) floats[start + x] = x
            else floats.fill(axis === 1 ? y : (row - y) / ny, start, start + nx)
          }
        },
      },
    ],
    finish: ({ output }) => output,
  }
}

/** The place of each voxel along an axis, counted from 0; 0 along one that a picture lacks. */
export const x: Kernel<NoParameters, Memory, Image> = makeCoordinate("x", 0)
export const y: Kernel<NoParameters, Memory, Image> = makeCoordinate("y", 1)
export const z: Kernel<NoParameters, Memory, Image> = makeCoordinate("z", 2)

/** One value everywhere. */
export const constant: Kernel<
  { readonly value: number; readonly type: VoxelType },
  { readonly value: number; readonly output: Image },
  Image
> = {
  name: "constant",
  prepare: (inputs, { value, type }) => ({ value, output: makeImage(requireInput("constant", inputs), type) }),
  phases: [
    {
      run: ({ value, output }, part, parts) => {
        const { from, to } = shareOf(output.voxels.length, part, parts)
        output.voxels.fill(value, from, to)
      },
    },
  ],
  finish: ({ output }) => output,
}
