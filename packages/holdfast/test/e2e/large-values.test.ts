/** Large values between real clients of one folder: what travels, what is stored, what is served when files are lost. */
import { createHash } from "node:crypto"
import { mkdir, mkdtemp, readdir, rm, truncate, unlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import type { Binary, Holdfast } from "../../src/index.ts"
import { isHoldfastError, open } from "../built-package.ts"

let folder: string
let opened: Holdfast[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "holdfast-large-"))
  opened = []
})

afterEach(async () => {
  for (const hf of opened.toReversed()) await hf.close()
  await rm(folder, { recursive: true, force: true })
})

async function connect(options: Parameters<typeof open>[1] = {}): Promise<Holdfast> {
  const hf = await open(`file:${folder}`, options)
  opened.push(hf)
  return hf
}

/** Names of all files of large values. */
async function files(): Promise<string[]> {
  const names = await readdir(join(folder, "blobs"), { recursive: true })
  return names.filter((name) => name.length > 60).toSorted()
}

function bytesOf(byteLength: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(byteLength)
  for (let index = 0; index < byteLength; index += 1) bytes[index] = (index * 31 + seed * 7 + (index >> 8)) & 0xff
  return bytes
}

/** An assertion that compares element by element takes seconds for as many bytes. */
function expectBytes(found: Uint8Array | undefined, expected: Uint8Array): void {
  expect(found?.length).toBe(expected.length)
  expect(Buffer.compare(found ?? new Uint8Array(), expected)).toBe(0)
}

async function faultOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
  } catch (error) {
    if (isHoldfastError(error)) return `${error.code}: ${error.message}`
    throw error
  }
  throw new Error("it should have been refused")
}

describe("large values", () => {
  it("reach other clients whole, as cells, arguments, results, steps and progress (C4, O2, S3)", async () => {
    const [a, b] = [await connect(), await connect()]
    const large = bytesOf(300_000)
    await a.cell<Uint8Array>("image").set(large)
    expectBytes(await b.cell<Uint8Array>("image").get(), large)
    expect(await files()).toHaveLength(1)
    const define = (hf: Holdfast) =>
      hf.operation("invert", {
        version: 1,
        effects: "pure",
        run: async (context, image: Uint8Array) => {
          await context.progress({ preview: bytesOf(50_000) })
          const kept = await context.transact("kept", () => bytesOf(60_000, 3))
          return { image: image.map((byte) => 255 - byte), kept }
        },
      })
    const [invertA, invertB] = [define(a), define(b)]
    const result = await invertA(large)
    expectBytes(
      result.image,
      large.map((byte) => 255 - byte),
    )
    expectBytes(result.kept, bytesOf(60_000, 3))
    expectBytes((await invertB(large)).image, result.image)
    const status = await invertB.handle(large).status()
    // As reported above.
    expectBytes((status?.progress as { readonly preview: Uint8Array } | undefined)?.preview, bytesOf(50_000))
  })

  it("tell watchers every version in order, large or small (C4)", async () => {
    const [a, b] = [await connect(), await connect()]
    const cell = a.cell<Uint8Array>("frame")
    const seen: number[] = []
    const watch = b.cell<Uint8Array>("frame").watch()
    const watching = (async () => {
      for await (const { value } of watch) {
        seen.push(value?.length ?? 0)
        if (value?.length === 9) return
      }
    })()
    for (const size of [200_000, 5, 100_000, 6, 70_000, 9]) await cell.set(bytesOf(size))
    await watching
    const order = [0, 200_000, 5, 100_000, 6, 70_000, 9]
    expect(seen.map((size) => order.indexOf(size))).toEqual(
      seen.map((size) => order.indexOf(size)).toSorted((x, y) => x - y),
    )
  })

  it("leave in the order they were asked in, small ones behind the large one before them (S4)", async () => {
    const hf = await connect()
    const cell = hf.cell<Uint8Array>("a")
    const first = cell.set(bytesOf(2_000_000))
    const second = cell.set(bytesOf(3))
    await Promise.all([first, second])
    expectBytes(await cell.get(), bytesOf(3))
  })

  it("are one file where they are equal, also when two clients write at once (S3)", async () => {
    const clients = [await connect(), await connect(), await connect()]
    await Promise.all(clients.map((hf, index) => hf.cell<Uint8Array>(`c${String(index)}`).set(bytesOf(500_000))))
    expect(await files()).toHaveLength(1)
  })
})

