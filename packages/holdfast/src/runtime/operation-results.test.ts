/** Results: stored and forgotten from outside, kept in the session alone, never overwritten by what is stale. */
import { describe, expect, it } from "vitest"
import { createSimulatedEnv } from "../env/simulated-env.ts"
import { MemoryStore } from "../stores/memory/index.ts"
import { Holdfast } from "./index.ts"
import { faultOf, Gate, RuntimeWorld, settle } from "../../test/runtime-world.ts"

describe("put", () => {
  it("stores a result without running a body, for this session and others (O2)", async () => {
    const world = new RuntimeWorld()
    const [hf, other] = [await world.open(), await world.openDeferred()]
    const run = (_: unknown, n: number): string => {
      throw new Error(`computed ${n}`)
    }
    const op = hf.operation("op", { version: 1, effects: "pure", run })
    await op.put([1], "stored")
    expect(await op(1)).toBe("stored")
    expect(await other.operation("op", { version: 1, effects: "pure", run })(1)).toBe("stored")
    await op.put([1], "newer")
    expect(await op(1)).toBe("newer")
    await faultOf(op(2), "RUN_FAILED")
    await op.put([2], "after a failure")
    expect(await op(2)).toBe("after a failure")
  })

  it("refuses what has no encoding with VALUE_NOT_ENCODABLE", async () => {
    const hf = await new RuntimeWorld().open()
    const op = hf.operation("op", { version: 1, effects: "pure", run: (): unknown => 1 })
    await faultOf(
      op.put([], () => 1),
      "VALUE_NOT_ENCODABLE",
    )
    expect(await op()).toBe(1)
  })

  it.each(["near", "far"] as const)(
    "is never overwritten by a computation that was in flight: the stale set of caches, %s (O5)",
    async (place) => {
      const world = new RuntimeWorld()
      const hf = place === "near" ? await world.open() : await world.openDeferred()
      const gate = new Gate()
      const reasons: unknown[] = []
      const op = hf.operation("op", {
        version: 1,
        effects: "pure",
        run: async (ctx) => {
          await gate.opened
          reasons.push(ctx.signal.reason)
          return "computed"
        },
      })
      const waiting = [op(), op()]
      await settle()
      await op.put([], "stored")
      // Those who waited are answered with what was stored.
      expect(await Promise.all(waiting)).toEqual(["stored", "stored"])
      gate.open()
      await settle()
      expect(await op()).toBe("stored")
      expect(reasons).toEqual([expect.objectContaining({ code: "STALE_ATTEMPT" })])
    },
  )
})

describe("forget", () => {
  it("makes the next call compute anew (O9)", async () => {
    const hf = await new RuntimeWorld().open()
    let count = 0
    const op = hf.operation("op", { version: 1, effects: "pure", run: (_, n: number) => n + (count += 1) })
    expect([await op(10), await op(20)]).toEqual([11, 22])
    await op.forget(10)
    await op.forget(99)
    expect([await op(10), await op(20)]).toEqual([13, 22])
  })

  it.each(["near", "far"] as const)(
    "is never undone by a computation that was in flight, whose callers get a fresh one, %s (O5)",
    async (place) => {
      const world = new RuntimeWorld()
      const hf = place === "near" ? await world.open() : await world.openDeferred()
      const gates = [new Gate(), new Gate()]
      let source = "old"
      let bodies = 0
      const op = hf.operation("op", {
        version: 1,
        effects: "pure",
        run: async () => {
          const read = source
          await gates[bodies++]?.opened
          return read
        },
      })
      const early = [op(), op()]
      await settle()
      source = "new"
      await op.forget()
      const late = op()
      await settle()
      gates[0]?.open()
      await settle()
      gates[1]?.open()
      expect(await Promise.all([...early, late])).toEqual(["new", "new", "new"])
      expect([await op(), bodies]).toEqual(["new", 2])
    },
  )

  it("ends a wait that is bound to the generation: RUN_SUPERSEDED, RUN_UNKNOWN", async () => {
    const hf = await new RuntimeWorld().open()
    const op = hf.operation("op", { version: 1, effects: "pure", run: () => 1 })
    const run = await op.start([])
    const waiting = faultOf(run.result(), "RUN_SUPERSEDED")
    await settle()
    await op.forget()
    expect((await waiting).message).toMatch(/operation "op" was forgotten/)
    await faultOf(run.result(), "RUN_UNKNOWN")
    const again = await op.start([])
    expect(again.id).not.toBe(run.id)
    await faultOf(run.result(), "RUN_SUPERSEDED")
  })
})

