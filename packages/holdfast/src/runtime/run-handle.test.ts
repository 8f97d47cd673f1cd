/** Runs as users hold them: started, named by a key, canceled, paused, looked at. */
import { describe, expect, it } from "vitest"
import { expectQuiet, faultOf, Gate, reasonOf, RuntimeWorld, settle } from "../../test/runtime-world.ts"
import type { Holdfast, OperationOptions, RunContext } from "./index.ts"

/** An operation whose bodies wait at a gate, unless they are aborted. */
function gated(hf: Holdfast, options: Partial<OperationOptions<[number?], unknown>> = {}) {
  const gate = new Gate()
  const log: unknown[] = []
  const op = hf.operation("op", {
    version: 1,
    effects: "idempotent",
    run: async (ctx: RunContext, n?: number): Promise<unknown> => {
      log.push(`start ${String(n)}`)
      ctx.signal.addEventListener("abort", () => log.push((ctx.signal.reason as { code: string }).code))
      await gate.opened
      log.push(`end ${String(n)}`)
      return n
    },
    ...options,
  })
  return { op, gate, log }
}

describe("a started run", () => {
  it("says when what was told of it is flushed, and refuses to once the store is closed (O3)", async () => {
    const world = new RuntimeWorld()
    const hf = await world.open()
    const { op, gate } = gated(hf, { effects: "pure" })
    gate.open()
    const run = await hf.start(op, [5])
    await run.durable()
    await hf.close()
    await faultOf(run.durable(), "CLOSED")
  })

  it("waits for a worker, and its result for whoever asks, in any session (O2, O4)", async () => {
    const world = new RuntimeWorld()
    const [hf, other] = [await world.open(), await world.openDeferred()]
    const { op, gate } = gated(hf)
    gate.open()
    const run = await hf.start(op, [5])
    expect(await run.status()).toMatchObject({
      run: run.id,
      operation: "op",
      version: 1,
      key: null,
      effects: "idempotent",
      status: "pending",
      isPaused: false,
      attempt: 0,
      priority: 0,
      progress: undefined,
      failure: null,
      startedAt: null,
      settledAt: null,
      waiters: 0,
    })
    const waiting = [run.result(), other.run(run.id).result(), op(5)]
    const worker = await hf.work([op])
    expect(await Promise.all(waiting)).toEqual([5, 5, 5])
    expect([await run.result(), await other.run(run.id).result(), await op(5)]).toEqual([5, 5, 5])
    expect(await op.start([5])).toMatchObject({ id: run.id })
    await worker.drain()
  })

  it("has times in whole milliseconds, whatever the store measures", async () => {
    const world = new RuntimeWorld()
    const hf = await world.open()
    const { op, gate } = gated(hf)
    await world.env.advanceBy(0.75)
    const run = await op.start([1], { delayMs: 10 })
    const worker = await hf.work([op])
    await world.env.advanceBy(10.5)
    gate.open()
    await run.result()
    const { createdAt, notBefore, startedAt, settledAt } = await run.status()
    const start = world.env.clock.now() - 11
    expect([createdAt, notBefore, startedAt, settledAt].map((time) => (time ?? 0) - start)).toEqual([0, 10, 10, 11])
    await worker.drain()
  })

  it("is executed by a caller of its operation where there is no worker", async () => {
    const hf = await new RuntimeWorld().open()
    const { op, gate, log } = gated(hf)
    gate.open()
    const run = await op.start([1])
    expect([await op(1), await run.result(), log]).toEqual([1, 1, ["start 1", "end 1"]])
  })

  it("ends a wait within the caller's bounds, which end nothing else: WAIT_TIMEOUT (O8)", async () => {
    const world = new RuntimeWorld()
    const [hf, far] = [await world.open(), await world.openDeferred()]
    const { op } = gated(hf)
    const run = await op.start([1])
    for (const handle of [run, far.run(run.id)]) {
      const timeout = faultOf(handle.result({ waitMs: 20 }), "WAIT_TIMEOUT")
      await settle()
      await world.env.advanceBy(20)
      expect((await timeout).message).toMatch(/did not settle within 20 ms/)
      const controller = new AbortController()
      const aborted = reasonOf(handle.result({ signal: controller.signal }))
      controller.abort("gone")
      expect(await aborted).toBe("gone")
      await settle()
    }
    await faultOf(run.result({ waitMs: -1 }), "ARGUMENT_INVALID")
    expect(await run.status()).toMatchObject({ status: "pending", waiters: 0 })
    expect(world.env.pendingTimers).toEqual([])
  })

  it("is unknown under an id that never was: RUN_UNKNOWN", async () => {
    const hf = await new RuntimeWorld().open()
    for (const id of ["", "nonsense", "hf1:x@1", "hf1:x@y"]) {
      const run = hf.run(id as never)
      await faultOf(run.result(), "RUN_UNKNOWN")
      await faultOf(run.cancel(), "RUN_UNKNOWN")
      await faultOf(run.status(), "RUN_UNKNOWN")
    }
  })

  it("is replaced by force: the old handle is RUN_SUPERSEDED, the new one runs (O3)", async () => {
    const hf = await new RuntimeWorld().open()
    const { op, gate } = gated(hf)
    gate.open()
    await op(1)
    const old = await op.start([1])
    const again = await op.start([1], { force: true })
    expect(again.id).not.toBe(old.id)
    await faultOf(old.result(), "RUN_SUPERSEDED")
    await faultOf(old.pause(), "RUN_SUPERSEDED")
    // While it is open, force is that run, too (O1).
    expect((await op.start([1], { force: true })).id).toBe(again.id)
    const worker = await hf.work([op])
    expect(await again.result()).toBe(1)
    await worker.drain()
  })
})

