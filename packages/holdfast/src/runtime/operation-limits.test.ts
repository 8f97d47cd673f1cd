/** What a definition bounds: attempts, how many at once, how long, how long kept. All of it in simulated time. */
import { describe, expect, it } from "vitest"
import { drive, faultOf, Gate, RuntimeWorld, settle } from "../../test/runtime-world.ts"

function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index))
}

describe("a retry policy", () => {
  it("tries again after waits that grow up to their bound, and then fails with the last error (O3)", async () => {
    const world = new RuntimeWorld()
    const hf = await world.open()
    const at: number[] = []
    const op = hf.operation("op", {
      version: 1,
      effects: "pure",
      retry: { maxAttempts: 6, initialMs: 100, factor: 3, maxMs: 1_000 },
      run: (ctx) => {
        at.push(world.env.clock.monotonic())
        expect(ctx.attempt).toBe(at.length)
        throw new Error(`failure ${at.length}`)
      },
    })
    const joined = [op(), op()].map(async (call) => await faultOf(call, "RUN_FAILED"))
    await settle()
    expect(await op.handle().status()).toMatchObject({
      status: "pending",
      attempt: 1,
      failure: { message: "failure 1" },
      notBefore: world.env.clock.now() + 100,
    })
    for (const fault of await drive(world.env, Promise.all(joined)))
      expect(fault.cause).toMatchObject({ message: "failure 6" })
    expect(at).toEqual([0, 100, 400, 1_300, 2_300, 3_300])
    expect(world.env.pendingTimers).toEqual([])
  })

  it("ends with the first attempt that goes well; all who wait get its result", async () => {
    const world = new RuntimeWorld()
    const hf = await world.openDeferred()
    const op = hf.operation("op", {
      version: 1,
      effects: "pure",
      retry: { maxAttempts: 5, initialMs: 10 },
      run: ({ attempt, run, idempotencyKey }) => {
        expect(idempotencyKey).toBe(run)
        if (attempt < 3) throw new Error("not yet")
        return attempt
      },
    })
    expect(await drive(world.env, Promise.all(times(5, () => op())))).toEqual([3, 3, 3, 3, 3])
    expect(hf.metrics().operations["op"]).toMatchObject({ attempts: 3, failed: 2, completed: 1, executing: 0 })
  })

  it("starts a fresh budget when a failed run is asked for again", async () => {
    const world = new RuntimeWorld()
    const hf = await world.open()
    let attempts = 0
    const op = hf.operation("op", {
      version: 1,
      effects: "pure",
      retry: { maxAttempts: 2, initialMs: 10 },
      run: () => {
        attempts += 1
        throw new Error("no")
      },
    })
    for (const expected of [2, 4]) {
      await drive(world.env, faultOf(op(), "RUN_FAILED"))
      expect(attempts).toBe(expected)
    }
    const [info] = await hf.runs({ status: "failed" })
    expect(await hf.run(info?.run as never).retry()).toBe("pending")
    const worker = await hf.work([op])
    await drive(world.env, faultOf(hf.run(info?.run as never).result(), "RUN_FAILED"))
    expect(attempts).toBe(6)
    await worker.drain()
  })

  it("is not applied to a result that has no encoding: every attempt would end so", async () => {
    const hf = await new RuntimeWorld().open()
    let attempts = 0
    const op = hf.operation("op", {
      version: 1,
      effects: "pure",
      retry: { maxAttempts: 5 },
      run: () => {
        attempts += 1
        return { deep: [() => 1] }
      },
    })
    const fault = await faultOf(op(), "RUN_FAILED")
    expect(fault.message).toMatch(/VALUE_NOT_ENCODABLE.*the result of operation "op": at \.deep\[0\]/)
    expect(fault.cause).toMatchObject({ code: "VALUE_NOT_ENCODABLE" })
    expect(attempts).toBe(1)
  })
})

