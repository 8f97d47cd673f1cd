/** Attempts: bodies that die, come back as zombies, commit steps, and end in every way a body can. */
import { describe, expect, it } from "vitest"
import { expectQuiet, faultOf, Gate, RuntimeWorld, settle } from "../../test/runtime-world.ts"
import type { Effects } from "../kernel/index.ts"
import type { Holdfast, OperationOptions, RunContext } from "./index.ts"

function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index))
}

async function codeOf(call: Promise<unknown>): Promise<string> {
  try {
    await call
    return "done"
  } catch (error) {
    return (error as { code: string }).code
  }
}

/** One operation in several sessions; `run` is told in which it runs. */
function inEach<R>(
  sessions: readonly Holdfast[],
  run: (context: RunContext, session: number) => R | Promise<R>,
  options: Partial<OperationOptions<[], R>> = {},
) {
  return sessions.map((hf, index) =>
    hf.operation<[], R>("op", { version: 1, effects: "idempotent", run: (ctx) => run(ctx, index), ...options }),
  )
}

describe("a session that dies while it executes a run", () => {
  it.each<Effects>(["pure", "idempotent"])(
    "loses it to exactly one other that waits, and its zombie changes nothing (effects %s) (O5, O6)",
    async (effects) => {
      const world = new RuntimeWorld()
      const sessions = [await world.open("dying"), await world.open("b"), await world.open("c")]
      const gate = new Gate()
      const started: number[] = []
      const cell = sessions[0]?.cell<string>("written")
      const zombie: string[] = []
      const ops = inEach(
        sessions,
        async (ctx, session) => {
          started.push(session)
          if (session > 0) return `of ${session}`
          await gate.opened
          zombie.push(await codeOf(ctx.progress(1)))
          zombie.push(await codeOf(cell?.set("zombie") ?? Promise.resolve()))
          zombie.push(await codeOf(ctx.transact("step", () => 1)))
          return "zombie"
        },
        { effects },
      )
      void ops[0]?.()
      await settle()
      const waiting = [1, 2, 1].map(async (session) => await ops[session]?.())
      await settle()
      expect(started).toEqual([0])
      world.kill("dying")
      const results = await Promise.all(waiting)
      expect(started).toHaveLength(2)
      expect(new Set(results)).toEqual(new Set([`of ${started[1]}`]))
      gate.open()
      await settle()
      expect(zombie).toEqual(["SESSION_LOST", "SESSION_LOST", "SESSION_LOST"])
      expect(await ops[1]?.()).toBe(results[0])
      expect(await sessions[1]?.cell("written").read()).toMatchObject({ version: 0 })
      expect(sessions[0]?.metrics().operations["op"]).toMatchObject({ completed: 0, stale: 1 })
    },
  )

  it("loses it to a worker where nobody waits (O6)", async () => {
    const world = new RuntimeWorld()
    const sessions = [await world.open("dying"), await world.open("b")]
    const ops = inEach(sessions, async (_, session) => (session === 0 ? await new Gate().opened : "taken over"))
    const [dying, other] = sessions
    if (dying === undefined || other === undefined || ops[0] === undefined || ops[1] === undefined)
      throw new Error("no")
    const run = await ops[1].start([])
    await dying.work([ops[0]])
    await settle()
    await other.work([ops[1]])
    await settle()
    expect(await run.status()).toMatchObject({ status: "running", attempt: 1 })
    world.kill("dying")
    expect(await run.result()).toBe("taken over")
    expect(await run.status()).toMatchObject({ attempt: 2 })
  })

  it("three times in a row fails the run with RUN_CRASHED: a poison run does not kill the fleet (O6)", async () => {
    const world = new RuntimeWorld()
    const labels = ["a", "b", "c", "d", "e"]
    const sessions = await Promise.all(labels.map((label) => world.open(label)))
    const started: number[] = []
    const ops = inEach(sessions, async (_, session) => {
      started.push(session)
      await new Gate().opened
    })
    const waiting = ops.map((op) => op())
    const survivors = waiting.slice(3).map(async (call) => await faultOf(call, "RUN_CRASHED"))
    for (let crash = 0; crash < 3; crash++) {
      await settle()
      world.kill(labels[started.at(-1) ?? -1] ?? "")
    }
    await settle()
    expect(started).toEqual([0, 1, 2])
    for (const fault of await Promise.all(survivors)) {
      expect(fault.message).toMatch(/the executing session of "op" died 3 times in a row/)
    }
    // Asked again, it has a fresh budget.
    void ops[3]?.()
    await settle()
    expect(started).toEqual([0, 1, 2, 3])
  })

  it("leaves a run with effects once interrupted, for a decision: RUN_INTERRUPTED (O10)", async () => {
    const world = new RuntimeWorld()
    const sessions = [await world.open("dying"), await world.open("b")]
    const attempts: number[] = []
    const ops = inEach(
      sessions,
      async (ctx, session) => {
        attempts.push(ctx.attempt)
        if (session === 0) await new Gate().opened
        return "decided"
      },
      { effects: "once" },
    )
    void ops[0]?.()
    await settle()
    const waiting = faultOf(ops[1]?.() ?? Promise.resolve(), "RUN_INTERRUPTED")
    await settle()
    world.kill("dying")
    const fault = await waiting
    expect(fault.message).toMatch(/attempt 1 of operation "op" was cut off .* decide with retry\(\) or cancel\(\)/)
    expect(fault.details).toMatchObject({ attempt: 1 })
    // Never repeated in silence, however often it is asked for.
    await faultOf(ops[1]?.() ?? Promise.resolve(), "RUN_INTERRUPTED")
    expect(attempts).toEqual([1])
    const [other, op] = [sessions[1], ops[1]]
    if (other === undefined || op === undefined) throw new Error("no")
    const [info] = await other.runs({ status: "interrupted" })
    const run = other.run(info?.run as never)
    await faultOf(run.result(), "RUN_INTERRUPTED")
    expect(await run.retry()).toBe("pending")
    expect(await op()).toBe("decided")
    expect(attempts).toEqual([1, 2])
  })

  it("and is canceled by decision instead never runs again (O10, O3)", async () => {
    const world = new RuntimeWorld()
    const sessions = [await world.open("dying"), await world.open("b")]
    const ops = inEach(sessions, async (_, session) => (session === 0 ? await new Gate().opened : "new"), {
      effects: "once",
    })
    void ops[0]?.()
    await settle()
    world.kill("dying")
    const [info] = (await sessions[1]?.runs()) ?? []
    const run = sessions[1]?.run(info?.run as never)
    expect(await run?.cancel()).toBe("canceled")
    await faultOf(run?.result() ?? Promise.resolve(), "RUN_CANCELED")
    // Asked again it is another generation, by asking.
    expect(await ops[1]?.()).toBe("new")
  })

  it("that only closes gives it back, uncounted, and another goes on (O6, S1)", async () => {
    const world = new RuntimeWorld()
    const sessions = await Promise.all(["a", "b", "c", "d", "e"].map((label) => world.open(label)))
    const started: number[] = []
    const ops = inEach(sessions, async (ctx, session) => {
      started.push(session)
      if (session === 4) return "done"
      await new Promise((_, reject) => {
        ctx.signal.addEventListener("abort", () => {
          reject(ctx.signal.reason as Error)
        })
      })
      return "never"
    })
    const calls = ops.map((op) => op())
    const closed = calls.slice(0, 4).map(async (call) => await faultOf(call, "CLOSED"))
    for (const hf of sessions.slice(0, 4)) {
      await settle()
      expect(await hf.close()).toEqual({ bodies: 0, grants: 0 })
    }
    expect(await calls[4]).toBe("done")
    expect(started).toEqual([0, 1, 2, 3, 4])
    await Promise.all(closed)
    expect(await sessions[4]?.runs()).toMatchObject([{ status: "completed", attempt: 5, failure: null }])
  })

  it("and whose body ends well while closing has completed it (S1)", async () => {
    const world = new RuntimeWorld()
    const [hf, other] = [await world.open("closing"), await world.open("other")]
    const op = hf.operation("op", {
      version: 1,
      effects: "pure",
      run: async ({ signal }) => {
        await new Promise((resolve) => signal.addEventListener("abort", resolve))
        return "in time"
      },
    })
    const call = faultOf(op(), "CLOSED")
    await settle()
    await hf.close()
    await call
    const [info] = await other.runs({ status: "completed" })
    expect(await other.run(info?.run as never).result()).toBe("in time")
  })
})

