import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs"
import { appendFile, utimes } from "node:fs/promises"
import { execFileSync } from "node:child_process"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { gzipSync } from "node:zlib"
import { describe, expect, it } from "vitest"
import { makeVoxels, plainGrid, type Image, type VoxelType } from "../image/image.ts"
import { Content } from "./content.ts"
import { isFileError } from "./file-error.ts"
import { identify, type DigestCache, type KnownDigest } from "./identity.ts"
import { runItk } from "./itk.ts"
import { formatHeader } from "./nifti.ts"
import { readImage } from "./read.ts"
import { saveValue } from "./save.ts"

const LIMITS = { maxBytes: 1 << 24 }

function newFolder(): string {
  return mkdtempSync(join(tmpdir(), "imgql-read-"))
}

function sample(type: VoxelType = "uint8", size: readonly number[] = [6, 5, 4], components = 1): Image {
  const voxels = makeVoxels(
    type,
    size.reduce((product, each) => product * each, components),
  )
  for (const at of voxels.keys()) voxels[at] = (at * 37) % 251
  return { ...plainGrid(size), type, components, voxels }
}

async function save(name: string, image: Image = sample()): Promise<string> {
  return (await saveValue(image, { root: newFolder(), name })).path
}

function put(name: string, bytes: string | Uint8Array): string {
  const path = join(newFolder(), name)
  writeFileSync(path, bytes)
  return path
}

/** The bytes of an image's voxels. */
function voxelsOf(image: unknown): Uint8Array {
  // Only images come here.
  return new Uint8Array((image as Image).voxels.buffer)
}

async function codeOf(reading: Promise<unknown>): Promise<string> {
  const error: unknown = await reading.then(
    () => null,
    (thrown: unknown) => thrown,
  )
  if (error === null) return "read"
  if (!isFileError(error)) throw error
  return error.code
}

describe("what is no image", () => {
  it("is told apart: nothing there, a folder, a pipe, a device, another format", async () => {
    const folder = newFolder()
    expect(await codeOf(readImage(join(folder, "missing.nii.gz"), LIMITS))).toBe("FILE_MISSING")
    expect(await codeOf(readImage(join(put("file", ""), "below.nii"), LIMITS))).toBe("FILE_MISSING")
    expect(await codeOf(readImage("a\0b.nii", LIMITS))).toBe("FILE_MISSING")
    expect(await codeOf(readImage(folder, LIMITS))).toBe("FILE_UNREADABLE")
    const pipe = join(folder, "pipe.nii")
    execFileSync("mkfifo", [pipe])
    expect(await codeOf(readImage(pipe, LIMITS))).toBe("FILE_UNREADABLE")
    expect(await codeOf(readImage("/dev/zero", LIMITS))).toBe("FILE_UNREADABLE")
    expect(await codeOf(readImage(put("notes.txt", "hello"), LIMITS))).toBe("FILE_FORMAT_UNKNOWN")
    symlinkSync(join(folder, "loop.nii"), join(folder, "loop.nii"))
    expect(await codeOf(readImage(join(folder, "loop.nii"), LIMITS))).toBe("FILE_UNREADABLE")
  })

  it("is said with the file, what was expected and found, and what to do", async () => {
    const path = join(newFolder(), "missing.nii.gz")
    await expect(readImage(path, LIMITS)).rejects.toThrow(
      `expected a file "${path}", found none; check the name and the folder it is relative to`,
    )
    await expect(readImage(newFolder(), LIMITS)).rejects.toThrow(/expected a file, found a folder; name one file in it/)
  })

  const isRoot = process.getuid?.() === 0
  if (isRoot) console.log("skipped: root may read anything, so that no permission is denied")
  it.skipIf(isRoot)("is told when permission is denied", async () => {
    const path = await save("a.nii")
    chmodSync(path, 0)
    await expect(readImage(path, LIMITS)).rejects.toThrow(/permission denied/)
  })

  const suffixes = [".nii.gz", ".nii", ".mha", ".mhd", ".nrrd", ".vtk", ".dcm", ".png", ".jpg", ".tif", ".bmp"]
  it.each(suffixes)("is refused as %s: empty, text, noise", async (suffix) => {
    const noise = Buffer.from(Array.from({ length: 3000 }, (_, at) => Math.imul(at + 7, 0x9e3779b1) >>> 24))
    for (const content of ["", "this is text\n".repeat(50), noise, noise.subarray(0, 10)]) {
      expect(await codeOf(readImage(put(`file${suffix}`, content), LIMITS))).toBe("FILE_DAMAGED")
    }
  })
})

