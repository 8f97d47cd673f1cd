/** Attempts: bodies that die, come back as zombies, commit steps, and end in every way a body can. */
import { describe, expect, it } from "vitest"
import { expectQuiet, faultOf, Gate, RuntimeWorld, settle } from "../../test/runtime-world.ts"
import type { Effects, SessionId, StoreEvent } from "../kernel/index.ts"
import type { Store } from "../store/index.ts"
import { Holdfast, type OperationOptions, type RunContext } from "./index.ts"

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

  it("tells the body that its session is lost, where its store says so (O5)", async () => {
    const world = new RuntimeWorld()
    const inner = world.store.connect()
    let tell: (event: StoreEvent) => void = () => undefined
    const store: Store = {
      id: inner.id,
      execute: (command) => inner.execute(command),
      onEvent: (handler) => {
        tell = handler
        inner.onEvent(handler)
      },
      onTransition: (handler) => inner.onTransition(handler),
      close: () => inner.close(),
    }
    const hf = await Holdfast.connect({ store, env: world.env, label: "lost" })
    const gate = new Gate()
    const reasons: unknown[] = []
    const [op] = inEach([hf], async ({ token, signal }) => {
      await gate.opened
      // As a client does whose next keeper knows nothing of its session.
      tell({ kind: "claimControl", session: "s" as SessionId, token, action: "lost", reason: "sessionLost" })
      reasons.push(signal.reason)
    })
    void op?.().catch(() => undefined)
    await settle()
    world.kill("lost")
    gate.open()
    await settle()
    expect(reasons).toMatchObject([{ code: "SESSION_LOST", message: expect.stringContaining("open the store again") }])
  })

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
