/** What a session counts, exactly. */
import { describe, expect, it } from "vitest"
import { faultOf, Gate, RuntimeWorld, settle } from "../../test/runtime-world.ts"
import { createSimulatedEnv } from "../env/simulated-env.ts"
import { type HistogramSnapshot, Metrics } from "./index.ts"

describe("metrics of a scripted scenario", () => {
  it("count every way a lock request can end, with its times, to the number", async () => {
    const world = new RuntimeWorld()
    const hf = await world.open()
    const lock = hf.lock("user:1")
    // 1 granted at once, held 2 s; behind it one that waits 2 s, one that times out, one that is aborted.
    const first = await lock.acquire()
    const waiting = lock.run(() => undefined)
    const timed = faultOf(hf.lock("user:1").acquire({ waitMs: 500 }), "LOCK_TIMEOUT")
    const controller = new AbortController()
    const aborted = lock.acquire({ signal: controller.signal }).catch(() => "aborted")
    expect(hf.metrics().locks["user"]).toMatchObject({ granted: 1, held: 1, waiting: 3 })
    await world.env.advanceBy(1_000)
    controller.abort()
    await world.env.advanceBy(1_000)
    await first.release()
    await Promise.all([waiting, timed, aborted])
    // Asked without waiting and busy, twice: as a value and as an error.
    const second = await hf.lock("user/2").acquire()
    await hf.lock("user/2").try()
    await faultOf(hf.lock("user/2").acquire({ waitMs: 0 }), "LOCK_TIMEOUT")
    // Its own scope's, again.
    await second.scope.run(async () => await faultOf(hf.lock("user/2").acquire(), "DEADLOCK"))
    await second.release()
    // And a lease that ends.
    const leased = await hf.lock("user:3").acquire({ leaseMs: 250 })
    await world.env.advanceBy(250)
    expect(leased.isHeld).toBe(false)

    const { waitSeconds, holdSeconds, ...counts } = lockMetrics(hf.metrics().locks["user"])
    expect(counts).toEqual({
      granted: 4,
      contended: 1,
      timeouts: 2,
      aborted: 1,
      deadlocks: 1,
      busy: 1,
      lost: 1,
      waiting: 0,
      held: 0,
    })
    expect(waitSeconds).toMatchObject({ count: 1, sumSeconds: 2 })
    // The first 2 s, the second and the third no time; a grant that was lost was not held to any end.
    expect(holdSeconds).toMatchObject({ count: 3, sumSeconds: 2 })
    expect(nonEmpty(holdSeconds)).toEqual({ 0: 2, 11: 1 })
  })

  it("count cells: reads, commits, conflicts and the retries they cause, fences", async () => {
    const world = new RuntimeWorld()
    const hf = await world.open("frozen", createSimulatedEnv({ seed: 2 }))
    const cell = hf.cell("task/1", { initial: 0 })
    await cell.get()
    await cell.set(1)
    await cell.update((value) => value + 1)
    let isFirst = true
    await hf.transact(async (tx) => {
      const value = await tx.get(cell)
      if (isFirst) await hf.cell("task/1").set(10)
      isFirst = false
      tx.set(cell, value + 1)
    })
    await hf
      .lock("a")
      .run(
        async () => {
          await world.env.advanceBy(10)
          await faultOf(cell.set(5), "FENCED")
        },
        { leaseMs: 5 },
      )
      .catch(() => undefined)
    const counts = hf.metrics().cells["task"]
    expect(counts).toEqual({ reads: 1, commits: 4, conflicts: 1, retries: 1, fenced: 1 })
    expect(await cell.get()).toBe(11)
  })

  it("count calls of an operation: executed, joined, served, failed", async () => {
    const world = new RuntimeWorld()
    const hf = await world.open()
    const gate = new Gate()
    const load = hf.operation("load", {
      version: 1,
      effects: "pure",
      run: async (_, key: string) => {
        await gate.opened
        if (key === "bad") throw new Error("no luck")
        return key
      },
    })
    const calls = [load("a"), load("a"), load("a"), load("bad").catch(() => "failed")]
    await settle()
    expect(hf.metrics().operations["load"]).toMatchObject({ executing: 2, attempts: 2, calls: 4, joined: 2 })
    await world.env.advanceBy(3_000)
    gate.open()
    await Promise.all(calls)
    await load("a")
    expect(hf.metrics().operations["load"]).toMatchObject({
      calls: 5,
      served: 1,
      joined: 2,
      attempts: 2,
      completed: 1,
      failed: 1,
      stale: 0,
      executing: 0,
      bodySeconds: { count: 2, sumSeconds: 6 },
    })
  })
})

describe("labels", () => {
  it("are classes of names: what stands before the first colon or slash", async () => {
    const hf = await new RuntimeWorld().open()
    for (const name of ["user:1", "user:2", "user/3", "users", ":odd", "/odd"]) {
      await hf.lock(name).run(() => undefined)
    }
    const { locks } = hf.metrics()
    expect(Object.entries(locks).map(([label, { granted }]) => [label, granted])).toEqual([
      ["user", 3],
      ["users", 1],
      [":odd", 1],
      ["/odd", 1],
    ])
  })

  it("are bounded: a program that names things without classes grows no metric", () => {
    const metrics = new Metrics()
    for (let at = 0; at < 10_000; at++) {
      metrics.lock(`lock${String(at)}`).granted += 1
      metrics.cell(`cell${String(at)}`).reads += 1
      metrics.operation(`operation${String(at)}`).calls += 1
    }
    const { locks, cells, operations } = metrics.snapshot()
    for (const labels of [locks, cells, operations]) expect(Object.keys(labels)).toHaveLength(201)
    expect([locks["(other)"]?.granted, cells["(other)"]?.reads, operations["(other)"]?.calls]).toEqual([
      9_800, 9_800, 9_800,
    ])
    expect(locks["lock5"]?.granted).toBe(1)
    // Known ones are still counted by themselves.
    metrics.lock("lock5").granted += 1
    expect(metrics.snapshot().locks["lock5"]?.granted).toBe(2)
  })

  it("that are names of an object's own machinery are labels like others", () => {
    const metrics = new Metrics()
    metrics.lock("__proto__").granted += 1
    metrics.lock("constructor").granted += 1
    expect(Object.keys(metrics.snapshot().locks)).toEqual(["__proto__", "constructor"])
  })
})

function lockMetrics<T>(metrics: T | undefined): T {
  if (metrics === undefined) throw new Error("the class was not counted")
  return metrics
}

/** Buckets that are not empty, by index. */
function nonEmpty({ counts }: HistogramSnapshot): Record<number, number> {
  return Object.fromEntries(counts.map((count, at) => [at, count] as const).filter(([, count]) => count > 0))
}