describe("files cut short or altered", () => {
  it.each([".nii.gz", ".nii", ".mha", ".nrrd", ".vtk", ".dcm", ".png", ".tif", ".bmp", ".jpg"])(
    "are refused or read, and nothing worse, as %s",
    async (suffix) => {
      const whole = readFileSync(await save(`file${suffix}`))
      const path = put(`file${suffix}`, whole)
      const original = await readImage(path, LIMITS)
      let state = 20261127
      const draw = (limit: number): number => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0
        return Math.floor((state / 4294967296) * limit)
      }
      for (let round = 0; round < 12; round += 1) {
        const bytes = Buffer.from(whole)
        // Mostly in the header, where it matters.
        for (let flip = 0; flip < 3; flip += 1) {
          const at = draw(round % 2 === 0 ? Math.min(360, bytes.length) : bytes.length)
          bytes[at] = (bytes[at] ?? 0) ^ (1 << draw(8))
        }
        writeFileSync(path, bytes)
        const code = await codeOf(readImage(path, LIMITS))
        expect(["read", "FILE_DAMAGED", "FILE_TOO_LARGE", "FILE_FORMAT_UNSUPPORTED"]).toContain(code)
      }
      for (const part of [0.1, 0.5, 0.9]) {
        writeFileSync(path, whole.subarray(0, Math.floor(whole.length * part)))
        // A TIFF ends with what can be done without.
        const kept = await readImage(path, LIMITS).catch((error: unknown) => error)
        const isSame = !(kept instanceof Error) && Buffer.from(voxelsOf(kept)).equals(Buffer.from(voxelsOf(original)))
        expect([part, isSame || isFileError(kept, "FILE_DAMAGED")]).toEqual([part, true])
      }
    },
  )

  it("are noticed in every byte of a gzip NIfTI, by its checksum", async () => {
    const whole = readFileSync(await save("a.nii.gz"))
    for (let at = 12; at < whole.length; at += 7) {
      const bytes = Buffer.from(whole)
      bytes[at] = (bytes[at] ?? 0) ^ 0x10
      expect([at, await codeOf(readImage(put("a.nii.gz", bytes), LIMITS))]).toEqual([at, "FILE_DAMAGED"])
    }
  })
})