describe("ctx.transact", () => {
  it("takes effect once across attempts, and gives its first outcome back (O10)", async () => {
    const world = new RuntimeWorld()
    const hf = await world.open()
    const account = hf.cell("account", { initial: 100 })
    const log: unknown[] = []
    const op = hf.operation("withdraw", {
      version: 1,
      effects: "idempotent",
      retry: { maxAttempts: 3, initialMs: 0 },
      run: async (ctx) => {
        const step = async (name: string, amount: number) =>
          await ctx.transact(name, async (tx) => {
            log.push(`${name} in attempt ${ctx.attempt}`)
            return { attempt: ctx.attempt, left: await tx.update(account, (n) => n - amount) }
          })
        const first = await step("first", 10)
        if (ctx.attempt === 1) throw new Error("crash after the first step")
        const second = await step("second", 1)
        if (ctx.attempt === 2) throw new Error("crash after the second step")
        return [first, second]
      },
    })
    expect(await op()).toEqual([
      { attempt: 1, left: 90 },
      { attempt: 2, left: 89 },
    ])
    expect(log).toEqual(["first in attempt 1", "second in attempt 2"])
    expect(await account.read()).toEqual({ value: 89, version: 2 })
  })

  it("takes effect once across sessions that die (O6, O10)", async () => {
    const world = new RuntimeWorld()
    const sessions = [await world.open("dying"), await world.openDeferred()]
    const ops = inEach(sessions, async (ctx, session) => {
      const cell = sessions[session]?.cell("n", { initial: 0 })
      const outcome = await ctx.transact("add", async (tx) => {
        if (cell !== undefined) await tx.update(cell, (n) => n + 1)
        return session
      })
      if (session === 0) await new Gate().opened
      return outcome
    })
    void ops[0]?.()
    await settle()
    const call = ops[1]?.()
    await settle()
    world.kill("dying")
    expect(await call).toBe(0)
    expect(await sessions[1]?.cell("n").read()).toEqual({ value: 1, version: 1 })
  })

  it("twice in one attempt takes effect once, and returns its first outcome (O10)", async () => {
    const hf = await new RuntimeWorld().open()
    const cell = hf.cell("n", { initial: 0 })
    const op = hf.operation("op", {
      version: 1,
      effects: "idempotent",
      run: async (ctx) => {
        const step = async (result: unknown) =>
          await ctx.transact("step", async (tx) => {
            await tx.update(cell, (n) => n + 1)
            return result
          })
        return [await step(new Map([["a", 1]])), await step("other")]
      },
    })
    expect(await op()).toEqual([new Map([["a", 1]]), new Map([["a", 1]])])
    expect(await cell.get()).toBe(1)
  })

  it("may return nothing, and starts runs with its commit", async () => {
    const hf = await new RuntimeWorld().open()
    const told: string[] = []
    const tell = hf.operation("tell", {
      version: 1,
      effects: "idempotent",
      run: (_, who: string) => void told.push(who),
    })
    const op = hf.operation("op", {
      version: 1,
      effects: "idempotent",
      retry: { maxAttempts: 2, initialMs: 0 },
      run: async (ctx) => {
        const outcome = await ctx.transact("tell", (tx) => tx.start(tell, ["you"]))
        if (ctx.attempt === 1) throw new Error("again")
        return outcome
      },
    })
    expect(await op()).toBeUndefined()
    const worker = await hf.work([tell])
    await settle()
    expect(told).toEqual(["you"])
    await worker.drain()
  })

  it("is tried again when it loses a race, as any transaction (C3)", async () => {
    const hf = await new RuntimeWorld().open()
    const cell = hf.cell("n", { initial: 0 })
    let attempts = 0
    const op = hf.operation("op", {
      version: 1,
      effects: "idempotent",
      run: async (ctx) =>
        await ctx.transact("step", async (tx) => {
          attempts += 1
          const n = await tx.get(cell)
          if (attempts === 1) await hf.detached(async () => await cell.set(10))
          tx.set(cell, n + 1)
          return n
        }),
    })
    expect([await op(), await cell.get(), attempts]).toEqual([10, 11, 2])
  })

  it("refuses an outcome without an encoding, a step without a name, or a function that is none", async () => {
    const hf = await new RuntimeWorld().open()
    const cell = hf.cell("n", { initial: 0 })
    const codes: string[] = []
    const op = hf.operation("op", {
      version: 1,
      effects: "idempotent",
      run: async (ctx) => {
        codes.push(
          await codeOf(
            ctx.transact("step", (tx) => {
              tx.set(cell, 1)
              return () => 1
            }),
          ),
          await codeOf(ctx.transact("", () => 1)),
          await codeOf(ctx.transact("step", 5 as never)),
          await codeOf(ctx.transact("step", () => 1, null as never)),
          await codeOf(ctx.complete(5 as never)),
          await codeOf(ctx.progress(() => 1)),
        )
      },
    })
    await op()
    expect(codes).toEqual([
      "VALUE_NOT_ENCODABLE",
      "ARGUMENT_INVALID",
      "ARGUMENT_INVALID",
      "ARGUMENT_INVALID",
      "ARGUMENT_INVALID",
      "VALUE_NOT_ENCODABLE",
    ])
    expect((await cell.read()).version).toBe(0)
  })
})

