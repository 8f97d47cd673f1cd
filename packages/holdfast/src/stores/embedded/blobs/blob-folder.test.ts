import { createHash } from "node:crypto"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import type * as promises from "node:fs/promises"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import type { Digest } from "../../../kernel/index.ts"
import { BlobFolder } from "./blob-folder.ts"
import type { Blob } from "./blob-reference.ts"

/** What was asked of the disk, in order; and what it answers the next write with instead of writing. */
const disk = vi.hoisted(() => ({
  done: [] as string[],
  failure: null as Error | null,
  /** Done before it is said which file a descriptor is of. */
  beforeStat: async (): Promise<void> => undefined,
}))

vi.mock("node:fs/promises", async (load) => {
  const real = await load<typeof promises>()
  return {
    ...real,
    open: async (...args: Parameters<typeof real.open>) => {
      const file = await real.open(...args)
      const [path] = args
      const [write, sync, stat] = [file.write.bind(file), file.sync.bind(file), file.stat.bind(file)]
      file.stat = (async () => {
        await disk.beforeStat()
        return await stat()
        // The one form that is used.
      }) as typeof file.stat
      file.write = (async (bytes: Uint8Array) => {
        if (disk.failure !== null) throw disk.failure
        disk.done.push(`write ${basename(String(path))}`)
        return await write(bytes)
        // The one form that is used.
      }) as typeof file.write
      file.sync = async () => {
        disk.done.push(`flush ${basename(String(path))}`)
        await sync()
      }
      return file
    },
    rename: async (from: string, to: string) => {
      disk.done.push(`rename ${basename(from)} to ${basename(to)}`)
      await real.rename(from, to)
    },
  }
})

let path: string
let folder: BlobFolder

beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), "holdfast-blobs-"))
  folder = new BlobFolder(path, "me")
  disk.done = []
  disk.failure = null
  disk.beforeStat = async () => undefined
})

afterEach(() => {
  rmSync(path, { recursive: true, force: true })
})

const bytes: Uint8Array = new Uint8Array(1_200_000).map((_, index) => index * 7 + (index >> 9))
const digest: string = createHash("sha256").update(bytes).digest("hex")
const blob: Blob = { digest: digest as Digest, byteLength: bytes.length } // Computed above.

async function* pieces(size = 500_000): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

async function ignoreNews(): Promise<void> {
  // Nobody holds it here.
}

async function collect(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const read: Uint8Array[] = []
  for await (const piece of source) read.push(piece)
  return Buffer.concat(read)
}

function temporaries(): string[] {
  return readdirSync(join(path, "new"))
}

describe("writing a large value (S3)", () => {
  it.each(["whole", "as a stream"])(
    "%s: its file is flushed before it has its name, and the name is flushed before it is told",
    async (how) => {
      const written = how === "whole" ? folder.write(bytes) : folder.writeStream(pieces(), ignoreNews)
      expect(await written).toEqual(blob)
      const order = ["write me.1", "flush me.1", `rename me.1 to ${digest}`, `flush ${digest.slice(0, 2)}`]
      expect(disk.done.filter((step, at) => order.includes(step) && step !== disk.done[at - 1])).toEqual(order)
      expect(disk.done.at(-1)).toBe(`flush ${digest.slice(0, 2)}`)
      expect(Buffer.compare(readFileSync(folder.pathOf(blob.digest)), bytes)).toBe(0)
      expect(temporaries()).toEqual([])
    },
  )

  it("that is there already writes nothing, and flushes the name: who wrote it may not have got so far", async () => {
    await folder.write(bytes)
    disk.done = []
    expect(await new BlobFolder(path, "you").write(bytes)).toEqual(blob)
    expect(disk.done).toEqual([`flush ${digest.slice(0, 2)}`])
  })

  it.each(["altered", "cut short", "longer"])("heals the file that is %s", async (damage) => {
    await folder.write(bytes)
    spoil[damage]?.(folder.pathOf(blob.digest))
    expect(await folder.findFault(blob)).not.toBeNull()
    await folder.write(bytes)
    expect(await folder.findFault(blob)).toBeNull()
  })

  it("tells whose it is before it has its name, and leaves nothing where that is refused", async () => {
    const refused = folder.writeStream(pieces(), async (told) => {
      expect([told, existsSync(folder.pathOf(blob.digest)), temporaries()]).toEqual([blob, false, ["me.1"]])
      throw new Error("no session")
    })
    await expect(refused).rejects.toThrow("no session")
    expect([existsSync(folder.pathOf(blob.digest)), temporaries()]).toEqual([false, []])
  })

  it.each([
    ["ENOSPC", "STORE_FULL"],
    ["EDQUOT", "STORE_FULL"],
    ["EIO", "STORE_UNAVAILABLE"],
  ])("on a disk that fails with %s is refused with %s, leaves nothing, and can be tried again", async (code, said) => {
    await folder.write(bytes.subarray(1))
    disk.failure = Object.assign(new Error("the disk fails"), { code })
    await expect(folder.write(bytes)).rejects.toMatchObject({ code: said, retryable: true })
    await expect(folder.writeStream(pieces(), ignoreNews)).rejects.toMatchObject({ code: said })
    expect(temporaries()).toEqual([])
    disk.failure = null
    expect(await folder.write(bytes)).toEqual(blob)
  })

  it("passes on what its source throws as it is, though it looks like a fault of the disk", async () => {
    const fault = Object.assign(new Error("the source's own"), { code: "ENOSPC" })
    const source = (async function* () {
      yield bytes
      throw fault
    })()
    await expect(folder.writeStream(source, ignoreNews)).rejects.toBe(fault)
    expect(temporaries()).toEqual([])
  })
})

