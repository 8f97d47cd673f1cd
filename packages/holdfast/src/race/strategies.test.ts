import { describe, expect, it } from "vitest"
import { explore, type Exploration, type Scenario, type ScheduleFailure } from "./explore.ts"

function failureOf({ failure }: Exploration): ScheduleFailure {
  if (failure === null) throw new Error("expected a schedule to fail, but none did")
  return failure
}

describe("a bound on preemptions", () => {
  const steps: Scenario = async ({ actor, step }) => {
    const walk = async (): Promise<void> => {
      await step("one")
      await step("two")
    }
    await Promise.all(["a", "b", "c"].map((name) => actor(name, walk)))
  }

  it.each([
    // Who goes first, second and third; then one switch in the middle of an actor; all 90 orders need four at most.
    { maxPreemptions: 0, schedules: 6 },
    { maxPreemptions: 1, schedules: 24 },
    { maxPreemptions: 2, schedules: 60 },
    { maxPreemptions: 3, schedules: 90 },
  ])("of $maxPreemptions leaves $schedules schedules of 90", async ({ maxPreemptions, schedules }) => {
    const counted = countOrders([2, 2, 2], maxPreemptions)
    expect(counted).toBe(schedules)
    expect(await explore(steps, { maxPreemptions })).toMatchObject({ schedules, exhausted: true })
  })
})

it("that admits no preemption still admits faults at every step, none of which it counts", async () => {
  const lasting = new Set<number>()
  const scenario: Scenario = async ({ actor, step, variable }) => {
    const steps = variable("steps", 0)
    const walk = async (): Promise<void> => {
      for (let index = 1; index <= 3; index++) await step("walks", () => steps.set(index))
    }
    await Promise.all([actor("mortal", walk, { faults: ["kill"] }), actor("apart", () => step("goes"))])
    lasting.add(steps.get())
  }
  await explore(scenario, { maxPreemptions: 0 })
  expect(lasting).toEqual(new Set([0, 1, 2, 3]))
  const { failure } = await explore(
    async (context) => {
      lasting.clear()
      await scenario(context)
      if (lasting.has(2)) throw new Error("died after its second step")
    },
    { maxPreemptions: 0 },
  )
  expect(failure?.preemptions).toBe(0)
})

/** How many orders of so many steps each have at most so many switches away from an actor that could go on. */
function countOrders(left: readonly number[], bound: number, last: number = -1): number {
  if (left.every((count) => count === 0)) return 1
  return left.reduce((sum, count, actor) => {
    if (count === 0) return sum
    const cost = last >= 0 && last !== actor && (left[last] ?? 0) > 0 ? 1 : 0
    if (cost > bound) return sum
    return (
      sum +
      countOrders(
        left.map((each, index) => (index === actor ? each - 1 : each)),
        bound - cost,
        actor,
      )
    )
  }, 0)
}