describe("a key", () => {
  it("names the run instead of its arguments, from any session, now and later (O1)", async () => {
    const world = new RuntimeWorld()
    const [hf, other] = [await world.open(), await world.openDeferred()]
    const [near, far] = [gated(hf), gated(other)]
    near.gate.open()
    const run = await near.op.start([1], { key: "order 7" })
    expect((await far.op.start([1], { key: "order 7" })).id).toBe(run.id)
    expect((await near.op.start([1])).id).not.toBe(run.id)
    const worker = await hf.work([near.op], { concurrency: 2 })
    expect(await run.result()).toBe(1)
    expect((await far.op.start([1], { key: "order 7" })).id).toBe(run.id)
    expect(await run.status()).toMatchObject({ key: "order 7" })
    await worker.drain()
  })

  it("used with other arguments is refused with KEY_MISMATCH, and changes nothing", async () => {
    const hf = await new RuntimeWorld().open()
    const { op } = gated(hf)
    const run = await op.start([1], { key: "k" })
    const fault = await faultOf(op.start([2], { key: "k" }), "KEY_MISMATCH")
    expect(fault.message).toMatch(/key "k" of "op" was used before with other arguments/)
    expect(await hf.runs()).toMatchObject([{ run: run.id }])
  })
})

describe("a delay and a priority", () => {
  it("keep a run until its time, also from a caller that would execute it", async () => {
    const world = new RuntimeWorld()
    const hf = await world.open()
    const { op, gate, log } = gated(hf)
    gate.open()
    const run = await op.start([1], { delayMs: 1_000 })
    const worker = await hf.work([op])
    const call = op(1)
    await world.env.advanceBy(999)
    expect([log, (await run.status()).status]).toEqual([[], "pending"])
    await world.env.advanceBy(1)
    expect(await call).toBe(1)
    await worker.drain()
  })

  it("let higher ones go first, and equals in order of arrival (L3)", async () => {
    const hf = await new RuntimeWorld().open()
    const { op, gate, log } = gated(hf)
    gate.open()
    const runs = await Promise.all(
      [0, -1, 5, 5, 0.5].map(async (priority, index) => await op.start([index], { priority })),
    )
    const worker = await hf.work([op])
    await Promise.all(runs.map(async (run) => await run.result()))
    expect(log.filter((entry) => String(entry).startsWith("start"))).toEqual([2, 3, 4, 0, 1].map((n) => `start ${n}`))
    await worker.drain()
  })
})

