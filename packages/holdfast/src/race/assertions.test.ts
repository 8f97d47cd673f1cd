import { describe, expect, it } from "vitest"
import { expectNoRace, expectRace, RaceError, raceMatchers } from "./assertions.ts"
import type { Scenario } from "./explore.ts"

/** Two actors that count to two, each by reading first and writing then, or in one step. */
function count(isOneStep: boolean): Scenario {
  return async ({ actor, step, variable }) => {
    const counter = variable("counter", 0)
    const increment = async (): Promise<void> => {
      const seen = counter.get()
      if (!isOneStep) await step("goes on")
      counter.set((isOneStep ? counter.get() : seen) + 1)
    }
    await Promise.all(["a", "b"].map((name) => actor(name, async () => await step("begins").then(increment))))
    if (counter.get() !== 2) throw new Error(`counted ${counter.get()} of 2`)
  }
}

describe("expectNoRace", () => {
  it("throws the timeline, with what the scenario threw as its cause", async () => {
    const error: unknown = await expectNoRace(count(false)).catch((thrown: unknown) => thrown)
    if (!(error instanceof RaceError)) throw new Error("expected a RaceError")
    expect(error.message).toContain("Lost update of variable counter: the value 1 that b wrote")
    expect(error.message).toContain("replay it with { seed: 1, replay: [")
    expect(error.cause).toMatchObject({ message: "counted 1 of 2" })
    await expect(expectNoRace(count(false), { replay: error.failure.choices })).rejects.toThrow("counted 1 of 2")
  })

  it("answers how many schedules ran, and whether those were all", async () => {
    expect(await expectNoRace(count(true))).toMatchObject({ schedules: 2, exhausted: true })
    expect(await expectNoRace(count(true), { maxSchedules: 1 })).toMatchObject({ schedules: 1, exhausted: false })
  })
})

describe("expectRace", () => {
  it("answers the failure", async () => {
    expect(await expectRace(count(false))).toMatchObject({ error: { message: "counted 1 of 2" } })
  })

  it("throws where there is none, and says whether it saw everything", async () => {
    await expect(expectRace(count(true))).rejects.toThrow("expected a schedule to break the scenario, but all 2 passed")
    await expect(expectRace(count(true), { maxSchedules: 1 })).rejects.toThrow("1 passed, and there are more")
  })
})

describe("raceMatchers", () => {
  const { toHoldInEverySchedule, toBreak } = raceMatchers

  it("hold only where all schedules ran", async () => {
    expect((await toHoldInEverySchedule(count(true))).pass).toBe(true)
    const cutShort = await toHoldInEverySchedule(count(true), { maxSchedules: 1 })
    expect(cutShort.pass).toBe(false)
    expect(cutShort.message()).toMatch(/1 passed, and there are more; raise maxSchedules/)
    const broken = await toHoldInEverySchedule(count(false))
    expect(broken.pass).toBe(false)
    expect(broken.message()).toContain("Lost update of variable counter")
  })

  it("break with the message expected", async () => {
    expect((await toBreak(count(false))).pass).toBe(true)
    expect((await toBreak(count(false), "of 2")).pass).toBe(true)
    expect((await toBreak(count(false), /^counted \d/)).pass).toBe(true)
    const other = await toBreak(count(false), "of 3")
    expect(other.pass).toBe(false)
    expect(other.message()).toMatch(/"of 3"[^]*counted 1 of 2/)
    const none = await toBreak(count(true))
    expect(none.pass).toBe(false)
    expect(none.message()).toContain("all 2 passed")
  })
})