describe("shrinking", () => {
  it("leaves the fewest preemptions, whatever the order that failed first", async () => {
    const lostUpdate: Scenario = async ({ actor, step }) => {
      let counter = 0
      const increment = async (): Promise<void> => {
        await step("rests")
        await step("rests")
        await step("reads")
        const seen = counter
        await step("writes")
        counter = seen + 1
        await step("rests")
      }
      await Promise.all(["a", "b", "c"].map((name) => actor(name, increment)))
      if (counter !== 3) throw new Error(`counted ${counter}`)
    }
    for (let seed = 1; seed <= 5; seed++) {
      const found = failureOf(await explore(lostUpdate, { strategy: "random", seed }))
      expect(found.preemptions).toBe(1)
      const raw = failureOf(await explore(lostUpdate, { strategy: "random", seed, shrinks: false }))
      expect(raw.preemptions).toBeGreaterThan(1)
    }
  })

  it("lets a crash come as early as it does harm", async () => {
    const scenario: Scenario = async ({ actor, step }) => {
      const statuses: string[] = []
      const end = await actor(
        "worker",
        async () => {
          await step("prepares")
          await step("starts", () => statuses.push("running"))
          for (let index = 0; index < 5; index++) await step("works")
          return "done"
        },
        { faults: ["kill"] },
      )
      if (end === undefined && statuses.includes("running")) throw new Error("running for ever")
    }
    const { trace } = failureOf(await explore(scenario))
    expect(trace.map(({ label }) => label)).toEqual(["prepares", "starts", "is killed"])
    const late = failureOf(await explore(scenario, { shrinks: false }))
    expect(late.trace).toHaveLength(7)
  })

  it("keeps to the kind of failure that was found", async () => {
    // A hang is easier to reach than the wrong answer that is looked for.
    const scenario: Scenario = async ({ actor, step }) => {
      const order: string[] = []
      await Promise.all(
        ["a", "b"].map((name) =>
          actor(name, async () => {
            await step("one", () => void order.push(name))
            await step("two", () => void order.push(name))
          }),
        ),
      )
      if (order.join("") === "abab") throw new TypeError("the needle")
      if (order.join("") === "aabb") throw new RangeError("hay")
    }
    const found = failureOf(await explore(scenario, { replay: [0, 1, 1] }))
    expect(found.error).toBeInstanceOf(TypeError)
    for (let seed = 1; seed < 40; seed++) {
      const raw = failureOf(await explore(scenario, { strategy: "random", seed, shrinks: false }))
      const shrunk = failureOf(await explore(scenario, { strategy: "random", seed }))
      expect(shrunk.error).toEqual(raw.error)
    }
  })
})

describe("a failure", () => {
  it("is never shrunk to another assertion, another code, or a schedule that never ends", async () => {
    const scenario: Scenario = async ({ actor, step }) => {
      const order: string[] = []
      await Promise.all(
        ["a", "b"].map((name) =>
          actor(name, async () => {
            await step("one", () => void order.push(name))
            await step("two", () => void order.push(name))
          }),
        ),
      )
      const all = order.join("")
      if (all === "abab" || all === "baba") throw new Error("alternating")
      if (all === "aabb") throw new Error("in turn")
      if (all === "abba") throw Object.assign(new Error("coded"), { code: "ONE" })
      if (all === "bbaa") for (let index = 0; index < 60; index++) await step("outside of actors")
      if (all === "bbaa")
        await actor("endless", async () => {
          for (;;) await step("asks again")
        })
    }
    const seen = new Set<string>()
    for (let seed = 1; seed < 40; seed++) {
      const raw = failureOf(await explore(scenario, { strategy: "random", seed, shrinks: false, maxSteps: 50 }))
      const shrunk = failureOf(await explore(scenario, { strategy: "random", seed, maxSteps: 50 }))
      expect(String(shrunk.error)).toBe(String(raw.error))
      seen.add(String(raw.error))
    }
    expect(seen.size).toBe(4)
  })

  it("that does not come again tells that the scenario is not deterministic, and what it was", async () => {
    let runs = 0
    const error = failureOf(
      await explore(
        async () => {
          runs += 1
          if (runs === 1) throw new RangeError("only once")
        },
        { strategy: "random" },
      ),
    ).error
    expect(error).toMatchObject({ name: "ScenarioError", cause: { message: "only once" } })
    expect(String(error)).toMatch(/not deterministic.*only once.*but passed when it ran again/)
  })

  it("of a schedule that never ends is told soon, however many steps it may take", async () => {
    const scenario: Scenario = async ({ actor, step, variable }) => {
      const isDone = variable("done", false)
      const wait = async (): Promise<void> => {
        while (!isDone.get()) await step("asks", () => undefined, [])
      }
      await Promise.all([actor("waits", wait), actor("sets", () => step("sets", () => isDone.set(true), []))])
    }
    for (const shares of ["anything", "declared"] as const) {
      expect(String(failureOf(await explore(scenario, { shares })).error)).toMatch(
        /within 10000 steps.*ask again and again/,
      )
    }
  })
})

