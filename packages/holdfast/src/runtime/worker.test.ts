/** Workers: slots that take queued runs, never more bodies than slots, and a graceful end. */
import { describe, expect, it } from "vitest"
import { drive, expectQuiet, faultOf, Gate, RuntimeWorld, settle } from "../../test/runtime-world.ts"
import type { Holdfast } from "./index.ts"

function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index))
}

/** Counts what computes at once: bodies between two waits. */
class Gauge {
  now = 0
  most = 0

  enter(): void {
    this.now += 1
    this.most = Math.max(this.most, this.now)
  }

  leave(): void {
    this.now -= 1
  }

  async computing(work: () => Promise<void>): Promise<void> {
    this.enter()
    await work()
    this.leave()
  }
}

describe("a worker", () => {
  it.each(["near", "far"] as const)(
    "never computes more bodies than it has slots, and uses all of them, %s",
    async (place) => {
      const world = new RuntimeWorld()
      const hf = place === "near" ? await world.open() : await world.openDeferred()
      const gauge = new Gauge()
      const op = hf.operation("op", {
        version: 1,
        effects: "pure",
        run: async (_, n: number) => {
          await gauge.computing(settle)
          return n
        },
      })
      const runs = await Promise.all(times(20, (n) => op.start([n])))
      const worker = await hf.work([op], { concurrency: 3 })
      expect(await Promise.all(runs.map(async (run) => await run.result()))).toEqual(times(20, (n) => n))
      expect([gauge.most, gauge.now]).toEqual([3, 0])
      await worker.drain()
      expectQuiet(await hf.inspect())
    },
  )

  it("has one slot unless told otherwise", async () => {
    const hf = await new RuntimeWorld().open()
    const gauge = new Gauge()
    const op = hf.operation("op", {
      version: 1,
      effects: "pure",
      run: async (_, n: number) => await gauge.computing(settle).then(() => n),
    })
    const runs = await Promise.all(times(4, (n) => op.start([n])))
    const worker = await hf.work([op])
    await Promise.all(runs.map(async (run) => await run.result()))
    expect(gauge.most).toBe(1)
    await worker.drain()
  })

  it("takes only its operations, in the version it defines", async () => {
    const world = new RuntimeWorld()
    const [hf, other] = [await world.open(), await world.open("other")]
    const make = (session: Holdfast, version: number) =>
      session.operation("op", {
        version,
        effects: "pure",
        run: () => `version ${version} of ${session === hf ? "me" : "other"}`,
      })
    const one = make(hf, 1)
    const two = make(hf, 2)
    const farTwo = make(other, 2)
    const runs = [await one.start([]), await two.start([])]
    const workers = [await other.work([farTwo], { concurrency: 2 })]
    await settle()
    expect(await Promise.all(runs.map(async (run) => (await run.status()).status))).toEqual(["pending", "completed"])
    workers.push(await hf.work([one]))
    expect(await Promise.all(runs.map(async (run) => await run.result()))).toEqual([
      "version 1 of me",
      "version 2 of other",
    ])
    for (const worker of workers) await worker.drain()
  })

  it("of several shares its queue with the others: each run once (O1)", async () => {
    const world = new RuntimeWorld()
    const sessions = await Promise.all(times(3, (index) => world.openDeferred(index + 1, "two", `s${index}`)))
    const done: number[] = []
    const ops = sessions.map((hf) =>
      hf.operation("op", {
        version: 1,
        effects: "idempotent",
        run: async (_, n: number) => {
          await Promise.resolve()
          done.push(n)
        },
      }),
    )
    const workers = await Promise.all(
      sessions.map(async (hf, index) => {
        const op = ops[index]
        if (op === undefined) throw new Error("no operation")
        return await hf.work([op], { concurrency: 2 })
      }),
    )
    const runs = await Promise.all(times(30, async (n) => await ops[n % 3]?.start([n])))
    await Promise.all(runs.map(async (run) => await run?.result()))
    expect(done.toSorted((a, b) => a - b)).toEqual(times(30, (n) => n))
    await Promise.all(workers.map(async (worker) => await worker.drain()))
    const [hf] = sessions
    if (hf !== undefined) expectQuiet(await hf.inspect())
  })

  it("refuses operations of another open store, which it could not execute: OPERATION_UNKNOWN", async () => {
    const world = new RuntimeWorld()
    const [hf, other] = [await world.open(), await world.open("other")]
    const define = (session: Holdfast) => session.operation("op", { version: 1, effects: "pure", run: () => 1 })
    const far = define(other)
    await faultOf(hf.work([far]), "OPERATION_UNKNOWN")
    define(hf)
    await faultOf(hf.work([far]), "OPERATION_UNKNOWN")
    for (const op of [null, "op", {}, { operationName: "op", version: 1 }]) {
      await faultOf(hf.work([op as never]), "OPERATION_UNKNOWN")
    }
  })

  it("refuses bad operations, slots and graces with ARGUMENT_INVALID", async () => {
    const hf = await new RuntimeWorld().open()
    const op = hf.operation("op", { version: 1, effects: "pure", run: () => 1 })
    for (const open of [
      () => hf.work([]),
      () => hf.work(op as never),
      () => hf.work([op], { concurrency: 0 }),
      () => hf.work([op], { concurrency: 1.5 }),
      () => hf.work([op], null as never),
    ]) {
      await faultOf(open(), "ARGUMENT_INVALID")
    }
    const worker = await hf.work([op])
    await faultOf(worker.drain({ graceMs: -1 }), "ARGUMENT_INVALID")
    await faultOf(worker.drain(null as never), "ARGUMENT_INVALID")
    // Still open: nothing was drained.
    expect(await (await op.start([])).result()).toBe(1)
    await worker.drain()
  })

  it("whose session has died takes nothing more, and its bodies' ends disturb nobody (O6)", async () => {
    const world = new RuntimeWorld()
    for (const hf of [await world.open("dying"), await world.openDeferred(1, "two", "dying")]) {
      const gate = new Gate()
      const op = hf.operation("op", {
        version: 1,
        effects: "pure",
        run: async () => {
          await gate.opened
          return 1
        },
      })
      await op.start([])
      const worker = await hf.work([op], { concurrency: 2 })
      await settle()
      world.kill("dying")
      gate.open()
      await settle()
      await worker.drain()
      const next = hf.work([op])
      await faultOf(next, "SESSION_LOST")
    }
  })
})

