import { describe, expect, it } from "vitest"
import type { Command, Outcome } from "../../../kernel/index.ts"
import { Traffic } from "./traffic.ts"

const never = new Promise<void>(() => undefined)
// Only the kinds are looked at.
const claim = { kind: "claimRun" } as Command
const outcomeOf = (kind: string): Outcome => ({ kind }) as Outcome

describe("a keeper's traffic", () => {
  it("counts what became of requests for results, and nothing else", () => {
    const traffic = new Traffic()
    for (const kind of ["settled", "settled", "joined", "claimed", "refused"]) traffic.answered(claim, outcomeOf(kind))
    traffic.answered({ kind: "awaitRun" } as Command, outcomeOf("settled"))
    expect(traffic.results).toEqual({ served: 2, joined: 1, computed: 1 })
  })

  it("tells of the next change, at once where it has happened", async () => {
    const traffic = new Traffic()
    const { revision } = traffic
    const told = traffic.whenChanged(revision, never)
    traffic.changed()
    await told
    expect(traffic.revision).toBeGreaterThan(revision)
    await traffic.whenChanged(revision, never)
  })

  it("waits no longer than the bound", async () => {
    const traffic = new Traffic()
    await traffic.whenChanged(traffic.revision, Promise.resolve())
  })
})
