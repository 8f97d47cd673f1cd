/** Surfaces of masks, and how far one lies from another. */
import type { Image } from "../image/image.ts"
import type { Kernel, NoParameters } from "./kernel.ts"
import { shareOf } from "./kernel.ts"
import { makeDoubles, makeFloats } from "./memory.ts"
import type { Shape } from "./shape.ts"
import { bytesOf, floatsOf, makeImage, requireSameSize, requireScalar, requireThat, shapeOf } from "./shape.ts"

interface Memory {
  readonly image: Image
  readonly shape: Shape
  readonly output: Image
}

/** 1 on voxels of the mask that have a voxel outside of it among their neighbors (26, or 8), or none where the image ends. */
export const surface: Kernel<NoParameters, Memory, Image> = {
  name: "surface",
  prepare: (inputs) => {
    const image = requireScalar("surface", inputs)
    return { image, shape: shapeOf(image), output: makeImage(image, "uint8") }
  },
  phases: [
    {
      run: ({ image, shape, output }, part, parts) => {
        const { nx, ny, rows } = shape
        const bytes = bytesOf(output)
        const { from, to } = shareOf(rows, part, parts)
        for (let row = from; row < to; row += 1) {
          for (let x = 0; x < nx; x += 1) {
            if (image.voxels[row * nx + x] === 0) continue
            bytes[row * nx + x] = isBeside(image, shape, { x, y: row % ny, z: Math.floor(row / ny) }) ? 1 : 0
          }
        }
      },
    },
  ],
  finish: ({ output }) => output,
}

interface Place {
  readonly x: number
  readonly y: number
  readonly z: number
}

/** Whether some neighbor is not of the mask. */
function isBeside({ voxels }: Image, { nx, ny, nz, axes }: Shape, { x, y, z }: Place): boolean {
  const isFlat = axes === 2
  if (x === 0 || x === nx - 1 || y === 0 || y === ny - 1 || (!isFlat && (z === 0 || z === nz - 1))) return true
  for (let k = isFlat ? 0 : -1; k <= (isFlat ? 0 : 1); k += 1) {
    for (let j = -1; j <= 1; j += 1) {
      const at = ((z + k) * ny + y + j) * nx + x
      if (voxels[at - 1] === 0 || voxels[at] === 0 || voxels[at + 1] === 0) return true
    }
  }
  return false
}

interface DistancesMemory {
  readonly surface: Image
  readonly map: Image
  /** How many each part has, then where each begins; last, how many there are. */
  readonly starts: Float64Array
  readonly found: Float32Array
}

/** Of a surface, and a map of distances from another, the distances between them, the least first; below 0 is 0. */
export const surfaceDistances: Kernel<NoParameters, DistancesMemory, Float32Array> = {
  name: "surfaceDistances",
  prepare: (inputs, _, parts) => {
    const [from, map] = [requireScalar("surfaceDistances", inputs, 0), requireScalar("surfaceDistances", inputs, 1)]
    requireSameSize("surfaceDistances", from, map)
    const isMap = from.type === "uint8" && map.type === "float32"
    requireThat("surfaceDistances", isMap, "a mask and a map of distances", [from.type, map.type])
    return { surface: from, map, starts: makeDoubles(parts + 1), found: makeFloats(from.voxels.length) }
  },
  phases: [
    {
      run: ({ surface: { voxels }, starts }, part, parts) => {
        const { from, to } = shareOf(voxels.length, part, parts)
        let count = 0
        for (let at = from; at < to; at += 1) count += voxels[at] === 0 ? 0 : 1
        starts[part] = count
      },
    },
    {
      isSerial: true,
      run: ({ starts }) => {
        let total = 0
        for (let part = 0; part < starts.length; part += 1) {
          const count = starts[part]!
          starts[part] = total
          total += count
        }
      },
    },
    {
      run: ({ surface: { voxels }, map, starts, found }, part, parts) => {
        const distances = floatsOf(map)
        const { from, to } = shareOf(voxels.length, part, parts)
        let next = starts[part]!
        for (let at = from; at < to; at += 1) {
          if (voxels[at] === 0) continue
          found[next] = Math.max(0, distances[at]!)
          next += 1
        }
      },
    },
    {
      isSerial: true,
      run: ({ starts, found }) => {
        const all = found.subarray(0, starts.at(-1))
        all.set(all.toSorted())
      },
    },
  ],
  finish: ({ starts, found }) => found.subarray(0, starts.at(-1)),
}
