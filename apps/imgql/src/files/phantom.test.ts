import { createHash } from "node:crypto"
import { mkdtempSync, readFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import type { Image } from "../image/image.ts"
import { makePhantom, savePhantom } from "./phantom.ts"
import { readImage } from "./read.ts"

const SIZE = [48, 48, 31] as const

function digestOf({ voxels }: Image): string {
  return createHash("sha256").update(new Uint8Array(voxels.buffer)).digest("hex").slice(0, 16)
}

describe("the phantom", () => {
  it("has the same voxels on every machine", () => {
    const { flair, lesion } = makePhantom({ size: SIZE })
    expect([digestOf(flair), digestOf(lesion)]).toEqual(["601cd4de78df634f", "9d754ed060373444"])
  })

  it("is another head's with another seed, and the same again with the same", () => {
    const [one, other, again] = [1, 2, 1].map((seed) => digestOf(makePhantom({ size: SIZE, seed }).flair))
    expect(one).toBe(again)
    expect(one).not.toBe(other)
  })

  it("is a head in air: dark around, and the lesion brightest on average", () => {
    const { flair, lesion } = makePhantom({ size: SIZE })
    let [inside, insideCount, outside, outsideCount] = [0, 0, 0, 0]
    for (const [at, value] of flair.voxels.entries()) {
      if (lesion.voxels[at] === 1) [inside, insideCount] = [inside + value, insideCount + 1]
      else if (value > 300) [outside, outsideCount] = [outside + value, outsideCount + 1]
    }
    expect(insideCount / flair.voxels.length).toBeGreaterThan(0.002)
    expect(insideCount / flair.voxels.length).toBeLessThan(0.02)
    expect(outsideCount / flair.voxels.length).toBeGreaterThan(0.1)
    expect(inside / insideCount).toBeGreaterThan((outside / outsideCount) * 1.3)
    const corner = flair.voxels.slice(0, 20)
    expect(Math.max(...corner)).toBeLessThan(100)
    expect(new Set(lesion.voxels)).toEqual(new Set([0, 1]))
  })

  it("fills the same field at every size", () => {
    for (const size of [
      [8, 8, 8],
      [24, 48, 31],
    ] as const) {
      const { flair } = makePhantom({ size })
      expect(flair.size.map((count, axis) => count * (flair.spacing[axis] ?? 0))).toEqual([240, 240, 155])
      expect(flair.origin[0]).toBeCloseTo(-120 + (flair.spacing[0] ?? 0) / 2, 9)
    }
    for (const size of [
      [7, 8, 8],
      [8, 8, 2049],
      [8.5, 8, 8],
    ] as const) {
      expect(() => makePhantom({ size })).toThrow(/expected 8 to 2048 voxels/)
    }
  })

  it("is saved as the same files every time", async () => {
    const bytes = []
    for (let round = 0; round < 2; round += 1) {
      const root = mkdtempSync(join(tmpdir(), "imgql-phantom-"))
      const { flair, lesion } = await savePhantom({ size: SIZE, root, name: "heads/a" })
      expect(flair.path).toMatch(/heads.a-flair\.nii\.gz$/)
      bytes.push(Buffer.concat([readFileSync(flair.path), readFileSync(lesion.path)]).toString("base64"))
      const read = await readImage(flair.path, { maxBytes: 1 << 24 })
      expect(read.voxels).toEqual(makePhantom({ size: SIZE }).flair.voxels)
      expect(read.spacing).toEqual([5, 5, 5])
    }
    expect(bytes[0]).toBe(bytes[1])
  })
})
