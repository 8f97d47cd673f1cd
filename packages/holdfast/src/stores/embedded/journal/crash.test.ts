import { spawn, spawnSync } from "node:child_process"
import { cpSync, existsSync, mkdtempSync, rmSync, statSync, truncateSync } from "node:fs"
import { createRequire } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import { afterEach, describe, expect, it } from "vitest"
import { systemEnv } from "../../../env/index.ts"
import { openDatabase } from "./opening.ts"
import { JournalReader } from "./reader.ts"

const folders: string[] = []

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-journal-"))
  folders.push(folder)
  return folder
}

/** A program of its own process that has opened the journal in `folder`. */
function programOf(folder: string, body: string): string[] {
  const sources = { journal: "./journal.ts", env: "../../../env/index.ts" }
  const at = (file: string): string => JSON.stringify(new URL(file, import.meta.url).href)
  const program = `
    import { openJournal } from ${at(sources.journal)}
    import { systemEnv } from ${at(sources.env)}
    import { writeSync } from "node:fs"
    const path = ${JSON.stringify(join(folder, "journal.db"))}
    const journal = await openJournal({ path, env: systemEnv, build: "child" })
    const batchOf = (number) => ({
      number,
      rows: [
        { key: "cell:last", row: { version: number, value: number } },
        { key: "cell:b" + number, row: { version: 1, value: new Uint8Array(number % 700).fill(number) } },
      ],
      replies: { put: [], drop: [], dropClients: [] },
      tokenCeiling: number * 1000,
    })
    ${body}`
  const loader = pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href
  return ["--import", loader, "--input-type=module", "-e", program]
}

/** Appends without end, eight batches ahead, and says each number that is durable. */
const APPEND_WITHOUT_END = `
  let number = journal.tokenCeiling() / 1000
  async function appendOn() {
    for (;;) {
      number += 1
      const mine = number
      await journal.append(batchOf(mine))
      writeSync(1, mine + "\\n")
    }
  }
  await Promise.all(Array.from({ length: 8 }, appendOn))`

/** Runs it until it has said `count` numbers, kills it, and gives the last number it said. */
async function killAfter(folder: string, count: number): Promise<number> {
  const child = spawn(process.execPath, programOf(folder, APPEND_WITHOUT_END), { stdio: ["ignore", "pipe", "inherit"] })
  let said = ""
  child.stdout.on("data", (chunk: Buffer) => {
    said += chunk.toString()
    if (said.split("\n").length > count) child.kill("SIGKILL")
  })
  await new Promise((resolve) => child.on("close", resolve))
  const numbers = said.split("\n").slice(0, -1).map(Number)
  const [first = 0] = numbers
  expect(numbers).toEqual(numbers.map((_, index) => first + index))
  return numbers.at(-1) ?? 0
}

/** How many batches are in the journal: it holds all of them up to one, and nothing of any later. */
function countBatches(folder: string): number {
  const path = join(folder, "journal.db")
  const { database, meta } = openDatabase({ path, env: systemEnv, build: "test" })
  const reader = new JournalReader(database, path)
  try {
    const cells = reader.listCells("", Infinity)
    const count = Math.max(0, cells.length - 1)
    for (const { name, value } of cells) {
      if (name === "last") expect(value).toBe(count)
      else expect(value).toEqual(new Uint8Array(Number(name.slice(1)) % 700).fill(Number(name.slice(1))))
    }
    const numbers = cells.filter((cell) => cell.name !== "last").map((cell) => Number(cell.name.slice(1)))
    expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, index) => index + 1))
    expect(meta.tokenCeiling).toBe(count * 1000)
    return count
  } finally {
    reader.close()
  }
}

describe("a journal whose process is killed in the middle of appending", () => {
  it("holds every batch that was said to be durable, in order, and no later one without an earlier (S3)", async () => {
    const folder = makeFolder()
    for (const count of [1, 40, 300]) {
      const said = await killAfter(folder, count)
      expect(said).toBeGreaterThanOrEqual(count)
      expect(countBatches(folder)).toBeGreaterThanOrEqual(said)
    }
  })

  it("loses a suffix and never a part where the end of its log is torn off (S2, S3)", async () => {
    const folder = makeFolder()
    await killAfter(folder, 100)
    expect(existsSync(join(folder, "journal.db-wal"))).toBe(true)
    const logBytes = statSync(join(folder, "journal.db-wal")).size
    let before = -1
    // Cut at every kind of place: inside the header, inside frames, between them, at the end.
    for (let cut = 0; cut <= 20; cut += 1) {
      const torn = makeFolder()
      cpSync(folder, torn, { recursive: true })
      rmSync(join(torn, "journal.db-shm"), { force: true })
      truncateSync(join(torn, "journal.db-wal"), Math.floor((logBytes * cut) / 20))
      const count = countBatches(torn)
      expect(count).toBeGreaterThanOrEqual(before)
      before = count
    }
    expect(before).toBeGreaterThanOrEqual(100)
  })
})

describe("a journal nobody closes", () => {
  it("keeps its process alive until everything appended is durable, and no longer", () => {
    const folder = makeFolder()
    const appendAndLeave = "for (let number = 1; number <= 50; number += 1) void journal.append(batchOf(number))"
    const child = spawnSync(process.execPath, programOf(folder, appendAndLeave), { encoding: "utf8" })
    expect(child.stderr).toBe("")
    expect(child.status).toBe(0)
    expect(countBatches(folder)).toBe(50)
  })
})
