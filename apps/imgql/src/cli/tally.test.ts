/** How far a run is, in words. */
import { describe, expect, it } from "vitest"
import type { OperationStage } from "../engine/observer.ts"
import type { Handle } from "../graph/graph.ts"
import { formatDuration, Tally } from "./tally.ts"

/** Nodes stand for what they apply. */
const FAST = 0 as Handle
const SLOW = 1 as Handle

/** A tally, and the hand of its clock. */
function makeTally(): { readonly tally: Tally; readonly at: (ms: number) => void } {
  let nowMs = 0
  const at = (ms: number): void => {
    nowMs = ms
  }
  return { tally: new Tally({ now: () => nowMs, nameOf: String }), at }
}

function tell(tally: Tally, id: string, ...stages: readonly OperationStage[]): void {
  for (const stage of stages) tally.operation({ stage, id, node: id.startsWith("slow") ? SLOW : FAST })
}

describe("a tally", () => {
  it("tells operations by what became of them", () => {
    const { tally, at } = makeTally()
    tell(tally, "a", "wanted", "started", "ran")
    tell(tally, "b", "wanted", "stored")
    tell(tally, "c", "wanted", "joined")
    tell(tally, "d", "wanted", "started", "stopped", "failed")
    tell(tally, "e", "wanted", "started")
    tell(tally, "f", "wanted", "shared", "shared")
    at(1_500)
    expect(tally.describe()).toBe("  0%  1 ran, 1 joined, 1 cached, 2 shared, 1 failed, 1 running, 1 waiting, 1.5 s")
    expect([tally.done, tally.failed, tally.known]).toEqual([3, 1, 6])
  })

  it("guesses the rest by the share of goals that is done, and of begun ones by their operations", () => {
    const { tally, at } = makeTally()
    for (let goal = 0; goal < 4; goal += 1) tally.share({ begun: 0.25, done: 0 })
    tell(tally, "a", "wanted", "started", "ran")
    tell(tally, "b", "wanted", "started")
    at(1_000)
    expect(tally.describe()).toBe(" 50%  1 ran, 1 running, 1.0 s")
    at(4_000)
    expect(tally.describe()).toBe(" 50%  1 ran, 1 running, 4.0 s, about 4.0 s left")
    tally.share({ begun: 0, done: 0.5 })
    at(4_000)
    expect(tally.describe()).toMatch(/^ 75% .* about 1\.3 s left$/)
    tell(tally, "b", "ran")
    tally.share({ begun: 0, done: 0.5 })
    at(5_000)
    expect(tally.describe()).toBe("100%  2 ran, 5.0 s")
  })

  it("weighs operations by what others of the same name have taken", () => {
    const { tally, at } = makeTally()
    tally.share({ begun: 1, done: 0 })
    for (const id of ["a", "b", "c", "d", "slow1", "slow2"]) tell(tally, id, "wanted")
    for (const [number, id] of ["a", "b", "c"].entries()) {
      at(100 * number)
      tell(tally, id, "started")
      at(100 * number + 100)
      tell(tally, id, "ran")
    }
    tell(tally, "slow1", "started")
    at(10_300)
    tell(tally, "slow1", "ran")
    // Of six operations two are left, one of a tenth of a second and one of ten.
    expect(tally.describe()).toBe(" 50%  4 ran, 2 waiting, 10 s, about 10 s left")
    tell(tally, "slow2", "started")
    at(15_300)
    expect(tally.describe()).toMatch(/^ 75% .* about 5\.1 s left$/)
  })

  it("shares time between what runs at once, so that one pass for many is not many passes", () => {
    const { tally, at } = makeTally()
    tally.share({ begun: 0.5, done: 0 })
    const pass = Array.from({ length: 10 }, (_, number) => `slow${String(number)}`)
    for (const id of pass) tell(tally, id, "wanted", "started")
    at(4_000)
    for (const id of pass) tell(tally, id, "ran")
    // The other half takes as long again.
    expect(tally.describe()).toBe(" 50%  10 ran, 4.0 s, about 4.0 s left")
  })

  it("does not take what the store had for work that others would take as long for", () => {
    const { tally, at } = makeTally()
    tally.share({ begun: 1, done: 0 })
    for (let cached = 0; cached < 96; cached += 1) tell(tally, `c${String(cached)}`, "wanted", "stored")
    for (const id of ["a", "b", "c", "d"]) tell(tally, id, "wanted")
    tell(tally, "a", "started")
    at(3_000)
    tell(tally, "a", "ran")
    expect(tally.describe()).toBe(" 25%  1 ran, 96 cached, 3 waiting, 3.0 s, about 9.0 s left")
  })

  it("counts what was evicted and runs again as known", () => {
    const { tally, at } = makeTally()
    tell(tally, "a", "started", "ran")
    expect(tally.known).toBe(1)
    at(0)
    expect(tally.describe()).not.toContain("waiting")
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
