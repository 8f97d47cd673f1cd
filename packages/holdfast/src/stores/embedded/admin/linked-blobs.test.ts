/** What is copied of a store while its files come and go: the keeper is in the test's hands. */
import { createHash } from "node:crypto"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import Database from "better-sqlite3"
import { afterEach, beforeEach, expect, it } from "vitest"
import { systemEnv } from "../../../env/index.ts"
import { type Digest, HoldfastError } from "../../../kernel/index.ts"
import { encodeSpilled } from "../blobs/blob-reference.ts"
import { type Folder, openFolder } from "../folder/folder.ts"
import { openDatabase } from "../journal/opening.ts"
import { JournalWriter } from "../journal/writer.ts"
import { linkBlobs, type LinkedBlobs } from "./linked-blobs.ts"

let base: string
let folder: Folder
let copies: string
let database: Database.Database
let writer: JournalWriter
/** What was asked of the keeper, and how often a snapshot was taken. */
let asked: string[]
/** The keeper ends while files are held. */
let isUnsteady: boolean

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "holdfast-linked-"))
  folder = openFolder(join(base, "store"), systemEnv)
  copies = join(base, "copies")
  ;({ database } = openDatabase({ path: folder.journal, env: systemEnv, build: "test" }))
  writer = new JournalWriter(folder.journal)
  asked = []
  isUnsteady = false
})

afterEach(() => {
  database.close()
  writer.close()
  rmSync(base, { recursive: true, force: true })
})

const line = {
  ask: async ({ kind }: { readonly kind: string }) => {
    asked.push(kind)
    if (kind === "releaseFiles" && isUnsteady) throw new HoldfastError("STORE_UNAVAILABLE", "another keeper")
    return { kind: "done" } as const
  },
}

/** A file of these bytes, and a cell that names it. */
function store(name: string, text: string): string {
  const digest = createHash("sha256").update(text).digest("hex")
  const path = join(folder.blobs, digest.slice(0, 2), digest)
  mkdirSync(join(folder.blobs, digest.slice(0, 2)), { recursive: true })
  writeFileSync(path, text)
  const value = encodeSpilled({ digest: digest as Digest, byteLength: text.length }, []) // Computed above.
  put(name, value)
  return path
}

function put(name: string, value: Uint8Array | null): void {
  const replies = { put: [], drop: [], dropClients: [] }
  const row = { version: 1, value }
  writer.write([{ number: 1, rows: [{ key: `cell:${name}`, row }], replies, tokenCeiling: null }])
}

async function link(beforeLinking: (attempt: number) => void = () => {}): Promise<LinkedBlobs> {
  let attempt = 0
  return await linkBlobs({
    folder,
    copies,
    line: (which) => Promise.resolve(which === 1 ? null : line),
    snapshot: async (linkNamed) => {
      attempt += 1
      asked.push("snapshot")
      if (database.inTransaction) database.exec("ROLLBACK")
      database.exec("BEGIN")
      // The moment is that of the first read.
      database.prepare("SELECT count(*) FROM cells").get()
      beforeLinking(attempt)
      return linkNamed(database)
    },
  })
}

it("are the files that rows name, under names of their own, and no others", async () => {
  const kept = store("a", "x".repeat(50_000))
  const dropped = store("b", "y".repeat(60_000))
  put("b", null)
  expect(await link()).toEqual({ count: 1, bytes: 50_000 })
  expect(asked).toEqual(["snapshot"])
  rmSync(kept)
  expect(existsSync(dropped)).toBe(true)
  const [copy = ""] = readdirSync(copies, { recursive: true })
    .map(String)
    .filter((name) => name.length > 60)
  expect(statSync(join(copies, copy)).size).toBe(50_000)
})

it("are none, without a folder for them, where no row names any", async () => {
  expect(await link()).toEqual({ count: 0, bytes: 0 })
  expect(existsSync(copies)).toBe(false)
})

it("that goes after the moment has the keeper asked to let none go, and another moment taken (S2)", async () => {
  const [gone, kept] = [store("a", "x".repeat(50_000)), store("b", "y".repeat(60_000))]
  const linked = await link((attempt) => {
    if (attempt > 1) return
    // As a keeper does that knows of nobody who copies.
    put("a", null)
    rmSync(gone)
  })
  expect(linked).toEqual({ count: 1, bytes: 60_000 })
  expect(asked).toEqual(["snapshot", "holdFiles", "snapshot", "releaseFiles"])
  expect(existsSync(kept)).toBe(true)
})

it.each(["missing", "of another length"])("that is %s is lost, and named, where it is held (S2)", async (how) => {
  const path = store("a", "x".repeat(50_000))
  if (how === "missing") rmSync(path)
  else writeFileSync(path, "x")
  await expect(link()).rejects.toMatchObject({ code: "STORE_DAMAGED" })
  // One that is missing twice is not looked for again.
  expect(asked.filter((word) => word === "snapshot")).toHaveLength(2)
})

it("that is missing whenever no keeper lives long enough to hold it can be asked for again", async () => {
  rmSync(store("a", "x".repeat(50_000)))
  isUnsteady = true
  await expect(link()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", retryable: true })
  expect(asked.filter((word) => word === "snapshot")).toHaveLength(5)
})
