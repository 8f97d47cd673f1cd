/** Bias fields beyond ITK's golden results: what they are for, and where those are only met roughly. */
import { describe, expect, it } from "vitest"
import { type Image, makeVoxels } from "../src/image/image.ts"
import { biasField, type BiasFieldParameters } from "../src/kernels/bias-field.ts"
import { KernelPool } from "../src/threads/pool.ts"
import { makeInput } from "./golden-inputs.ts"
import { runApart } from "./run-apart.ts"

const SETTINGS: BiasFieldParameters = {
  threshold: 0.001,
  iterations: [50, 50, 50, 50],
  fullWidth: 0.15,
  noise: 0.01,
  bins: 200,
  points: [4, 4, 4],
  order: 3,
  label: 1,
}

describe("a bias field", () => {
  it("is taken out: what was one tissue is of one brightness again", () => {
    const size = [24, 24, 4]
    const plain = makeTissues(size, () => 1)
    const shaded = makeTissues(size, (x, y) => 1 + 0.4 * x + 0.3 * x * y)
    const corrected = runApart(biasField, [shaded], { ...SETTINGS, iterations: [20, 20] }, 3)
    expect(spreadOf(corrected, plain)).toBeLessThan(spreadOf(shaded, plain) / 4)
  })

  it("is moved by the last bit of one voxel as far as ITK's golden results are away where bins end at the brightest", () => {
    const image = makeInput({ image: "shaded", grid: "head", type: "float32" })
    const other = makeInput({ image: "shaded", grid: "head", type: "float32" })
    const at = Math.floor((6.5 / 8) * other.voxels.length)
    other.voxels[at] = Math.fround((other.voxels[at] ?? 0) * (1 + 2 ** -23))
    const [one, two] = [image, other].map((each) => runApart(biasField, [each], SETTINGS, 1).voxels)
    const moved = Math.max(...Array.from(one ?? [], (value, voxel) => Math.abs(value / (two?.[voxel] ?? 0) - 1)))
    expect(moved).toBeGreaterThan(1e-5)
    expect(moved).toBeLessThan(2e-4)
  })

  it("is the same on threads", async () => {
    const image = makeTissues([20, 18, 12], (x) => 1 + x)
    const pool = new KernelPool(2)
    try {
      const few = { ...SETTINGS, iterations: [3, 2] }
      const found = await pool.run(biasField, [image], few, { parts: 5 })
      expect(found.voxels).toEqual(runApart(biasField, [image], few, 1).voxels)
    } finally {
      await pool.close()
    }
  })
})

/** Three tissues in stripes with a little noise, times a field of places from 0 to 1. */
function makeTissues(size: readonly number[], field: (x: number, y: number) => number): Image {
  const [nx = 1, ny = 1, nz = 1] = size
  const voxels = makeVoxels("float32", nx * ny * nz)
  let state = 1
  for (let at = 0; at < voxels.length; at += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    const [x, y] = [at % nx, Math.floor(at / nx) % ny]
    const tissue = 100 * tissueAt(x, y) + 4 * (state / 2 ** 32)
    voxels[at] = tissue * field(x / nx, y / ny)
  }
  const direction = [1, 0, 0, 0, 1, 0, 0, 0, 1]
  return { size, spacing: [1, 1, 2], origin: [0, 0, 0], direction, type: "float32", components: 1, voxels }
}

function tissueAt(x: number, y: number): number {
  return 1 + ((Math.floor(x / 3) + Math.floor(y / 4)) % 3)
}

/** How far voxels of one tissue differ, on average, as a part of their brightness. */
function spreadOf({ voxels, size }: Image, plain: Image): number {
  const [nx = 1, ny = 1] = size
  const sums = new Map<number, { count: number; sum: number; squares: number }>()
  for (let at = 0; at < plain.voxels.length; at += 1) {
    const tissue = tissueAt(at % nx, Math.floor(at / nx) % ny)
    const entry = sums.get(tissue) ?? { count: 0, sum: 0, squares: 0 }
    const value = voxels[at] ?? 0
    sums.set(tissue, { count: entry.count + 1, sum: entry.sum + value, squares: entry.squares + value * value })
  }
  const spreads = [...sums.values()].map(({ count, sum, squares }) => {
    const mean = sum / count
    return Math.sqrt(squares / count - mean * mean) / mean
  })
  return spreads.reduce((total, spread) => total + spread, 0) / spreads.length
}
