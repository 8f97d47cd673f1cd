/** What a body commits: steps that take effect once across attempts, and its own completion. */
import { describe, expect, it } from "vitest"
import { expectQuiet, faultOf, Gate, RuntimeWorld, settle } from "../../test/runtime-world.ts"
import type { Holdfast, OperationOptions, RunContext } from "./index.ts"

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