describe("streamed Binaries", () => {
  it("are written as they come, and equal to one in memory as an argument (O7)", async () => {
    const [a, b] = [await connect(), await connect()]
    const whole = bytesOf(1_000_000)
    const stored = await a.writeBinary(pieces(whole, 77_777))
    expect([stored.isStored, stored.byteLength, stored.digest]).toEqual([
      true,
      whole.length,
      createHash("sha256").update(whole).digest("hex"),
    ])
    expect(() => stored.bytes()).toThrow(/await read\(\)/)
    expectBytes(await stored.read(), whole)
    let calls = 0
    const define = (hf: Holdfast) =>
      hf.operation("measure", {
        version: 1,
        effects: "pure",
        run: async (_, binary: Binary) => {
          calls += 1
          return { binary, sum: (await binary.read()).reduce((sum, byte) => sum + byte, 0) }
        },
      })
    const [measureA, measureB] = [define(a), define(b)]
    const { sum } = await measureA(stored)
    const again = await measureB(b.binary(whole))
    expect([again.sum, calls, again.binary.isStored]).toEqual([sum, 1, true])
    let length = 0
    for await (const chunk of again.binary.stream()) length += chunk.length
    expect(length).toBe(whole.length)
  })

  it("leave nothing where their source fails or is aborted (S1)", async () => {
    const hf = await connect()
    const broken = (async function* () {
      yield bytesOf(100_000)
      throw new Error("cable cut")
    })()
    await expect(hf.writeBinary(broken)).rejects.toThrow("cable cut")
    const controller = new AbortController()
    const endless = (async function* () {
      yield bytesOf(100_000)
      controller.abort(new Error("enough"))
      await new Promise(() => {
        // The next piece never comes.
      })
    })()
    await expect(hf.writeBinary(endless, { signal: controller.signal })).rejects.toThrow("enough")
    expect(await readdir(join(folder, "blobs", "new"))).toEqual([])
    expect(await files()).toEqual([])
    expect(await faultOf(hf.writeBinary("text" as never))).toContain("ARGUMENT_INVALID")
    expect(await faultOf(hf.writeBinary(pieces("ab" as never, 1)))).toContain("ARGUMENT_INVALID")
  })

  it("of another store are refused with one error, whatever store they are passed to (S2)", async () => {
    const stored = await (await connect()).writeBinary(pieces(bytesOf(1_000), 100))
    const elsewhere = await mkdtemp(join(tmpdir(), "holdfast-large-"))
    for (const address of ["memory:", `file:${elsewhere}`]) {
      const hf = await open(address)
      const size = hf.operation("size", {
        version: 1,
        effects: "pure",
        run: async (context, given: Binary | null) => {
          if (given === null) await context.progress({ stored })
          return given?.byteLength
        },
      })
      const cell = hf.cell("cell")
      const faults = [
        await faultOf(cell.set([stored])),
        await faultOf(cell.update(() => ({ stored }))),
        await faultOf(hf.transact((tx) => tx.set(cell, stored))),
        await faultOf((async () => await size(stored))()),
      ]
      for (const fault of faults) {
        expect(fault).toMatch(/^STORE_DAMAGED: .* names the large value [0-9a-f]{64}, which this store does not have/)
        expect(fault).toContain(stored.digest)
        expect(fault).toContain("a Binary of another store is read there, and its bytes are passed")
      }
      expect(await faultOf((async () => await size(null))())).toContain("RUN_FAILED")
      await cell.set(hf.binary(await stored.read()))
      expect(((await cell.get()) as Binary).digest).toBe(stored.digest)
      await hf.close()
    }
    await rm(elsewhere, { recursive: true, force: true })
  })

  it("in memory are Binaries like any other", async () => {
    const hf = await open("memory:")
    const binary = await hf.writeBinary(pieces(bytesOf(1_000), 100))
    expect([binary.isStored, binary.bytes()]).toEqual([false, bytesOf(1_000)])
    await hf.close()
  })
})