describe("a body that awaits other runs", () => {
  it.each(["near", "far"] as const)(
    "gives its slot up meanwhile: parents and children share one slot, %s (L7)",
    async (place) => {
      const world = new RuntimeWorld()
      const hf = place === "near" ? await world.open() : await world.openDeferred()
      const gauge = new Gauge()
      const child = hf.operation("child", {
        version: 1,
        effects: "pure",
        run: async (_, n: number) => {
          await gauge.computing(settle)
          return n
        },
      })
      const parent = hf.operation("parent", {
        version: 1,
        effects: "pure",
        run: async (_, n: number) => {
          gauge.enter()
          const run = await child.start([n])
          gauge.leave()
          const result = await run.result()
          await gauge.computing(settle)
          return result
        },
      })
      const worker = await hf.work([parent, child], { concurrency: 1 })
      const runs = await Promise.all(times(4, (n) => parent.start([n])))
      expect(await Promise.all(runs.map(async (run) => await run.result()))).toEqual([0, 1, 2, 3])
      // A parent that goes on while its slot was lent is one more until the count is back.
      expect(gauge.most).toBeLessThanOrEqual(place === "near" ? 5 : 5)
      await worker.drain()
      expectQuiet(await hf.inspect())
    },
  )

  it("and goes on takes the slot back: nothing new is taken meanwhile, though one was being asked for", async () => {
    for (const place of ["near", "far"]) {
      const world = new RuntimeWorld()
      const hf = place === "near" ? await world.open() : await world.openDeferred()
      const [first, second] = [new Gate(), new Gate()]
      const log: string[] = []
      const child = hf.operation("child", { version: 1, effects: "pure", run: async () => await first.opened })
      const parent = hf.operation("parent", {
        version: 1,
        effects: "idempotent",
        run: async (_, name: string) => {
          if (name === "awaits") await child()
          log.push(`${name} computes`)
          await second.opened
          log.push(`${name} ends`)
        },
      })
      const worker = await hf.work([parent], { concurrency: 1 })
      const run = await parent.start(["awaits"])
      await settle()
      first.open()
      await settle()
      const other = await parent.start(["other"])
      await settle()
      expect([log, (await other.status()).status]).toEqual([["awaits computes"], "pending"])
      second.open()
      await Promise.all([run.result(), other.result()])
      expect(log).toEqual(["awaits computes", "awaits ends", "other computes", "other ends"])
      await worker.drain()
    }
  })

  it("executes an unclaimed child itself, where no worker would ever come (L7)", async () => {
    const hf = await new RuntimeWorld().open()
    const child = hf.operation("child", { version: 1, effects: "pure", run: (_, n: number) => n * 2 })
    const parent = hf.operation("parent", {
      version: 1,
      effects: "pure",
      run: async (_, n: number) => {
        const run = await child.start([n])
        return (await run.result()) + (await child(n + 1))
      },
    })
    const worker = await hf.work([parent])
    expect(await (await parent.start([10])).result()).toBe(42)
    await worker.drain()
  })

  it("in its very first step lends its slot once, not twice", async () => {
    const hf = await new RuntimeWorld().open()
    const gauge = new Gauge()
    const slow = new Gate()
    const child = hf.operation("child", {
      version: 1,
      effects: "pure",
      run: async () => await slow.opened.then(() => 1),
    })
    const parent = hf.operation("parent", {
      version: 1,
      effects: "pure",
      run: async (_, n: number) => {
        if (n === 0) return await child()
        await gauge.computing(settle)
        return n
      },
    })
    const runs = await Promise.all(times(5, (n) => parent.start([n])))
    const worker = await hf.work([parent], { concurrency: 1 })
    await Promise.all(runs.slice(1).map(async (run) => await run.result()))
    expect(gauge.most).toBe(1)
    slow.open()
    expect(await runs[0]?.result()).toBe(1)
    await worker.drain()
  })

  it("that waits for a lock its child needs is refused with DEADLOCK, and nobody hangs (L7)", async () => {
    const world = new RuntimeWorld()
    const [hf, other] = [await world.open(), await world.openDeferred()]
    const gate = new Gate()
    const child = hf.operation("child", {
      version: 1,
      effects: "pure",
      run: async () => {
        await gate.opened
        return await hf.lock("door").run(() => "through")
      },
    })
    const parent = hf.operation("parent", {
      version: 1,
      effects: "pure",
      run: async () =>
        await hf.lock("door").run(async () => {
          const result = child()
          await settle()
          gate.open()
          return await result
        }),
    })
    const fault = await faultOf(parent(), "RUN_FAILED")
    const codes: string[] = []
    for (let cause: unknown = fault.cause; cause !== undefined; cause = (cause as { cause?: unknown }).cause) {
      codes.push((cause as { code: string }).code)
    }
    expect(codes).toContain("DEADLOCK")
    expect(await other.lock("door").run(() => "free")).toBe("free")
  })

  it("that fills a limit its children need is refused with DEADLOCK (L7)", async () => {
    const hf = await new RuntimeWorld().open()
    const child = hf.operation("child", {
      version: 1,
      effects: "pure",
      run: async (_, n: number) => await hf.semaphore("slots", 4).run(() => n),
    })
    const parent = hf.operation("parent", {
      version: 1,
      effects: "pure",
      run: async (_, n: number) =>
        await hf.semaphore("slots", 4).run(async () => {
          await settle()
          return await child(n)
        }),
    })
    const outcomes = await Promise.allSettled(times(4, (n) => parent(n)))
    const failed = outcomes.filter(({ status }) => status === "rejected")
    expect(failed.length).toBeGreaterThan(0)
    expect(failed.length).toBeLessThan(4)
  })
})

