/**
 * Bytes changed and ends cut off, in every file of a store, at places a seed chooses: opened and read, it says what is
 * damaged or tells the truth. The journal is read by itself, HOLDFAST_DAMAGES times, and every file a few times through
 * the whole store. HOLDFAST_SEED says where.
 */
import { spawnSync } from "node:child_process"
import { cpSync, mkdtempSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { createPrng } from "../../src/env/prng.ts"
import { systemEnv } from "../../src/env/index.ts"
import { type CellRow, type ErrorCode, isHoldfastError } from "../../src/kernel/index.ts"
import { decodeArguments, decodeValue } from "../../src/kernel/value.ts"
import { openDatabase } from "../../src/stores/embedded/journal/opening.ts"
import { JournalReader } from "../../src/stores/embedded/journal/reader.ts"
import { open } from "../built-package.ts"
import { type Damage, damage } from "./damage.ts"
import { CELLS, COMMITS, valueOf } from "./victim-main.ts"

const DAMAGES = Number(process.env["HOLDFAST_DAMAGES"] ?? 120)
/** Through the whole store, with its threads and flushes. */
const DAMAGES_OF_A_STORE = 4
const SEED = Number(process.env["HOLDFAST_SEED"] ?? 20_241)
const LOG_HEADER_BYTES = 32
const VICTIM_BOUND_MS = 60_000

/** What a damaged store may answer with instead of the truth. */
const CLEAR: readonly ErrorCode[] = ["STORE_DAMAGED", "STORE_NEWER", "STORE_UNAVAILABLE"]

let base = ""
let victim = ""

beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), "holdfast-damage-"))
  victim = join(base, "victim")
  const program = fileURLToPath(new URL("./victim-main.ts", import.meta.url))
  const made = spawnSync(process.execPath, ["--import", import.meta.resolve("tsx"), program, "work", `file:${victim}`])
  if (made.signal !== "SIGKILL") throw new Error(`the store to damage was not made: ${made.stderr.toString()}`)
}, VICTIM_BOUND_MS)

afterAll(() => {
  rmSync(base, { recursive: true, force: true })
})

type Verdict =
  { readonly kind: "refused"; readonly code: ErrorCode } | { readonly kind: "read"; readonly count: number }

type Ask = <T>(read: () => T | Promise<T>) => Promise<T | undefined>

/** Takes a clear refusal for an answer; anything else that is thrown is none. */
class Examination {
  code: ErrorCode | null = null

  readonly orRefused: Ask = async (read) => {
    try {
      return await read()
    } catch (error) {
      if (!isHoldfastError(error) || !CLEAR.includes(error.code) || error.message.includes("defect")) throw error
      this.code ??= error.code
      return undefined
    }
  }

  verdict(count: number | undefined): Verdict {
    if (this.code !== null) return { kind: "refused", code: this.code }
    return { kind: "read", count: count ?? 0 }
  }
}

/** Reads the cells, whatever they are read through. Throws where one is not what the store must hold. */
async function examineCells(ask: Ask, read: (name: string) => unknown): Promise<number | undefined> {
  // Where the counting cell is lost, only those that were written once are known.
  const count = (await ask(() => read("count"))) as number | undefined
  for (let place = 0; place < CELLS; place += 1) {
    if (count === undefined) break
    const value = await ask(() => read(`cell/${String(place)}`))
    const n = count - ((((count - place) % CELLS) + CELLS) % CELLS)
    if (value !== undefined) expect(value, `cell ${String(place)} of ${String(count)}`).toEqual(valueOf(n))
  }
  for (let n = 1; n <= COMMITS; n += 1) {
    const value = await ask(() => read(`own/${String(n)}`))
    if (value !== undefined) expect(value, `the cell of commit ${String(n)}`).toEqual(valueOf(n))
  }
  return count
}

/** Opens the journal alone and reads everything. */
async function examineJournal(folder: string): Promise<Verdict> {
  const path = join(folder, "journal.db")
  const examination = new Examination()
  const ask = examination.orRefused
  const opened = await ask(() => openDatabase({ path, env: systemEnv, build: "test" }))
  if (opened === undefined) return examination.verdict(undefined)
  try {
    const reader = await ask(() => new JournalReader(opened.database, path))
    if (reader === undefined) return examination.verdict(undefined)
    const count = await examineCells(ask, (name) => {
      const [stored] = reader.load([`cell:${name}`])
      // The row stored under a cell's key is a cell's.
      const row = (stored?.row ?? null) as CellRow | null
      if (row === null || row.value === null) throw new Error(`cell "${name}" is said not to be there`)
      return decodeValue(row.value)
    })
    const runs = await ask(() => reader.listRuns({ operation: null, statuses: null, limit: Infinity }))
    for (const { args, result } of runs ?? []) {
      // Arguments are a list, which is encoded.
      const [x] = decodeArguments(args as Uint8Array, (identity) => identity) as readonly [number]
      if (result !== null) expect(decodeValue(result), `the square of ${String(x)}`).toBe(x * x)
    }
    return examination.verdict(count)
  } finally {
    opened.database.close()
  }
}