describe("random priorities", () => {
  it("find an order in which whoever is put aside first must go on last", async () => {
    const orders = new Set<string>()
    await explore(
      async ({ actor, step }) => {
        const order: string[] = []
        const walk = async (...names: string[]): Promise<void> => {
          for (const name of names) await step(name, () => void order.push(name))
        }
        await Promise.all([
          actor("x", () => walk("x0", "x1")),
          actor("y", () => walk("y0", "y1")),
          actor("z", () => walk("z")),
        ])
        orders.add(order.join(" "))
      },
      // The promise is one in 3 * 5 ** 2.
      { strategy: "pct", depth: 3, maxSchedules: 1_500 },
    )
    expect(orders).toContain("x0 y0 z y1 x1")
  })

  it("kill and freeze at every step, and sometimes not at all", async () => {
    const lasting = new Set<number>()
    await explore(
      async ({ actor, step }) => {
        let steps = 0
        const walk = async (): Promise<void> => {
          for (let index = 1; index <= 4; index++) await step("walks", () => void (steps = index))
        }
        await Promise.all([actor("mortal", walk, { faults: ["kill"] }), actor("apart", () => step("goes"))])
        lasting.add(steps)
      },
      { strategy: "pct", maxSchedules: 300 },
    )
    expect(lasting).toEqual(new Set([0, 1, 2, 3, 4]))
  })

  it("let actors go on beside a timer that arms itself again", async () => {
    const { failure } = await explore(
      async ({ actor, step, env }) => {
        const tick = (): void => void env.timers.after(10, tick)
        tick()
        await actor("walks", async () => {
          for (let index = 0; index < 5; index++) await step("walks")
        })
      },
      { strategy: "pct", timersAreSteps: true, maxSchedules: 200, maxSteps: 200 },
    )
    expect(failure).toBeNull()
  })

  /** A bug of depth 2 behind so many steps that evenly drawn choices hardly ever reach it. */
  const needle =
    (length: number): Scenario =>
    async ({ actor, step }) => {
      let progress = 0
      const seen: number[] = []
      await Promise.all([
        actor("long", async () => {
          for (let index = 0; index < length; index++) {
            await step("walks")
            progress = index + 1
          }
        }),
        actor("short", async () => {
          await step("looks")
          seen.push(progress)
          await step("looks again")
        }),
      ])
      if (seen.includes(length)) throw new Error("short came last")
    }

  it("find a race of few ordered events in a long scenario, where even choices do not", async () => {
    const pct = await explore(needle(30), { strategy: "pct", depth: 2, maxSchedules: 20 })
    expect(pct.failure).not.toBeNull()
    const random = await explore(needle(30), { strategy: "random", maxSchedules: 200 })
    expect(random.failure).toBeNull()
  })

  it("find every bug of depth 2 about as often as they promise", async () => {
    // Two actors of k steps: each of the orderings of one step of one before one step of the other is of depth 2.
    const length = 6
    const found = new Set<string>()
    for (let seed = 1; seed <= 60; seed++) {
      await explore(
        async ({ actor, step }) => {
          const order: string[] = []
          await Promise.all(
            ["a", "b"].map((name) =>
              actor(name, async () => {
                for (let index = 0; index < length; index++)
                  await step("walks", () => void order.push(`${name}${index}`))
              }),
            ),
          )
          // The first of b that follows each of a.
          order.forEach((event, position) => {
            if (event.startsWith("a"))
              found.add(`${event} ${order.slice(position).find((each) => each.startsWith("b"))}`)
          })
        },
        { strategy: "pct", depth: 2, seed, maxSchedules: 10 },
      )
    }
    for (let one = 0; one < length; one++) {
      for (let other = 0; other < length; other++) expect(found).toContain(`a${one} b${other}`)
    }
  })

  it("repeat themselves for the same seed", async () => {
    const options = { strategy: "pct", seed: 9, maxSchedules: 50 } as const
    expect(await explore(needle(5), options)).toEqual(await explore(needle(5), options))
  })
})