describe("drain", () => {
  it("takes nothing new, lets bodies end, and can be asked for twice (S1)", async () => {
    const world = new RuntimeWorld()
    for (const hf of [await world.open(), await world.openDeferred()]) {
      const gate = new Gate()
      const done: number[] = []
      const op = hf.operation("op", {
        version: 1,
        effects: "pure",
        run: async (_, n: number) => {
          await gate.opened
          done.push(n)
        },
      })
      const base = 10 * (await hf.runs()).length
      const runs = [await op.start([base]), await op.start([base + 1]), await op.start([base + 2])]
      const worker = await hf.work([op], { concurrency: 2 })
      await settle()
      let isDrained = false
      const drained = Promise.all([worker.drain(), worker.drain()]).then(() => (isDrained = true))
      await settle()
      expect(isDrained).toBe(false)
      gate.open()
      await drained
      await settle()
      expect(done).toEqual([base, base + 1])
      expect(await runs[2]?.status()).toMatchObject({ status: "pending", attempt: 0 })
      await worker.drain()
      await runs[2]?.cancel()
    }
  })

  it("within a grace aborts bodies, gives back the runs of those that do not end well, uncounted, and ends (S1, O6)", async () => {
    const world = new RuntimeWorld()
    const [hf, other] = [await world.open(), await world.open("other")]
    const never = new Gate()
    const reasons: unknown[] = []
    const define = (session: Holdfast) =>
      session.operation("op", {
        version: 1,
        effects: "idempotent",
        retry: { maxAttempts: 1 },
        run: async ({ signal }, how: string) => {
          if (session === other) return `${how} elsewhere`
          if (how === "deaf") await never.opened
          await new Promise((resolve) => signal.addEventListener("abort", resolve))
          reasons.push(signal.reason)
          if (how === "throws") throw signal.reason
          return "in time"
        },
      })
    const [op, far] = [define(hf), define(other)]
    const runs = await Promise.all(["deaf", "throws", "ends"].map(async (how) => await op.start([how])))
    const worker = await hf.work([op], { concurrency: 3 })
    await settle()
    const since = world.env.clock.monotonic()
    await drive(world.env, worker.drain({ graceMs: 100 }))
    // Once to end by themselves, once more to react.
    expect(world.env.clock.monotonic() - since).toBe(200)
    expect(reasons).toEqual([expect.objectContaining({ code: "CLOSED" }), expect.objectContaining({ code: "CLOSED" })])
    const second = await other.work([far], { concurrency: 3 })
    expect(await Promise.all(runs.map(async (run) => await run.result()))).toEqual([
      "deaf elsewhere",
      "throws elsewhere",
      "in time",
    ])
    never.open()
    await settle()
    expect(await runs[0]?.result()).toBe("deaf elsewhere")
    await second.drain({ graceMs: 0 })
    expect(world.env.pendingTimers).toEqual([])
  })

  it("leaves a grace at once when the bodies end before, and no timer (S1)", async () => {
    const world = new RuntimeWorld()
    const hf = await world.open()
    const gate = new Gate()
    const op = hf.operation("op", { version: 1, effects: "pure", run: async () => await gate.opened })
    await op.start([])
    const worker = await hf.work([op])
    await settle()
    const drained = worker.drain({ graceMs: 1_000 })
    await settle()
    gate.open()
    await drained
    expect([world.env.clock.monotonic(), world.env.pendingTimers]).toEqual([0, []])
  })

  it("happens by disposal, too", async () => {
    const hf = await new RuntimeWorld().open()
    const op = hf.operation("op", { version: 1, effects: "pure", run: () => 1 })
    const worker = await hf.work([op])
    await worker[Symbol.asyncDispose]()
    await op.start([])
    await settle()
    expect(await hf.runs()).toMatchObject([{ status: "pending" }])
  })

  it("behind a wire loses no claim that was under way when it began, whatever overtakes what (O6)", async () => {
    for (const effects of ["idempotent", "once"] as const) {
      for (let seed = 0; seed < 25; seed++) {
        const world = new RuntimeWorld()
        const [far, near] = [await world.openDeferred(seed), await world.open("near")]
        const done: string[] = []
        const define = (session: Holdfast) =>
          session.operation("op", {
            version: 1,
            effects,
            run: (_, n: number) => void done.push(`${n} ${session === far ? "far" : "near"}`),
          })
        const [op, own] = [define(far), define(near)]
        const worker = await far.work([op], { concurrency: 2 })
        const runs = await Promise.all(times(6, (n) => own.start([n])))
        await worker.drain()
        const second = await near.work([own], { concurrency: 2 })
        await Promise.all(runs.map(async (run) => await run.result()))
        expect(done.map((entry) => entry.slice(0, 1)).toSorted((a, b) => (a < b ? -1 : 1))).toEqual(
          times(6, (n) => `${n}`),
        )
        await second.drain()
        await settle()
        expectQuiet(await near.inspect())
      }
    }
  })
})