describe("limits", () => {
  it("of an operation hold over all sessions, and everybody gets a turn (O1)", async () => {
    const world = new RuntimeWorld()
    let [running, most] = [0, 0]
    const sessions = await Promise.all(times(3, (index) => world.openDeferred(index + 1, "two", `s${index}`)))
    const ops = sessions.map((hf) =>
      hf.operation("op", {
        version: 1,
        effects: "pure",
        concurrency: 2,
        run: async (_, n: number) => {
          running += 1
          most = Math.max(most, running)
          await settle()
          running -= 1
          return n
        },
      }),
    )
    const results = await Promise.all(times(12, async (n) => await ops[n % 3]?.(n)))
    expect(results).toEqual(times(12, (n) => n))
    expect(most).toBe(2)
  })

  it("of keys hold for each key, and not between keys", async () => {
    const hf = await new RuntimeWorld().open()
    const running = new Map<string, number>()
    let [mostOfKey, most] = [0, 0]
    const op = hf.operation("op", {
      version: 1,
      effects: "pure",
      keyed: { key: (user: string) => `user ${user}`, concurrency: 1 },
      run: async (_, user: string, n: number) => {
        running.set(user, (running.get(user) ?? 0) + 1)
        mostOfKey = Math.max(mostOfKey, running.get(user) ?? 0)
        most = Math.max(
          most,
          [...running.values()].reduce((sum, count) => sum + count, 0),
        )
        await settle()
        running.set(user, (running.get(user) ?? 0) - 1)
        return n
      },
    })
    await Promise.all(times(4, (n) => Promise.all([op("a", n), op("b", n), op("c", n)])))
    expect([mostOfKey, most]).toEqual([1, 3])
  })

  it("of keys are refused where the key function gives no name: ARGUMENT_INVALID", async () => {
    const hf = await new RuntimeWorld().open()
    const op = hf.operation("op", {
      version: 1,
      effects: "pure",
      keyed: { key: (key: unknown) => key as string, concurrency: 1 },
      run: (_, key: unknown) => key,
    })
    for (const key of ["", 5, null, undefined, "a\0b"]) await faultOf(op(key), "ARGUMENT_INVALID")
    expect(await op("fine")).toBe("fine")
  })
})

describe("an attempt's timeout", () => {
  it("aborts the body, counts as a failure, and what the body still does counts for nothing (O5)", async () => {
    const world = new RuntimeWorld()
    const hf = await world.open()
    const cell = hf.cell<string>("written")
    const gate = new Gate()
    const late: unknown[] = []
    const op = hf.operation("op", {
      version: 1,
      effects: "idempotent",
      attemptTimeoutMs: 100,
      retry: { maxAttempts: 2, initialMs: 0 },
      run: async (ctx) => {
        if (ctx.attempt === 2) return "second"
        await gate.opened
        late.push(ctx.signal.reason)
        for (const zombie of [
          () => ctx.progress(0.9),
          () => cell.set("zombie"),
          () => cell.update(() => "zombie"),
          () => ctx.transact("step", (tx) => tx.set(cell, "zombie")),
          () => ctx.complete((tx) => tx.set(cell, "zombie")),
          () => ctx.checkpoint(),
        ]) {
          late.push(
            await zombie().then(
              () => "done",
              (error: { code: string }) => error.code,
            ),
          )
        }
        return "first"
      },
    })
    expect(await drive(world.env, op())).toBe("second")
    gate.open()
    await settle()
    expect(late).toEqual([
      expect.objectContaining({
        code: "STALE_ATTEMPT",
        message: expect.stringMatching(/attempt 1 of "op" is over: timeout/),
      }),
      "STALE_ATTEMPT",
      "FENCED",
      "FENCED",
      "FENCED",
      "FENCED",
      "STALE_ATTEMPT",
    ])
    expect(await op()).toBe("second")
    expect((await cell.read()).version).toBe(0)
    expect(hf.metrics().operations["op"]).toMatchObject({ attempts: 2, completed: 1, stale: 1, executing: 0 })
  })

  it("that no attempt meets fails the run, though no body ever ends (O4)", async () => {
    const world = new RuntimeWorld()
    const hf = await world.open()
    const op = hf.operation("op", {
      version: 1,
      effects: "pure",
      attemptTimeoutMs: 100,
      run: async () => await new Gate().opened,
    })
    const fault = await drive(world.env, faultOf(op(), "RUN_FAILED"))
    expect(fault.message).toMatch(/TimeoutError: attempt 1 did not end within 100 ms/)
    expect(world.env.clock.monotonic()).toBe(100)
    expect(await drive(world.env, hf.close({ graceMs: 0 }))).toMatchObject({ bodies: 1 })
  })
})

describe("retention", () => {
  it("forgets a settled run in time, and the next call computes anew (O9)", async () => {
    const world = new RuntimeWorld()
    const hf = await world.open()
    let count = 0
    const op = hf.operation("op", { version: 1, effects: "pure", retainMs: 1_000, run: () => (count += 1) })
    expect(await op()).toBe(1)
    await world.env.advanceBy(999)
    expect(await op()).toBe(1)
    await world.env.advanceBy(1)
    expect(await op.handle().status()).toBeUndefined()
    expect(await op()).toBe(2)
  })

  it("keeps no process alive", async () => {
    const world = new RuntimeWorld()
    const hf = await world.open()
    const op = hf.operation("op", { version: 1, effects: "pure", retainMs: 1_000, run: () => 1 })
    await op()
    expect(world.env.pendingTimers.filter(({ keepAlive }) => keepAlive)).toEqual([])
  })
})
