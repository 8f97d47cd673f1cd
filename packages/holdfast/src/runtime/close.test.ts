/** Closing: what runs is told, what waits is answered, nothing is left behind. */
import { getEventListeners } from "node:events"
import { describe, expect, it } from "vitest"
import { expectQuiet, faultOf, Gate, RuntimeWorld, settle } from "../../test/runtime-world.ts"
import { nextTurn } from "../env/turn.ts"
import type { Env } from "../env/index.ts"
import { isHoldfastError } from "../kernel/index.ts"
import { Holdfast } from "./index.ts"

describe("hf.close", () => {
  it("answers everything that waits with CLOSED, and leaves no timer and no listener (S1, L4)", async () => {
    const world = new RuntimeWorld()
    const [other, hf] = [await world.open("other"), await world.open("closing")]
    const held = await other.lock("a").acquire()
    const semaphore = await other.semaphore("s", 1).acquire()
    const { signal } = new AbortController()
    const waits = [
      hf.lock("a").acquire({ waitMs: 10_000, signal }),
      hf.lock("a").shared().acquire(),
      hf.lock(["b", "a"]).run(() => undefined),
      hf.semaphore("s", 1).acquire({ signal }),
    ].map(async (wait) => await faultOf(wait, "CLOSED"))
    const report = await hf.close()
    await Promise.all(waits)
    expect(report).toEqual({ bodies: 0, grants: 0 })
    expect(getEventListeners(signal, "abort")).toEqual([])
    expect(world.env.pendingTimers).toEqual([])
    const view = await other.inspect()
    expect(view.sessions.map(({ label }) => label)).toEqual(["other"])
    expect(view.locks.map(({ waiterCount }) => waiterCount)).toEqual([0, 0])
    await held.release()
    await semaphore.release()
    expectQuiet(await other.inspect())
  })

  it("aborts what runs, lets it end, and reports nothing when it does (S1)", async () => {
    const world = new RuntimeWorld()
    const hf = await world.open()
    const reasons: unknown[] = []
    const running = hf.lock("a").run(async ({ signal }) => {
      await new Promise((resolve) => {
        signal.addEventListener("abort", resolve)
      })
      reasons.push(signal.reason)
      // It may still write down how far it came.
      await hf.cell("progress").set("half")
      return "wound up"
    })
    expect(await hf.close()).toEqual({ bodies: 0, grants: 0 })
    expect(await running).toBe("wound up")
    expect(reasons).toEqual([expect.objectContaining({ code: "CLOSED" })])
    expect(world.env.pendingTimers).toEqual([])
    const other = await world.open()
    expect(await other.cell("progress").get()).toBe("half")
  })

  it("tells a callback that looks at its signal only after closing began (S1)", async () => {
    const hf = await new RuntimeWorld().open()
    const gate = new Gate()
    const running = hf.lock("a").run(async (grant) => {
      await gate.opened
      return grant.signal.aborted
    })
    const closing = hf.close()
    await settle()
    gate.open()
    expect(await running).toBe(true)
    await closing
  })

  it("does not wait for who never ends longer than its grace, reports it, and frees its lock (S1, L6)", async () => {
    const world = new RuntimeWorld()
    const [hf, other] = [await world.open("stuck"), await world.open("other")]
    const gate = new Gate()
    const running = hf.lock("a").run(async () => {
      await gate.opened
      return "at last"
    })
    const stuck = hf.operation("stuck", { version: 1, effects: "pure", run: async () => await gate.opened })
    const call = faultOf(stuck(), "CLOSED")
    const idle = await hf.lock("b").acquire()
    const next = other.lock("a").acquire()
    const closing = hf.close({ graceMs: 100 })
    await world.env.advanceBy(99)
    expect((await other.inspect()).sessions).toHaveLength(2)
    await world.env.advanceBy(1)
    expect(await closing).toEqual({ bodies: 1, grants: 1 })
    await call
    expect((await next).isHeld).toBe(true)
    expect(idle.isHeld).toBe(false)
    expect(idle.signal.reason).toMatchObject({ code: "CLOSED" })
    await idle.release()
    // What ends afterwards finds its grant lost, and changes nothing.
    gate.open()
    await faultOf(running, "GRANT_LOST")
    await settle()
    expect((await next).isHeld).toBe(true)
    expect(hf.metrics().locks["a"]).toMatchObject({ held: 0, lost: 0 })
    await (await next).release()
    await other.close()
    expect(world.env.pendingTimers).toEqual([])
  })

  it("waits for nobody with a grace of 0 ms, and 5 s without one (S1)", async () => {
    const world = new RuntimeWorld()
    const never = new Promise<void>(() => undefined)
    const hasty = await world.open("hasty")
    void hasty.lock("a").run(async () => {
      await never
    })
    const closing = hasty.close({ graceMs: 0 })
    await world.env.advanceBy(0)
    expect(await closing).toEqual({ bodies: 0, grants: 1 })
    const patient = await world.open("patient")
    void patient.lock("a").run(async () => {
      await never
    })
    let isClosed = false
    const later = patient.close().then((report) => {
      isClosed = true
      return report
    })
    await world.env.advanceBy(4_999)
    expect(isClosed).toBe(false)
    await world.env.advanceBy(1)
    expect(await later).toEqual({ bodies: 0, grants: 1 })
  })

  it("again gives the same report, also while it is under way, and by disposing (S1)", async () => {
    const world = new RuntimeWorld()
    const hf = await world.open()
    void hf.lock("a").run(async () => {
      await new Promise(() => undefined)
    })
    const [first, second] = [hf.close({ graceMs: 10 }), hf.close({ graceMs: 1e9 })]
    await world.env.advanceBy(10)
    expect(await first).toEqual({ bodies: 0, grants: 1 })
    expect(await second).toBe(await first)
    expect(await hf.close()).toBe(await first)
    await hf[Symbol.asyncDispose]()
  })

  it("with a grace that is none is refused, and the store stays open (S1)", async () => {
    const hf = await new RuntimeWorld().open()
    for (const graceMs of [-1, Number.NaN, Number.POSITIVE_INFINITY, "5" as never]) {
      await faultOf(hf.close({ graceMs }), "ARGUMENT_INVALID")
    }
    await faultOf(hf.close(null as never), "ARGUMENT_INVALID")
    expect(await hf.lock("a").run(() => 1)).toBe(1)
    expect(await hf.close()).toEqual({ bodies: 0, grants: 0 })
  })

  it("lets nothing new begin, from the moment it is called (S1)", async () => {
    const world = new RuntimeWorld()
    const hf = await world.open()
    const square = hf.operation("square", { version: 1, effects: "pure", run: (_, x: number) => x * x })
    const started = await hf.operation("waiting", { version: 1, effects: "pure", run: () => 1 }).start([])
    const gate = new Gate()
    const running = hf.lock("a").run(async () => await gate.opened)
    const closing = hf.close()
    await faultOf(hf.lock("free").acquire(), "CLOSED")
    await faultOf(
      hf.lock("free").run(() => expect.fail("it closes")),
      "CLOSED",
    )
    await faultOf(hf.lock("free").try(), "CLOSED")
    await faultOf(square(2), "CLOSED")
    await faultOf(
      hf.once("k", () => expect.fail("it closes")),
      "CLOSED",
    )
    await faultOf(started.result(), "CLOSED")
    await faultOf(hf.work([square]), "CLOSED")
    expect(() => hf.on("*", () => undefined)).toThrow(expect.objectContaining({ code: "CLOSED" }))
    expect((await hf.inspect()).locks.map(({ name }) => name)).toEqual(["a"])
    gate.open()
    await running
    expect(await closing).toEqual({ bodies: 0, grants: 0 })
  })

  it("gives back unstarted what it was handed while it closed: nothing of a `once` body happened (O6, O10)", async () => {
    let handedBack = 0
    for (let seed = 1; seed <= 60; seed++) {
      const world = new RuntimeWorld()
      const [hf, other] = [await world.openDeferred(seed), await world.open("other")]
      let started = 0
      const define = (at: Holdfast, run: () => number) => at.operation("send", { version: 1, effects: "once", run })
      await hf.work([define(hf, () => (started += 1))])
      await settle()
      const handle = await define(other, () => expect.fail("it only asks")).start([])
      for (let turn = 0; turn < seed % 12; turn++) await nextTurn()
      await hf.close()
      const info = await handle.status()
      if (started === 0) handedBack += 1
      expect(info.status, `seed ${String(seed)}`).toBe(started === 0 ? "pending" : "completed")
    }
    expect(handedBack).toBeGreaterThan(0)
  })

  it("may be called from inside a callback, which then does not wait for itself", async () => {
    const world = new RuntimeWorld()
    const hf = await world.open()
    const gate = new Gate()
    const running = hf.lock("a").run(async ({ signal }) => {
      signal.addEventListener("abort", () => {
        gate.open()
      })
      void hf.close()
      await gate.opened
      return "done"
    })
    expect(await running).toBe("done")
    expect(await hf.close()).toEqual({ bodies: 0, grants: 0 })
  })

  it("leaves nothing behind a wire either, wherever things stand, 150 seeds (S1, L4)", async () => {
    for (let seed = 1; seed <= 150; seed++) {
      const world = new RuntimeWorld()
      const lines = seed % 2 === 0 ? "one" : "two"
      const [hf, other] = [await world.openDeferred(seed, lines), await world.openDeferred(seed + 500, lines)]
      const { signal } = new AbortController()
      const ends = Array.from({ length: 6 }, async (_, at) => {
        const from = at % 3 === 0 ? other : hf
        const lock = at % 2 === 0 ? from.lock("a") : from.semaphore("s", 1)
        try {
          return await lock.run(async () => await Promise.resolve(at), { signal, leaseMs: 1_000 })
        } catch (error) {
          if (isHoldfastError(error, "CLOSED") || isHoldfastError(error, "GRANT_LOST")) return "closed"
          throw error
        }
      })
      for (let turn = 0; turn < seed % 10; turn++) await Promise.resolve()
      if (seed % 3 === 0) await settle()
      const report = await hf.close()
      expect(report).toEqual({ bodies: 0, grants: 0 })
      const ended = await Promise.all(ends)
      expect([ended[0], ended[3]]).toEqual([0, 3])
      await settle()
      expectQuiet(await other.inspect())
      expect(getEventListeners(signal, "abort")).toEqual([])
      await other.close()
      expect(world.env.pendingTimers).toEqual([])
    }
  })

  it("is what whoever goes on through it is told of, at every moment of its end (S1)", async () => {
    const world = new RuntimeWorld()
    const hf = await world.openDeferred()
    const goingOn = Array.from({ length: 5 }, async (_, index) => {
      const cell = hf.cell(`x${String(index)}`, { initial: 0 })
      // Each in a step of its own.
      for (let turn = 0; turn < index; turn += 1) await nextTurn()
      for (;;) {
        await hf.transact(async (tx) => {
          await tx.update(cell, (n) => n + 1)
        })
      }
    }).map(async (each) => await faultOf(each, "CLOSED"))
    await settle()
    await hf.close()
    await Promise.all(goingOn)
  })

  it("leaves the queues at once, so that nobody waits behind it through its grace (L3, L4)", async () => {
    const world = new RuntimeWorld()
    const [hf, other] = [await world.open("closing"), await world.open("other")]
    const reader = await other.lock("a").shared().acquire()
    const gate = new Gate()
    const running = hf.lock("b").run(async () => await gate.opened)
    const writer = faultOf(hf.lock("a").acquire(), "CLOSED")
    const behind = other.lock("a").shared().acquire()
    const closing = hf.close()
    await faultOf(hf.lock("a").acquire(), "CLOSED")
    await writer
    expect((await behind).isHeld).toBe(true)
    expect((await other.inspect()).locks.find(({ name }) => name === "a")).toMatchObject({ waiterCount: 0 })
    gate.open()
    await Promise.all([running, closing])
    await reader.release()
  })

  it("gives back at once a grant that comes in the very moment closing begins (L4, S1)", async () => {
    const world = new RuntimeWorld()
    const [hf, other] = [await world.open(), await world.open()]
    const gate = new Gate()
    // Keeps the closing session alive: its end would give everything back.
    const running = hf.lock("b").run(async () => await gate.opened)
    const held = await other.lock("a").acquire()
    const waiting = faultOf(hf.lock("a").acquire(), "CLOSED")
    // The event has answered the wait; the caller has not gone on yet.
    const released = held.release()
    const closing = hf.close()
    await waiting
    await released
    expect((await other.lock("a").try())?.isHeld).toBe(true)
    expect(hf.metrics().locks["a"]).toMatchObject({ granted: 0, held: 0, waiting: 0 })
    gate.open()
    await Promise.all([running, closing])
  })

  it("whose store fails still ends what is held here, and closes the connection (S1)", async () => {
    const world = new RuntimeWorld()
    const inner = world.store.connect()
    let closed = 0
    const hf = await Holdfast.connect({
      store: {
        id: inner.id,
        execute: (command) => {
          if (command.kind === "endSession") throw new Error("the disk is gone")
          return inner.execute(command)
        },
        onEvent: (handler) => {
          inner.onEvent(handler)
        },
        onTransition: (handler) => {
          inner.onTransition(handler)
        },
        close: async () => {
          closed += 1
          await inner.close()
        },
      },
      env: world.env,
      label: "me",
    })
    const grant = await hf.lock("a").acquire()
    await expect(hf.close()).rejects.toThrow("the disk is gone")
    await expect(hf.close()).rejects.toThrow("the disk is gone")
    expect({ closed, isHeld: grant.isHeld }).toEqual({ closed: 1, isHeld: false })
    expectQuiet(await (await world.open()).inspect())
  })
})