describe("cancel", () => {
  it.each(["near", "far"] as const)(
    "reaches the body through its signal, answers all who wait, and the run never completes, %s (O8, O3)",
    async (place) => {
      const world = new RuntimeWorld()
      const hf = place === "near" ? await world.open() : await world.openDeferred()
      const { op, gate, log } = gated(hf)
      const run = await op.start([1])
      const worker = await hf.work([op])
      await settle()
      const ended = [run.result(), op(1)].map(async (wait) => await faultOf(wait, "RUN_CANCELED"))
      await settle()
      expect(await run.cancel()).toBe("canceled")
      await Promise.all(ended)
      gate.open()
      await settle()
      expect(log).toEqual(["start 1", "RUN_CANCELED", "end 1"])
      expect(await run.status()).toMatchObject({ status: "canceled" })
      await faultOf(run.result(), "RUN_CANCELED")
      // Final for the run, not for its identity.
      expect(await op(1)).toBe(1)
      await faultOf(run.result(), "RUN_SUPERSEDED")
      await worker.drain()
      expectQuiet(await hf.inspect())
    },
  )

  it("keeps a pending run from ever starting, and changes nothing of one that has settled (O3)", async () => {
    const hf = await new RuntimeWorld().open()
    const { op, gate, log } = gated(hf)
    gate.open()
    const run = await op.start([1])
    expect(await run.cancel()).toBe("canceled")
    expect(await run.cancel()).toBe("canceled")
    const worker = await hf.work([op])
    await settle()
    expect(log).toEqual([])
    await op(2)
    const [done] = await hf.runs({ status: "completed" })
    expect(await hf.run(done?.run as never).cancel()).toBe("completed")
    expect(await op(2)).toBe(2)
    await worker.drain()
  })

  it("is not undone by a body that ignores its signal and never ends (O8)", async () => {
    const world = new RuntimeWorld()
    const hf = await world.open()
    const { op } = gated(hf)
    const call = faultOf(op(1), "RUN_CANCELED")
    await settle()
    const [info] = await hf.runs()
    await hf.run(info?.run as never).cancel()
    await call
    expect(hf.metrics().operations["op"]).toMatchObject({ executing: 1, completed: 0 })
  })
})

describe("pause and resume", () => {
  it("stop a body at its next checkpoint, and let it go on", async () => {
    const hf = await new RuntimeWorld().open()
    const log: string[] = []
    const gates = [new Gate(), new Gate()]
    const op = hf.operation("op", {
      version: 1,
      effects: "idempotent",
      run: async (ctx) => {
        for (const [index, gate] of gates.entries()) {
          await ctx.checkpoint()
          log.push(`part ${index}`)
          await gate.opened
        }
        await ctx.checkpoint()
        return "done"
      },
    })
    const run = await op.start([])
    const worker = await hf.work([op])
    await settle()
    expect(await run.pause()).toBe("running")
    expect(await run.pause()).toBe("running")
    gates[0]?.open()
    await settle()
    expect([log, (await run.status()).isPaused]).toEqual([["part 0"], true])
    expect(await run.resume()).toBe("running")
    await settle()
    expect(log).toEqual(["part 0", "part 1"])
    gates[1]?.open()
    expect(await run.result()).toBe("done")
    expect(await run.status()).toMatchObject({ isPaused: false, status: "completed" })
    await worker.drain()
  })

  it("keep a pending run from being taken, and start a body paused that was paused in between", async () => {
    const hf = await new RuntimeWorld().open()
    const { op, gate, log } = gated(hf)
    gate.open()
    const run = await op.start([1])
    expect(await run.pause()).toBe("pending")
    const worker = await hf.work([op])
    await settle()
    expect(log).toEqual([])
    expect(await run.resume()).toBe("running")
    expect(await run.result()).toBe(1)
    await worker.drain()
  })

  it("let a canceled body go from its checkpoint, with the reason", async () => {
    for (const end of ["cancel", "close"]) {
      const world = new RuntimeWorld()
      const hf = await world.open()
      const reasons: unknown[] = []
      const started = new Gate()
      const op = hf.operation("op", {
        version: 1,
        effects: "idempotent",
        run: async (ctx) => {
          await started.opened
          await ctx.checkpoint().catch((error: unknown) => reasons.push(error))
          await ctx.checkpoint().catch((error: unknown) => reasons.push(error))
        },
      })
      const run = await op.start([])
      await hf.work([op])
      await settle()
      await run.pause()
      started.open()
      await settle()
      if (end === "cancel") await run.cancel()
      else await hf.close()
      await settle()
      const code = end === "cancel" ? "RUN_CANCELED" : "CLOSED"
      expect(reasons).toEqual([expect.objectContaining({ code }), expect.objectContaining({ code })])
    }
  })

  it("reach a body whose claim is still on its way", async () => {
    for (let seed = 0; seed < 20; seed++) {
      const world = new RuntimeWorld()
      const [far, near] = [await world.openDeferred(seed), await world.open("near")]
      const log: string[] = []
      const gate = new Gate()
      const op = far.operation("op", {
        version: 1,
        effects: "pure",
        run: async (ctx) => {
          await gate.opened
          await ctx.checkpoint()
          log.push("past")
        },
      })
      const stop = near.on("run.claimed", (transition) => {
        const { run } = transition as Extract<typeof transition, { kind: "run.claimed" }>
        void Promise.resolve().then(async () => await near.run(run).pause())
      })
      const call = op()
      await settle()
      gate.open()
      await settle()
      expect(log).toEqual([])
      stop()
      const [info] = await near.runs()
      await near.run(info?.run as never).resume()
      await call
      expect(log).toEqual(["past"])
    }
  })
})

