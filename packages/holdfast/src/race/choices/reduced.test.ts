import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type Access, conflict, reads, writes } from "../access.ts"
import { explore, type Exploration, type ExploreOptions, type Scenario } from "../explore.ts"

/** A program: for each actor the accesses of its steps, and how many turns of its own it starts beside them. */
type Program = readonly (readonly Access[])[]

interface Happened {
  readonly actor: number
  readonly step: number
  readonly access: Access
}

/** Runs a program, and tells each order in which its steps happened. */
function scenarioOf(program: Program, onOrder: (order: readonly Happened[]) => void): Scenario {
  return async ({ actor, step }) => {
    const order: Happened[] = []
    const run = async (index: number, accesses: readonly Access[]): Promise<void> => {
      for (const [number, access] of accesses.entries()) {
        await step(`${access.mode} ${access.resource}`, () => void order.push({ actor: index, step: number, access }), [
          access,
        ])
      }
    }
    await Promise.all(program.map(async (accesses, index) => await actor(`actor ${index}`, () => run(index, accesses))))
    onOrder(order)
  }
}

/** The same for all orders that differ only in neighbors that do not conflict: what each event comes after, in layers. */
function canonical(order: readonly Happened[]): string {
  const layers: Happened[][] = []
  const layerOf: number[] = []
  order.forEach((event, index) => {
    let layer = 0
    for (let earlier = 0; earlier < index; earlier++) {
      const other = order[earlier]
      if (other === undefined) continue
      const isOrdered = other.actor === event.actor || conflict([other.access], [event.access])
      if (isOrdered) layer = Math.max(layer, (layerOf[earlier] ?? 0) + 1)
    }
    layerOf.push(layer)
    const members = (layers[layer] ??= [])
    members.push(event)
  })
  return layers
    .map((layer) =>
      layer
        .map(({ actor, step }) => `${actor}.${step}`)
        .toSorted()
        .join(" "),
    )
    .join(" | ")
}

async function exploreAll(program: Program, options: ExploreOptions): Promise<{ result: Exploration; seen: string[] }> {
  const seen: string[] = []
  const result = await explore(
    scenarioOf(program, (order) => seen.push(canonical(order))),
    { maxSchedules: 100_000, ...options },
  )
  expect(result).toMatchObject({ exhausted: true, failure: null })
  return { result, seen }
}

const access = fc
  .tuple(fc.constantFrom("x", "y", "z"), fc.boolean())
  .map(([resource, isWrite]) => (isWrite ? writes(resource) : reads(resource)))
const program = fc.oneof(
  fc.array(fc.array(access, { maxLength: 3 }), { minLength: 2, maxLength: 3 }),
  fc.array(fc.array(access, { minLength: 1, maxLength: 2 }), { minLength: 4, maxLength: 4 }),
)

describe("the reduction", () => {
  it("sees every order that can be told apart, each once", async () => {
    await fc.assert(
      fc.asyncProperty(program, async (accesses) => {
        const every = await exploreAll(accesses, { shares: "anything" })
        const reduced = await exploreAll(accesses, { shares: "declared" })
        expect(new Set(reduced.seen)).toEqual(new Set(every.seen))
        expect(reduced.seen).toHaveLength(new Set(every.seen).size)
      }),
      { numRuns: 25 },
    )
  })

  it("takes no event that others must come before for one that can reverse a race", async () => {
    const accesses = [[writes("y")], [reads("x")], [reads("y")], [reads("x"), reads("y")]]
    const every = await exploreAll(accesses, { shares: "anything" })
    const reduced = await exploreAll(accesses, { shares: "declared" })
    expect(new Set(reduced.seen)).toEqual(new Set(every.seen))
  })

  it("runs one schedule where nothing is shared, and all where everything is", async () => {
    const apart = [1, 2, 3].map((name) => [writes(`own ${name}`), writes(`own ${name}`)])
    expect((await exploreAll(apart, { shares: "declared" })).result.schedules).toBe(1)
    const together = [1, 2, 3].map(() => [writes("all"), writes("all")])
    expect((await exploreAll(together, { shares: "declared" })).result.schedules).toBe(90)
  })

  it("takes what declares nothing to touch anything", async () => {
    const scenario: Scenario = async ({ actor, step }) => {
      await Promise.all([
        actor("a", () => step("goes", () => undefined)),
        actor("b", () => step("goes", () => undefined, [writes("x")])),
      ])
    }
    expect((await explore(scenario, { shares: "declared" })).schedules).toBe(2)
  })

  it("explores six actors of three steps, one of them shared", async () => {
    const accesses = [1, 2, 3, 4, 5, 6].map((name) => [writes(`own ${name}`), writes("shared"), writes(`own ${name}`)])
    // Of 137 billion orders, those in which the shared steps can come.
    expect((await exploreAll(accesses, { shares: "declared" })).result).toMatchObject({ schedules: 720, redundant: 0 })
  })

  it("wakes one actor by another only after it", async () => {
    // Whoever comes first opens the door for the other, which takes its step then: the two are no race.
    const seen: string[] = []
    const scenario: Scenario = async ({ actor, step, variable }) => {
      const order = variable<string>("order", "")
      let open = (): void => {}
      const door = new Promise<void>((resolve) => (open = resolve))
      await Promise.all([
        actor("opens", async () => {
          await step("opens", () => order.set(`${order.get()}o`), [])
          open()
        }),
        actor("waits", async () => {
          await door
          await step("enters", () => order.set(`${order.get()}e`), [])
        }),
      ])
      seen.push(order.get())
    }
    expect((await explore(scenario, { shares: "declared" })).schedules).toBe(1)
    expect(seen).toEqual(["oe"])
  })

  it("knows what came before the one that woke another", async () => {
    const scenario: Scenario = async ({ actor, step }) => {
      let open = (): void => {}
      const door = new Promise<void>((resolve) => (open = resolve))
      await Promise.all([
        actor("opens", async () => {
          await step("writes", () => undefined, [writes("x")])
          await step("opens", () => open(), [])
        }),
        actor("waits", async () => {
          await door
          await step("writes", () => undefined, [writes("x")])
        }),
        actor("apart", () => step("writes", () => undefined, [writes("y")])),
      ])
    }
    expect(await explore(scenario, { shares: "declared" })).toMatchObject({ schedules: 1, redundant: 0 })
  })

  it("finds in random programs whatever every order finds: a value that some order of writes leaves behind", async () => {
    await fc.assert(
      fc.asyncProperty(program, async (accesses) => {
        const outcomes = async (shares: "anything" | "declared"): Promise<Set<string>> => {
          const found = new Set<string>()
          await explore(
            async ({ actor, step }) => {
              const memory = new Map<string, string>()
              await Promise.all(
                accesses.map(
                  async (steps, index) =>
                    await actor(`actor ${index}`, async () => {
                      let carried = String(index)
                      for (const { resource, mode } of steps) {
                        const touched = [mode === "write" ? writes(resource) : reads(resource)]
                        await step(
                          "touches",
                          () => {
                            if (mode === "write") memory.set(resource, `${memory.get(resource) ?? ""}${carried}`)
                            else carried += memory.get(resource) ?? "-"
                          },
                          touched,
                        )
                      }
                      memory.set(`end of ${index}`, carried)
                    }),
                ),
              )
              found.add(JSON.stringify([...memory].toSorted(([left], [right]) => (left < right ? -1 : 1))))
            },
            { shares, maxSchedules: 100_000 },
          )
          return found
        }
        expect(await outcomes("declared")).toEqual(await outcomes("anything"))
      }),
      { numRuns: 30 },
    )
  })

  it("refuses a scenario that depends on something outside", async () => {
    let runs = 0
    const { failure } = await explore(
      async ({ actor, step }) => {
        runs += 1
        const label = `run ${runs}`
        await Promise.all(["a", "b"].map((name) => actor(name, () => step(label, () => undefined, [writes("x")]))))
      },
      { shares: "declared" },
    )
    expect(failure?.error).toMatchObject({ message: expect.stringContaining("not deterministic") })
  })
})

