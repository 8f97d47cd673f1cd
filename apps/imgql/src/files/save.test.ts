import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gunzipSync } from "node:zlib"
import { describe, expect, it } from "vitest"
import { makeVoxels, plainGrid, type Image, type VoxelType } from "../image/image.ts"
import { decodeValue } from "./decode.ts"
import { TYPE_ORDER } from "./encode.ts"
import { readImage } from "./read.ts"
import { saveValue } from "./save.ts"
import type { Value } from "./value.ts"

const LIMITS = { maxBytes: 1 << 26 }
const HALF = Math.SQRT1_2

function newFolder(): string {
  return mkdtempSync(join(tmpdir(), "imgql-save-"))
}

/** An image whose every voxel differs, placed and turned. */
function sample(type: VoxelType, size: readonly number[], components = 1): Image {
  const voxels = makeVoxels(
    type,
    size.reduce((product, each) => product * each, components),
  )
  for (const at of voxels.keys()) {
    if (type.startsWith("uint")) voxels[at] = 2 + ((at * 7) % 250)
    else voxels[at] = ((at * 7) % 200) - 100 + (type.startsWith("float") ? 0.25 : 0)
  }
  const isFlat = size.length === 2
  return {
    size,
    spacing: [0.5, 1.25, 2].slice(0, size.length),
    origin: [1.5, -2, 7].slice(0, size.length),
    direction: isFlat ? [0, -1, 1, 0] : [HALF, -HALF, 0, HALF, HALF, 0, 0, 0, 1],
    type,
    components,
    voxels,
  }
}

function expectSame(found: Image, wanted: Image, digits = 6): void {
  const { spacing, origin, direction, ...rest } = found
  expect(rest).toEqual({ size: wanted.size, type: wanted.type, components: wanted.components, voxels: wanted.voxels })
  expect(found.voxels.buffer).toBeInstanceOf(SharedArrayBuffer)
  const near = (list: readonly number[]): readonly unknown[] =>
    list.map((each) => expect.closeTo(each, digits) as unknown)
  expect({ spacing, origin, direction }).toEqual({
    spacing: near(wanted.spacing),
    origin: near(wanted.origin),
    direction: near(wanted.direction),
  })
}

async function saveAndRead(value: Value, name: string): Promise<Image> {
  const { path } = await saveValue(value, { root: newFolder(), name })
  return await readImage(path, LIMITS)
}