describe("a file that is lost or altered", () => {
  const spoil = {
    missing: (path: string) => unlink(path),
    "cut short": (path: string) => truncate(path, 1_000),
    altered: (path: string) => writeFile(path, bytesOf(120_012, 9)),
  }

  it.each(Object.entries(spoil))(
    "%s: a pure result is computed again, and the file healed (O9, S2)",
    async (_, damage) => {
      const [a, b] = [await connect(), await connect()]
      let calls = 0
      const define = (hf: Holdfast) =>
        hf.operation("draw", {
          version: 1,
          effects: "pure",
          run: () => {
            calls += 1
            return bytesOf(120_000, 4)
          },
        })
      const [drawA, drawB] = [define(a), define(b)]
      await drawA()
      const [name] = await files()
      await damage(join(folder, "blobs", name ?? ""))
      expectBytes(await drawB(), bytesOf(120_000, 4))
      expect(calls).toBe(2)
      expect((await files()).filter((each) => !each.startsWith("bad"))).toHaveLength(1)
    },
  )

  it("is named where nothing can make it again, and never served (S2)", async () => {
    const hf = await connect()
    await hf.cell<Uint8Array>("precious").set(bytesOf(100_000))
    const [name] = await files()
    await writeFile(join(folder, "blobs", name ?? ""), bytesOf(100_000, 2))
    const fault = await faultOf(hf.cell("precious").get())
    expect(fault).toContain("STORE_DAMAGED")
    expect(fault).toContain(name?.slice(3))
  })

  it("fails the run whose arguments it was, and no other (O4, S2)", async () => {
    const [a, b] = [await connect(), await connect()]
    const define = (hf: Holdfast) =>
      hf.operation("size", { version: 1, effects: "pure", run: (_, image: Uint8Array) => image.length })
    const [sizeA, sizeB] = [define(a), define(b)]
    const lost = await sizeA.start([bytesOf(100_000, 5)])
    const fine = await sizeA.start([bytesOf(100_000, 6)])
    const digest = await digestOf(a, lost.id)
    await unlink(join(folder, "blobs", digest.slice(0, 2), digest))
    const worker = await b.work([sizeB])
    expect(await fine.result()).toBe(100_000)
    expect(await faultOf(lost.result())).toContain("RUN_FAILED")
    await worker.drain()
  })
})

