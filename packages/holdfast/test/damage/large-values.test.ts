/**
 * Files of large values that are damaged, at places a seed chooses, or lost, and a disk that is full while one is written:
 * what can be computed again is, all else is named, and no wrong byte is ever given out. HOLDFAST_DAMAGES says how often,
 * HOLDFAST_SEED where.
 */
import { spawnSync } from "node:child_process"
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from "node:fs"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { describe, expect, it, onTestFinished, vi } from "vitest"
import { createPrng } from "../../src/env/prng.ts"
import type { Binary, Holdfast } from "../../src/index.ts"
import { isHoldfastError, open } from "../built-package.ts"
import { damage } from "./damage.ts"

const DAMAGES = Math.ceil(Number(process.env["HOLDFAST_DAMAGES"] ?? 120) / 2)
const SEED = Number(process.env["HOLDFAST_SEED"] ?? 20_241)

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-large-damage-"))
  onTestFinished(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  return folder
}

function bytesOf(seed: number, byteLength: number): Uint8Array {
  return new Uint8Array(byteLength).map((_, index) => index * 13 + seed * 7 + (index >> 7))
}

async function* piecesOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 30_000) yield bytes.subarray(at, at + 30_000)
}

/** Names of the files of large values, in their folders. */
function namesIn(store: string): string[] {
  return readdirSync(join(store, "blobs"), { recursive: true })
    .map(String)
    .filter((name) => /^[0-9a-f]{2}\/[0-9a-f]{64}$/.test(name))
    .toSorted()
}

const CELL = bytesOf(1, 90_000)
const STREAMED = bytesOf(2, 1_300_000)
const CHARGED = bytesOf(3, 70_000)
const DRAWN = bytesOf(4, 110_000)

function operationsOf(hf: Holdfast, drawn: string[]) {
  return {
    draw: hf.operation("draw", {
      version: 1,
      effects: "pure",
      run: () => {
        drawn.push("draw")
        return DRAWN
      },
    }),
    render: hf.operation("render", {
      version: 1,
      effects: "pure",
      run: async () => {
        drawn.push("render")
        return { video: await hf.writeBinary(piecesOf(STREAMED)) }
      },
    }),
    charge: hf.operation("charge", { version: 1, effects: "once", run: () => CHARGED }),
  }
}

/** What each read came to: the truth, or the code it was refused with. Throws where it is anything else. */
async function readAll(store: string, drawn: string[]): Promise<Readonly<Record<string, string>>> {
  // One that has read nothing yet.
  const hf = await open(`file:${store}`)
  const { draw, render, charge } = operationsOf(hf, drawn)
  const said: Record<string, string> = {}
  async function ask(what: string, expected: Uint8Array, read: () => Promise<Uint8Array | undefined>): Promise<void> {
    try {
      const found = await read()
      if (Buffer.compare(found ?? new Uint8Array(), expected) !== 0) throw new Error(`${what} is not what was stored`)
      said[what] = "true"
    } catch (error) {
      if (!isHoldfastError(error)) throw error
      said[what] = error.code
    }
  }
  await ask("cell", CELL, () => hf.cell<Uint8Array>("cell").get())
  await ask("binary", STREAMED, async () => await (await hf.cell<Binary>("binary").get())?.read())
  await ask("charge", CHARGED, async () => await charge())
  await ask("draw", DRAWN, async () => await draw())
  await ask("render", STREAMED, async () => await (await render()).video.read())
  await hf.close()
  return said
}

