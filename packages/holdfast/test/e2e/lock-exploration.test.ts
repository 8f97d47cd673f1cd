/** Real asynchronous programs on locks, in every order their steps can take, or in many random ones. */
import { describe, expect, it, vi } from "vitest"
import { isHoldfastError } from "../../src/kernel/index.ts"
import { type ExploreOptions, explore, type Scenario } from "../../src/race/explore.ts"
import { describeFailure } from "../../src/race/report/timeline.ts"
import type { Holdfast } from "../../src/runtime/index.ts"
import { type Ask, exclusive, type Plan, scenarioOf, shared } from "./lock-scenario.ts"
import { holdfastLocker, type HoldfastLockerOptions, type Mistake, openNear, smallLocker } from "./lockers.ts"

// Each test runs thousands of schedules.
vi.setConfig({ testTimeout: 120_000 })

const DIRECT: readonly HoldfastLockerOptions[] = [
  { way: "run", wire: "none", sessions: "one" },
  { way: "acquire", wire: "none", sessions: "each" },
]

const WIRED: readonly HoldfastLockerOptions[] = [
  { way: "acquire", wire: "one", sessions: "one" },
  { way: "run", wire: "two", sessions: "one" },
  { way: "acquire", wire: "two", sessions: "each" },
]

/** Programs small enough to run in every order. */
const SMALL: Readonly<Record<string, { readonly plan: Plan; readonly timersAreSteps?: boolean }>> = {
  "three actors exclude each other": {
    plan: { limit: 1, actors: { a: [exclusive()], b: [exclusive()], c: [exclusive()] } },
  },
  "two actors come twice": {
    plan: { limit: 1, actors: { a: [exclusive(), exclusive()], b: [exclusive(), exclusive()] } },
  },
  "readers share, writers do not": {
    plan: { limit: 9, actors: { a: [shared()], b: [exclusive()], c: [shared()], d: [exclusive()] } },
  },
  "a semaphore of two, asked for one, two and one": {
    plan: { limit: 2, actors: { a: [shared()], b: [shared({ permits: 2 })], c: [shared()] } },
  },
  "a wait is aborted, wherever it stands in the queue": {
    plan: { limit: 1, actors: { a: [exclusive()], b: [exclusive({ isAborted: true })], c: [exclusive()] } },
  },
  "two waits are aborted": {
    plan: {
      limit: 1,
      actors: { a: [exclusive()], b: [exclusive({ isAborted: true })], c: [exclusive({ isAborted: true })] },
    },
  },
  "a writer between readers is aborted": {
    plan: { limit: 9, actors: { a: [shared()], b: [exclusive({ isAborted: true })], c: [shared()] } },
  },
  "a wait times out, wherever it stands in the queue": {
    plan: { limit: 1, actors: { a: [exclusive()], b: [exclusive({ waitMs: 10 })], c: [exclusive()] } },
    timersAreSteps: true,
  },
  "permits are asked for with an abort and a bound": {
    plan: {
      limit: 2,
      actors: { a: [shared()], b: [shared({ permits: 2, isAborted: true })], c: [shared({ permits: 2, waitMs: 5 })] },
    },
    timersAreSteps: true,
  },
  "somebody asks without waiting": {
    plan: { limit: 1, actors: { a: [exclusive()], b: [exclusive({ waitMs: 0 })], c: [exclusive()] } },
  },
}

describe("locks, through the public API, in every order (L1, L3, L4, L5)", () => {
  it.each(Object.entries(SMALL))("%s", async (name, { plan, timersAreSteps = false }) => {
    let schedules = 0
    for (const world of DIRECT) {
      const scenario = scenarioOf(plan, holdfastLocker(world))
      schedules += await exploreAll(scenario, { timersAreSteps })
    }
    console.log(`${name}: ${String(schedules)} schedules, all there are`)
  })
})

describe("locks behind a wire, every delivery a step, in every order (L1, L3, L4, L5)", () => {
  // Two wires with a withdrawal on one of them have too many orders: there, the other actor is at the store itself.
  const oneFar: readonly HoldfastLockerOptions[] = [
    { way: "run", wire: "one", sessions: "each", far: ["b"] },
    { way: "acquire", wire: "two", sessions: "each", far: ["b"] },
  ]
  const cases: readonly (readonly [string, readonly HoldfastLockerOptions[], Plan])[] = [
    ["two actors exclude each other", WIRED, { limit: 1, actors: { a: [exclusive()], b: [exclusive()] } }],
    ["somebody asks without waiting", WIRED, { limit: 1, actors: { a: [exclusive()], b: [exclusive({ waitMs: 0 })] } }],
    ["a wait is aborted", oneFar, { limit: 1, actors: { a: [exclusive()], b: [exclusive({ isAborted: true })] } }],
    [
      "a wait is aborted that asked without waiting",
      oneFar,
      { limit: 1, actors: { a: [exclusive()], b: [exclusive({ isAborted: true, waitMs: 0 })] } },
    ],
  ]
  it.each(cases)("%s", async (name, worlds, plan) => {
    const counts: string[] = []
    for (const world of worlds) {
      const schedules = await exploreAll(scenarioOf(plan, holdfastLocker(world)))
      counts.push(`${world.wire}, ${world.sessions}: ${String(schedules)}`)
    }
    console.log(`${name}: schedules, all there are, by lines and sessions: ${counts.join("; ")}`)
  })
})

