/** A session between its callers and its store: waits are answered once, and what comes too late is given back. */
import { getEventListeners } from "node:events"
import { describe, expect, it, vi } from "vitest"
import { expectQuiet, faultOf, Gate, RuntimeWorld, settle } from "../../test/runtime-world.ts"
import { createSimulatedEnv, type SimulatedEnv } from "../env/simulated-env.ts"
import { createPrng } from "../env/prng.ts"
import { nextTurn } from "../env/turn.ts"
import {
  type Command,
  HoldfastError,
  InvariantError,
  type RequestId,
  type StoreEvent,
  type Token,
} from "../kernel/index.ts"
import { Metrics } from "../observe/index.ts"
import type { Store, StoreOutcome } from "../store/index.ts"
import { Holdfast } from "./holdfast.ts"
import { Session } from "./session.ts"

/** A store that answers what the test says, when the test says it. */
class ScriptedStore implements Store {
  readonly id = "scripted"
  readonly asked: Command[] = []
  readonly env: SimulatedEnv = createSimulatedEnv({ seed: 1 })
  readonly session: Session
  answer: (command: Command) => StoreOutcome | Promise<StoreOutcome> = () => ({ kind: "done" })
  tell: (event: StoreEvent) => void = () => undefined

  constructor() {
    this.session = new Session({ store: this, env: this.env, metrics: new Metrics(), label: "me" })
  }

  execute(command: Command): StoreOutcome | Promise<StoreOutcome> {
    this.asked.push(command)
    return this.answer(command)
  }

  onEvent(handler: (event: StoreEvent) => void): void {
    this.tell = handler
  }

  onTransition(): void {}

  close(): Promise<void> {
    return Promise.resolve()
  }

  grant(request: RequestId, token: number): void {
    this.tell({ kind: "lockGranted", session: this.session.id, request, token: token as Token, at: 0 })
  }

  get kinds(): string[] {
    return this.asked.map(({ kind }) => kind)
  }
}

describe("a wait", () => {
  it("is answered exactly once, whatever comes after (O4)", async () => {
    const store = new ScriptedStore()
    const { session } = store
    const request = session.nextRequest()
    const controller = new AbortController()
    const answer = session.wait(request, { waitMs: 5, signal: controller.signal })
    store.grant(request, 1)
    controller.abort()
    await store.env.advanceBy(10)
    expect(await answer).toMatchObject({ kind: "lockGranted", token: 1 })
    expect(store.asked).toEqual([])
  })

  it("that is aborted is answered at once, and its grant given back when it comes after all (L4)", async () => {
    const store = new ScriptedStore()
    const { session } = store
    const request = session.nextRequest()
    const controller = new AbortController()
    // The store had granted it when the withdrawal came.
    store.answer = (command) =>
      command.kind === "withdrawRequest" ? { kind: "withdrawn", found: false, locks: [] } : { kind: "done" }
    const answer = session.wait(request, { signal: controller.signal })
    controller.abort("enough")
    expect(await answer).toEqual({ kind: "aborted", reason: "enough" })
    await settle()
    store.grant(request, 7)
    await settle()
    expect(store.asked).toMatchObject([
      { kind: "withdrawRequest", request, reason: "abort" },
      { kind: "releaseLock", token: 7 },
    ])
    // Whatever else comes is for nobody.
    store.tell({ kind: "requestRefused", session: session.id, request, code: "DEADLOCK", message: "", details: {} })
    expect(store.asked).toHaveLength(2)
  })

  it("that times out is answered when the store has said who was in its way (L4)", async () => {
    const store = new ScriptedStore()
    const { session } = store
    const locks = [{ name: "a", limit: null, holders: [], waiters: [], waiterCount: 3 }]
    let reply: (outcome: StoreOutcome) => void = () => undefined
    store.answer = () =>
      new Promise((resolve) => {
        reply = resolve
      })
    const controller = new AbortController()
    const request = session.nextRequest()
    const answer = session.wait(request, { waitMs: 10, signal: controller.signal })
    await store.env.advanceBy(10)
    // Leaving already: neither another timeout nor an abort leaves again.
    controller.abort()
    expect(getEventListeners(controller.signal, "abort")).toEqual([])
    reply({ kind: "withdrawn", found: true, locks })
    expect(await answer).toEqual({ kind: "timeout", locks })
    expect(store.kinds).toEqual(["withdrawRequest"])
  })

  it("whose store is gone when it leaves is over all the same", async () => {
    const store = new ScriptedStore()
    store.answer = () => {
      throw new HoldfastError("STORE_UNAVAILABLE", "gone")
    }
    const answer = store.session.wait(store.session.nextRequest(), { waitMs: 1 })
    await store.env.advanceBy(1)
    expect(await answer).toEqual({ kind: "timeout", locks: [] })
    const odd = new ScriptedStore()
    const other = odd.session.wait(odd.session.nextRequest(), { waitMs: 1 })
    await odd.env.advanceBy(1)
    expect(await other).toEqual({ kind: "timeout", locks: [] })
  })

  it("under a signal that is aborted at that moment leaves at once", async () => {
    const store = new ScriptedStore()
    const answer = store.session.wait(store.session.nextRequest(), { signal: AbortSignal.abort("late") })
    expect(await answer).toEqual({ kind: "aborted", reason: "late" })
    expect(store.kinds).toEqual(["withdrawRequest"])
  })

  it("that is unparked leaves no timer and no listener, twice is a no-op", async () => {
    const store = new ScriptedStore()
    const request = store.session.nextRequest()
    const { signal } = new AbortController()
    void store.session.wait(request, { waitMs: 1_000, signal })
    store.session.unpark(request)
    store.session.unpark(request)
    expect(store.env.pendingTimers).toEqual([])
    expect(getEventListeners(signal, "abort")).toEqual([])
  })
})

