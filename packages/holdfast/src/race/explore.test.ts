import { describe, expect, it } from "vitest"
import { explore, type Scenario, type ScheduleFailure } from "./explore.ts"
import { describeFailure } from "./report/timeline.ts"
import { History } from "./checks/history.ts"
import { checkLinearizable } from "./checks/linearizability.ts"
import { counterModel, type CounterInput } from "./checks/models.ts"

/** Actors that each take some steps and share nothing. */
function createIndependentSteps(stepCounts: readonly number[], onDone: (order: string) => void = () => {}): Scenario {
  return async ({ stepAs }) => {
    let order = ""
    async function walk(actor: string, count: number): Promise<void> {
      for (let index = 0; index < count; index++) {
        await stepAs(actor, `step ${index}`)
        order += actor
      }
    }
    await Promise.all(stepCounts.map((count, index) => walk(String.fromCharCode(97 + index), count)))
    onDone(order)
  }
}

/** The textbook race: everyone reads the counter, then writes back one more than it read. */
function createLostUpdate(actorCount: number): Scenario {
  return async ({ stepAs, actor }) => {
    let counter = 0
    async function increment(name: string): Promise<void> {
      await stepAs(name, "read")
      const seen = counter
      await stepAs(name, "write")
      counter = seen + 1
    }
    const names = Array.from({ length: actorCount }, (_, index) => String.fromCharCode(97 + index))
    await Promise.all(names.map((name) => actor(name, () => increment(name))))
    if (counter !== actorCount) throw new Error(`counted ${counter} of ${actorCount}`)
  }
}

/** The same with a lock around it: a chain of promises, first come, first served. */
function createLockedUpdate(actorCount: number): Scenario {
  return async ({ stepAs, actor }) => {
    let counter = 0
    let tail = Promise.resolve()
    async function increment(name: string): Promise<void> {
      await stepAs(name, "ask")
      const turn = tail.then(async () => {
        await stepAs(name, "read")
        const seen = counter
        await stepAs(name, "write")
        counter = seen + 1
      })
      tail = turn
      await turn
    }
    const names = Array.from({ length: actorCount }, (_, index) => String.fromCharCode(97 + index))
    await Promise.all(names.map((name) => actor(name, () => increment(name))))
    if (counter !== actorCount) throw new Error(`counted ${counter} of ${actorCount}`)
  }
}

function expectFailure(failure: ScheduleFailure | null): ScheduleFailure {
  if (failure === null) throw new Error("expected a schedule to fail, but none did")
  return failure
}