describe("headers that claim anything", () => {
  it("are held against the bound before memory is taken", async () => {
    const grand = formatHeader({ ...sample(), size: [32767, 32767, 32767] }) ?? new Uint8Array(0)
    for (const name of ["a.nii", "a.nii.gz"]) {
      const path = put(name, name.endsWith("gz") ? gzipSync(grand) : grand)
      await expect(readImage(path, LIMITS)).rejects.toThrow(
        /expected at most 16.0 MiB, found 32.0 TiB; allow more memory/,
      )
      // And against what the file could hold, where the bound allows it.
      await expect(readImage(path, { maxBytes: 2 ** 50 })).rejects.toThrow(/as its header says, found at most/)
    }
    const large = formatHeader({ ...sample(), size: [1000, 1000, 1000] }) ?? new Uint8Array(0)
    const texts = {
      "a.mha": `ObjectType = Image\nNDims = 3\nDimSize = 2000 2000 50\nElementType = MET_DOUBLE\nElementDataFile = LOCAL\n`,
      "a.nrrd": `NRRD0004\ntype: double\ndimension: 3\nsizes: 2000 2000 50\nencoding: raw\nendian: little\n\n`,
      "a.vtk": `# vtk DataFile Version 3.0\nx\nBINARY\nDATASET STRUCTURED_POINTS\nDIMENSIONS 2000 2000 50\nORIGIN 0 0 0\nSPACING 1 1 1\nPOINT_DATA 200000000\nSCALARS s double 1\nLOOKUP_TABLE default\n`,
    }
    for (const [name, text] of Object.entries(texts)) {
      expect([name, await codeOf(readImage(put(name, text), LIMITS))]).toEqual([name, "FILE_TOO_LARGE"])
    }
    expect(await codeOf(readImage(put("a.nii", large), LIMITS))).toBe("FILE_TOO_LARGE")
  })

  it("are refused at any size, in bounded memory and time", async () => {
    for (const edge of [1000, 4000, 65536, 100_000, 2_000_000, 4_294_967_295]) {
      const sizes = `${edge} ${edge} ${edge}`
      const texts = {
        "a.mha": `ObjectType = Image\nNDims = 3\nDimSize = ${sizes}\nElementType = MET_FLOAT\nElementDataFile = LOCAL\n`,
        "a.nrrd": `NRRD0004\ntype: float\ndimension: 3\nsizes: ${sizes}\nencoding: gzip\nendian: little\n\n`,
        "a.vtk": `# vtk DataFile Version 3.0\nx\nBINARY\nDATASET STRUCTURED_POINTS\nDIMENSIONS ${sizes}\nORIGIN 0 0 0\nSPACING 1 1 1\nPOINT_DATA 8\nSCALARS s float 1\nLOOKUP_TABLE default\n`,
      }
      for (const [name, text] of Object.entries(texts)) {
        const before = process.memoryUsage().rss
        expect(["FILE_DAMAGED", "FILE_TOO_LARGE"]).toContain(await codeOf(readImage(put(name, text), LIMITS)))
        // A fixed part for the reader, which may be anew, and nothing of what is claimed.
        expect(process.memoryUsage().rss - before).toBeLessThan(400 << 20)
      }
    }
  })

  it("do not make a gzip bomb go off", async () => {
    const header = formatHeader({ ...sample(), size: [2, 2, 2] }) ?? new Uint8Array(0)
    const path = put("bomb.nii.gz", gzipSync(Buffer.concat([header, Buffer.alloc(64 << 20)])))
    await expect(readImage(path, LIMITS)).rejects.toThrow(/found far more/)
  })

  it("are bounded by the file's own size first", async () => {
    expect(await codeOf(readImage(await save("a.mha"), { maxBytes: 50 }))).toBe("FILE_TOO_LARGE")
  })

  it.each(["../secret.raw", "/etc/passwd", "LIST", "data%03d.raw 1 3 1", "a\\b"])(
    "reach no file that they name elsewhere: %s",
    async (name) => {
      const text = `ObjectType = Image\nNDims = 2\nDimSize = 2 2\nElementType = MET_UCHAR\nElementDataFile = ${name}\n`
      expect(await codeOf(readImage(put("a.mhd", text), LIMITS))).toBe("FILE_FORMAT_UNSUPPORTED")
      const nrrd = `NRRD0004\ntype: uchar\ndimension: 2\nsizes: 2 2\nencoding: raw\ndata file: ${name}\n`
      expect(await codeOf(readImage(put("a.nrrd", nrrd), LIMITS))).toBe("FILE_FORMAT_UNSUPPORTED")
    },
  )

  it("may name one file beside them", async () => {
    const path = put(
      "a.nrrd",
      "NRRD0004\ntype: uchar\ndimension: 2\nsizes: 2 2\nencoding: raw\ndata file: voxels.raw\n",
    )
    expect(await codeOf(readImage(path, LIMITS))).toBe("FILE_MISSING")
    writeFileSync(join(dirname(path), "voxels.raw"), Uint8Array.of(1, 2, 3, 4))
    expect([...(await readImage(path, LIMITS)).voxels]).toEqual([1, 2, 3, 4])
  })
})

describe("names", () => {
  it("may be in capitals, or have no suffix where the content tells", async () => {
    for (const [name, other] of [
      ["a.mha", "A.MHA"],
      ["a.png", "A.PNG"],
      ["a.dcm", "IM0001"],
      ["a.nrrd", "a"],
      ["a.nii", "b"],
    ]) {
      const path = await save(name ?? "", sample("uint8", [4, 3, 1]))
      const moved = join(dirname(path), other ?? "")
      copyFileSync(path, moved)
      expect((await readImage(moved, LIMITS)).voxels).toEqual(sample("uint8", [4, 3, 1]).voxels)
    }
  })
})

