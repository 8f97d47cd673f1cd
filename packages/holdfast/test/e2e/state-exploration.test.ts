/** Real asynchronous programs on cells and operations, in every order their steps can take, or in many random ones. */
import { describe, expect, it, vi } from "vitest"
import { type ExploreOptions, explore, type Scenario } from "../../src/race/explore.ts"
import { describeFailure } from "../../src/race/report/timeline.ts"
import {
  burstScenario,
  type CellAct,
  cellScenario,
  type Interference,
  onceScenario,
  transferScenario,
  type Wire,
} from "./state-scenario.ts"

// Each test runs thousands of schedules.
vi.setConfig({ testTimeout: 120_000 })

/** More than the small programs have; one that has more says so. */
const ALL = 60_000

async function exploreAll(scenario: Scenario): Promise<number> {
  const { schedules, exhausted, failure } = await explore(scenario, { maxSchedules: ALL })
  if (failure !== null) throw new Error(describeFailure(failure), { cause: failure.error })
  expect({ exhausted }).toEqual({ exhausted: true })
  return schedules
}

async function exploreRandom(scenario: Scenario, options: ExploreOptions): Promise<number> {
  const { schedules, failure } = await explore(scenario, { strategy: "random", ...options })
  if (failure !== null) throw new Error(describeFailure(failure), { cause: failure.error })
  return schedules
}

const WIRES: readonly Wire[] = ["none", "one", "two"]

describe("cells, through the public API, in every order, are linearizable (C1, C2)", () => {
  const plans: Readonly<
    Record<string, { readonly acts: Readonly<Record<string, readonly CellAct[]>>; readonly wires: readonly Wire[] }>
  > = {
    "two add": { acts: { a: ["add"], b: ["add"] }, wires: ["none", "one"] },
    "two add twice, one reads": {
      acts: { a: ["add", "add"], b: ["add", "add"], c: ["read", "read"] },
      wires: ["none"],
    },
    "one adds, one merges": { acts: { a: ["add"], b: ["merge"] }, wires: WIRES },
    "set, delete and read": { acts: { a: ["set"], b: ["delete", "read"] }, wires: WIRES },
    "three set and read": { acts: { a: ["set", "read"], b: ["set", "read"], c: ["read", "delete"] }, wires: ["none"] },
  }
  it.each(Object.entries(plans))("%s", async (name, { acts, wires }) => {
    const counts: string[] = []
    for (const wire of wires) counts.push(`${wire}: ${String(await exploreAll(cellScenario(acts, wire)))}`)
    console.log(`${name}: schedules, all there are, by wire: ${counts.join("; ")}`)
  })

  it("updates of one session, combined, beside another's and a watcher (C2, C4)", async () => {
    const counts: string[] = []
    for (const wire of WIRES) counts.push(`${wire}: ${String(await exploreAll(burstScenario(wire)))}`)
    console.log(`a burst: schedules, all there are, by wire: ${counts.join("; ")}`)
  })
})

describe("cells, further than every order reaches, in random ones (C1, C2)", () => {
  it.each<readonly [string, Readonly<Record<string, readonly CellAct[]>>]>([
    [
      "four add, merge and read",
      { a: ["add", "add"], b: ["merge", "add"], c: ["read", "add", "read"], d: ["add", "merge"] },
    ],
    [
      "four set, delete and read",
      { a: ["set", "read", "set"], b: ["delete", "read"], c: ["read", "set"], d: ["read", "read"] },
    ],
  ])("%s", async (name, acts) => {
    let schedules = 0
    for (const wire of WIRES) schedules += await exploreRandom(cellScenario(acts, wire), { seed: 7, maxSchedules: 500 })
    console.log(`${name}: ${String(schedules)} random schedules`)
  })
})

describe("transfers, through the public API (C3)", () => {
  it("keep the sum and are serializable, in every order", async () => {
    const two = { actors: 2, transfers: 1, way: "transact" } as const
    const counts = [
      `two actors: ${String(await exploreAll(transferScenario(two, "none")))}`,
      `three actors: ${String(await exploreAll(transferScenario({ ...two, actors: 3 }, "none")))}`,
    ]
    console.log(`transfers: schedules, all there are, ${counts.join("; ")}`)
  })

  it("keep the sum and are serializable, in random orders behind wires", async () => {
    let schedules = 0
    for (const wire of WIRES) {
      const plan = { actors: 3, transfers: 3, way: "transact" } as const
      schedules += await exploreRandom(transferScenario(plan, wire), { seed: 11, maxSchedules: 300 })
    }
    console.log(`transfers: ${String(schedules)} random schedules`)
  })
})

describe("work that is done once, through the public API (O1, O2, O4, O5, O6, O8, O10)", () => {
  const interferences: readonly Interference[] = ["none", "forget", "put", "cancel", "death"]

  it.each(interferences)("in every order, with interference: %s", async (interference) => {
    const counts = [`none: ${String(await exploreAll(onceScenario(interference, "operation", "none")))}`]
    console.log(`once, ${interference}: schedules, all there are, by wire: ${counts.join("; ")}`)
  })

  it.each(interferences)("in random orders behind wires, with interference: %s", async (interference) => {
    let schedules = 0
    for (const wire of ["one", "two"] as const) {
      schedules += await exploreRandom(onceScenario(interference, "operation", wire), { seed: 13, maxSchedules: 500 })
    }
    console.log(`once, ${interference}: ${String(schedules)} random schedules behind wires`)
  })
})

describe("programs with a planted mistake are caught by the same scenarios", () => {
  const cases: Readonly<Record<string, { readonly broken: (wire: Wire) => Scenario; readonly says: RegExp }>> = {
    "reads a counter, then sets it": {
      broken: (wire) => cellScenario({ a: ["read, then set"], b: ["read, then set"] }, wire),
      says: /not linearizable/,
    },
    "adds by hand beside one who updates": {
      broken: (wire) => cellScenario({ a: ["add"], b: ["read, then set"], c: ["read"] }, wire),
      says: /not linearizable/,
    },
    "transfers by reading, then setting both": {
      broken: (wire) => transferScenario({ actors: 2, transfers: 1, way: "read, then set" }, wire),
      says: /the sum is \d+, not 30/,
    },
    "keeps results in a map of promises": {
      broken: (wire) => onceScenario("forget", "map of promises", wire),
      says: /stale: "old" was given after the forget/,
    },
    "has a body whose effect is no step of its run": {
      broken: (wire) => onceScenario("death", "unfenced body", wire),
      says: /the effect took place 2 times/,
    },
  }
  it.each(Object.entries(cases))("%s", async (name, { broken, says }) => {
    const found: string[] = []
    for (const wire of ["none", "two"] as const) {
      const options: ExploreOptions =
        wire === "none" ? { maxSchedules: ALL } : { strategy: "random", seed: 3, maxSchedules: 2_000 }
      const { schedules, failure } = await explore(broken(wire), options)
      if (failure === null) throw new Error(`nobody noticed in ${String(schedules)} schedules (wire: ${wire})`)
      expect((failure.error as Error).message).toMatch(says)
      // The reported order is enough to see it again.
      const again = await explore(broken(wire), { seed: failure.seed, replay: failure.choices })
      expect(again.failure?.error).toMatchObject({ message: (failure.error as Error).message })
      found.push(`${wire}: in schedule ${String(schedules)}`)
    }
    console.log(`${name}: found, by wire: ${found.join("; ")}`)
  })
})
