/**
 * The known bugs of others: each defect's program is run on the peer, which must still show it, and on Holdfast, which
 * must not. What was seen stands in docs/known-bugs.md, printed by bench/known-bugs/main.ts from the same cases.
 */
import { describe, expect, it, vi } from "vitest"
import { type KnownBug, knownBugs } from "./cases.ts"
import { open } from "holdfast"

// A peer that hangs is waited for, and a machine may be busy with other things.
vi.setConfig({ testTimeout: 60_000 })

/** Cases that keep the event loop busy for long, or count its turns: others at the same time would see that. */
const IS_HEAVY = /timed-out-waiters|refuses-after|is-locked/

describe("Holdfast", () => {
  it.each(knownBugs.map((bug) => [bug.id, bug.defect, bug] as const))("does not show %s: %s", async (_, __, bug) => {
    const hf = await open("memory:")
    const seen = await bug.holdfastRun(hf)
    expect({ seen, isBroken: bug.broken(seen) }).toEqual({ seen, isBroken: false })
    await hf.close()
  })
})

describe("the peer", () => {
  const runnable = knownBugs.filter(({ notRun }) => notRun === null).map((bug) => [bug.id, bug] as const)

  it.each(runnable.filter(([id]) => IS_HEAVY.test(id)))("still shows %s, or the case proves nothing", showDefect)

  // Most of the time here is spent waiting for calls that hang.
  it.concurrent.each(runnable.filter(([id]) => !IS_HEAVY.test(id)))(
    "still shows %s, or the case proves nothing",
    showDefect,
  )

  it("is run wherever this Node can run it", () => {
    const left = knownBugs.flatMap(({ id, notRun }) => (notRun === null ? [] : [`${id}: ${notRun}`]))
    if (left.length > 0) console.log(`not run: ${left.join("; ")}`)
    expect(left.length).toBeLessThan(2)
  })
})

async function showDefect(_: string, bug: KnownBug): Promise<void> {
  const seen = await bug.peerRun()
  expect({ seen, isBroken: bug.broken(seen) }).toEqual({ seen, isBroken: true })
}