describe("ctx.complete", () => {
  it("commits and completes in one step; what the body does afterwards counts for nothing (O2, O5)", async () => {
    for (const end of ["returns", "throws"]) {
      const world = new RuntimeWorld()
      const hf = await world.openDeferred()
      const cell = hf.cell("n", { initial: 0 })
      const late: string[] = []
      const op = hf.operation("op", {
        version: 1,
        effects: "idempotent",
        run: async (ctx): Promise<string> => {
          const result = await ctx.complete(async (tx) => {
            await tx.update(cell, (n) => n + 1)
            return "committed"
          })
          late.push(await codeOf(cell.set(9)), await codeOf(ctx.complete(() => "twice")), await codeOf(ctx.progress(1)))
          if (end === "throws") throw new Error("too late")
          return `${result}, but not looked at`
        },
      })
      expect(await op()).toBe("committed")
      await settle()
      expect([await cell.read(), await op()]).toEqual([{ value: 1, version: 1 }, "committed"])
      expect(late).toEqual(["FENCED", "FENCED", "STALE_ATTEMPT"])
      expect(hf.metrics().operations["op"]).toMatchObject({ attempts: 1, completed: 1, failed: 0, stale: 0 })
      expectQuiet(await hf.inspect())
    }
  })

  it("refuses a result without an encoding, and then nothing was committed", async () => {
    const hf = await new RuntimeWorld().open()
    const cell = hf.cell("n", { initial: 0 })
    const op = hf.operation("op", {
      version: 1,
      effects: "idempotent",
      run: async (ctx): Promise<unknown> =>
        await ctx.complete((tx) => {
          tx.set(cell, 1)
          return () => 1
        }),
    })
    expect((await faultOf(op(), "RUN_FAILED")).cause).toMatchObject({ code: "VALUE_NOT_ENCODABLE" })
    expect((await cell.read()).version).toBe(0)
  })
})

