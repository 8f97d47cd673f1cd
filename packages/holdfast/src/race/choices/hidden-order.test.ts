/** Where the order of two events decides something that no step declares, the reduction still sees every outcome. */
import { describe, expect, it } from "vitest"
import { explore, type ExploreOptions, type Scenario } from "../explore.ts"

/** A scenario that tells what came of each of its schedules. */
type Told = (tell: (outcome: string) => void) => Scenario

async function outcomesOf(told: Told, options: ExploreOptions): Promise<string[]> {
  const outcomes = new Set<string>()
  const result = await explore(
    told((outcome) => outcomes.add(outcome)),
    { maxSchedules: 20_000, ...options },
  )
  expect(result).toMatchObject({ exhausted: true, failure: null })
  return [...outcomes].toSorted()
}

const afterMs = async (timers: Parameters<Scenario>[0]["env"]["timers"], ms: number): Promise<void> => {
  await new Promise<void>((resolve) => timers.after(ms, resolve))
}

const PROGRAMS: readonly (readonly [
  what: string,
  expected: readonly string[],
  told: Told,
  options?: ExploreOptions,
])[] = [
  [
    "two branches of one actor",
    ["pq", "qp"],
    (tell) =>
      async ({ actor, step, variable }) => {
        const order = variable("order", "")
        await actor("a", async () => {
          await Promise.all(["p", "q"].map((name) => step(name, () => order.set(order.get() + name), [])))
        })
        tell(order.get())
      },
  ],
  [
    "two branches of one actor, one of them longer",
    ["pq", "qp"],
    (tell) =>
      async ({ actor, step, variable }) => {
        const order = variable("order", "")
        await actor("a", async () => {
          await Promise.all([
            step("p", () => order.set(`${order.get()}p`), []),
            step("begins", () => undefined, []).then(() => step("q", () => order.set(`${order.get()}q`), [])),
          ])
        })
        tell(order.get())
      },
  ],
  [
    "whoever comes first ends the scenario",
    ["p", "q"],
    (tell) =>
      async ({ actor, step, variable }) => {
        const left = variable("left", "")
        const right = variable("right", "")
        await Promise.race([
          actor("a", () => step("p", () => left.set("p"), [])),
          actor("b", () => step("q", () => right.set("q"), [])),
        ])
        tell(left.get() + right.get())
      },
  ],
  [
    "a scenario that looks while an actor it does not wait for still writes",
    ["0", "1", "2"],
    (tell) =>
      async ({ actor, step, variable }) => {
        const count = variable("count", 0)
        void actor("writes", async () => {
          await step("first", () => count.set(1), [])
          await step("second", () => count.set(2), [])
        })
        await actor("goes", () => step("goes", () => undefined, []))
        tell(String(count.get()))
      },
  ],
  [
    "a scenario that reads a cell between two actors",
    ["0", "1"],
    (tell) =>
      async ({ actor, step, open }) => {
        const cell = (await open("main")).cell("c", { initial: 0 })
        const writer = actor("writes", async () => await (await open()).cell("c", { initial: 0 }).set(1))
        await actor("goes", () => step("goes", () => undefined, []))
        const seen = await cell.get()
        await writer
        tell(String(seen))
      },
  ],
  [
    "timers that are due at one moment",
    ["ab", "ba"],
    (tell) =>
      async ({ actor, step, variable, env }) => {
        const order = variable("order", "")
        const run = async (name: string): Promise<void> => {
          await step("goes", () => undefined, [])
          await afterMs(env.timers, 10)
          order.set(order.get() + name)
        }
        await Promise.all(["a", "b"].map((name) => actor(name, () => run(name))))
        tell(order.get())
      },
  ],
  [
    "a clock that is read while time may pass",
    ["0", "10"],
    (tell) =>
      async ({ actor, step, env }) => {
        let atMs = -1
        const look = async (): Promise<void> => {
          await step("looks", () => undefined, [])
          atMs = env.clock.monotonic()
        }
        await Promise.all([actor("looks", look), actor("waits", () => afterMs(env.timers, 10))])
        tell(String(atMs))
      },
    { timersAreSteps: true },
  ],
  [
    "somebody frozen, while time passes, before a step that touches nothing",
    ["ab", "ba"],
    (tell) =>
      async ({ actor, step, variable, env }) => {
        const order = variable("order", "")
        const run = async (): Promise<void> => {
          await step("goes", () => undefined, [])
          await step("writes", () => order.set(`${order.get()}a`), [])
        }
        const wait = async (): Promise<void> => {
          await step("goes", () => undefined, [])
          await afterMs(env.timers, 10)
          order.set(`${order.get()}b`)
        }
        await Promise.all([actor("a", run, { faults: ["freeze"] }), actor("b", wait)])
        tell(order.get())
      },
  ],
]

describe("the reduction sees every outcome of", () => {
  it.each(PROGRAMS.map(([what, expected, told, options = {}]) => ({ what, expected, told, options })))(
    "$what",
    async ({ expected, told, options }) => {
      expect(await outcomesOf(told, { ...options, shares: "anything" })).toEqual(expected)
      expect(await outcomesOf(told, { ...options, shares: "declared" })).toEqual(expected)
    },
  )

  it("random numbers, without trying who draws first", async () => {
    const told: Told =
      (tell) =>
      async ({ actor, step, env }) => {
        const drawn = await Promise.all(
          ["a", "b"].map((name) => actor(name, async () => await step("draws", () => env.random.next(), []))),
        )
        tell(drawn.join())
      }
    const every = await outcomesOf(told, { shares: "anything" })
    expect(every).toHaveLength(1)
    expect(await outcomesOf(told, { shares: "declared" })).toEqual(every)
  })
})

describe("a killed actor", () => {
  it("takes the alarm of a store with it that others rely on no more", async () => {
    // Its release made the store wait for the end of the other's lease, in its name.
    const { failure } = await explore(
      async ({ actor, open, step }) => {
        const keeps = async (): Promise<void> => {
          await (await open()).lock("lasting").acquire({ leaseMs: 1000 })
        }
        const dies = async (): Promise<void> => {
          const grant = await (await open()).lock("short").acquire({ leaseMs: 10 })
          await grant.release()
          await step("goes on", () => undefined, [])
        }
        const waits = async (): Promise<void> => await (await open()).lock("lasting").run(async () => {})
        await actor("keeps", keeps)
        await Promise.all([actor("dies", dies, { faults: ["kill"] }), actor("waits", waits)])
      },
      { maxSchedules: 500 },
    )
    expect(failure).toBeNull()
  })

  it("leaves its name to nobody, and neither does one that runs", async () => {
    const twice = await explore(async ({ actor, step }) => {
      await Promise.all([actor("a", () => step("goes")), actor("a", () => step("goes"))])
    })
    expect(twice.failure?.error).toMatchObject({
      code: "ARGUMENT_INVALID",
      message: expect.stringMatching(/found "a", which is running; give each its own/),
    })
    const again = await explore(async ({ actor, step }) => {
      const killed = await actor("a", async () => await step("goes", () => 1), { faults: ["kill"] })
      if (killed === undefined) await actor("a", () => step("goes"))
    })
    expect(again.failure?.error).toMatchObject({ message: expect.stringContaining('"a", which was killed') })
  })
})