describe("an ephemeral result", () => {
  function makeSocket(id: number) {
    return { id, close: () => "closed" }
  }

  it("is the body's own object, in this session alone", async () => {
    const world = new RuntimeWorld()
    const [hf, other] = [await world.open(), await world.openDeferred()]
    let made = 0
    const [op, far] = [hf, other].map((session) =>
      session.operation("connect", {
        version: 1,
        effects: "pure",
        ephemeral: true,
        run: (_, id: number) => makeSocket((made += id)),
      }),
    )
    const [one, two] = await Promise.all([op?.(1), op?.(1)])
    expect(one).toBe(two)
    expect(one?.close()).toBe("closed")
    expect(await op?.(1)).toBe(one)
    expect(await far?.(1)).not.toBe(one)
    expect(await far?.(1)).toBe(await far?.(1))
    expect(made).toBe(2)
    expect(op?.handle(1).identity).not.toBe(far?.handle(1).identity)
  })

  it("can be stored, forgotten and forced, and is never overwritten by what was in flight (O5)", async () => {
    const world = new RuntimeWorld()
    for (const hf of [await world.open(), await world.openDeferred()]) {
      const gates = [new Gate(), new Gate(), new Gate(), new Gate()]
      let bodies = 0
      const op = hf.operation("connect", {
        version: 1,
        effects: "pure",
        ephemeral: true,
        run: async () => {
          bodies += 1
          const socket = makeSocket(bodies)
          await gates[bodies - 1]?.opened
          return socket
        },
      })
      const waiting = op()
      await settle()
      const own = makeSocket(100)
      await op.put([], own)
      expect(await waiting).toBe(own)
      gates[0]?.open()
      await settle()
      expect(await op()).toBe(own)
      await op.forget()
      const second = op()
      await settle()
      await op.forget()
      gates[1]?.open()
      gates[2]?.open()
      expect((await second).id).toBe(3)
      gates[3]?.open()
      expect((await op.invoke([], { force: true })).id).toBe(4)
      expect((await op()).id).toBe(4)
    }
  })

  it("completes with a commit of the body, too", async () => {
    const hf = await new RuntimeWorld().open()
    const cell = hf.cell("a", { initial: 0 })
    const op = hf.operation("connect", {
      version: 1,
      effects: "pure",
      ephemeral: true,
      run: async (ctx): Promise<ReturnType<typeof makeSocket>> =>
        await ctx.complete((tx) => {
          tx.set(cell, 1)
          return makeSocket(7)
        }),
    })
    expect((await op()).close()).toBe("closed")
    expect(await cell.get()).toBe(1)
  })

  it("is computed anew when it is no longer kept, and never waited for (O9)", async () => {
    // So many runs: without asserting every invariant after every command.
    const env = createSimulatedEnv({ seed: 1 })
    const store = new MemoryStore({ env, check: false })
    const hf = await Holdfast.connect({ store: store.connect(), env, label: "me" })
    let bodies = 0
    const op = hf.operation("connect", {
      version: 1,
      effects: "pure",
      ephemeral: true,
      run: (_, id: number) => {
        bodies += 1
        return makeSocket(id)
      },
    })
    // One more than are kept: the first is dropped.
    for (let id = 0; id <= 10_000; id++) await op(id)
    expect(bodies).toBe(10_001)
    expect((await op(10_000)).id).toBe(10_000)
    expect(bodies).toBe(10_001)
    expect((await Promise.all([op(0), op(0)])).map(({ id }) => id)).toEqual([0, 0])
    expect(bodies).toBe(10_002)
  })

  it("cannot be queued, as a worker of any session might take it: ARGUMENT_INVALID", async () => {
    const hf = await new RuntimeWorld().open()
    const op = hf.operation("connect", { version: 1, effects: "pure", ephemeral: true, run: () => makeSocket(1) })
    await faultOf(op.start([]), "ARGUMENT_INVALID")
    await faultOf(
      hf.transact((tx) => tx.start(op, [])),
      "ARGUMENT_INVALID",
    )
  })
})

