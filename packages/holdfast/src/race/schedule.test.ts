import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { reads } from "./access.ts"
import { explore, type Exploration, type ExploreOptions, type Scenario, type ScheduleFailure } from "./explore.ts"

function failureOf({ failure }: Exploration): ScheduleFailure {
  if (failure === null) throw new Error("expected a schedule to fail, but none did")
  return failure
}

/** What every schedule of a scenario came to. */
async function outcomesOf(
  scenario: (context: Parameters<Scenario>[0]) => Promise<string>,
  options: ExploreOptions = {},
): Promise<{ outcomes: Set<string>; result: Exploration }> {
  const outcomes = new Set<string>()
  const result = await explore(async (context) => {
    outcomes.add(await scenario(context))
  }, options)
  if (result.failure !== null) throw result.failure.error
  return { outcomes, result }
}

describe("steps", () => {
  it("belong to whoever awaits, through code that knows nothing of actors", async () => {
    const { failure } = await explore(async ({ actor, step }) => {
      const service = async (): Promise<void> => {
        await Promise.resolve()
        await step("inside a service")
      }
      await Promise.all([actor("a", service), actor("b", service)])
      throw new Error("show the trace")
    })
    expect(failure?.trace.map((entry) => `${entry.actor}: ${entry.label}`)).toEqual([
      "a: inside a service",
      "b: inside a service",
    ])
  })

  it("outside of actors happen at once, and are in no trace", async () => {
    const { failure } = await explore(async ({ step, wrap, variable, open }) => {
      await step("prepares")
      expect(await step("prepares", () => 3)).toBe(3)
      const list = wrap({ add: async (n: number) => await Promise.resolve(n + 1) }, { name: "list" })
      expect(await list.add(1)).toBe(2)
      variable("x", 1).set(2)
      const hf = await open()
      await hf.cell("c").set(1)
      throw new Error("show the trace")
    })
    expect(failure?.trace).toEqual([])
  })

  it("of a call are two where its answer comes late, and others may come between", async () => {
    const { outcomes } = await outcomesOf(async ({ actor, step }) => {
      const order: string[] = []
      await Promise.all([
        actor("a", async () => {
          await step("asks", async () => {
            order.push("effect")
            await Promise.resolve()
          })
          order.push("answer")
        }),
        actor("b", async () => {
          await step("interferes")
          order.push("b")
        }),
      ])
      return order.join(" ")
    })
    expect(outcomes).toEqual(new Set(["effect answer b", "effect b answer", "b effect answer"]))
  })

  it("of a synchronous call are one: its answer is there at once", async () => {
    const { outcomes } = await outcomesOf(async ({ actor, step }) => {
      const order: string[] = []
      await Promise.all([
        actor("a", async () => {
          await step("asks", () => void order.push("effect"))
          order.push("answer")
        }),
        actor("b", async () => {
          await step("interferes")
          order.push("b")
        }),
      ])
      return order.join(" ")
    })
    expect(outcomes).toEqual(new Set(["effect answer b", "b effect answer"]))
  })

  it("wait for real input and output, which happens in the order they are picked", async () => {
    const folder = await mkdtemp(join(tmpdir(), "explore-"))
    try {
      const file = join(folder, "counter")
      const { failure, schedules } = await explore(async ({ actor, wrap }) => {
        const disk = wrap({ readFile, writeFile }, { name: "disk" })
        await disk.writeFile(file, "0")
        const increment = async (): Promise<void> => {
          const seen = Number(await disk.readFile(file, "utf8"))
          await disk.writeFile(file, String(seen + 1))
        }
        await Promise.all([actor("a", increment), actor("b", increment)])
        const text = await disk.readFile(file, "utf8")
        if (text !== "2") throw new Error(`counted ${text}`)
      })
      expect(failure?.error).toMatchObject({ message: "counted 1" })
      expect(failure?.preemptions).toBe(1)
      expect(schedules).toBeLessThan(40)
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it("may be taken inside of a call that is a step", async () => {
    const { outcomes } = await outcomesOf(async ({ actor, step }) => {
      const order: string[] = []
      await Promise.all([
        actor("a", async () => {
          await step("outer", async () => {
            order.push("outer")
            await step("inner", () => void order.push("inner"))
          })
        }),
        actor("b", () => step("interferes", () => void order.push("b"))),
      ])
      return order.join(" ")
    })
    expect(outcomes).toEqual(new Set(["outer inner b", "outer b inner", "b outer inner"]))
  })

  it("go on with others when a call is blocked by what they hold", async () => {
    const { outcomes } = await outcomesOf(
      async ({ actor, step }) => {
        let free = (): void => {}
        const freed = new Promise<void>((resolve) => (free = resolve))
        const order: string[] = []
        await Promise.all([
          actor("waits", async () => {
            await step("waits for a row", () => freed)
            order.push("got it")
          }),
          actor("holds", async () => {
            await step("frees the row", () => {
              order.push("freed")
              free()
            })
          }),
        ])
        return order.join(", ")
      },
      { maxSchedules: 1 },
    )
    expect(outcomes).toEqual(new Set(["freed, got it"]))
  })

  it("show what was touched and answered, in the trace of a failure alone", async () => {
    const { failure } = await explore(async ({ actor, step, variable }) => {
      const balance = variable("balance", 7)
      await actor("a", async () => {
        await step("reads", async () => await Promise.resolve(balance.get()), [reads("row 1")])
        balance.set(8)
        await step("fails", () => {
          throw new TypeError("no such row")
        }).catch(() => undefined)
      })
      throw new Error("show the trace")
    })
    expect(failure?.trace).toEqual([
      {
        kind: "step",
        actor: "a",
        label: "reads",
        atMs: 0,
        result: "7",
        accesses: [
          { resource: "row 1", mode: "read", value: null },
          { resource: "variable balance", mode: "read", value: "7" },
        ],
      },
      {
        kind: "answer",
        actor: "a",
        label: "reads",
        atMs: 0,
        result: null,
        accesses: [{ resource: "variable balance", mode: "write", value: "8" }],
      },
      expect.objectContaining({ label: "fails", result: "TypeError: no such row" }),
    ])
  })
})

describe("a killed actor", () => {
  it("dies between any two of its steps, and nothing of it goes on", async () => {
    const { outcomes, result } = await outcomesOf(async ({ actor, step, env }) => {
      const done: string[] = []
      const ended = await actor(
        "a",
        async () => {
          env.timers.after(10, () => done.push("timer"))
          await step("one", () => void done.push("one"))
          await step("two", () => void done.push("two"))
          return "whole"
        },
        { faults: ["kill"] },
      )
      await new Promise<void>((resolve) => env.timers.after(20, resolve))
      return `${done.join(" ")}: ${ended ?? "killed"}`
    })
    expect(outcomes).toEqual(new Set(["one two timer: whole", ": killed", "one: killed"]))
    expect(result.exhausted).toBe(true)
  })

  it("dies once in a schedule, and only as many die as may", async () => {
    const scenario: Parameters<typeof outcomesOf>[0] = async ({ actor, step }) => {
      const ends = await Promise.all(
        ["a", "b"].map((name) =>
          actor(
            name,
            async () => {
              await step("one")
              return name
            },
            { faults: ["kill"] },
          ),
        ),
      )
      return ends.map((end) => end ?? "-").join("")
    }
    expect((await outcomesOf(scenario)).outcomes).toEqual(new Set(["ab", "-b", "a-"]))
    expect((await outcomesOf(scenario, { maxFaults: 2 })).outcomes).toEqual(new Set(["ab", "-b", "a-", "--"]))
    expect((await outcomesOf(scenario, { maxFaults: 0 })).outcomes).toEqual(new Set(["ab"]))
  })

  it("takes its session with it, and another gets what it held", async () => {
    const { outcomes } = await outcomesOf(
      async ({ actor, open }) => {
        const order: string[] = []
        const work = (name: string) => async (): Promise<void> => {
          const hf = await open(name)
          await hf.lock("l").run(async () => {
            order.push(`${name} in`)
            await hf.cell("c").set(name)
            order.push(`${name} out`)
          })
        }
        await Promise.all([actor("a", work("a"), { faults: ["kill"] }), actor("b", work("b"))])
        return order.join(", ")
      },
      { shares: "declared" },
    )
    // b gets its turn whatever becomes of a, and never in the middle of a's.
    for (const outcome of outcomes) expect(outcome).toMatch(/b in, b out/)
    expect(outcomes).toContain("a in, b in, b out")
    expect(outcomes).toContain("b in, b out")
  })
})

describe("a frozen actor", () => {
  it("lets time pass that it would have held up: its lease ends, and its late write is refused", async () => {
    const { outcomes } = await outcomesOf(
      async ({ actor, open, env }) => {
        const written: string[] = []
        const work = (name: string) => async (): Promise<void> => {
          const hf = await open(name)
          await hf.lock("l").run(
            async () => {
              await hf.cell("c").set(name)
              written.push(name)
            },
            { leaseMs: 1_000 },
          )
        }
        const settled = await Promise.allSettled([
          actor("a", work("a"), { faults: ["freeze"] }),
          actor("b", async () => {
            await new Promise<void>((resolve) => env.timers.after(500, resolve))
            await work("b")()
          }),
        ])
        const failed = settled.map((each) =>
          each.status === "rejected" ? (each.reason as { code: string }).code : "ok",
        )
        return `${written.join("")} ${failed.join(" ")}`
      },
      { maxSchedules: 3_000 },
    )
    expect(outcomes).toContain("ab ok ok")
    // Frozen with the lock until its lease is over: b has it, and a's write is fenced.
    expect([...outcomes].some((outcome) => /^b (GRANT_LOST|FENCED) ok$/.test(outcome))).toBe(true)
  })
})

describe("sessions of an exploration", () => {
  it("find the lost update of get and set, and pass update", async () => {
    const scenario =
      (isAtomic: boolean): Scenario =>
      async ({ actor, open }) => {
        const increment = async (): Promise<void> => {
          const cell = (await open()).cell("counter", { initial: 0 })
          if (isAtomic) await cell.update((count) => count + 1)
          else await cell.set((await cell.get()) + 1)
        }
        await Promise.all([actor("a", increment), actor("b", increment)])
        const count = await (await open()).cell("counter", { initial: 0 }).get()
        if (count !== 2) throw new Error(`counted ${count}`)
      }
    for (const shares of ["anything", "declared"] as const) {
      const { failure } = await explore(scenario(false), { shares })
      expect(failure?.error).toMatchObject({ message: "counted 1" })
      expect(await explore(scenario(true), { shares })).toMatchObject({ exhausted: true, failure: null })
    }
  })

  it("find the deadlock of two locks in two orders as the refusal that it is", async () => {
    const { outcomes } = await outcomesOf(
      async ({ actor, open }) => {
        const take = (first: string, second: string) => async (): Promise<string> => {
          const hf = await open()
          try {
            await hf.lock(first).run(async () => {
              await hf.lock(second).run(() => undefined)
            })
            return "both"
          } catch (error) {
            return (error as { code: string }).code // Holdfast throws nothing else.
          }
        }
        return (await Promise.all([actor("a", take("x", "y")), actor("b", take("y", "x"))])).join(" ")
      },
      { shares: "declared" },
    )
    expect(outcomes).toEqual(new Set(["both both", "DEADLOCK both", "both DEADLOCK"]))
  })

  it("belong to one actor where only what is declared is shared", async () => {
    const scenario: Scenario = async ({ actor, open }) => {
      const hf = await open("shared")
      await Promise.all(
        ["a", "b"].map((name) =>
          actor(name, () =>
            hf
              .cell(name)
              .set(1)
              .then(() => undefined),
          ),
        ),
      )
    }
    expect(failureOf(await explore(scenario, { shares: "declared" })).error).toMatchObject({
      name: "ScenarioError",
      message: expect.stringContaining('"b" uses that of "a"'),
    })
    expect(await explore(scenario)).toMatchObject({ exhausted: true, failure: null })
  })
})

describe("picked values", () => {
  it("are each tried, also together with every order", async () => {
    const { outcomes, result } = await outcomesOf(async ({ actor, step, pick }) => {
      const order: string[] = []
      await Promise.all(
        ["a", "b"].map((name) =>
          actor(name, async () => {
            await step("goes")
            order.push(`${name}${pick("fails", [0, 1])}`)
          }),
        ),
      )
      return order.join(" ")
    })
    expect(outcomes.size).toBe(8)
    expect(result).toMatchObject({ schedules: 8, exhausted: true })
  })

  it("must be some", async () => {
    const { failure } = await explore(async ({ pick }) => {
      await Promise.resolve(pick("nothing", []))
    })
    expect(failure?.error).toMatchObject({ message: expect.stringContaining("at least one value") })
  })
})
