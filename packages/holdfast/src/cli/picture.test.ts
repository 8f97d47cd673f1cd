import { describe, expect, it } from "vitest"
import type { RunId, SessionId, Token } from "../kernel/index.ts"
import type { StorePicture } from "../stores/embedded/index.ts"
import { bytes, drawPicture, duration } from "./picture.ts"

// Brand constructors, all of them.
const session = "s" as SessionId
const run = `hf1:${"ab".repeat(32)}@7` as RunId

function pictureOf(parts: Partial<StorePicture> = {}): StorePicture {
  return {
    path: "/data/store",
    revision: 3,
    at: 100_000,
    keeper: { pid: 12, build: "1.2.3", startedAt: 10_000 },
    store: { instance: "i", createdAt: 0, build: "1.0.0" },
    sessions: [],
    sessionCount: 0,
    locks: [],
    lockCount: 0,
    runs: {
      byStatus: { pending: 1, running: 2, completed: 3, failed: 4, canceled: 5, interrupted: 6 },
      open: [],
      openCount: 0,
    },
    queues: [],
    cells: { stored: 1200, resident: 9 },
    results: { served: 6, joined: 1, computed: 3 },
    sizes: { journalBytes: 2048, walBytes: 0, liveLogBytes: 10, blobBytes: 3 * 1024 ** 3, blobCount: 2 },
    ...parts,
  }
}

const style = { width: null, rows: 50 }

describe("a picture of a store", () => {
  it("says who keeps it, how large it is, how runs stand and how often a result was at hand", () => {
    const text = drawPicture(pictureOf(), style)
    expect(text).toContain("keeper    process 12, build 1.2.3, for 1 min 30 s")
    expect(text).toContain("journal   2.0 KiB, log 0 B, live log 10 B")
    expect(text).toContain("blobs     2, 3.0 GiB\ncells     1200, 9 in memory")
    expect(text).toContain(
      "runs      1 pending, 2 running, 3 completed, 4 failed, 5 canceled, 6 interrupted\nresults   6 served, 1 joined, 3 computed: 70.0 % not computed again",
    )
    expect(text).toContain("Locks: none\n\nOpen runs: none\n\nQueues: none\n\nSessions: none")
  })

  it("says who holds what, who waits for it, and since when", () => {
    const holder = {
      session,
      label: "writer",
      token: 41 as Token,
      mode: "exclusive",
      permits: 1,
      sinceMs: 1_500,
    } as const
    const waiters = [{ session, label: "reader", mode: "shared", sinceMs: 20 }] as const
    const lock = { name: "docs", limit: 3, holders: [holder], holderCount: 1, waiters, waiterCount: 7 }
    const text = drawPicture(pictureOf({ locks: [lock], lockCount: 1 }), style)
    expect(text).toMatch(/docs \(limit 3\) +writer +41 +1\.5 s +reader \(shared\) +20 ms/)
    expect(text).toContain("… 6 more")
  })

  it("counts what it does not show", () => {
    const line = { operation: "o", version: 1, key: null, status: "running", paused: true, attempt: 2 } as const
    const open = Array.from({ length: 3 }, () => ({ ...line, run, waiters: 1, createdAt: 0, startedAt: null }))
    const runs = { ...pictureOf().runs, open, openCount: 300 }
    const text = drawPicture(pictureOf({ runs }), { width: null, rows: 2 })
    expect(text).toContain("Open runs (300)")
    expect(text).toMatch(/hf1:abababababab…@7 +o v1 +running, paused +2 +1 +1 min 40 s/)
    expect(text).toContain("… and 298 more")
  })

  it("shows no character of a name that would move the cursor, and cuts lines at the terminal's width", () => {
    const lock = { name: "\0cell:x\u001B[2J", limit: null, holders: [], holderCount: 0, waiters: [], waiterCount: 0 }
    expect(drawPicture(pictureOf({ locks: [lock], lockCount: 1 }), style)).toContain("updates of cell x\\u001b[2J")
    for (const line of drawPicture(pictureOf(), { width: 20, rows: 5 }).split("\n")) {
      expect(line.length).toBeLessThanOrEqual(20)
    }
  })

  it.each([
    [0, "0 ms"],
    [999, "999 ms"],
    [1_500, "1.5 s"],
    [61_000, "1 min 1 s"],
    [7_260_000, "2 h 1 min"],
  ])("writes %d ms as %s", (ms, text) => {
    expect(duration(ms)).toBe(text)
  })

  it("writes bytes in the unit that fits", () => {
    expect([0, 1023, 1024, 1024 ** 2 * 1.5, 1024 ** 5].map(bytes)).toEqual([
      "0 B",
      "1023 B",
      "1.0 KiB",
      "1.5 MiB",
      "1024.0 TiB",
    ])
  })
})
