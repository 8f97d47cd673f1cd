/** How far a run is, in words. */
import { describe, expect, it } from "vitest"
import type { OperationStage } from "../engine/observer.ts"
import type { Handle } from "../graph/graph.ts"
import { formatDuration, Tally } from "./tally.ts"

function tell(tally: Tally, id: string, ...stages: readonly OperationStage[]): void {
  // Which node it is makes no difference to the count.
  for (const stage of stages) tally.operation({ stage, id, node: 0 as Handle })
}

describe("a tally", () => {
  it("tells operations by what became of them", () => {
    const tally = new Tally(0)
    tell(tally, "a", "wanted", "started", "ran")
    tell(tally, "b", "wanted", "stored")
    tell(tally, "c", "wanted", "joined")
    tell(tally, "d", "wanted", "started", "stopped", "failed")
    tell(tally, "e", "wanted", "started")
    tell(tally, "f", "wanted")
    expect(tally.describe(1_500)).toBe("  0%  1 ran, 1 joined, 1 cached, 1 failed, 1 running, 1 waiting, 1.5 s")
    expect([tally.done, tally.failed, tally.known]).toEqual([3, 1, 6])
  })

  it("guesses the rest by the share of goals that is done, and of begun ones by their operations", () => {
    const tally = new Tally(0)
    for (let goal = 0; goal < 4; goal += 1) tally.share({ begun: 0.25, done: 0 })
    tell(tally, "a", "wanted", "started", "ran")
    tell(tally, "b", "wanted", "started")
    expect(tally.describe(1_000)).toBe(" 50%  1 ran, 1 running, 1.0 s")
    expect(tally.describe(4_000)).toBe(" 50%  1 ran, 1 running, 4.0 s, about 4.0 s left")
    tally.share({ begun: 0, done: 0.5 })
    expect(tally.describe(4_000)).toMatch(/^ 75% .* about 1\.3 s left$/)
    tell(tally, "b", "ran")
    tally.share({ begun: 0, done: 0.5 })
    expect(tally.describe(5_000)).toBe("100%  2 ran, 5.0 s")
  })

  it("counts what was evicted and runs again as known", () => {
    const tally = new Tally(0)
    tell(tally, "a", "started", "ran")
    expect(tally.known).toBe(1)
    expect(tally.describe(0)).not.toContain("waiting")
  })
})

describe("a duration", () => {
  it("is as exact as people want it", () => {
    expect([400, 9_949, 12_345, 200_000, 7_500_000].map(formatDuration)).toEqual([
      "0.4 s",
      "9.9 s",
      "12 s",
      "3 min 20 s",
      "2 h 5 min",
    ])
  })
})