describe("large values whose files are damaged", () => {
  it("are computed again, or named, and never given out as something else (O9, S2)", async () => {
    const store = join(makeFolder(), "store")
    const keeper = await open(`file:${store}`)
    const { draw, render, charge } = operationsOf(keeper, [])
    await keeper.cell("cell").set(CELL)
    // One file of a cell and of a result: where it is made again for the one, the other has it too.
    await keeper.cell("binary").set(await keeper.writeBinary(piecesOf(STREAMED)))
    await Promise.all([draw(), render(), charge()])
    const names = namesIn(store)
    expect(names).toHaveLength(4)
    const whole = makeFolder()
    for (const name of names) copyFileSync(join(store, "blobs", name), join(whole, basename(name)))
    const lengths = new Map(names.map((name) => [name, readFileSync(join(whole, basename(name))).length]))
    const { nextBelow } = createPrng(SEED)
    const seen = new Map<string, number>()
    for (let time = 0; time < DAMAGES; time += 1) {
      const name = names[nextBelow(names.length)] ?? ""
      const path = join(store, "blobs", name)
      const isLost = nextBelow(5) === 0
      if (isLost) rmSync(path)
      const what = isLost ? "removed" : damage(path, nextBelow).what
      const where = `${name}, ${what} (seed ${String(SEED)}, time ${String(time)})`
      // A bit may be set where it was set before.
      const spoiled = isLost ? null : readFileSync(path)
      const isSame = spoiled?.equals(readFileSync(join(whole, basename(name)))) === true
      const drawn: string[] = []
      const said = await readAll(store, drawn).catch((error: unknown) => {
        throw new Error(`${where}: ${String(error)}`, { cause: error })
      })
      const refused = Object.entries(said).filter(([, code]) => code !== "true")
      // Which one it was.
      const length = lengths.get(name) ?? 0
      const owners = ownersOf(length)
      for (const [owner, code] of refused) {
        expect(code, `${where}: ${owner}`).toBe("STORE_DAMAGED")
        expect(owners, `${where}: who is refused`).toContain(owner)
      }
      if (isSame) expect(refused, `${where}: the same`).toEqual([])
      // Whoever read it for the cell has set it aside, and whoever is told of a result looks whether its parts are there.
      if (!isSame && owners.includes("render"))
        expect([said["render"], drawn], `${where}: render`).toEqual(["true", ["render"]])
      if (!isSame && owners.includes("draw"))
        expect([said["draw"], drawn], `${where}: draw`).toEqual(["true", ["draw"]])
      if (!isSame && (owners.includes("cell") || owners.includes("charge")))
        expect(refused, `${where}: its owner`).toHaveLength(1)
      const verdict = `${owners.join("+")}: ${refused.length > 0 ? "named" : drawn.length > 0 ? "computed again" : "whole"}`
      seen.set(verdict, (seen.get(verdict) ?? 0) + 1)
      // As a restore from a backup does.
      for (const each of names) {
        const place = join(store, "blobs", each)
        if (!existsSync(place) || lengths.get(each) !== readFileSync(place).length || each === name) {
          copyFileSync(join(whole, basename(each)), place)
        }
      }
    }
    console.log("damage to files of large values:", Object.fromEntries(seen))
    expect(await readAll(store, [])).toEqual({
      cell: "true",
      binary: "true",
      charge: "true",
      draw: "true",
      render: "true",
    })
    await keeper.close()
  })
})

/** By the lengths above, whose encodings are a little longer. */
function ownersOf(length: number): readonly string[] {
  if (length >= STREAMED.length) return ["binary", "render"]
  if (length >= DRAWN.length) return ["draw"]
  return length >= CELL.length ? ["cell"] : ["charge"]
}

const isRoot: boolean = process.getuid?.() === 0
if (!isRoot) console.warn("skipped: a full disk needs root and a tmpfs of its own")

describe.runIf(isRoot)("a disk that is full while a large value is written", () => {
  it("is STORE_FULL, loses nothing, leaves nothing, and all works again once there is room (S5)", async () => {
    const mounted = makeFolder()
    expect(spawnSync("mount", ["-t", "tmpfs", "-o", "size=12m", "tmpfs", mounted]).status).toBe(0)
    onTestFinished(() => {
      spawnSync("umount", ["-l", mounted])
    })
    const store = join(mounted, "store")
    const hf = await open(`file:${store}`)
    const cell = hf.cell<Uint8Array>("cell")
    await cell.set(CELL)
    const stored = await hf.writeBinary(piecesOf(STREAMED))
    let calls = 0
    const draw = hf.operation("draw", {
      version: 1,
      effects: "pure",
      run: () => {
        calls += 1
        return DRAWN
      },
    })
    // Room for a part of a value, so that it ends within its file.
    const ballast = join(mounted, "ballast")
    const { bavail, bsize } = statfsSync(mounted)
    writeFileSync(ballast, new Uint8Array((bavail - 10) * bsize))
    const full = { code: "STORE_FULL", retryable: true, message: expect.stringContaining("free space") as string }
    for (const seed of [1, 2, 3]) {
      await expect(cell.set(bytesOf(10 + seed, 200_000))).rejects.toMatchObject(full)
      await expect(hf.writeBinary(piecesOf(bytesOf(20 + seed, 400_000)))).rejects.toMatchObject(full)
      await expect(hf.transact((tx) => tx.set(cell, bytesOf(30 + seed, 100_000)))).rejects.toMatchObject(full)
      expect(readdirSync(join(store, "blobs", "new"))).toEqual([])
    }
    // What is computed is reported until there is room for it.
    const drawing = draw()
    await vi.waitUntil(() => calls === 1)
    // Reads go on, and so does what is small enough.
    expect(Buffer.compare((await cell.get()) ?? new Uint8Array(), CELL)).toBe(0)
    expect(Buffer.compare(await stored.read(), STREAMED)).toBe(0)
    expect((await hf.inspect()).blobs.count).toBe(1)
    rmSync(ballast)
    expect(Buffer.compare(await drawing, DRAWN)).toBe(0)
    // Where not even its claim fitted, it is as if it had never been claimed, and is computed once more (S5).
    expect([1, 2]).toContain(calls)
    await cell.set(bytesOf(9, 200_000))
    await hf.cell("binary").set(await hf.writeBinary(piecesOf(STREAMED)))
    await hf.close()
    const again = await open(`file:${store}`)
    expect(Buffer.compare((await again.cell<Uint8Array>("cell").get()) ?? new Uint8Array(), bytesOf(9, 200_000))).toBe(
      0,
    )
    expect(
      Buffer.compare((await (await again.cell<Binary>("binary").get())?.read()) ?? new Uint8Array(), STREAMED),
    ).toBe(0)
    await again.close()
  })
})