describe("images saved and read again", () => {
  const volumes = [".nii.gz", ".nii", ".mha", ".mhd", ".nrrd"]

  it.each(volumes)(
    "are the same in %s: every type, 2-D and 3-D, turned, of one value or several a voxel",
    async (suffix) => {
      for (const type of TYPE_ORDER) {
        for (const size of [
          [5, 4, 3],
          [5, 4],
          [1, 1, 1],
          [7, 1],
          [1, 6],
        ]) {
          const image = sample(type, size)
          expectSame(await saveAndRead(image, `image${suffix}`), image)
        }
      }
      for (const components of [2, 3, 4]) {
        const image = sample("float32", [4, 3, 2], components)
        expectSame(await saveAndRead(image, `colors${suffix}`), image)
      }
    },
  )

  it("are the same in .vtk, save for the direction, and the loss is told", async () => {
    for (const type of ["int8", "uint16", "float64"] as const) {
      const image = sample(type, [5, 4, 3])
      const saved = await saveValue(image, { root: newFolder(), name: "image.vtk" })
      expect(saved.lost).toEqual(["direction"])
      expectSame(await readImage(saved.path, LIMITS), { ...image, direction: [1, 0, 0, 0, 1, 0, 0, 0, 1] })
    }
    const straight = { ...sample("uint8", [2, 2]), direction: [1, 0, 0, 1] }
    expect((await saveValue(straight, { root: newFolder(), name: "image.vtk" })).lost).toEqual([])
  })

  it.each([".dcm", ".dicom"])("are the same in %s, where it can hold them", async (suffix) => {
    for (const image of [sample("uint8", [5, 4, 3]), sample("uint16", [5, 4, 3]), sample("uint8", [5, 4, 3], 3)]) {
      expectSame(await saveAndRead(image, `image${suffix}`), image)
    }
    const flat = sample("uint16", [5, 4])
    const read = await saveAndRead(flat, `image${suffix}`)
    expect(read.size).toEqual([5, 4, 1])
    expect(read.spacing.slice(0, 2)).toEqual([0.5, 1.25])
    expect(read.voxels).toEqual(flat.voxels)
    await expect(saveAndRead(sample("float32", [2, 2, 2]), `image${suffix}`)).rejects.toThrow(/expected uint8, uint16/)
  })

  it("keep their values as pictures where bytes and 16-bit numbers do", async () => {
    for (const suffix of [".png", ".tif", ".tiff", ".bmp"]) {
      for (const components of [1, 3, 4]) {
        const image = sample("uint8", [5, 4], components)
        const read = await saveAndRead(image, `picture${suffix}`)
        if (suffix === ".bmp" && components === 4) {
          expect(read.components).toBe(3)
          expect(read.voxels.slice(0, 3)).toEqual(image.voxels.slice(0, 3))
        } else {
          expect([suffix, read.components, read.voxels]).toEqual([suffix, components, image.voxels])
        }
        const keepsSpacing = suffix !== ".bmp"
        expect(read.spacing).toEqual(keepsSpacing ? [expect.closeTo(0.5, 4), expect.closeTo(1.25, 4)] : [1, 1])
      }
    }
    for (const suffix of [".png", ".tif"]) {
      const image = sample("uint16", [5, 4])
      image.voxels[3] = 65535
      expect((await saveAndRead(image, `picture${suffix}`)).voxels).toEqual(image.voxels)
    }
  })

  it.each([".jpg", ".jpeg"])("look the same as %s", async (suffix) => {
    const voxels = makeVoxels("uint8", 64 * 64)
    for (const at of voxels.keys()) voxels[at] = (at % 64) * 3 + 20
    const read = await saveAndRead({ ...plainGrid([64, 64]), type: "uint8", components: 1, voxels }, `picture${suffix}`)
    expect([read.size, read.components]).toEqual([[64, 64], 1])
    expect(Math.max(...voxels.map((value, at) => Math.abs(value - (read.voxels[at] ?? 0))))).toBeLessThan(4)
  })

  it("become their middle slice as pictures", async () => {
    const image = sample("uint8", [5, 4, 3])
    for (const suffix of [".png", ".tif", ".bmp"]) {
      const read = await saveAndRead(image, `slice${suffix}`)
      expect([suffix, read.size, read.voxels]).toEqual([suffix, [5, 4], image.voxels.slice(20, 40)])
    }
  })

  it("show masks black and white, and spread all else from the least to the greatest", async () => {
    const mask = makeVoxels("uint8", 4)
    mask.set([0, 1, 1, 0])
    expect(
      (await saveAndRead({ ...plainGrid([2, 2]), type: "uint8", components: 1, voxels: mask }, "a.png")).voxels,
    ).toEqual(Uint8Array.of(0, 255, 255, 0))
    const values = makeVoxels("float32", 6)
    values.set([-1, 0, 1, NaN, Infinity, -Infinity])
    expect(
      (await saveAndRead({ ...plainGrid([3, 2]), type: "float32", components: 1, voxels: values }, "a.png")).voxels,
    ).toEqual(Uint8Array.of(0, 128, 255, 0, 255, 0))
    const colors = makeVoxels("float32", 3)
    colors.set([-3, 127.6, 300])
    expect(
      (await saveAndRead({ ...plainGrid([1, 1]), type: "float32", components: 3, voxels: colors }, "a.png")).voxels,
    ).toEqual(Uint8Array.of(0, 128, 255))
  })

  it("leave nothing but themselves in their folder", async () => {
    const root = newFolder()
    for (const name of ["a.nii.gz", "b.mhd", "c.png", "d.json", "e"])
      await saveValue(sample("uint8", [3, 3]), { root, name })
    expect(readdirSync(root).toSorted()).toEqual(["a.nii.gz", "b.mhd", "b.raw", "c.png", "d.json", "e"])
  })

  it("have one encoding: the same image, the same bytes", async () => {
    for (const name of ["a.nii", "a.nii.gz", "a.png", "a.mha"]) {
      const [one, other] = await Promise.all(
        [1, 2].map(async () => (await saveValue(sample("int16", [9, 8, 7]), { root: newFolder(), name })).path),
      )
      expect(readFileSync(one ?? "").equals(readFileSync(other ?? ""))).toBe(true)
    }
  })
})

