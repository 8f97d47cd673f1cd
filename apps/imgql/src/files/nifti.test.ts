import { mkdtempSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gzipSync } from "node:zlib"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { bytesPerValue, makeVoxels, plainGrid, type Image, type VoxelType } from "../image/image.ts"
import { Content } from "./content.ts"
import { TYPE_ORDER } from "./encode.ts"
import { readPlainNifti } from "./nifti-voxels.ts"
import { formatHeader, parseHeader } from "./nifti.ts"
import { readImage, readThroughItk } from "./read.ts"

const LIMITS = { maxBytes: 1 << 24 }
const FOLDER = mkdtempSync(join(tmpdir(), "imgql-nifti-"))
let count = 0

/** The file of an image, with some header fields changed. */
function niftiFile(image: Image, change: (view: DataView) => void, name = ".nii"): string {
  const header = formatHeader(image)
  if (header === null) throw new Error("the image does not fit a plain header")
  change(new DataView(header.buffer))
  const bytes = Buffer.concat([header, new Uint8Array(image.voxels.buffer)])
  count += 1
  const path = join(FOLDER, `${count}${name}`)
  writeFileSync(path, name.endsWith(".gz") ? gzipSync(bytes) : bytes)
  return path
}

function sample(type: VoxelType, size: readonly number[]): Image {
  const voxels = makeVoxels(
    type,
    size.reduce((product, each) => product * each, 1),
  )
  for (const at of voxels.keys()) voxels[at] = type.startsWith("uint") ? (at * 37) % 251 : ((at * 37) % 251) - 125
  return { ...plainGrid(size), spacing: size.map((_, axis) => 0.5 + axis), type, components: 1, voxels }
}

/** The rotation of a unit quaternion, of which the first number is left out, and its mirror image along z. */
function turnedBy(x: number, y: number, z: number, flip: number): number[] {
  const w = Math.sqrt(Math.max(0, 1 - x * x - y * y - z * z))
  return [
    [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y) * flip],
    [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x) * flip],
    [2 * (x * z - w * y), 2 * (y * z + w * x), (1 - 2 * (x * x + y * y)) * flip],
  ].flat()
}

/** What ITK and we make of one file. */
async function readTwice(path: string): Promise<{ plain: Image | null; itk: Image }> {
  const content = await Content.open(path, LIMITS)
  try {
    const plain = await readPlainNifti(content, LIMITS)
    return { plain: plain?.image ?? null, itk: await readThroughItk(content, "nifti", LIMITS) }
  } finally {
    await content.close()
  }
}

function expectSame(plain: Image | null, itk: Image): void {
  if (plain === null) throw new Error("expected a plain file")
  const near = (list: readonly number[]): readonly unknown[] => list.map((each) => expect.closeTo(each, 5) as unknown)
  const { spacing, origin, direction, ...rest } = itk
  expect(plain).toEqual({ ...rest, spacing: near(spacing), origin: near(origin), direction: near(direction) })
}