describe("a session", () => {
  it("gives back a grant for a request nobody waits under, now or behind a slow wire (L4)", async () => {
    const store = new ScriptedStore()
    store.grant(99 as RequestId, 4)
    store.answer = () => Promise.resolve({ kind: "released", heldMs: 0 })
    store.grant(98 as RequestId, 5)
    await store.session.settle()
    expect(store.asked).toMatchObject([
      { kind: "releaseLock", token: 4 },
      { kind: "releaseLock", token: 5 },
    ])
  })

  it("bears that the store is gone when it gives something back", async () => {
    const store = new ScriptedStore()
    store.answer = () => {
      throw new HoldfastError("CLOSED", "gone")
    }
    store.grant(1 as RequestId, 1)
    store.answer = () => Promise.reject(new HoldfastError("CLOSED", "gone"))
    store.grant(2 as RequestId, 2)
    await store.session.settle()
    expect(store.asked).toHaveLength(2)
  })

  it("ignores answers to requests that are over", () => {
    const store = new ScriptedStore()
    const { id: session } = store.session
    const request = 5 as RequestId
    store.tell({ kind: "requestRefused", session, request, code: "DEADLOCK", message: "", details: {} })
    store.tell({ kind: "runSettled", session, request, run: "r@1" as never, settlement: { kind: "canceled" } })
    store.tell({ kind: "cellChanged", session, request, cell: { name: "x", version: 1, value: 1 } })
    expect(store.asked).toEqual([])
  })

  it("asserts that somebody listens when a lease ends (internal)", () => {
    const store = new ScriptedStore()
    const event: StoreEvent = { kind: "grantLost", session: store.session.id, token: 1 as Token, names: [] }
    expect(() => store.tell(event)).toThrow(InvariantError)
  })

  it("that closes answers every wait and every watch, and lets nothing new begin (S1)", async () => {
    const store = new ScriptedStore()
    const { session } = store
    const seen: unknown[] = []
    const { signal } = new AbortController()
    const waiting = session.wait(session.nextRequest(), { waitMs: 1_000, signal })
    session.watch(session.nextRequest(), (event) => seen.push(event))
    session.stopWaiting()
    expect(await waiting).toEqual({ kind: "closed" })
    expect(await session.wait(session.nextRequest(), {})).toEqual({ kind: "closed" })
    const late = session.nextRequest()
    session.watch(late, (event) => seen.push(event))
    session.unwatch(late)
    expect(seen).toEqual([null, null])
    expect(store.env.pendingTimers).toEqual([])
    expect(getEventListeners(signal, "abort")).toEqual([])
    const take = { kind: "takeRun", session: session.id, request: late, worker: 1 as never } as const
    expect(() => session.execute(take)).toThrow(expect.objectContaining({ code: "CLOSED" }))
    // What runs may still write what it has.
    expect(session.execute({ kind: "readCells", session: session.id, names: ["x"], head: false })).toEqual({
      kind: "done",
    })
  })

  it("lets a bug in its background surface, and a store that was closed refuse", async () => {
    const surfaced: unknown[] = []
    const record = (error: unknown): void => void surfaced.push(error)
    const others = process.listeners("unhandledRejection")
    process.removeAllListeners("unhandledRejection")
    process.on("unhandledRejection", record)
    try {
      const { session } = new ScriptedStore()
      const bug = new Error("a bug")
      session.background(Promise.reject(bug))
      await settle()
      session.stopWaiting()
      session.background(Promise.reject(new HoldfastError("CLOSED", "gone")))
      await settle()
      expect(surfaced).toEqual([bug])
    } finally {
      process.off("unhandledRejection", record)
      for (const other of others) process.on("unhandledRejection", other)
    }
  })

  it("stops a watch in the store when it is left (C4)", async () => {
    const store = new ScriptedStore()
    const handler = vi.fn<(event: unknown) => void>()
    const request = store.session.nextRequest()
    store.session.watch(request, handler)
    store.tell({ kind: "cellChanged", session: store.session.id, request, cell: { name: "x", version: 1, value: 1 } })
    store.session.unwatch(request)
    store.session.unwatch(request)
    await store.session.settle()
    expect(handler).toHaveBeenCalledTimes(1)
    expect(store.asked).toMatchObject([{ kind: "withdrawRequest", request, reason: "done" }])
  })
})