describe("other values", () => {
  async function saveAs(value: Value, name: string): Promise<Buffer> {
    return readFileSync((await saveValue(value, { root: newFolder(), name })).path)
  }

  it("are JSON under .json", async () => {
    const image = { ...plainGrid([2, 1]), type: "uint8", components: 1, voxels: makeVoxels("uint8", 2) } as const
    const json = await saveAs([1.5, true, null, "a\nb", NaN, -Infinity, [2], image], "value.JSON")
    expect(JSON.parse(json.toString())).toEqual([
      1.5,
      true,
      null,
      "a\nb",
      "NaN",
      "-Infinity",
      [2],
      { ...plainGrid([2, 1]), type: "uint8", components: 1, voxels: [0, 0] },
    ])
  })

  it("are portable bytes under .bin and under no suffix", async () => {
    const value: Value = [1, "two", [true, null], sample("float32", [3, 2])]
    for (const name of ["value.bin", "value", "v1.2/value"])
      expect(decodeValue(await saveAs(value, name), LIMITS)).toEqual(value)
  })

  it("are text under every other suffix", async () => {
    expect((await saveAs(1.5, "a.txt")).toString()).toBe("1.5\n")
    expect((await saveAs("as it is", "a.gz")).toString()).toBe("as it is")
    expect((await saveAs([1, "two", [3, 4.5, null]], "a.csv")).toString()).toBe("1\ntwo\n3,4.5,null\n")
  })

  it.each(["a.pkl", "a.pickle"])("are not written as %s, and it says what to use", async (name) => {
    await expect(saveAs([1], name)).rejects.toThrow(
      /pickle is a program .* \.json, images as \.nii\.gz, anything as \.bin/,
    )
  })

  it("are refused where the suffix asks for another kind, and it says so", async () => {
    await expect(saveAs([1, 2], "a.nii.gz")).rejects.toThrow('cannot save a list of 2 as "a.nii.gz": expected an image')
    await expect(saveAs([sample("uint8", [2, 2])], "a.txt")).rejects.toThrow("cannot save an image as text")
    const large = {
      ...plainGrid([1025, 1024]),
      type: "uint8",
      components: 1,
      voxels: makeVoxels("uint8", 1025 * 1024),
    } as const
    await expect(saveAs(large, "a.json")).rejects.toThrow("expected at most 1048576")
    await expect(saveAs(sample("uint8", [2, 2], 5), "a.png")).rejects.toThrow("1 to 4 values a voxel")
  })
})