describe("locks, further than every order reaches, in random ones (L1, L3, L4, L5)", () => {
  const crowd: Plan = {
    limit: 3,
    actors: {
      a: [shared(), exclusive({ waitMs: 4 })],
      b: [shared({ permits: 3, isAborted: true }), shared()],
      c: [exclusive({ isAborted: true, waitMs: 3 }), shared({ permits: 2 })],
      d: [shared({ waitMs: 0 }), shared({ permits: 2, waitMs: 2 })],
      e: [shared({ isAborted: true }), exclusive()],
    },
  }
  const pair: Plan = {
    limit: 1,
    actors: { a: [exclusive({ isAborted: true }), exclusive()], b: [exclusive({ waitMs: 3 })], c: [exclusive()] },
  }
  it.each([
    ["five actors, two requests each", crowd],
    ["three actors behind each other", pair],
  ])("%s", async (name, plan) => {
    let schedules = 0
    for (const world of [...DIRECT, ...WIRED]) {
      for (const seed of [1, 2]) {
        const found = await explore(scenarioOf(plan, holdfastLocker(world)), {
          strategy: "random",
          seed,
          maxSchedules: 120,
          timersAreSteps: true,
        })
        if (found.failure !== null) expect.fail(describeFailure(found.failure))
        schedules += found.schedules
      }
    }
    console.log(`${name}: ${String(schedules)} random schedules of seeds 1, 2`)
  })
})

describe("nested locks, in every order (L7)", () => {
  const rings: Readonly<Record<string, readonly (readonly [outer: string, inner: string])[]>> = {
    "two actors take two locks in opposite orders": [
      ["x", "y"],
      ["y", "x"],
    ],
    "three actors take three locks in a ring": [
      ["x", "y"],
      ["y", "z"],
      ["z", "x"],
    ],
  }
  it.each(Object.entries(rings))("%s: nobody hangs, and at most one is refused", async (name, pairs) => {
    const counts: string[] = []
    for (const wire of ["none", "two"] as const) {
      if (wire === "two" && pairs.length > 2) continue
      let refused = 0
      const schedules = await exploreAll(async (context) => {
        const world = await openNear(context, wire)
        const ended = await Promise.all(
          pairs.map(async ([outer, inner], at) => {
            const actor = `actor ${String(at)}`
            return await context.actor(actor, async () => {
              await context.stepAs(actor, "asks for its first")
              return await endOf(
                world.hf.lock(outer).run(async () => {
                  await context.stepAs(actor, "asks for its second")
                  return await world.hf.lock(inner).run(() => "both")
                }),
              )
            })
          }),
        )
        const deadlocks = ended.filter((end) => end === "DEADLOCK").length
        expect(ended.filter((end) => end === "both").length).toBe(pairs.length - deadlocks)
        expect(deadlocks).toBeLessThanOrEqual(1)
        refused += deadlocks
        await world.finish()
      })
      expect(refused).toBeGreaterThan(0)
      counts.push(`wire: ${wire}: ${String(schedules)}, a deadlock refused in ${String(refused)}`)
    }
    console.log(`${name}: schedules, all there are, ${counts.join("; ")}`)
  })

  it("two actors take two locks together, named in opposite orders: both get them", async () => {
    const schedules = await exploreAll(async (context) => {
      const world = await openNear(context, "two")
      let inside = 0
      const orders = [
        ["x", "y"],
        ["y", "x"],
      ]
      await Promise.all(
        orders.map(async (names, at) => {
          const actor = `actor ${String(at)}`
          await context.actor(actor, async () => {
            await context.stepAs(actor, "asks")
            await world.hf.lock(names).run(async () => {
              inside += 1
              expect(inside).toBe(1)
              await context.stepAs(actor, "leaves")
              inside -= 1
            })
          })
        }),
      )
      await world.finish()
    })
    console.log(`two locks together: ${String(schedules)} schedules, all there are`)
  })
})