describe("behind a wire", () => {
  it.each(["one", "two"] as const)(
    "waits that end at any moment leave nothing held, queued or pending, 300 seeds (lines: %s) (L1, L4)",
    async (lines) => {
      const counts = { granted: 0, aborted: 0, timedOut: 0 }
      for (let seed = 1; seed <= 300; seed++) {
        const world = new RuntimeWorld()
        const random = createPrng(seed)
        const sessions = [await world.openDeferred(seed, lines), await world.openDeferred(seed + 1_000, lines)]
        let inside = 0
        const asks = Array.from({ length: 8 }, async (_, at) => {
          const controller = new AbortController()
          const lock = sessions[at % 2]?.lock("a")
          const waitMs = [0, 1, 2, Number.POSITIVE_INFINITY][random.nextBelow(4)] ?? 0
          const work = lock?.run(
            async () => {
              inside += 1
              expect(inside).toBe(1)
              for (let turn = random.nextBelow(6); turn > 0; turn--) await Promise.resolve()
              inside -= 1
            },
            { waitMs, signal: controller.signal },
          )
          const ended = Promise.allSettled([work])
          const abortAfter = random.nextBelow(3) * 7
          if (abortAfter > 0) {
            for (let turn = 0; turn < abortAfter; turn++) await nextTurn()
            controller.abort("left")
          }
          const [end] = await ended
          if (end.status === "fulfilled") counts.granted += 1
          else if (end.reason === "left") counts.aborted += 1
          else {
            expect(end.reason).toMatchObject({ code: "LOCK_TIMEOUT" })
            counts.timedOut += 1
          }
          expect(getEventListeners(controller.signal, "abort")).toEqual([])
        })
        const progress = { isOver: false }
        const all = Promise.all(asks).then(() => (progress.isOver = true))
        while (!progress.isOver) await world.env.advanceBy(1)
        await all
        await settle()
        expect(world.env.pendingTimers).toEqual([])
        expectQuiet(await (await world.open()).inspect())
      }
      console.log(`waits behind a wire (lines: ${lines}): ${JSON.stringify(counts)}`)
      for (const count of Object.values(counts)) expect(count).toBeGreaterThan(100)
    },
  )

  it("a bound of 0 ms asks the store once, however long its answer takes (L3)", async () => {
    const world = new RuntimeWorld()
    const hf = await world.openDeferred(2)
    const grant = await hf.lock("a").acquire({ waitMs: 0 })
    const busy = faultOf(hf.lock("a").acquire({ waitMs: 0 }), "LOCK_TIMEOUT")
    expect(world.env.pendingTimers).toEqual([])
    expect((await busy).message).toContain("is held by far")
    await grant.release()
  })

  it("a wait that is aborted before the store has answered gives back what the answer brings (L4)", async () => {
    for (let seed = 1; seed <= 50; seed++) {
      const world = new RuntimeWorld()
      const hf = await world.openDeferred(seed)
      const controllers = [new AbortController(), new AbortController()]
      const asked = controllers.map(({ signal }) => hf.lock("a").acquire({ signal }))
      const ended = Promise.allSettled(asked)
      for (const controller of controllers) controller.abort("never mind")
      expect(await ended).toEqual(controllers.map(() => ({ status: "rejected", reason: "never mind" })))
      await settle()
      expectQuiet(await hf.inspect())
    }
  })

  it("a store that fails to answer ends the wait with its error, and takes no timer along", async () => {
    const world = new RuntimeWorld()
    const inner = world.wire(4, "two")
    const breaking = new Gate()
    const store: Store = {
      id: inner.id,
      execute: async (command) => {
        if (command.kind !== "acquireLock") return await inner.execute(command)
        await breaking.opened
        throw new Error("the wire broke")
      },
      onEvent: (handler) => {
        inner.onEvent(handler)
      },
      onTransition: () => undefined,
      close: async () => {
        await inner.close()
      },
    }
    const hf = await Holdfast.connect({ store, env: world.env, label: "me" })
    const controller = new AbortController()
    const asked = [hf.lock("a").acquire({ waitMs: 100 }), hf.lock("a").try(), hf.lock("a").run(() => undefined)].map(
      async (call) => {
        await expect(call).rejects.toThrow("the wire broke")
      },
    )
    // A caller that has left by then is not told.
    const left = hf.lock("a").acquire({ signal: controller.signal })
    controller.abort("left")
    await expect(left).rejects.toBe("left")
    breaking.open()
    await Promise.all(asked)
    await settle()
    expect(world.env.pendingTimers).toEqual([])
    expect(getEventListeners(controller.signal, "abort")).toEqual([])
  })

  it("an answer that is none is named as what it is", async () => {
    const store = new ScriptedStore()
    const hf = await Holdfast.connect({ store, env: store.env, label: "me" })
    const lock = hf.lock("a")
    await faultOf(lock.acquire(), "STORE_UNAVAILABLE")
    await faultOf(lock.try(), "STORE_UNAVAILABLE")
    store.answer = () => Promise.resolve({ kind: "unheld" })
    await faultOf(lock.acquire(), "STORE_UNAVAILABLE")
    await faultOf(hf.semaphore("s", 1).resize(2), "STORE_UNAVAILABLE")
    await faultOf(hf.inspect(), "STORE_UNAVAILABLE")
    await faultOf(hf.runs(), "STORE_UNAVAILABLE")
    // An event for a run in answer to a request for a lock.
    store.answer = () => ({ kind: "parked" })
    const waiting = faultOf(lock.acquire(), "STORE_UNAVAILABLE")
    const request = store.asked.at(-1)
    if (request === undefined || !("request" in request)) throw new Error("nothing was asked")
    store.tell({
      kind: "runSettled",
      session: request.session,
      request: request.request,
      run: "r@1" as never,
      settlement: { kind: "canceled" },
    })
    await waiting
  })

  it("a request the store refuses while it waits ends with that refusal (L7)", async () => {
    const store = new ScriptedStore()
    const hf = await Holdfast.connect({ store, env: store.env, label: "me" })
    store.answer = () => ({ kind: "parked" })
    const waiting = faultOf(hf.lock("a").acquire(), "DEADLOCK")
    const request = store.asked.at(-1)
    if (request === undefined || !("request" in request)) throw new Error("nothing was asked")
    store.tell({
      kind: "requestRefused",
      session: request.session,
      request: request.request,
      code: "DEADLOCK",
      message: "a limit shrank",
      details: { cycle: [] },
    })
    expect(await waiting).toMatchObject({ message: "a limit shrank", details: { cycle: [] } })
    expect(hf.metrics().locks["a"]).toMatchObject({ deadlocks: 1, waiting: 0 })
  })
})