describe("the format", () => {
  const suffixes = [".nii.gz", ".nii", ".mha", ".nrrd", ".vtk", ".dcm", ".png", ".jpg", ".tif", ".bmp"]
  it.each(suffixes)("is what the content says, whatever the name: %s", async (suffix) => {
    const path = await save(`a${suffix}`, sample("uint8", [9, 8, 1]))
    const { voxels } = await readImage(path, LIMITS)
    for (const other of [
      ".nii.gz",
      ".nii",
      ".mha",
      ".mhd",
      ".nrrd",
      ".vtk",
      ".dcm",
      ".png",
      ".jpg",
      ".tif",
      ".bmp",
      ".txt",
    ]) {
      const misnamed = put(`b${other}`, readFileSync(path))
      expect([other, voxelsOf(await readImage(misnamed, LIMITS))]).toEqual([other, new Uint8Array(voxels.buffer)])
    }
  })

  it("is what the content says for NIfTI that ITK has to read, too", async () => {
    const plain = Buffer.from(readFileSync(await save("a.nii", sample("uint8", [3, 2]))))
    // In meters, which is not the plain kind.
    plain[123] = 1
    for (const [name, bytes] of [
      ["a.nii", gzipSync(plain)],
      ["a.nii.gz", plain],
      ["a.png", gzipSync(plain)],
      ["a", plain],
    ] as const) {
      expect([name, (await readImage(put(name, bytes), LIMITS)).size]).toEqual([name, [3, 2]])
    }
  })

  it("of a header that names its voxels, too, whose identity covers them", async () => {
    const path = await save("a.mhd", sample("uint8", [3, 2]))
    const misnamed = path.replace(/mhd$/, "png")
    copyFileSync(path, misnamed)
    const digest = await identify(misnamed, LIMITS)
    expect(digest).toBe(await identify(path, LIMITS))
    expect((await readImage(misnamed, { ...LIMITS, digest })).voxels).toEqual(sample("uint8", [3, 2]).voxels)
  })
})

describe("the identity of an image file", () => {
  const mapCache = (): DigestCache & { readonly known: Map<string, KnownDigest> } => {
    const known = new Map<string, KnownDigest>()
    return { known, get: (path) => known.get(path), put: (path, each) => void known.set(path, each) }
  }
  // Well after anything was written here.
  const later = { ...LIMITS, nowMs: () => Date.now() + 60_000 }

  it("is the SHA-256 of its bytes", async () => {
    expect(await identify(put("a.nii", "abc"), LIMITS)).toBe(
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    )
  })

  it("is hashed once while the file stays as it is, also over a stored cache", async () => {
    const path = await save("a.nii.gz")
    const cache = mapCache()
    const first = await identify(path, { ...later, cache })
    const stored = mapCache()
    for (const [key, known] of JSON.parse(JSON.stringify([...cache.known])) as [string, KnownDigest][]) {
      // Shows which was taken: the stored one.
      stored.known.set(key, { ...known, digest: `stored ${known.digest}` })
    }
    expect(await identify(path, { ...later, cache: stored })).toBe(`stored ${first}`)
  })

  it("follows every change: of content, of size, of time, of place", async () => {
    const path = put("a.nii", "abc")
    const cache = mapCache()
    const seen = [await identify(path, { ...later, cache })]
    writeFileSync(path, "abd")
    seen.push(await identify(path, { ...later, cache }))
    await appendFile(path, "e")
    seen.push(await identify(path, { ...later, cache }))
    expect(new Set(seen).size).toBe(3)
    // An old time put on new content: the time of change of the entry itself still tells.
    await utimes(path, 1, 1)
    await identify(path, { ...later, cache })
    writeFileSync(path, "abcd")
    await utimes(path, 1, 1)
    expect(seen).not.toContain(await identify(path, { ...later, cache }))
    // Another file in its place.
    const other = put("b.nii", "xyz!")
    copyFileSync(other, path)
    expect(await identify(path, { ...later, cache })).toBe(await identify(other, LIMITS))
  })

  it("is not kept for a file so young that it may change without a sign", async () => {
    const cache = mapCache()
    await identify(put("a.nii", "abc"), { ...LIMITS, cache })
    expect(cache.known.size).toBe(0)
  })

  it("covers the file that a header names", async () => {
    const path = await save("a.mhd")
    const cache = mapCache()
    const first = await identify(path, { ...later, cache })
    expect(await identify(path, { ...later, cache })).toBe(first)
    expect([...cache.known.keys()].toSorted()).toEqual([path, path.replace(/mhd$/, "raw")])
    const raw = path.replace(/mhd$/, "raw")
    writeFileSync(raw, readFileSync(raw).fill(9))
    expect(await identify(path, { ...later, cache })).not.toBe(first)
  })

  it("is held against what is read", async () => {
    for (const name of ["a.nii.gz", "a.mhd", "a.png"]) {
      const path = await save(name, sample("uint8", [3, 2]))
      const digest = await identify(path, LIMITS)
      expect((await readImage(path, { ...LIMITS, digest })).size).toEqual([3, 2])
      await saveValue(sample("uint8", [3, 3]), { root: dirname(path), name })
      await expect(readImage(path, { ...LIMITS, digest })).rejects.toThrow(/changed: expected the content .* run again/)
    }
  })

  it("notices a file that changes while it is read", async () => {
    const changes: readonly ((path: string) => unknown)[] = [
      (path) => appendFile(path, "more"),
      (path) => truncateSync(path, 3_000_000),
      (path) => utimes(path, 5, 5),
    ]
    for (const change of changes) {
      const path = put("a.nii", Buffer.alloc(3 << 20))
      const content = await Content.open(path, LIMITS)
      const reading = async (): Promise<void> => {
        for await (const chunk of content.chunks()) {
          expect(chunk.length).toBeGreaterThan(0)
          await change(path)
        }
      }
      expect(await codeOf(reading())).toBe("FILE_CHANGED")
      await content.close()
    }
  })
})