describe("the reduction and what need not happen", () => {
  /** Two writers, one of whom may die, and the states they can leave. */
  const statesOf = async (options: ExploreOptions): Promise<Set<string>> => {
    const states = new Set<string>()
    const result = await explore(async ({ actor, step, variable }) => {
      const first = variable("first", 0)
      const second = variable("second", 0)
      const writer = async (): Promise<void> => {
        await step("writes the first", () => first.set(1), [])
        await step("writes the second", () => second.set(1), [])
      }
      const reader = async (): Promise<string> => {
        const one = await step("reads the second", () => second.get(), [])
        const other = await step("reads the first", () => first.get(), [])
        return `${one}${other}`
      }
      const [, seen] = await Promise.all([actor("writer", writer, { faults: ["kill"] }), actor("reader", reader)])
      states.add(`${seen} ${first.get()}${second.get()}`)
    }, options)
    expect(result).toMatchObject({ exhausted: true, failure: null })
    return states
  }

  it("kills at every step, whatever the order", async () => {
    const every = await statesOf({ shares: "anything" })
    // Killed before the first write, between the two, and not at all or too late.
    expect([...every].map((state) => state.split(" ")[1])).toEqual(expect.arrayContaining(["00", "10", "11"]))
    expect(await statesOf({ shares: "declared" })).toEqual(every)
  })

  it("picks every value", async () => {
    const seen = new Set<string>()
    const scenario: Scenario = async ({ actor, step, pick }) => {
      const values: string[] = []
      await Promise.all(
        ["a", "b"].map((name) =>
          actor(name, async () => {
            await step("goes", () => undefined, [writes(`own ${name}`)])
            values.push(`${name}${pick("which", [1, 2, 3])}`)
          }),
        ),
      )
      seen.add(values.toSorted().join())
    }
    await explore(scenario, { shares: "declared" })
    expect(seen.size).toBe(9)
  })

  it.each([[[0, 1]], [[1, 0]]])(
    "knows that what an event touches may depend on which of %j it picked",
    async (values) => {
      const outcomes = async (shares: "anything" | "declared"): Promise<Set<string>> => {
        const found = new Set<string>()
        await explore(
          async ({ actor, step, pick, variable }) => {
            const memory = [variable("x", "-"), variable("y", "-")]
            const seen: string[] = []
            await Promise.all([
              actor("picks", async () => {
                await step("writes", () => memory[pick("which", values)]?.set("picked"), [])
                await step("reads", () => seen.push(`picks saw ${memory[1]?.get() ?? ""}`), [])
              }),
              actor("writes y", () => step("writes", () => memory[1]?.set("written"), [])),
            ])
            found.add(`${seen.join()} ${memory[0]?.get() ?? ""} ${memory[1]?.get() ?? ""}`)
          },
          { shares },
        )
        return found
      }
      const every = await outcomes("anything")
      expect(every.size).toBeGreaterThan(3)
      expect(await outcomes("declared")).toEqual(every)
    },
  )
})