describe("hf.runs", () => {
  it("lists by operation and status, oldest first, up to a limit", async () => {
    const hf = await new RuntimeWorld().open()
    const { op, gate } = gated(hf)
    gate.open()
    const fail = hf.operation("fail", {
      version: 1,
      effects: "pure",
      run: () => {
        throw new Error("no")
      },
    })
    await op(1)
    await op.start([2])
    await faultOf(fail(), "RUN_FAILED")
    const statuses = async (options: Parameters<Holdfast["runs"]>[0]) =>
      (await hf.runs(options)).map(({ operation, status }) => `${operation} ${status}`)
    expect(await statuses({})).toEqual(["op completed", "op pending", "fail failed"])
    expect(await statuses({ operation: "op" })).toEqual(["op completed", "op pending"])
    expect(await statuses({ status: "failed" })).toEqual(["fail failed"])
    expect(await statuses({ status: ["failed", "pending"] })).toEqual(["op pending", "fail failed"])
    expect(await statuses({ operation: "fail", status: "pending" })).toEqual([])
    expect(await statuses({ limit: 1 })).toEqual(["op completed"])
    await faultOf(hf.runs({ limit: 0 }), "ARGUMENT_INVALID")
    await faultOf(hf.runs({ status: "done" as never }), "ARGUMENT_INVALID")
  })
})

describe("a run that is forgotten by its handle", () => {
  it("is computed again when its arguments are asked for, and the others stay", async () => {
    const hf = await new RuntimeWorld().open()
    const { op, gate, log } = gated(hf, { effects: "pure" })
    gate.open()
    await op(1)
    await op(2)
    const [first] = await hf.runs({ operation: "op" })
    await hf.run(first?.run as never).forget()
    expect((await hf.runs({ operation: "op" })).length).toBe(1)
    await op(1)
    await op(2)
    expect(log).toEqual(["start 1", "end 1", "start 2", "end 2", "start 1", "end 1"])
  })

  it("cannot bring back what is being computed: its callers get a fresh result (O5)", async () => {
    const hf = await new RuntimeWorld().open()
    const { op, gate, log } = gated(hf, { effects: "pure" })
    const call = op(1)
    await settle()
    const [info] = await hf.runs()
    await hf.run(info?.run as never).forget()
    await settle()
    gate.open()
    expect(await call).toBe(1)
    expect(log.filter((line) => line === "start 1").length).toBe(2)
  })

  it("keeps nothing of an ephemeral result either", async () => {
    const hf = await new RuntimeWorld().open()
    const { op, gate, log } = gated(hf, { effects: "pure", ephemeral: true })
    gate.open()
    await op(1)
    const [info] = await hf.runs()
    await hf.run(info?.run as never).forget()
    await op(1)
    expect(log.filter((line) => line === "start 1").length).toBe(2)
  })

  it("refuses to once the store is closed: CLOSED", async () => {
    const hf = await new RuntimeWorld().open()
    const { op } = gated(hf, { effects: "pure" })
    const run = await hf.start(op, [1])
    await hf.close()
    await faultOf(run.forget(), "CLOSED")
  })
})