describe("what a caller is told of a failure", () => {
  it.each([
    ["undefined", undefined, "the body rejected with undefined, not with an Error"],
    ["null", null, "the body rejected with null, not with an Error"],
    ["a text", "text", 'the body rejected with "text", not with an Error'],
    ["a number", 5, "the body rejected with 5, not with an Error"],
    ["an object", { a: 1 }, "the body rejected with an object, not with an Error"],
    ["a symbol", Symbol("s"), "the body rejected with Symbol(s), not with an Error"],
  ])("is what the body threw, also when that is %s", async (_, thrown, message) => {
    const world = new RuntimeWorld()
    const [hf, other] = [await world.open(), await world.open("other")]
    for (const isAsync of [false, true]) {
      const op = hf.operation(`op ${String(isAsync)}`, {
        version: 1,
        effects: "pure",
        run: isAsync
          ? async () => await Promise.reject(thrown)
          : () => {
              throw thrown
            },
      })
      const fault = await faultOf(op(), "RUN_FAILED")
      expect(fault.message).toContain(message)
      expect(fault.cause).toBe(thrown)
      const [info] = await other.runs({ operation: op.operationName })
      expect((await faultOf(other.run(info?.run as never).result(), "RUN_FAILED")).cause).toMatchObject({
        name: "Error",
        message,
      })
    }
  })

  it("in another session is an error like it, with its name, message, stack and, for a fault, its code", async () => {
    const world = new RuntimeWorld()
    const [hf, other] = [await world.open(), await world.open("other")]
    const own = new RangeError("too far")
    const range = hf.operation("range", {
      version: 1,
      effects: "pure",
      run: () => {
        throw own
      },
    })
    const coded = hf.operation("coded", {
      version: 1,
      effects: "pure",
      run: async () => await hf.run("nonsense" as never).result(),
    })
    const runs = [await range.start([]), await coded.start([])]
    const far = runs.map(async ({ id }) => await faultOf(other.run(id).result(), "RUN_FAILED"))
    const near = faultOf(runs[0]?.result() ?? Promise.resolve(), "RUN_FAILED")
    const worker = await hf.work([range, coded])
    const [first, second] = await Promise.all(far)
    expect(first?.cause).toMatchObject({ name: "RangeError", message: "too far", stack: own.stack })
    expect(first?.message).toBe("the run failed: RangeError: too far")
    expect(second?.cause).toMatchObject({ name: "HoldfastError", code: "RUN_UNKNOWN" })
    expect((await near).cause).toBe(own)
    await worker.drain()
  })

  it("is the error of the attempt that failed, not of one before in this session", async () => {
    const world = new RuntimeWorld()
    const sessions = [await world.open("a"), await world.open("b")]
    const [a, b] = sessions.map((hf, index) =>
      hf.operation("op", {
        version: 1,
        effects: "pure",
        run: () => {
          throw new Error(`of session ${index}`)
        },
      }),
    )
    expect((await faultOf(a?.() ?? Promise.resolve(), "RUN_FAILED")).cause).toMatchObject({ message: "of session 0" })
    const call = faultOf(b?.() ?? Promise.resolve(), "RUN_FAILED")
    const joined = faultOf(a?.() ?? Promise.resolve(), "RUN_FAILED")
    expect((await call).cause).toMatchObject({ message: "of session 1" })
    expect((await joined).cause).toMatchObject({ message: "of session 1" })
  })
})