describe("commits of a body", () => {
  it("carry its claim without being asked: FENCED once the run was canceled (L8, O5)", async () => {
    const world = new RuntimeWorld()
    const hf = await world.open()
    const [cell, lock] = [hf.cell("n", { initial: 0 }), hf.lock("door")]
    const gate = new Gate()
    const codes: string[] = []
    const op = hf.operation("op", {
      version: 1,
      effects: "idempotent",
      run: async (ctx) => {
        await cell.set(1)
        await lock.run(async () => {
          await gate.opened
          codes.push(await codeOf(cell.set(2)), await codeOf(hf.transact((tx) => tx.set(cell, 3))))
          codes.push(await codeOf(hf.detached(async () => await cell.set(4))))
        })
        expect(ctx.signal.aborted).toBe(true)
      },
    })
    const run = await op.start([])
    const worker = await hf.work([op])
    await settle()
    await run.cancel()
    gate.open()
    await settle()
    expect(codes).toEqual(["FENCED", "FENCED", "done"])
    expect(await cell.get()).toBe(4)
    await worker.drain()
    expectQuiet(await hf.inspect())
  })

  it("end with the body: what it did not await is refused with GRANT_LOST", async () => {
    const hf = await new RuntimeWorld().open()
    const gate = new Gate()
    let late: Promise<string> | undefined
    const op = hf.operation("op", {
      version: 1,
      effects: "idempotent",
      run: () => {
        late = gate.opened.then(async () => await codeOf(hf.cell("n").set(1)))
      },
    })
    await op()
    gate.open()
    expect(await late).toBe("GRANT_LOST")
  })
})

