/** The volumes that kernels are measured on: one this file makes, and any NIfTI file of bytes whose path is given. */
import { readFileSync } from "node:fs"
import { gunzipSync } from "node:zlib"
import type { Image } from "../src/image/image.ts"
import { makeVoxels, plainGrid } from "../src/image/image.ts"

const SIZE = [188, 256, 190] as const

/** Something like a head: a bright rim, two inner tissues with gradual changes, a few cavities, and noise; 9.1 million voxels. */
export function makeHead(): Image {
  const [nx, ny, nz] = SIZE
  const voxels = makeVoxels("uint8", nx * ny * nz)
  let state = 12345
  let at = 0
  for (let z = 0; z < nz; z += 1) {
    for (let y = 0; y < ny; y += 1) {
      for (let x = 0; x < nx; x += 1) {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0
        voxels[at] = valueAt((2 * x) / nx - 1, (2 * y) / ny - 1, (2 * z) / nz - 1, (state >>> 8) / 16777216)
        at += 1
      }
    }
  }
  return { ...plainGrid(SIZE), spacing: [0.88, 0.88, 0.88], type: "uint8", components: 1, voxels }
}

function valueAt(x: number, y: number, z: number, noise: number): number {
  const radius = Math.sqrt((x / 0.8) ** 2 + (y / 0.9) ** 2 + (z / 0.85) ** 2)
  if (radius > 1) return noise < 0.9 ? 0 : 3 * noise
  if (radius > 0.92) return 150 + 60 * noise
  if (radius > 0.85) return 15 + 10 * noise
  const fold = Math.sin(17 * x) * Math.sin(19 * y) * Math.sin(23 * z)
  if (fold > 0.75) return 20 + 10 * noise
  return (fold + radius > 0.6 ? 90 : 130) + 12 * x + 15 * noise
}

/** A volume of bytes in a NIfTI-1 file. */
export function readHead(path: string): Image {
  const file = readFileSync(path)
  const bytes = path.endsWith(".gz") ? gunzipSync(file) : file
  const type = bytes.readInt16LE(70)
  if (type !== 2)
    throw new Error(`${path} holds values of NIfTI type ${String(type)}; give a volume of bytes (type 2).`)
  const size = [1, 2, 3].map((axis) => bytes.readInt16LE(40 + 2 * axis))
  const spacing = [1, 2, 3].map((axis) => bytes.readFloatLE(76 + 4 * axis))
  const count = size.reduce((product, along) => product * along, 1)
  const start = bytes.readFloatLE(108)
  const voxels = makeVoxels("uint8", count)
  voxels.set(bytes.subarray(start, start + count))
  return { ...plainGrid(size), spacing, type: "uint8", components: 1, voxels }
}