/** Opens the store and reads everything. */
async function examineStore(folder: string): Promise<Verdict> {
  const examination = new Examination()
  const ask = examination.orRefused
  const hf = await ask(() => open(`file:${folder}`))
  if (hf === undefined) return examination.verdict(undefined)
  try {
    const count = await examineCells(ask, async (name) => {
      const value = await hf.cell(name).get()
      if (value === undefined) throw new Error(`cell "${name}" is said not to be there`)
      return value
    })
    const square = hf.operation("square", { version: 1, effects: "pure", run: (_context, x: number) => x * x })
    for (let n = 4; n <= 2 * COMMITS; n += 4) {
      const result = await ask(() => square(n))
      if (result !== undefined) expect(result).toBe(n * n)
    }
    // Whoever held it is dead, and a store that was read can be written.
    await ask(() => hf.lock("held").run(() => {}))
    await ask(() => hf.cell("new").set(1))
    return examination.verdict(count)
  } finally {
    await hf.close()
  }
}

interface Course {
  readonly file: string
  readonly times: number
  readonly examine: (folder: string) => Promise<Verdict>
  readonly isRight: (verdict: Verdict, damage: Damage) => boolean
}

async function damageOften({ file, times, examine, isRight }: Course): Promise<void> {
  const { nextBelow } = createPrng(SEED)
  const verdicts = new Map<string, number>()
  for (let time = 0; time < times; time += 1) {
    const folder = join(base, `${file}-${String(time)}`)
    cpSync(victim, folder, { recursive: true, filter: (path) => !/\.lock$|-shm$/.test(path) })
    const done = damage(join(folder, file), nextBelow)
    const { what } = done
    let verdict: Verdict
    try {
      verdict = await examine(folder)
    } catch (error) {
      throw new Error(`${file}, ${what} (seed ${String(SEED)}, time ${String(time)}): ${String(error)}`, {
        cause: error,
      })
    }
    const said = verdict.kind === "refused" ? verdict.code : verdict.count === 2 * COMMITS ? "whole" : "earlier"
    verdicts.set(said, (verdicts.get(said) ?? 0) + 1)
    if (!isRight(verdict, done))
      throw new Error(`${file}, ${what} (seed ${String(SEED)}, time ${String(time)}): ${said}`)
    rmSync(folder, { recursive: true })
  }
  console.log(`damage to ${file}:`, Object.fromEntries(verdicts))
}

const isWhole = (verdict: Verdict): boolean => verdict.kind === "read" && verdict.count === 2 * COMMITS
const isNamed = (verdict: Verdict): boolean => verdict.kind === "refused"

describe("a damaged store", () => {
  it("is whole where nothing was damaged", async () => {
    const folder = join(base, "whole")
    cpSync(victim, folder, { recursive: true, filter: (path) => !/\.lock$|-shm$/.test(path) })
    expect(statSync(join(folder, "journal.db-wal")).size).toBeGreaterThan(0)
    expect(await examineStore(folder)).toEqual({ kind: "read", count: 2 * COMMITS })
  })

  it("whose database was changed names the damage or tells the truth (S2)", async () => {
    const isRight = (verdict: Verdict): boolean => isNamed(verdict) || isWhole(verdict)
    await damageOften({ file: "journal.db", times: DAMAGES, examine: examineJournal, isRight })
    await damageOften({ file: "journal.db", times: DAMAGES_OF_A_STORE, examine: examineStore, isRight })
  })

  it("whose log was changed names what is lost, unless its end or its beginning is what was changed (S2, S3)", async () => {
    // A log that is cut off, or loses its header, is like one whose end was never flushed; so is its last commit.
    const isRight = (verdict: Verdict, { at, isCut }: Damage): boolean => {
      if (verdict.kind === "refused") return true
      const least = isCut || at < LOG_HEADER_BYTES ? COMMITS : 2 * COMMITS - 1
      return verdict.count >= least
    }
    await damageOften({ file: "journal.db-wal", times: DAMAGES, examine: examineJournal, isRight })
    await damageOften({ file: "journal.db-wal", times: DAMAGES_OF_A_STORE, examine: examineStore, isRight })
  })

  it.each(["live.log", "keeper.json"])(
    "whose %s was changed holds everything, and what the dead held is free (L6, S2)",
    async (file) => {
      await damageOften({ file, times: DAMAGES_OF_A_STORE, examine: examineStore, isRight: isWhole })
    },
  )
})