describe("exhaustive exploration", () => {
  it.each([
    { stepCounts: [1], expected: 1 },
    { stepCounts: [3, 3], expected: 20 },
    { stepCounts: [2, 2, 2], expected: 90 },
    { stepCounts: [4, 1], expected: 5 },
    { stepCounts: [1, 2, 3], expected: 60 },
    { stepCounts: [1, 1, 1, 1, 1], expected: 120 },
    { stepCounts: [], expected: 1 },
  ])("runs each of the $expected orders of $stepCounts steps once", async ({ stepCounts, expected }) => {
    const orders: string[] = []
    const result = await explore(createIndependentSteps(stepCounts, (order) => orders.push(order)))
    expect(result).toMatchObject({ schedules: expected, exhausted: true, failure: null })
    expect(new Set(orders).size).toBe(expected)
    expect(orders).toHaveLength(expected)
  })

  it.each([2, 3])("finds the lost update of %d actors", async (actorCount) => {
    const result = await explore(createLostUpdate(actorCount))
    const failure = expectFailure(result.failure)
    expect(failure.error).toMatchObject({ message: expect.stringMatching(/^counted \d of \d$/) })
    expect(result.exhausted).toBe(false)
  })

  it.each([
    // Who asks first, second and so on, interleaved with the steps of those who hold: counted by a program of its own.
    { actorCount: 2, expected: countLockedSchedules(2) },
    { actorCount: 3, expected: countLockedSchedules(3) },
  ])("passes the fixed version in all $expected schedules of $actorCount actors", async ({ actorCount, expected }) => {
    expect(await explore(createLockedUpdate(actorCount))).toMatchObject({
      schedules: expected,
      exhausted: true,
      failure: null,
    })
  })

  it("finds a bug that only one order out of 252 shows", async () => {
    const scenario: Scenario = async (context) => {
      let order = ""
      await createIndependentSteps([5, 5], (done) => (order = done))(context)
      if (order === "abbabaabab") throw new Error("the needle")
    }
    const failure = expectFailure((await explore(scenario)).failure)
    expect(failure.trace.map((entry) => (entry.kind === "step" ? entry.actor : "?")).join("")).toBe("abbabaabab")
    // The last step was no choice: only one actor was left.
    expect(failure.choices).toHaveLength(9)
  })

  it("stops at its bound, and says that it did not see everything", async () => {
    expect(await explore(createIndependentSteps([3, 3]), { maxSchedules: 19 })).toMatchObject({
      schedules: 19,
      exhausted: false,
    })
    expect(await explore(createIndependentSteps([3, 3]), { maxSchedules: 20 })).toMatchObject({
      schedules: 20,
      exhausted: true,
    })
  })

  it("lets everything settle between two steps, however many promises that takes", async () => {
    const orders = new Set<string>()
    const result = await explore(async ({ stepAs }) => {
      let order = ""
      async function walk(actor: string): Promise<void> {
        await stepAs(actor, "go")
        for (let index = 0; index < 5; index++) {
          order += actor
          for (let hop = 0; hop < 40; hop++) await Promise.resolve()
          await new Promise<void>((resolve) => process.nextTick(resolve))
        }
      }
      await Promise.all([walk("a"), walk("b")])
      orders.add(order)
    })
    expect(result.schedules).toBe(2)
    expect(orders).toEqual(new Set(["aaaaabbbbb", "bbbbbaaaaa"]))
  })

  it("refuses a scenario that depends on something outside, by what happened and when", async () => {
    let runs = 0
    const labels = await explore(async ({ stepAs }) => {
      runs += 1
      await Promise.all([stepAs("a", `run ${runs}`), stepAs("b", "go")])
    })
    expect(expectFailure(labels.failure).error).toMatchObject({ message: expect.stringContaining("not deterministic") })
    let isFirst = true
    const ends = await explore(async ({ stepAs }) => {
      if (isFirst) await Promise.all([stepAs("a", "go"), stepAs("b", "go")])
      isFirst = false
    })
    expect(expectFailure(ends.failure).error).toMatchObject({
      message: expect.stringContaining("the end of the scenario"),
    })
  })

  it("gives every schedule the same random numbers and ids", async () => {
    const seen = new Set<string>()
    const result = await explore(
      async (context) => {
        seen.add(`${context.env.random.next()} ${context.env.ids.next()}`)
        await createIndependentSteps([2, 2])(context)
      },
      { seed: 5 },
    )
    expect(result.schedules).toBe(6)
    expect(seen.size).toBe(1)
  })

  it("reports what a scenario throws before its first step, also when it is no Error", async () => {
    const result = await explore(() => {
      throw "a string"
    })
    expect(result).toMatchObject({ schedules: 1, failure: { choices: [], trace: [], error: "a string" } })
    expect(describeFailure(expectFailure(result.failure))).toContain("thrown: a string")
  })
})