const spoil: Readonly<Record<string, (file: string) => void>> = {
  altered: (file) => {
    // Beyond the first piece, so that reading as it comes would give some of it out.
    const changed = readFileSync(file)
    changed[changed.length - 1] = Number(changed.at(-1)) ^ 1
    writeFileSync(file, changed)
  },
  "cut short": (file) => truncateSync(file, bytes.length - 1),
  longer: (file) => writeFileSync(file, "x", { flag: "a" }),
  missing: (file) => rmSync(file),
}

describe("reading a large value (S2)", () => {
  it("gives the bytes, whole and in pieces", async () => {
    await folder.write(bytes)
    expect(Buffer.compare(await folder.readWhole(blob), bytes)).toBe(0)
    expect(Buffer.compare(await collect(folder.read(blob)), bytes)).toBe(0)
    expect(await collect(folder.read(await folder.write(new Uint8Array())))).toHaveLength(0)
  })

  it.each(Object.entries(spoil))("whose file is %s gives no byte of it, and names it", async (what, damage) => {
    await folder.write(bytes)
    damage(folder.pathOf(blob.digest))
    const expected = { code: "STORE_DAMAGED", details: { digest }, message: expect.stringContaining(digest) as string }
    let given = 0
    const reading = (async () => {
      for await (const piece of folder.read(blob)) given += piece.length
    })()
    await expect(reading).rejects.toMatchObject(expected)
    expect(given).toBe(0)
    // What is longer begins with all of it, and is read whole for what it is named after.
    if (what !== "longer") await expect(folder.readWhole(blob)).rejects.toMatchObject(expected)
    expect([folder.has(blob), await folder.findFault(blob)]).toEqual([what === "altered", expect.any(String)])
  })
})

describe("what is set aside (S2)", () => {
  it("is out of the way, can be put back, and is never put in the place of what was written since", async () => {
    await folder.write(bytes)
    spoil["altered"]?.(folder.pathOf(blob.digest))
    expect(await folder.setAside(blob)).toBe(true)
    expect([folder.has(blob), folder.listSetAside()]).toEqual([false, [digest]])
    await folder.putBack(blob.digest)
    expect([folder.has(blob), folder.listSetAside()]).toEqual([true, []])
    expect(await folder.setAside(blob)).toBe(true)
    await folder.write(bytes)
    await folder.putBack(blob.digest)
    expect([await folder.findFault(blob), folder.listSetAside()]).toEqual([null, [digest]])
    folder.removeSetAside(blob.digest)
    expect(folder.listSetAside()).toEqual([])
    // Others may have come first.
    const other = "0".repeat(64) as Digest // 64 hexadecimal digits.
    expect(await folder.setAside({ digest: other, byteLength: 1 })).toBe(false)
    await folder.putBack(other)
  })

  it("is said to be where it is by whoever misses it", async () => {
    await folder.write(bytes)
    spoil["altered"]?.(folder.pathOf(blob.digest))
    await folder.setAside(blob)
    const said = expect.stringContaining('set aside in "bad"') as string
    await expect(folder.readWhole(blob)).rejects.toMatchObject({ code: "STORE_DAMAGED", message: said })
    expect(await folder.findFault(blob)).toEqual(said)
  })

  it("is no file that is whole, nor one that has taken the place of a damaged one meanwhile", async () => {
    await folder.write(bytes)
    expect(await folder.setAside(blob)).toBe(false)
    spoil["altered"]?.(folder.pathOf(blob.digest))
    disk.beforeStat = async () => {
      await new BlobFolder(path, "you").write(bytes)
    }
    expect(await folder.setAside(blob)).toBe(false)
    expect([await folder.findFault(blob), folder.listSetAside()]).toEqual([null, []])
  })
})

describe("what the keeper sees", () => {
  it("are the files of each folder by the first byte, and whose temporary files there are", async () => {
    expect([folder.list(0), folder.temporaries()]).toEqual([[], []])
    await folder.write(bytes)
    writeFileSync(join(path, "new", "a.b.7"), "half")
    writeFileSync(join(path, digest.slice(0, 2), "no digest"), "stranger")
    const shard = Number.parseInt(digest.slice(0, 2), 16)
    expect([folder.list(shard), folder.list((shard + 1) % 256)]).toEqual([[digest], []])
    expect(folder.temporaries()).toEqual([{ name: "a.b.7", client: "a.b" }])
    folder.removeTemporary("a.b.7")
    folder.remove(blob.digest)
    expect([folder.list(shard), folder.temporaries()]).toEqual([[], []])
    expect(() => folder.expect(blob)).toThrow(expect.objectContaining({ code: "STORE_DAMAGED" }))
  })
})