describe("plain NIfTI", () => {
  it("means the same as to ITK, for every type and orientation", async () => {
    const third = fc.double({ min: -0.57, max: 0.57, noNaN: true })
    let plainCount = 0
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          type: fc.constantFrom(...TYPE_ORDER),
          size: fc.constantFrom([3, 4, 2], [2, 1, 1], [1, 1, 5], [3, 2]),
          turn: fc.tuple(third, third, third),
          offset: fc.tuple(...[1, 2, 3].map(() => fc.double({ min: -200, max: 200, noNaN: true }))),
          flip: fc.constantFrom(-1, 1),
          codes: fc.constantFrom([1, 0], [1, 1], [2, 2], [0, 1], [0, 0], [1, 3]),
          scale: fc.constantFrom([0, 0], [1, 0], [2, 0], [0.5, -3], [1, 10], [-0.25, 0.125]),
        }),
        async ({ type, size, turn, offset, flip, codes, scale }) => {
          const direction = size.length === 3 ? turnedBy(turn[0], turn[1], turn[2], flip) : [0, -1, 1, 0]
          const path = niftiFile({ ...sample(type, size), direction, origin: offset.slice(0, size.length) }, (view) => {
            view.setInt16(252, codes[0], true)
            view.setInt16(254, codes[1], true)
            view.setFloat32(112, scale[0], true)
            view.setFloat32(116, scale[1], true)
            // A quaternion alone may be any; one beside a matrix is left to agree with it.
            if (size.length === 3 && codes[1] === 0) {
              for (const [at, value] of [...turn, ...offset].entries()) view.setFloat32(256 + 4 * at, value, true)
            }
          })
          const { plain, itk } = await readTwice(path)
          if (plain === null) return
          plainCount += 1
          expectSame(plain, itk)
        },
      ),
      { numRuns: 60, seed: 20261127 },
    )
    // Those with a quaternion, and a matrix that says the same.
    expect(plainCount).toBeGreaterThan(20)
  })

  it("is what we write, in every orthogonal orientation", async () => {
    const part = fc.double({ min: -1, max: 1, noNaN: true })
    const places = fc.tuple(part, part, part, part, fc.boolean())
    await fc.assert(
      fc.asyncProperty(places, async ([a, b, c, d, isMirrored]) => {
        const length = Math.hypot(a, b, c, d)
        fc.pre(length > 0.1)
        const direction = turnedBy(b / length, c / length, d / length, isMirrored ? -1 : 1)
        const image = { ...sample("int16", [3, 4, 2]), direction, origin: [3.5, -20, 0.25] }
        const parsed = parseHeader(formatHeader(image) ?? new Uint8Array(0))
        expect(parsed?.direction).toEqual(direction.map((each) => expect.closeTo(each, 5) as unknown))
        expect(parsed?.origin).toEqual(image.origin)
      }),
      { numRuns: 300, seed: 20261127 },
    )
  })

  it("scales what is stored, also below 0", async () => {
    const stored = sample("int16", [3, 1, 1])
    stored.voxels.set([-32768, 0, 32767])
    const path = niftiFile(stored, (view) => {
      view.setFloat32(112, 0.5, true)
      view.setFloat32(116, -10, true)
    })
    const image = await readImage(path, LIMITS)
    expect([image.type, ...image.voxels]).toEqual(["float32", -16394, -10, 16373.5])
  })

  it("leaves to ITK what is not plain, and it is read all the same", async () => {
    const image = sample("int16", [3, 4, 2])
    const changes: Readonly<Record<string, (view: DataView) => void>> = {
      "no orientation": (view) => {
        view.setInt16(252, 0, true)
        view.setInt16(254, 0, true)
      },
      "a matrix alone": (view) => view.setInt16(252, 0, true),
      "a fourth axis of 1": (view) => view.setInt16(40, 4, true),
      meters: (view) => view.setUint8(123, 1),
      "two orientations": (view) => view.setFloat32(256, 0.5, true),
    }
    for (const [what, change] of Object.entries(changes)) {
      const path = niftiFile(image, change)
      expect([what, (await readTwice(path)).plain]).toEqual([what, null])
      expect((await readImage(path, LIMITS)).voxels).toEqual(image.voxels)
    }
  })

  it("reads big-endian files through ITK", async () => {
    const image = sample("int16", [2, 2, 1])
    const path = niftiFile(image, (view) => {
      const flip = (at: number, bytes: 2 | 4): void => {
        if (bytes === 2) view.setInt16(at, view.getInt16(at, true), false)
        else view.setFloat32(at, view.getFloat32(at, true), false)
      }
      view.setInt32(0, 348, false)
      for (let at = 40; at < 56; at += 2) flip(at, 2)
      for (const at of [70, 72, 252, 254]) flip(at, 2)
      for (let at = 76; at < 120; at += 4) flip(at, 4)
      for (let at = 256; at < 328; at += 4) flip(at, 4)
    })
    const read = await readImage(path, LIMITS)
    expect([read.size, read.spacing]).toEqual([image.size, image.spacing])
    expect([...read.voxels]).toEqual(
      [...image.voxels].map((value) => (((value & 255) << 24) >> 16) | ((value >> 8) & 255)),
    )
  })

  it("reads gzip under either name", async () => {
    const image = sample("float32", [9, 8, 7])
    expect(
      (
        await readImage(
          niftiFile(image, () => undefined, ".nii.gz"),
          LIMITS,
        )
      ).voxels,
    ).toEqual(image.voxels)
    const bytes = gzipSync(Buffer.concat([formatHeader(image) ?? Buffer.alloc(0), new Uint8Array(image.voxels.buffer)]))
    const misnamed = join(FOLDER, "misnamed.nii")
    writeFileSync(misnamed, bytes)
    expect((await readImage(misnamed, LIMITS)).voxels).toEqual(image.voxels)
  })

  it("has 4-D files refused with what to do", async () => {
    const path = niftiFile(sample("uint8", [3, 2, 2]), (view) => {
      view.setInt16(40, 4, true)
      view.setInt16(46, 1, true)
      view.setInt16(48, 2, true)
    })
    await expect(readImage(path, LIMITS)).rejects.toThrow(/expected 2 or 3 axes, found 4 \(3x2x1x2\); save each volume/)
  })

  it("turns 64-bit integers into float64, and refuses those it cannot", async () => {
    const image = sample("float64", [2, 1, 1])
    const bits = new BigInt64Array(image.voxels.buffer)
    bits.set([-5n, 2n ** 53n - 1n])
    const change = (view: DataView): void => view.setInt16(70, 1024, true)
    expect(await readImage(niftiFile(image, change), LIMITS)).toMatchObject({
      type: "float64",
      voxels: Float64Array.of(-5, 2 ** 53 - 1),
    })
    bits[1] = 2n ** 53n
    await expect(readImage(niftiFile(image, change), LIMITS)).rejects.toThrow(/found 9007199254740992; convert it/)
    expect(bytesPerValue("float64")).toBe(8)
  })
})