describe("a failure", () => {
  it("replays exactly, and shows its schedule", async () => {
    const { failure } = await explore(createLostUpdate(3), { strategy: "random", seed: 11 })
    const found = expectFailure(failure)
    const again = await explore(createLostUpdate(3), { replay: found.choices, seed: found.seed })
    expect(again).toMatchObject({ schedules: 1, exhausted: false, failure: found })
    const text = describeFailure(found)
    expect(text).toContain("Error: counted")
    expect(text).toMatch(/T1 +[|o ]*o read/)
    expect(text).toContain(`replay it with { seed: 11, replay: ${JSON.stringify(found.choices)} }`)
  })

  it("is gone when the fixed version is replayed, or the replay does not fit", async () => {
    const fixed = await explore(createLockedUpdate(2), { replay: [0] })
    expect(fixed).toMatchObject({ schedules: 1, exhausted: false, failure: null })
    const misfit = await explore(createLockedUpdate(2), { replay: [7] })
    expect(expectFailure(misfit.failure).error).toMatchObject({ message: expect.stringContaining("does not fit") })
  })
})

describe("random exploration", () => {
  it("finds the lost update, and repeats itself for the same seed", async () => {
    const options = { strategy: "random", seed: 3, maxSchedules: 200 } as const
    const first = await explore(createLostUpdate(2), options)
    expect(expectFailure(first.failure).seed).toBe(3)
    expect(await explore(createLostUpdate(2), options)).toEqual(first)
  })

  it("reaches every order, claims to have exhausted none, and runs as many as asked", async () => {
    const orders = new Set<string>()
    const scenario = createIndependentSteps([2, 2], (order) => orders.add(order))
    expect(await explore(scenario, { strategy: "random", maxSchedules: 200 })).toMatchObject({
      schedules: 200,
      exhausted: false,
      failure: null,
    })
    expect(orders.size).toBe(6)
  })
})

describe("time in an exploration", () => {
  it("passes when nobody can step, and only then", async () => {
    const seen = new Set<string>()
    const result = await explore(createTimeoutRace((order) => seen.add(order)))
    expect(result).toMatchObject({ schedules: 1, exhausted: true, failure: null })
    expect(seen).toEqual(new Set(["1 2 timeout@5000"]))
  })

  it("may pass before any step when timers are steps", async () => {
    const seen = new Set<string>()
    const result = await explore(
      createTimeoutRace((order) => seen.add(order)),
      { timersAreSteps: true },
    )
    expect(result).toMatchObject({ schedules: 3, exhausted: true, failure: null })
    expect(seen).toEqual(new Set(["1 2 timeout@5000", "1 timeout@5000 2", "timeout@5000 1 2"]))
  })

  it("shows timers in the trace, the one that throws included", async () => {
    const { failure } = await explore(async ({ env, stepAs }) => {
      env.timers.after(30, () => {
        throw new Error("from the timer")
      })
      await stepAs("a", "go")
      await new Promise<void>(() => {})
    })
    const found = expectFailure(failure)
    expect(found.error).toMatchObject({ message: "from the timer" })
    expect(found.trace).toMatchObject([
      { kind: "step", actor: "a", label: "go", atMs: 0 },
      { kind: "timer", atMs: 30 },
    ])
    expect(describeFailure(found)).toContain("T2  @ timer, at 30 ms")
  })
})

/** One actor takes two steps while a timeout of five seconds runs. */
function createTimeoutRace(onDone: (order: string) => void): Scenario {
  return async ({ env, stepAs }) => {
    const order: string[] = []
    const timeout = new Promise<void>((resolve) => {
      env.timers.after(5_000, () => {
        order.push(`timeout@${env.clock.monotonic()}`)
        resolve()
      })
    })
    await stepAs("a", "one")
    order.push("1")
    await stepAs("a", "two")
    order.push("2")
    await timeout
    onDone(order.join(" "))
  }
}