describe("closing, at every moment of a program (S1, L4, L6)", () => {
  it("answers all who ask in its session, and lets others go on", async () => {
    const schedules = await exploreAll(closing({ wire: "none", near: ["a", "b"], other: true }))
    console.log(`closing: ${String(schedules)} schedules, all there are`)
  })

  it.each(["one", "two"] as const)("of a session behind a wire (lines: %s)", async (wire) => {
    const schedules = await exploreAll(closing({ wire, near: ["a"], other: false }))
    const { failure } = await explore(closing({ wire, near: ["a", "b"], other: true }), {
      strategy: "random",
      maxSchedules: 500,
    })
    if (failure !== null) expect.fail(describeFailure(failure))
    console.log(
      `closing (lines: ${wire}): ${String(schedules)} schedules, all there are; 500 random ones of more actors`,
    )
  })
})

function closing(plan: { wire: "none" | "one" | "two"; near: readonly string[]; other: boolean }): Scenario {
  return async (context) => {
    const world = await openNear(context, plan.wire)
    let inside = 0
    const enter = async (actor: string, hf: Holdfast): Promise<string> =>
      await context.actor(actor, async () => {
        await context.stepAs(actor, "asks")
        const running = hf.lock("x").run(async () => {
          inside += 1
          expect(inside).toBe(1)
          await context.stepAs(actor, "leaves")
          inside -= 1
          return "done"
        })
        return await endOf(running)
      })
    const near = plan.near.map(async (actor) => await enter(actor, world.hf))
    const other = plan.other ? enter("other", world.other) : Promise.resolve("done")
    const report = context.actor("closer", async () => {
      await context.stepAs("closer", "closes")
      return await world.hf.close()
    })
    expect(await report).toEqual({ bodies: 0, grants: 0 })
    expect(await other).toBe("done")
    for (const end of await Promise.all(near)) expect(["done", "CLOSED"]).toContain(end)
    await world.finish()
  }
}

describe("the same scenarios", () => {
  it("pass over a small lock that is right, so that what they find below is its mistake", async () => {
    for (const { plan, timersAreSteps = false } of Object.values(SMALL).filter(isExclusive)) {
      await exploreAll(scenarioOf(plan, smallLocker("none")), { timersAreSteps })
    }
  })

  const mistakes: readonly (readonly [Mistake, RegExp])[] = [
    ["awaits between check and act", /L1: 2 are inside|granted out of turn/],
    ["lets newcomers pass", /L3: granted out of turn|hangs|L4/],
    ["keeps the grant of who has left", /hangs|L4/],
    ["lets the next in when a wait times out", /L1: 2 are inside|L3|hangs/],
    ["wakes everybody", /L1: 2 are inside/],
    ["loses the wake-up of an aborted head", /hangs|L4/],
  ]
  it.each(mistakes)("find a lock that %s", async (mistake, symptom) => {
    const found: string[] = []
    for (const [name, { plan, timersAreSteps = false }] of Object.entries(SMALL).filter(([, small]) =>
      isExclusive(small),
    )) {
      const scenario = scenarioOf(plan, smallLocker(mistake))
      const { failure, schedules } = await explore(scenario, { timersAreSteps })
      if (failure === null) continue
      expect(String(failure.error)).toMatch(symptom)
      // The schedule is evidence: run again, it fails again.
      const again = await explore(scenario, { timersAreSteps, replay: failure.choices })
      expect(String(again.failure?.error)).toBe(String(failure.error))
      found.push(`${name} (schedule ${String(schedules)})`)
    }
    console.log(`a lock that ${mistake} is found by: ${found.join(", ")}`)
    expect(found.length).toBeGreaterThan(0)
  })
})

function isExclusive({ plan }: { readonly plan: Plan }): boolean {
  return plan.limit === 1 && Object.values(plan.actors).every((asks) => asks.every(isPlain))
}

function isPlain({ mode }: Ask): boolean {
  return mode === "exclusive"
}

/** Runs every schedule there is, and fails with the first that does; returns how many. */
async function exploreAll(scenario: Scenario, options: ExploreOptions = {}): Promise<number> {
  const { failure, schedules, exhausted } = await explore(scenario, { maxSchedules: 20_000, ...options })
  if (failure !== null) expect.fail(describeFailure(failure))
  expect(exhausted, `more than ${String(schedules)} schedules`).toBe(true)
  return schedules
}

/** How a call ended: its value, or its error's code. */
async function endOf(call: Promise<string>): Promise<string> {
  try {
    return await call
  } catch (error) {
    if (isHoldfastError(error)) return error.code
    throw error
  }
}