describe("what reaches an attempt", () => {
  it("before its claim has arrived is not lost: canceled then, no body starts", async () => {
    // Outcomes and events travel apart: over many seeds each arrives first at times.
    const bodies: number[] = []
    for (let seed = 0; seed < 40; seed++) {
      const world = new RuntimeWorld()
      const [far, near] = [await world.openDeferred(seed), await world.open("near")]
      let running = 0
      const op = far.operation("op", {
        version: 1,
        effects: "pure",
        run: async ({ signal }) => {
          running += 1
          bodies.push(seed)
          await new Promise((resolve) => {
            if (signal.aborted) resolve(null)
            signal.addEventListener("abort", resolve)
          })
          running -= 1
        },
      })
      const stop = near.on("run.claimed", (transition) => {
        const { run } = transition as Extract<typeof transition, { kind: "run.claimed" }>
        void Promise.resolve().then(async () => await near.run(run).cancel())
      })
      await faultOf(op(), "RUN_CANCELED")
      await settle()
      expect(running).toBe(0)
      stop()
      expectQuiet(await near.inspect())
    }
    expect(bodies.length).toBeLessThan(40)
  })

  it("is its signal, also when first looked at after it was aborted", async () => {
    const hf = await new RuntimeWorld().open()
    const gate = new Gate()
    const seen: unknown[] = []
    const op = hf.operation("op", {
      version: 1,
      effects: "pure",
      run: async (ctx) => {
        await gate.opened
        seen.push(ctx.signal.aborted, ctx.signal.reason, ctx.signal)
        expect(ctx.signal).toBe(ctx.signal)
      },
    })
    const call = faultOf(op(), "RUN_CANCELED")
    await settle()
    const [info] = await hf.runs()
    await hf.run(info?.run as never).cancel()
    await call
    gate.open()
    await settle()
    expect(seen).toEqual([true, expect.objectContaining({ code: "RUN_CANCELED" }), expect.any(AbortSignal)])
  })

  it("says which run and attempt it is, with a token that grows (L2)", async () => {
    const hf = await new RuntimeWorld().open()
    const tokens: number[] = []
    const op = hf.operation("op", {
      version: 1,
      effects: "idempotent",
      retry: { maxAttempts: 3, initialMs: 0 },
      run: (ctx) => {
        tokens.push(ctx.token)
        expect(ctx.idempotencyKey).toBe(ctx.run)
        if (ctx.attempt < 3) throw new Error("again")
        return ctx.run
      },
    })
    const run = await op()
    expect(run).toBe((await op.handle().status())?.run)
    expect(tokens).toEqual([...new Set(tokens)].toSorted((a, b) => a - b))
    expect(times(3, (index) => index + 1)).toHaveLength(tokens.length)
  })
})
