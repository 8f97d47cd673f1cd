/** Image files between ITK and imgql: each reads what the other wrote, voxels, spacing, origin and direction. */
import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { gunzipSync } from "node:zlib"
import { describe, expect, it } from "vitest"
import { readImage } from "../src/files/read.ts"
import { saveValue } from "../src/files/save.ts"
import type { Image } from "../src/image/image.ts"
import { type Call, type Expected, readFileCalls } from "./golden-calls.ts"
import { differences } from "./golden-comparison.ts"
import { BY_IMGQL, BY_ITK, inputOf, listImageFiles, WRITTEN } from "./golden-files.ts"
import { makeInput } from "./golden-inputs.ts"
import { makeFolder } from "./program-run.ts"

const READ = readFileCalls("simpleitk.ReadImage")
const WROTE = readFileCalls("simpleitk.WriteImage")

/** NIfTI does in float32. */
const KEEPS_PLACES = /\.(nii|nii\.gz|nrrd|mha|mhd)$/
const KEEPS_ALL = /\.(nrrd|mha|mhd)$/
/** Whose bytes are of the machine that wrote them: with numbers that no two have, or compressed by whatever library is there. */
const VARIES = /\.(dcm|png|jpg)$/

describe("the files that ITK wrote", () => {
  it("are all here", () => {
    expect(READ.map(fileOf)).toEqual(listImageFiles(BY_ITK))
    expect(READ.length).toBeGreaterThan(50)
  })

  it.each(READ)("are read as ITK reads them: $name", async (call) => {
    const path = join(BY_ITK, fileOf(call))
    expect(digestOf(path)).toBe(call.md5)
    expect(differences(call, await read(path))).toEqual([])
  })
})

describe("the files that imgql wrote", () => {
  it("are all here", () => {
    expect(WROTE.map(fileOf)).toEqual(WRITTEN.toSorted())
    expect(listImageFiles(BY_IMGQL)).toEqual(WRITTEN.toSorted())
  })

  it.each(WROTE)("are for ITK what they are for imgql: $name", async (call) => {
    const path = join(BY_IMGQL, fileOf(call))
    expect(digestOf(path)).toBe(call.md5)
    expect(differences(call, await read(path))).toEqual([])
  })

  it.each(WROTE.filter((call) => !fileOf(call).endsWith(".jpg")))("have what was put in them: $name", (call) => {
    const { image, values } = imageOf(call)
    const input = makeInput(inputOf(fileOf(call)))
    const isFloat = image.type === "float32"
    // NIfTI has no NaN and no infinities for ITK.
    const expected = Array.from(input.voxels, (value) =>
      KEEPS_ALL.test(fileOf(call)) || Number.isFinite(value) ? value + 0 : 0,
    )
    expect(values.map((value) => (isFloat ? Math.fround(Number(value)) : Number(value)))).toEqual(expected)
    expect({ type: image.type, components: image.components }).toEqual({
      type: input.type,
      components: input.components,
    })
    expect(image.size.slice(0, input.size.length)).toEqual(input.size)
    if (!KEEPS_PLACES.test(fileOf(call))) return
    for (const name of ["spacing", "origin", "direction"] as const) {
      expect(image[name]).toHaveLength(input[name].length)
      for (const [at, value] of input[name].entries()) {
        const distance = Math.abs((image[name][at] ?? Number.NaN) - value)
        expect(distance).toBeLessThanOrEqual(1e-6 * Math.max(1, Math.abs(value)))
      }
    }
  })

  it("are what imgql writes", async () => {
    const folder = await makeFolder()
    for (const name of WRITTEN.filter((each) => !VARIES.test(each))) {
      await saveValue(makeInput(inputOf(name)), { root: folder, name })
      expect([name, contentOf(join(folder, name))]).toEqual([name, contentOf(join(BY_IMGQL, name))])
    }
  })
})

function fileOf({ args }: Call): string {
  const file = args.at(-1)
  if (typeof file === "string") return file
  throw new Error("This case is about no file.")
}

function imageOf({ expected, name }: Call): Extract<Expected, { readonly kind: "image" }> {
  if (expected.kind === "image") return expected
  throw new Error(`${name} has no image.`)
}

async function read(path: string): Promise<Image> {
  return await readImage(path, { maxBytes: 2 ** 24 })
}

function digestOf(path: string): string {
  return createHash("md5").update(readFileSync(path)).digest("hex")
}

/** What compresses may change with Node. */
function contentOf(path: string): string {
  const bytes = readFileSync(path)
  return (path.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("base64")
}