describe("reading", () => {
  it("ends at once when it is canceled, whichever reader is at it", async () => {
    for (const name of ["a.nii", "a.nii.gz", "a.mha"]) {
      const path = await save(name)
      const controller = new AbortController()
      const reading = readImage(path, { ...LIMITS, signal: controller.signal })
      controller.abort(new Error("enough"))
      await expect(reading).rejects.toThrow("enough")
    }
    const path = await save("b.mha")
    // While others have all the threads, and after.
    const controller = new AbortController()
    const all = [1, 2, 3, 4, 5].map((each) => {
      return readImage(path, each % 2 === 0 ? { ...LIMITS, signal: controller.signal } : LIMITS)
    })
    const outcomes = Promise.allSettled(all)
    controller.abort(new Error("enough"))
    expect((await outcomes).map(({ status }) => status)).toEqual([
      "fulfilled",
      "rejected",
      "fulfilled",
      "rejected",
      "fulfilled",
    ])
  })

  it("does not wait for a reader that never ends", async () => {
    const files = [{ path: "a.mha", data: readFileSync(await save("a.mha")) }] as const
    const order = { kind: "read", pipeline: "meta", files, maxBytes: 1000 } as const
    await expect(runItk(order, { path: "a.mha", bytes: 0, timeLimitMs: 0 })).rejects.toThrow(
      expect.objectContaining({ code: "FILE_STUCK" }),
    )
    expect((await runItk(order, { path: "a.mha", bytes: 0 })).kind).toBe("image")
  })

  it("outlives a reader that breaks down", async () => {
    // No such pipeline: the thread answers, and so does one whose order cannot be carried out at all.
    const order = {
      kind: "read",
      pipeline: "none",
      files: [{ path: "a", data: new Uint8Array(1) }],
      maxBytes: 1,
    } as const
    expect(await runItk(order, { path: "a", bytes: 1 })).toMatchObject({ kind: "refused" })
  })

  it("gives the spacing that pictures tell of", async () => {
    const image = { ...sample("uint8", [4, 3]), spacing: [0.25, 0.75] }
    expect((await readImage(await save("a.png", image), LIMITS)).spacing).toEqual([0.25, 0.75])
  })
})

const SAMPLES = fileURLToPath(new URL("../../../../../shared/data/", import.meta.url))
const HEAD = join(SAMPLES, "mri/chris_t1.nii.gz")
if (!existsSync(HEAD)) console.log("skipped: the sample volumes are not beside the repository")
describe.skipIf(!existsSync(HEAD))("the sample volumes", () => {
  it("are read as they are", async () => {
    const head = await readImage(HEAD, { maxBytes: 1 << 28 })
    expect([head.size, head.type, head.direction]).toEqual([[188, 256, 190], "uint8", [-1, 0, 0, 0, -1, 0, 0, 0, 1]])
    expect(head.origin.map((each) => Math.round(each * 100) / 100)).toEqual([83.12, 118.12, -77.12])
    const label = await readImage(join(SAMPLES, "synthetic/case_000_label.nii.gz"), LIMITS)
    expect(label.size).toEqual([32, 64, 64])
  })
})