describe("a hang", () => {
  it("is a failure that names who is outstanding", async () => {
    const { failure } = await explore(async ({ actor, stepAs }) => {
      const forever = new Promise<void>(() => {})
      await Promise.all([
        actor("quick", () => stepAs("quick", "only step")),
        actor("stuck", async () => {
          await stepAs("stuck", "take the lock")
          await forever
        }),
        actor("early", () => forever),
      ])
    })
    const { message } = asError(expectFailure(failure).error)
    expect(message).toContain("hangs")
    expect(message).toContain('"stuck" after its step "take the lock"')
    expect(message).toContain('"early" before its first step')
    expect(message).not.toContain('"quick"')
  })

  it("names actors known by their steps alone, and says when there are none", async () => {
    const stepping = await explore(async ({ stepAs }) => {
      await stepAs("a", "one")
      await new Promise<void>(() => {})
    })
    expect(asError(expectFailure(stepping.failure).error).message).toContain('"a" after its step "one" (it may have')
    const silent = await explore(() => new Promise<void>(() => {}))
    expect(asError(expectFailure(silent.failure).error).message).toContain("no actor ever parked")
  })

  it("finds the deadlock of two locks taken in two orders, and replays it", async () => {
    const scenario: Scenario = async ({ actor, stepAs }) => {
      const held = new Map<string, Promise<void>>()
      async function withLock(name: string, body: () => Promise<void>): Promise<void> {
        while (held.has(name)) await held.get(name)
        let free = (): void => {}
        held.set(name, new Promise((resolve) => (free = resolve)))
        await body()
        held.delete(name)
        free()
      }
      async function transfer(who: string, from: string, to: string): Promise<void> {
        await stepAs(who, `lock ${from}`)
        await withLock(from, async () => {
          await stepAs(who, `lock ${to}`)
          await withLock(to, async () => {})
        })
      }
      await Promise.all([actor("a", () => transfer("a", "x", "y")), actor("b", () => transfer("b", "y", "x"))])
    }
    const found = expectFailure((await explore(scenario)).failure)
    expect(asError(found.error).message).toContain('"a" after its step "lock y", "b" after its step "lock x"')
    expect((await explore(scenario, { replay: found.choices })).failure).toEqual(found)
  })

  it("is also a scenario that never ends", async () => {
    const { failure } = await explore(
      async ({ stepAs }) => {
        for (;;) await stepAs("a", "again")
      },
      { maxSteps: 50 },
    )
    const found = expectFailure(failure)
    expect(asError(found.error).message).toContain("within 50 steps")
    expect(found.trace).toHaveLength(50)
  })
})

describe("explorer and checker together", () => {
  it("find that a counter read and written in two steps is not linearizable, and one step is", async () => {
    const createScenario =
      (isAtomic: boolean): Scenario =>
      async ({ stepAs }) => {
        const history = new History<CounterInput, number | null>()
        let counter = 0
        async function increment(name: string): Promise<void> {
          await stepAs(name, "start")
          await history.record(name, { kind: "add", name: "c", amount: 1 }, async () => {
            const seen = counter
            if (!isAtomic) await stepAs(name, "write")
            counter = seen + 1
            return counter
          })
        }
        await Promise.all([increment("a"), increment("b")])
        if (checkLinearizable(history.operations, counterModel).ok !== true) throw new Error("not linearizable")
      }
    expect((await explore(createScenario(false))).failure).not.toBeNull()
    expect(await explore(createScenario(true))).toMatchObject({ schedules: 2, exhausted: true, failure: null })
  })
})

function asError(error: unknown): Error {
  if (error instanceof Error) return error
  throw new Error(`expected an Error, but got ${String(error)}`)
}

/** How many orders there are of asking, reading and writing when a lock lets only the first in line read and write. */
function countLockedSchedules(actorCount: number): number {
  function count(askingCount: number, workLeft: readonly number[]): number {
    const [first, ...others] = workLeft
    if (askingCount === 0 && first === undefined) return 1
    // Whoever asks is one of those who have not; it stands last in line with two steps to take.
    const ask = askingCount === 0 ? 0 : askingCount * count(askingCount - 1, [...workLeft, 2])
    if (first === undefined) return ask
    return ask + count(askingCount, first === 1 ? others : [first - 1, ...others])
  }
  return count(actorCount, [])
}