describe("a streamed Binary whose file is lost or altered", () => {
  /** What its operation made, from a client that has read nothing of it; and how often that was made. */
  async function makeFilm(effects: "pure" | "once") {
    const [a, b] = [await connect(), await connect()]
    let calls = 0
    const define = (hf: Holdfast) =>
      hf.operation("film", {
        version: 1,
        effects,
        run: async () => {
          calls += 1
          return { film: await hf.writeBinary(pieces(bytesOf(700_000, 6), 90_000)) }
        },
      })
    const [filmA, filmB] = [define(a), define(b)]
    await filmA()
    const [name = ""] = await files()
    return { filmA, filmB, path: join(folder, "blobs", name), countCalls: () => calls }
  }

  it("altered, of a pure result: gives no byte of it, and whoever asks next has it made again (O9, S2)", async () => {
    const { filmA, filmB, path, countCalls } = await makeFilm("pure")
    const { film } = await filmB()
    await writeFile(path, bytesOf(700_000, 7))
    const reading = film.stream().next()
    expect(await faultOf(reading)).toMatch(/^STORE_DAMAGED: .* holds other bytes/)
    expectBytes(await (await filmA()).film.read(), bytesOf(700_000, 6))
    expect(countCalls()).toBe(2)
    // It is the same content under the same name, so that older handles are whole again, too.
    expectBytes(await film.read(), bytesOf(700_000, 6))
  })

  it("altered, of a result that is not made again: is named to all who ask, and is kept aside (O10, S2)", async () => {
    const { filmA, filmB, path, countCalls } = await makeFilm("once")
    const { film } = await filmB()
    await writeFile(path, bytesOf(700_000, 7))
    expect(await faultOf(film.read())).toContain("STORE_DAMAGED")
    for (const ask of [filmA, filmB, filmA]) {
      expect(await faultOf((async () => await ask())())).toMatch(/^STORE_DAMAGED: /)
    }
    expect([countCalls(), await files()]).toEqual([1, [expect.stringMatching(/^bad\//)]])
  })

  it("is gone with the cell that it was read from, but not for a stream that has begun (S2)", async () => {
    const [a, b] = [await connect(), await connect()]
    await a.cell<Binary>("film").set(await a.writeBinary(pieces(bytesOf(1_500_000, 6), 90_000)))
    await a.close()
    const film = await b.cell<Binary>("film").get()
    if (film === undefined) throw new Error("it was stored")
    const stream = film.stream()
    const { value: first } = await stream.next()
    await b.cell("film").set(null)
    await gone(0)
    const fault = await faultOf(film.read())
    expect(fault).toMatch(/^VALUE_GONE: .* read that cell, or ask that operation, again/)
    expect(fault).toContain(film.digest)
    const rest: Uint8Array[] = [first ?? new Uint8Array()]
    for await (const piece of stream) rest.push(piece)
    expectBytes(Buffer.concat(rest), bytesOf(1_500_000, 6))
  })

  it("is lost, and not gone, where what it was read from still names it, or a program holds it (S2)", async () => {
    const [a, b] = [await connect(), await connect()]
    const written = await a.writeBinary(pieces(bytesOf(50_000, 6), 9_000))
    const [cellA, cellB] = [a.cell<Binary>("film"), b.cell<Binary>("film")]
    await cellA.set(written)
    expectBytes(await (await cellB.get())?.read(), bytesOf(50_000, 6))
    await cellA.get()
    const [name = ""] = await files()
    await unlink(join(folder, "blobs", name))
    // Who has not seen it missing reads the cell again, and then has.
    expect(await faultOf((await cellB.get())?.read() ?? Promise.resolve())).toMatch(/^STORE_DAMAGED: .* is missing/)
    expect(await faultOf(written.read())).toMatch(/^STORE_DAMAGED: .* is missing/)
  })
})

describe("files that nobody needs", () => {
  it("go with the last row that names them, and not before (S3)", async () => {
    const hf = await connect()
    const [one, two] = [hf.cell<Uint8Array>("one"), hf.cell<Uint8Array>("two")]
    await one.set(bytesOf(90_000))
    await two.set(bytesOf(90_000))
    expect((await hf.inspect()).blobs).toMatchObject({ count: 1, bytes: expect.closeTo(90_000, -2) as number })
    await one.delete()
    await hf.cell("other").set(bytesOf(40_000))
    expect(await files()).toHaveLength(2)
    expectBytes(await two.get(), bytesOf(90_000))
    await two.set(bytesOf(10))
    await gone(1)
    expect((await hf.inspect()).blobs.count).toBe(1)
  })

  it("go when a session has let go of a streamed Binary, and stay while it has not (S3)", async () => {
    const [a, b] = [await connect(), await connect()]
    const binary = await a.writeBinary(pieces(bytesOf(50_000), 10_000))
    const other = await b.writeBinary(pieces(bytesOf(50_000), 10_000))
    await a.cell<Uint8Array>("c").set(bytesOf(40_000))
    await a.cell<Uint8Array>("c").delete()
    await gone(1)
    expectBytes(await binary.read(), bytesOf(50_000))
    expectBytes(await other.read(), bytesOf(50_000))
    await b.close()
    expectBytes(await binary.read(), bytesOf(50_000))
  })

  it("that a crash left behind go when the store is opened again, and what is named stays (S3)", async () => {
    const before = await connect()
    await before.cell<Uint8Array>("kept").set(bytesOf(60_000))
    await before.close()
    const orphan = createHash("sha256").update(bytesOf(50_000, 8)).digest("hex")
    await mkdir(join(folder, "blobs", orphan.slice(0, 2)), { recursive: true })
    await writeFile(join(folder, "blobs", orphan.slice(0, 2), orphan), bytesOf(50_000, 8))
    await writeFile(join(folder, "blobs", "new", "somebody-dead.1"), "half")
    const after = await connect()
    await gone(1)
    expect(await readdir(join(folder, "blobs", "new"))).toEqual([])
    expectBytes(await after.cell<Uint8Array>("kept").get(), bytesOf(60_000))
  })
})

describe("a budget for large values", () => {
  it("forgets what can be computed again, least recently used first, and nothing else (O9)", async () => {
    const hf = await connect({ blobBudgetBytes: 350_000 })
    await hf.cell<Uint8Array>("precious").set(bytesOf(100_000, 99))
    const calls: number[] = []
    const draw = hf.operation("draw", {
      version: 1,
      effects: "pure",
      run: (_, seed: number) => {
        calls.push(seed)
        return bytesOf(100_000, seed)
      },
    })
    const charge = hf.operation("charge", { version: 1, effects: "once", run: () => bytesOf(100_000, 77) })
    await charge()
    await draw(1)
    await draw.handle(1).pin()
    await draw(2)
    // Four are more than the budget by now, whatever is forgotten: only 2 can go, and what comes later.
    for (const seed of [3, 4]) await draw(seed)
    await until(async () => (await hf.inspect()).blobs.evicted >= 3)
    const { count, budgetBytes } = (await hf.inspect()).blobs
    expect([count, budgetBytes]).toEqual([3, 350_000])
    await gone(3)
    expect(await draw.handle(2).status()).toBeUndefined()
    expect(await draw.handle(1).status()).toMatchObject({ isPinned: true, status: "completed" })
    expectBytes(await draw(2), bytesOf(100_000, 2))
    expectBytes(await draw(1), bytesOf(100_000, 1))
    expect(calls).toEqual([1, 2, 3, 4, 2])
    expectBytes(await charge(), bytesOf(100_000, 77))
    expectBytes(await hf.cell<Uint8Array>("precious").get(), bytesOf(100_000, 99))
  })

  it("is kept with the store, and can be lifted (O9)", async () => {
    await (await connect({ blobBudgetBytes: 5_000 })).close()
    const hf = await connect()
    expect((await hf.inspect()).blobs.budgetBytes).toBe(5_000)
    const lifted = await connect({ blobBudgetBytes: null })
    expect((await lifted.inspect()).blobs.budgetBytes).toBeNull()
    expect(await faultOf(open("memory:", { blobBudgetBytes: -1 }))).toContain("ARGUMENT_INVALID")
  })
})

/** Waits for the keeper to have cleared away, which nobody is told of. */
async function gone(left: number): Promise<void> {
  await until(async () => (await files()).length === left)
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  await vi.waitUntil(holds, { timeout: 30_000, interval: 20 })
}

/** The digest of the file that holds the arguments of a run. */
async function digestOf(hf: Holdfast, run: string): Promise<string> {
  const view = (await hf.inspect()).runs.open.find((each) => each.run === run)
  const text = Buffer.from((view?.args ?? new Uint8Array()) as Uint8Array).toString("latin1")
  return /[0-9a-f]{64}/.exec(text)?.[0] ?? ""
}

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size)
}
