import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import type { LogChange } from "./live-lines.ts"
import { LiveLog } from "./live-log.ts"

const HEADER = { boot: "boot one", epochMs: 1_000 }

async function within(test: (path: string) => void): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-live-"))
  try {
    await Promise.resolve(test(join(folder, "live.log")))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function session(id: string, batch = 0): LogChange {
  const row = { kind: "session", session: id as never, label: id } as const // Brand constructor.
  return { key: `session:${id}`, entry: { kind: "live", client: "c", row, run: null }, batch }
}

describe("the live log", () => {
  it("gives back what was appended, in order, with bytes and odd numbers as they were (L2)", async () => {
    await within((path) => {
      const log = LiveLog.open(path, HEADER)
      const run = { args: Uint8Array.of(0, 255), progress: -0, result: Number.NaN } as never // Only some fields matter here.
      const first = session("one")
      const entry = { ...first.entry, run } as LogChange["entry"]
      log.append([{ ...first, entry }, session("two", 7)])
      log.append([{ key: "session:one", entry: null, batch: 8 }])
      log.append([])
      log.close()
      log.close()
      const again = LiveLog.open(path, { boot: "boot one", epochMs: 5 })
      expect(again.epochMs).toBe(1_000)
      expect(again.found).toEqual([
        { ...first, entry },
        session("two", 7),
        { key: "session:one", entry: null, batch: 8 },
      ])
    })
  })

  it("of another boot is begun anew: no session survives that (L6)", async () => {
    await within((path) => {
      LiveLog.open(path, HEADER).append([session("one")])
      const next = LiveLog.open(path, { boot: "boot two", epochMs: 9 })
      expect([next.found, next.epochMs]).toEqual([[], 9])
    })
  })

  it("reads up to where its writer died, wherever that was (S2)", async () => {
    await within((path) => {
      const log = LiveLog.open(path, HEADER)
      const start = statSync(path).size
      log.append([session("one")])
      const middle = statSync(path).size
      log.append([session("two")])
      const whole = readFileSync(path)
      for (let size = start; size <= whole.length; size++) {
        writeFileSync(path, whole)
        truncateSync(path, size)
        const found = LiveLog.open(path, HEADER).found.map(({ key }) => key)
        const expected = ["session:one", "session:two"].slice(
          0,
          size >= whole.length - 1 ? 2 : size >= middle - 1 ? 1 : 0,
        )
        expect(found, `cut at ${String(size)}`).toEqual(expected)
      }
    })
  })

  it("has all of what was appended together, or nothing of it (S4)", async () => {
    await within((path) => {
      const log = LiveLog.open(path, HEADER)
      const start = statSync(path).size
      log.append([session("one"), session("two"), session("three")])
      const whole = readFileSync(path)
      const counts = new Set<number>()
      for (let size = start; size <= whole.length; size++) {
        writeFileSync(path, whole)
        truncateSync(path, size)
        counts.add(LiveLog.open(path, HEADER).found.length)
      }
      expect([...counts]).toEqual([0, 3])
    })
  })

  it("takes what is no log of ours for none, and says where it cannot be written", async () => {
    await within((path) => {
      for (const text of ["", "nonsense", "ffff {}", "0 \n\n", "{}"]) {
        writeFileSync(path, text)
        expect(LiveLog.open(path, HEADER).found).toEqual([])
      }
      expect(() => LiveLog.open(`${path}/below/it`, HEADER)).toThrow(
        expect.objectContaining({ code: "STORE_UNAVAILABLE" }),
      )
      const log = LiveLog.open(path, HEADER)
      log.close()
      expect(() => log.append([session("late")])).toThrow(expect.objectContaining({ code: "STORE_UNAVAILABLE" }))
    })
  })

  it("asks to be rewritten when it is long, and is short afterwards", async () => {
    await within((path) => {
      const log = LiveLog.open(path, HEADER)
      const many = Array.from({ length: 2_000 }, (_, at) => session(`session ${String(at)} ${"x".repeat(500)}`))
      let isLong = false
      for (let round = 0; round < 10 && !isLong; round++) isLong = log.append(many)
      expect(isLong).toBe(true)
      log.rewrite([session("left")])
      expect(statSync(path).size).toBeLessThan(1_000)
      log.append([session("after")])
      appendFileSync(path, "torn")
      expect(LiveLog.open(path, HEADER).found.map(({ key }) => key)).toEqual(["session:left", "session:after"])
      // More than one write's worth.
      log.rewrite([...many, ...many])
      expect(LiveLog.open(path, HEADER).found).toHaveLength(4_000)
    })
  })
})
