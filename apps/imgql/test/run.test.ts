/** `imgql run` as people and other programs start it: real processes, on one store. */
import { createHash } from "node:crypto"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { saveValue } from "../src/files/save.ts"
import { makeVoxels, plainGrid } from "../src/image/image.ts"
import { run } from "./process-run.ts"

const SIZE = [24, 20, 16] as const

const folders: string[] = []

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

/** A folder with an image whose values rise along x, y and z. */
async function makeFolder(program: string): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "imgql-run-"))
  folders.push(folder)
  const [width, height, depth] = SIZE
  const voxels = makeVoxels("float32", width * height * depth)
  voxels.forEach((_, at) => {
    voxels[at] = (at % width) + (Math.floor(at / width) % height)
  })
  await saveValue({ ...plainGrid(SIZE), type: "float32", components: 1, voxels }, { root: folder, name: "head.nii.gz" })
  writeFileSync(join(folder, "program.imgql"), program)
  return folder
}

describe("imgql run", () => {
  it("computes what a loop repeats once (test_dedup), and nothing in a second run", async () => {
    const folder = await makeFolder(`
      import "simpleitk"
      let img = ReadImage("head.nii.gz")
      let data = for i in range(1,5) do BinaryThreshold(img,10,20,1,0)
      print "data" data
      print "volume" volume(data[2])
    `)
    const first = await run(folder)
    expect(first).toMatchObject({ code: 0, err: "", counts: [2, 0, 0] })
    const [data = "", volume] = first.out
    expect(data).toMatch(/^data=\[(Image\(24x20x16 uint8, spacing 1, [0-9a-f]{8}\))(, \1){3}\]$/)
    // x + y from 10 to 20, counted by hand.
    const [width, height, depth] = SIZE
    let inside = 0
    for (let x = 0; x < width; x += 1)
      for (let y = 0; y < height; y += 1) if (x + y >= 10 && x + y <= 20) inside += depth
    expect(volume).toBe(`volume=${String(inside)}`)
    const second = await run(folder)
    expect(second.counts?.[0]).toBe(0)
    expect(second.out.slice(0, 2)).toEqual(first.out.slice(0, 2))
  })

  it("shows an image by the digest of its bytes, whether it was computed, is stored, or is saved", async () => {
    const folder = await makeFolder(`
      import "simpleitk"
      let img = ReadImage("head.nii.gz")
      print "smooth" Multiply(img, 2)
      save "smooth.bin" Multiply(img, 2)
    `)
    const first = await run(folder)
    const second = await run(folder)
    expect([first.counts, second.counts]).toEqual([
      [1, 0, 0],
      [0, 0, 1],
    ])
    const digest = createHash("sha256")
      .update(readFileSync(join(folder, "smooth.bin")))
      .digest("hex")
    const shown = `smooth=Image(24x20x16 float32, spacing 1, ${digest.slice(0, 8)})`
    expect([first.out[0], second.out[0]]).toEqual([shown, shown])
  })

  it("runs three kernels for three thresholds (test_variant_dedup), and shares them with other programs", async () => {
    const folder = await makeFolder(`
      import "simpleitk"
      let img = ReadImage("head.nii.gz")
      print "data" for i in range(10,13) do BinaryThreshold(img,i,20,1,0)
    `)
    expect((await run(folder)).counts).toEqual([3, 0, 0])
    writeFileSync(
      join(folder, "program.imgql"),
      `import "simpleitk"
      let picture = ReadImage("./head.nii.gz")
      let low = 5 + 6
      print "one" BinaryThreshold(picture, low, 10 + 10, 1, 0)`,
    )
    expect((await run(folder)).counts).toEqual([0, 0, 1])
  })

  it("finds thresholds of one image in one pass, however and wherever they are written", async () => {
    const folder = await makeFolder(`
      import "simpleitk"
      let img = ReadImage("head.nii.gz")
      let above(t) = volume(t .<= img)
      print "a" for t in range(1, 30) do above(t)
      print "b" for t in range(1, 30) do volume(BinaryThreshold(img, t, 30, 1, 0))
      print "c" volume(between(3.5, 7, img))
      print "d" volume(img >. 12)
      print "e" [img >. 13, img >. 14]
    `)
    const { code, out, counts, kernels } = await run(folder)
    // `>.` is made of two comparisons and logic: one count, or one mask.
    expect({ code, counts }).toEqual({ code: 0, counts: [29 + 29 + 1 + 1 + 2, 0, 0] })
    // A few passes, and two masks.
    expect(kernels).toBeLessThanOrEqual(4 + 2)
    const [width, height, depth] = SIZE
    const count = (test: (value: number) => boolean): number => {
      let found = 0
      for (let x = 0; x < width; x += 1) for (let y = 0; y < height; y += 1) if (test(x + y)) found += depth
      return found
    }
    const steps = Array.from({ length: 29 }, (_, at) => at + 1)
    expect(out[0]).toBe(`a=[${steps.map((t) => count((value) => value >= t)).join(", ")}]`)
    expect(out[1]).toBe(`b=[${steps.map((t) => count((value) => value >= t && value <= 30)).join(", ")}]`)
    expect(out[2]).toBe(`c=${String(count((value) => value >= 3.5 && value <= 7))}`)
    expect(out[3]).toBe(`d=${String(count((value) => value > 12))}`)
    // The same masks alone, each by its own kernel.
    writeFileSync(
      join(folder, "program.imgql"),
      `import "simpleitk" print "e" [ReadImage("head.nii.gz") >. 13] print "f" [ReadImage("head.nii.gz") >. 14]`,
    )
    const alone = await run(folder, "--no-cache")
    const masks = alone.out.slice(0, 2).map((line) => line.replace(/^.=\[(.*)\]$/, "$1"))
    expect(out[4]).toBe(`e=[${masks.join(", ")}]`)
  })

  it("does what has effects once a run: impure(0) in a loop prints once", async () => {
    const folder = await makeFolder(`import "test" print "x" for i in range(0,5) do impure(0)`)
    const { out } = await run(folder)
    expect(out.slice(0, 2)).toEqual(["impure(0)", "x=[0, 0, 0, 0, 0]"])
  })

  it("says what failed and where, goes on with the rest, and ends with 1", async () => {
    const folder = await makeFolder(`import "simpleitk"
let img = ReadImage("head.nii.gz")
print "bad" BinaryThreshold(img, 30, 20, 1, 0)
print "gone" volume(ReadImage("nowhere.nii"))
print "best" for t in range(5, 8) do volume(BinaryThreshold(img, t, 20, 1, 0))
print "good" max(img)`)
    const { code, out, err } = await run(folder)
    expect(code).toBe(1)
    // Found in one pass with the one that fails.
    expect(out[0]).toMatch(/^best=\[\d+, \d+, \d+\]$/)
    expect(out[1]).toBe("good=42")
    expect(out[2]).toMatch(/^2 of 4 goals/)
    expect(err).toContain('program.imgql:3:13: error: print "bad" failed:')
    expect(err).toContain("nowhere.nii")
  })

  it("runs nothing of a program that is not right, and ends with 2", async () => {
    const folder = await makeFolder(`print "a" 1\nprint "b" volum(2)`)
    const { code, out, err } = await run(folder)
    expect({ code, out }).toEqual({ code: 2, out: [""] })
    expect(err).toContain("program.imgql:2:11: error:")
    expect(err).toContain("did you mean `volume`?")
  })

  it("keeps within its memory by letting go of what it can read again, down to a byte", async () => {
    const folder = await makeFolder(`
      import "simpleitk"
      let img = ReadImage("head.nii.gz")
      print "volumes" for i in range(12) do volume(near(BinaryThreshold(img, i, 30, 1, 0)))
      save "near.nii.gz" near(BinaryThreshold(img, 3, 30, 1, 0))
    `)
    const free = await run(folder, "--no-cache")
    const tight = await run(folder, "--no-cache", "--max-memory", "1")
    expect(tight).toMatchObject({ code: 0, err: "" })
    expect(tight.out[0]).toBe(free.out[0])
    expect(readFileSync(join(folder, "near.nii.gz")).length).toBeGreaterThan(0)
  })
})
