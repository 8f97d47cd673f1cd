import { mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { makeVoxels, plainGrid, type Image, type VoxelType } from "../image/image.ts"
import { readImage } from "./read.ts"
import { fullWindow, percentileWindow, sliceOf } from "./slice.ts"
import { renderMosaic, renderPlanes } from "./view.ts"

function imageOf(type: VoxelType, size: readonly number[], values: (at: number) => number, components = 1): Image {
  const voxels = makeVoxels(
    type,
    size.reduce((product, each) => product * each, components),
  )
  for (const at of voxels.keys()) voxels[at] = values(at)
  return { ...plainGrid(size), type, components, voxels }
}

/** The picture in a PNG, by pixel. */
async function look(
  png: Uint8Array,
): Promise<{ width: number; height: number; at: (x: number, y: number) => number[] }> {
  const path = join(mkdtempSync(join(tmpdir(), "imgql-view-")), "a.png")
  writeFileSync(path, png)
  const { size, voxels } = await readImage(path, { maxBytes: 1 << 26 })
  const [width = 0, height = 0] = size
  return { width, height, at: (x, y) => Array.from(voxels.slice(3 * (y * width + x)).subarray(0, 3)) }
}

describe("slices", () => {
  it("are cut across every axis, components together", () => {
    const image = imageOf("int16", [3, 4, 2], (at) => at, 2)
    const valueAt = (x: number, y: number, z: number): number[] => {
      const at = 2 * (x + 3 * (y + 4 * z))
      return [at, at + 1]
    }
    const across = [0, 1, 2].map((axis) => sliceOf(image, axis, 1))
    expect(across.map(({ width, height }) => [width, height])).toEqual([
      [4, 2],
      [3, 2],
      [3, 4],
    ])
    expect([...(across[0]?.values ?? [])]).toEqual([0, 1].flatMap((z) => [0, 1, 2, 3].flatMap((y) => valueAt(1, y, z))))
    expect([...(across[1]?.values ?? [])]).toEqual([0, 1].flatMap((z) => [0, 1, 2].flatMap((x) => valueAt(x, 1, z))))
    expect([...(across[2]?.values ?? [])]).toEqual(
      [0, 1, 2, 3].flatMap((y) => [0, 1, 2].flatMap((x) => valueAt(x, y, 1))),
    )
  })

  it("are shown from percentile to percentile, whatever is no number", () => {
    const image = imageOf("float32", [101, 1], (at) => (at === 50 ? NaN : at === 51 ? Infinity : at))
    expect(percentileWindow(image, 1, 99)).toEqual({ low: 1, high: 99 })
    expect(fullWindow(image)).toEqual({ low: 0, high: 100 })
    expect(
      percentileWindow(
        imageOf("float32", [2, 1], () => NaN),
        1,
        99,
      ),
    ).toEqual({ low: 0, high: 1 })
    const flat = imageOf("float32", [1000, 1], (at) => (at === 7 ? 5 : 1))
    expect(percentileWindow(flat, 5, 95)).toEqual({ low: 1, high: 5 })
  })
})

describe("a view", () => {
  // One bright corner voxel in each direction from the middle: left, back and top of the patient.
  const marked = (direction: readonly number[], size: readonly [number, number, number]): Image => ({
    ...imageOf("uint8", size, () => 40),
    direction,
  })

  it("hangs slices with the patient's left on the right, the front and the top up, however the image lies", async () => {
    const edge = 8
    const straight = marked([1, 0, 0, 0, 1, 0, 0, 0, 1], [edge, edge, edge])
    // Left, back and top are at the high indices.
    const put = (image: Image, x: number, y: number, z: number, value: number): void => {
      image.voxels[x + edge * (y + edge * z)] = value
    }
    const turned = marked([-1, 0, 0, 0, -1, 0, 0, 0, -1], [edge, edge, edge])
    // Axis 0 runs to the top, axis 1 to the left, axis 2 to the back.
    const swapped = marked([0, 1, 0, 0, 0, 1, 1, 0, 0], [edge, edge, edge])
    for (let x = 0; x < edge; x += 1) {
      for (let y = 0; y < edge; y += 1) {
        for (let z = 0; z < edge; z += 1) {
          const value = 30 + x * 20 + y * 5 + z
          put(straight, x, y, z, value)
          put(turned, edge - 1 - x, edge - 1 - y, edge - 1 - z, value)
          put(swapped, z, x, y, value)
        }
      }
    }
    const options = { panelPixels: 64 }
    const view = await look(await renderPlanes(straight, options))
    expect([view.width, view.height]).toEqual([3 * 64 + 2 * 4, 64])
    const valueAt = (panel: number, column: number, row: number): number => {
      return view.at(panel * 68 + column * 8 + 4, row * 8 + 4)[0] ?? 0
    }
    const value = (x: number, y: number, z: number): number => 30 + x * 20 + y * 5 + z
    // Axial: across to the left, down to the back. Coronal: down from the top. Sagittal: across from the front.
    expect([valueAt(0, 0, 0), valueAt(0, 7, 0), valueAt(0, 0, 7)]).toEqual([
      value(0, 0, 4),
      value(7, 0, 4),
      value(0, 7, 4),
    ])
    expect([valueAt(1, 0, 0), valueAt(1, 7, 0), valueAt(1, 0, 7)]).toEqual([
      value(0, 4, 7),
      value(7, 4, 7),
      value(0, 4, 0),
    ])
    expect([valueAt(2, 0, 0), valueAt(2, 7, 0), valueAt(2, 0, 7)]).toEqual([
      value(4, 0, 7),
      value(4, 7, 7),
      value(4, 0, 0),
    ])
    expect(Buffer.from(await renderPlanes(swapped, options)).equals(await renderPlanes(straight, options))).toBe(true)
    // Backward, the middle is one voxel off: index 4 from the other side.
    const other = await look(await renderPlanes(turned, options))
    expect(other.at(4, 4)[0]).toBe(value(0, 0, 3))
  })

  it("keeps the proportions of the body", async () => {
    const image = { ...imageOf("uint8", [10, 20, 30], () => 9), spacing: [4, 1, 1] }
    const { width, height } = await look(await renderPlanes(image, { panelPixels: 80 }))
    // Axial 80 x 40, coronal 80 x 60, sagittal 53 x 80: cells as wide and high as the largest.
    expect([width, height]).toEqual([3 * 84 - 4, 80])
  })

  it("lays a mask over in color, each label its own, and leaves the rest as it is", async () => {
    const image = imageOf("uint8", [4, 1], () => 100)
    const mask = imageOf("uint8", [4, 1], (at) => at % 3)
    const { at } = await look(await renderPlanes(image, { mask, panelPixels: 64 }))
    expect([8, 24, 40, 56].map((x) => at(x, 8))).toEqual([
      [100, 100, 100],
      [178, 82, 82],
      [82, 130, 178],
      [100, 100, 100],
    ])
    await expect(renderPlanes(image, { mask: imageOf("uint8", [1, 4], () => 1) })).rejects.toThrow(
      "expected a mask of 4x1 voxels, as the image has, found 1x4; resample it",
    )
  })

  it("shows a mask black and white, and colors as they are", async () => {
    const mask = await look(
      await renderPlanes(
        imageOf("uint8", [2, 1], (at) => at),
        { panelPixels: 32 },
      ),
    )
    expect([mask.at(8, 8), mask.at(24, 8)]).toEqual([
      [0, 0, 0],
      [255, 255, 255],
    ])
    const colors = await look(
      await renderPlanes(
        imageOf("float32", [1, 1], (at) => at * 100, 3),
        { panelPixels: 32 },
      ),
    )
    expect(colors.at(8, 8)).toEqual([0, 100, 200])
    const window = { low: 0, high: 2 }
    const grey = await look(
      await renderPlanes(
        imageOf("int16", [2, 1], (at) => at),
        { window, panelPixels: 32 },
      ),
    )
    expect([grey.at(8, 8), grey.at(24, 8)]).toEqual([
      [0, 0, 0],
      [128, 128, 128],
    ])
  })

  it("is a mosaic of slices from the bottom to the top", async () => {
    const image = imageOf("uint8", [2, 2, 40], (at) => 2 + Math.floor(at / 4))
    const { width, height, at } = await look(await renderMosaic(image, { slices: 6, columns: 3, panelPixels: 32 }))
    expect([width, height]).toEqual([3 * 36 - 4, 2 * 36 - 4])
    const shown = [0, 1].flatMap((row) => [0, 1, 2].map((column) => at(column * 36 + 16, row * 36 + 16)[0] ?? 0))
    expect(shown).toEqual(shown.toSorted((one, other) => one - other))
    expect(new Set(shown).size).toBe(6)
    const one = await look(
      await renderMosaic(
        imageOf("uint8", [2, 2], () => 7),
        { panelPixels: 32 },
      ),
    )
    expect([one.width, one.height]).toEqual([32, 32])
  })
})