describe("where files go", () => {
  it("makes folders, and replaces what was there", async () => {
    const root = newFolder()
    await saveValue("one", { root, name: "a/b/c.txt" })
    await saveValue("two", { root, name: "a/b/../b/c.txt" })
    expect(readFileSync(join(root, "a/b/c.txt"), "utf8")).toBe("two")
    expect(readdirSync(join(root, "a/b"))).toEqual(["c.txt"])
  })

  it.each(["../out.txt", "a/../../out.txt", "/out-of-imgql.txt", "..", "a/.."])("refuses %s", async (name) => {
    const root = join(newFolder(), "root")
    mkdirSync(root)
    await expect(saveValue("x", { root, name })).rejects.toThrow(expect.objectContaining({ code: "FILE_OUTSIDE" }))
    expect(readdirSync(join(root, ".."))).toEqual(["root"])
  })

  it("takes an absolute name inside the root", async () => {
    const root = newFolder()
    expect((await saveValue("x", { root, name: join(root, "in.txt") })).path).toMatch(/in\.txt$/)
  })

  it("follows a link inside the root, and none that leads out", async () => {
    const base = newFolder()
    for (const name of ["root/in", "elsewhere"]) mkdirSync(join(base, name), { recursive: true })
    symlinkSync(join(base, "root/in"), join(base, "root/good"))
    symlinkSync(join(base, "elsewhere"), join(base, "root/bad"))
    symlinkSync(join(base, "nowhere"), join(base, "root/broken"))
    const root = join(base, "root")
    await saveValue("x", { root, name: "good/a.txt" })
    expect(readdirSync(join(root, "in"))).toEqual(["a.txt"])
    for (const name of ["bad/a.txt", "bad/new/a.txt", "in/../bad/a.txt"]) {
      await expect(saveValue("x", { root, name })).rejects.toThrow(expect.objectContaining({ code: "FILE_OUTSIDE" }))
    }
    await expect(saveValue("x", { root, name: "broken/a.txt" })).rejects.toThrow(/leads nowhere/)
    expect(readdirSync(join(base, "elsewhere"))).toEqual([])
  })

  it("replaces a link in the file's place, and leaves what it led to", async () => {
    const base = newFolder()
    mkdirSync(join(base, "root"))
    writeFileSync(join(base, "secret"), "kept")
    symlinkSync(join(base, "secret"), join(base, "root/a.txt"))
    await saveValue("new", { root: join(base, "root"), name: "a.txt" })
    expect(readFileSync(join(base, "secret"), "utf8")).toBe("kept")
    expect(lstatSync(join(base, "root/a.txt")).isSymbolicLink()).toBe(false)
  })

  it("says what is wrong with a place, and leaves no trace", async () => {
    const root = newFolder()
    mkdirSync(join(root, "folder.txt"))
    writeFileSync(join(root, "file"), "")
    const refuse = async (name: string, message: RegExp): Promise<void> => {
      const error: unknown = await saveValue("x", { root, name }).catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({ code: "FILE_NOT_WRITABLE", message: expect.stringMatching(message) as unknown })
    }
    await refuse("folder.txt", /a folder has that name/)
    await refuse("file/a.txt", /no folder/)
    await refuse("", /name of a file/)
    await refuse("a/", /name of a file/)
    await refuse("a\0b", /name of a file/)
    await refuse(`${"long".repeat(100)}.txt`, /too long/)
    expect(readdirSync(root).toSorted()).toEqual(["file", "folder.txt"])
    await expect(saveValue("x", { root: join(root, "missing"), name: "a.txt" })).rejects.toThrow(/is not there/)
  })

  const isRoot = process.getuid?.() === 0
  if (isRoot) console.log("skipped: root may write anywhere, so that no permission is denied")
  it.skipIf(isRoot)("says so when permission is denied", async () => {
    const root = newFolder()
    chmodSync(root, 0o500)
    await expect(saveValue("x", { root, name: "a.txt" })).rejects.toThrow(/permission denied/)
  })

  it("changes nothing once canceled", async () => {
    const root = newFolder()
    writeFileSync(join(root, "a.nii.gz"), "old")
    const canceled = AbortSignal.abort(new Error("enough"))
    await expect(saveValue(sample("uint8", [2, 2]), { root, name: "a.nii.gz" }, canceled)).rejects.toThrow("enough")
    await expect(saveValue(sample("uint8", [2, 2]), { root, name: "b.mha" }, canceled)).rejects.toThrow("enough")
    expect(readdirSync(root)).toEqual(["a.nii.gz"])
    expect(readFileSync(join(root, "a.nii.gz"), "utf8")).toBe("old")
  })

  it("writes gzip that others read", async () => {
    const { path, bytes } = await saveValue(sample("int16", [5, 4, 3]), { root: newFolder(), name: "A.NII.GZ" })
    expect(readFileSync(path)).toHaveLength(bytes)
    expect(gunzipSync(readFileSync(path))).toHaveLength(352 + 120)
    expect(existsSync(path)).toBe(true)
  })
})