describe("after hf.close", () => {
  it("every method that needs the store says CLOSED, and runs nothing (S1)", async () => {
    const world = new RuntimeWorld()
    const hf = await world.open()
    const run = hf.operation("op", { version: 1, effects: "pure", run: () => expect.fail("it is closed") })
    const handle = await run.start([])
    const grant = await hf.lock("a").acquire()
    const changes = hf.cell("x").watch()
    await hf.close()
    const never = (): never => expect.fail("it is closed")
    const calls: Record<string, () => Promise<unknown>> = {
      "lock.run": async () => await hf.lock("a").run(never),
      "lock.acquire": async () => await hf.lock("a").acquire(),
      "lock.try": async () => await hf.lock("a").try(),
      "shared.acquire": async () => await hf.lock("a").shared().acquire(),
      "semaphore.run": async () => await hf.semaphore("s", 2).run(never),
      "semaphore.resize": async () => {
        await hf.semaphore("s", 2).resize(3)
      },
      "grant.renew": async () => {
        await grant.renew(5)
      },
      "cell.get": async () => await hf.cell("x").get(),
      "cell.set": async () => await hf.cell("x").set(1),
      "cell.delete": async () => await hf.cell("x").delete(),
      "cell.update": async () => await hf.cell("x").update(never),
      "cell.merge": async () => {
        await hf.cell("n", { initial: 0, relaxed: "counter" }).merge(1)
      },
      "cell.watch": async () => await hf.cell("x").watch().next(),
      read: async () => await hf.read([hf.cell("x")]),
      list: async () => await hf.list(""),
      watch: async () => await hf.watch("").next(),
      "a watch made before and read for the first time now": async () => await changes.next(),
      transact: async () => await hf.transact(never),
      operation: async () => await run(),
      invoke: async () => await run.invoke([]),
      start: async () => await hf.start(run, []),
      "handle.result": async () => await handle.result(),
      "handle.cancel": async () => await handle.cancel(),
      "handle.status": async () => await handle.status(),
      forget: async () => {
        await run.forget()
      },
      once: async () => await hf.once("k", never),
      work: async () => await hf.work([run]),
      "run.status": async () => await hf.run(handle.id).status(),
      runs: async () => await hf.runs(),
      inspect: async () => await hf.inspect(),
    }
    const codes: Record<string, string> = {}
    for (const [name, call] of Object.entries(calls)) codes[name] = await codeOf(call)
    expect(codes).toEqual(Object.fromEntries(Object.keys(calls).map((name) => [name, "CLOSED"])))
    expect(() => hf.on("*", () => undefined)).toThrow(expect.objectContaining({ code: "CLOSED" }))
    // What was counted can still be read.
    expect(hf.metrics().locks["a"]).toMatchObject({ granted: 1, held: 0 })
    await grant.release()
    expect(world.env.pendingTimers).toEqual([])
  })
})

describe("connecting", () => {
  it("to a store that refuses closes the connection again", async () => {
    const world = new RuntimeWorld()
    const ids = { next: () => "always the same" }
    const env: Env = { ...world.env, ids }
    const first = await world.open("first", env)
    let closed = 0
    const inner = world.store.connect(() => {
      closed += 1
    })
    await faultOf(Holdfast.connect({ store: inner, env, label: "second" }), "ARGUMENT_INVALID")
    expect(closed).toBe(1)
    expect((await first.inspect()).sessions).toHaveLength(1)
    await faultOf(
      Holdfast.connect({
        store: {
          ...inner,
          execute: () => ({ kind: "parked" }),
          onEvent: () => undefined,
          close: async () => undefined,
        },
        env,
        label: "third",
      }),
      "STORE_UNAVAILABLE",
    )
  })
})

/** The code of the fault a call ends with, or that it had none. */
async function codeOf(call: () => Promise<unknown>): Promise<string> {
  try {
    await call()
    return "no fault"
  } catch (error) {
    return isHoldfastError(error) ? error.code : String(error)
  }
}
