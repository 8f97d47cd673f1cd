import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { systemEnv } from "../../../env/index.ts"
import type { JournalBatch } from "./batch.ts"
import { openJournal } from "./journal.ts"

const folder: string = mkdtempSync(join(tmpdir(), "holdfast-journal-full-"))
const isMounted: boolean =
  process.getuid?.() === 0 && spawnSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", folder]).status === 0

afterAll(() => {
  if (isMounted) spawnSync("umount", ["-l", folder])
  rmSync(folder, { recursive: true })
})

function cellOf(number: number, bytes: number): JournalBatch {
  return {
    number,
    rows: [{ key: `cell:${number}`, row: { version: 1, value: new Uint8Array(bytes) } }],
    replies: { put: [], drop: [], dropClients: [] },
    tokenCeiling: null,
  }
}

if (!isMounted) console.warn("skipped: a full disk needs root and a tmpfs of its own")

describe.runIf(isMounted)("a full disk", () => {
  it("refuses what does not fit and all that was appended behind it, and takes more when there is space (S5)", async () => {
    const options = { path: join(folder, "journal.db"), env: systemEnv, build: "test" }
    const journal = await openJournal(options)
    await journal.append(cellOf(1, 100))
    const ballast = join(folder, "ballast")
    try {
      // Fills what is left, to the last byte.
      for (;;) writeFileSync(ballast, new Uint8Array(4096), { flag: "a" })
    } catch (error) {
      expect(error).toMatchObject({ code: "ENOSPC" })
    }
    const appends = [journal.append(cellOf(2, 500_000)), journal.append(cellOf(3, 10)), journal.append(cellOf(4, 10))]
    for (const result of await Promise.allSettled(appends)) {
      expect(result).toMatchObject({ status: "rejected", reason: { code: "STORE_FULL", retryable: true } })
    }
    // Reading goes on.
    const rows = journal.load(["cell:1", "cell:2", "cell:3", "cell:4"]).map((stored) => stored.row !== null)
    expect(rows).toEqual([true, false, false, false])
    await expect(journal.append(cellOf(5, 500_000))).rejects.toMatchObject({ code: "STORE_FULL" })
    rmSync(ballast)
    await journal.append(cellOf(6, 500_000))
    await journal.close()
    const again = await openJournal(options)
    expect(again.listCells("", Infinity).map((cell) => cell.name)).toEqual(["1", "6"])
    await again.close()
  })
})
