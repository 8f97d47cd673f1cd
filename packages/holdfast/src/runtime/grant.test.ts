/** Held locks: giving back, losing, renewing, and working under one. */
import { describe, expect, it } from "vitest"
import { expectQuiet, faultOf, Gate, RuntimeWorld } from "../../test/runtime-world.ts"
import { createSimulatedEnv } from "../env/simulated-env.ts"
import type { SessionId, Token } from "../kernel/index.ts"
import type { Store } from "../store/index.ts"
import { Holdfast } from "./index.ts"

describe("grant.release", () => {
  it("again is a no-op, also while another holds the lock (L5)", async () => {
    const hf = await new RuntimeWorld().open()
    const first = await hf.lock("a").acquire()
    const second = hf.lock("a").acquire()
    const third = hf.lock("a").acquire()
    await Promise.all([first.release(), first.release()])
    await first.release()
    expect((await second).isHeld).toBe(true)
    expect((await hf.inspect()).locks[0]).toMatchObject({ holders: [{ token: (await second).token }], waiterCount: 1 })
    await (await second).release()
    await (await third).release()
    expect(hf.metrics().locks["a"]).toMatchObject({ granted: 3, held: 0 })
    expect(hf.metrics().locks["a"]?.holdSeconds.count).toBe(3)
  })

  it("is refused to a stranger, and changes nothing (L5)", async () => {
    const world = new RuntimeWorld()
    const hf = await world.open()
    const grant = await hf.lock("a").acquire()
    const store = world.store.connect()
    const session = "stranger" as SessionId
    await store.execute({ kind: "openSession", session, label: "stranger" })
    const outcome = await store.execute({ kind: "releaseLock", session, token: grant.token })
    expect(outcome).toMatchObject({ kind: "refused", code: "GRANT_LOST" })
    expect(grant.isHeld).toBe(true)
    expect(await hf.lock("a").try()).toBeUndefined()
    await grant.release()
  })

  it("inside run ends the scope there and then; run itself succeeds, having given up nothing it promised (L5, L8)", async () => {
    const hf = await new RuntimeWorld().open()
    const value = await hf.lock("a").run(async (grant) => {
      await grant.release()
      expect(grant.isHeld).toBe(false)
      await faultOf(hf.cell("x").set(1), "GRANT_LOST")
      return "done"
    })
    expect(value).toBe("done")
    expectQuiet(await hf.inspect())
  })

  it("happens by itself where the grant is disposed of (L5)", async () => {
    const hf = await new RuntimeWorld().open()
    {
      await using grant = await hf.lock("a").acquire()
      expect(grant.isHeld).toBe(true)
    }
    expectQuiet(await hf.inspect())
  })

  it("that fails does not hide what the callback threw", async () => {
    const world = new RuntimeWorld()
    const inner = world.store.connect()
    const hf = await Holdfast.connect({ store: failing(inner, "releaseLock"), env: world.env, label: "me" })
    const failure = new Error("mine")
    await expect(
      hf.lock("a").run(() => {
        throw failure
      }),
    ).rejects.toBe(failure)
    await expect(hf.lock("b").run(() => 1)).rejects.toThrow("the wire broke")
  })

  it("that the store refuses, its session being gone, makes run reject: others may hold the lock (L1, L6)", async () => {
    const world = new RuntimeWorld()
    const inner = world.store.connect()
    const sessions: SessionId[] = []
    const store: Store = {
      ...forward(inner),
      execute: (command) => {
        if (command.kind === "openSession") sessions.push(command.session)
        return inner.execute(command)
      },
    }
    const hf = await Holdfast.connect({ store, env: world.env, label: "me" })
    const running = hf.lock("a").run(async () => {
      for (const session of sessions)
        await inner.execute({ kind: "endSession", session, reason: "died", unstarted: [] })
    })
    await faultOf(running, "GRANT_LOST")
  })
})

describe("grant.renew", () => {
  it("lets the lease last from now, and gives a lease to a grant that had none", async () => {
    const world = new RuntimeWorld()
    const hf = await world.open()
    const grant = await hf.lock("a").acquire()
    await grant.renew(50)
    await world.env.advanceBy(40)
    await grant.renew(50)
    await world.env.advanceBy(49)
    expect(grant.isHeld).toBe(true)
    await world.env.advanceBy(1)
    expect(grant.isHeld).toBe(false)
    const error = await faultOf(grant.renew(50), "GRANT_LOST")
    expect(error.details).toEqual({ token: grant.token })
  })

  it("of a released grant is refused, and of no duration too", async () => {
    const hf = await new RuntimeWorld().open()
    const grant = await hf.lock("a").acquire({ leaseMs: 10 })
    await faultOf(grant.renew(0), "ARGUMENT_INVALID")
    await faultOf(grant.renew(Number.POSITIVE_INFINITY), "ARGUMENT_INVALID")
    expect(grant.isHeld).toBe(true)
    await grant.release()
    await faultOf(grant.renew(10), "GRANT_LOST")
  })

  it("answers what a store that does not know the word says", async () => {
    const world = new RuntimeWorld()
    const inner = world.store.connect()
    const store: Store = {
      ...forward(inner),
      execute: (command) =>
        command.kind === "renewLock"
          ? command.leaseMs === 1
            ? { kind: "refused", code: "SESSION_LOST", message: "gone", details: {} }
            : { kind: "parked" }
          : inner.execute(command),
    }
    const hf = await Holdfast.connect({ store, env: world.env, label: "me" })
    const grant = await hf.lock("a").acquire()
    await faultOf(grant.renew(1), "SESSION_LOST")
    await faultOf(grant.renew(2), "STORE_UNAVAILABLE")
  })
})

describe("grant.signal", () => {
  it("is made when first looked at, and tells late lookers too", async () => {
    const world = new RuntimeWorld()
    const hf = await world.open()
    const grant = await hf.lock("a").acquire({ leaseMs: 10 })
    await world.env.advanceBy(10)
    expect(grant.signal).toBe(grant.signal)
    expect(grant.signal.reason).toMatchObject({ code: "GRANT_LOST", details: { token: grant.token } })
  })

  it("is not aborted by an ordinary release", async () => {
    const hf = await new RuntimeWorld().open()
    const grant = await hf.lock("a").acquire()
    const { signal } = grant
    await grant.release()
    expect(signal.aborted).toBe(false)
  })

  it("calls its listeners in no scope, whoever brings the news (L8)", async () => {
    const world = new RuntimeWorld()
    const hf = await world.open("holder", createSimulatedEnv({ seed: 2 }))
    const other = await world.open("other")
    const grant = await hf.lock("a").acquire({ leaseMs: 10 })
    const listened = new Promise((resolve) => {
      // In somebody's scope this would be a lock that is asked for again.
      grant.signal.addEventListener("abort", () =>
        resolve(faultOf(other.lock("b").acquire({ waitMs: 1 }), "LOCK_TIMEOUT")),
      )
    })
    await other.lock("b").run(async () => {
      // The alarm that ends the lease is set again in here, and rings in here.
      await other.lock("c").acquire({ leaseMs: 5 })
      await world.env.advanceBy(20)
    })
    expect(await listened).toMatchObject({ message: expect.stringContaining("other") })
  })
})

describe("a lost lease", () => {
  it("that is told before its grant is known ends the call with GRANT_LOST (L1)", async () => {
    // Outcomes and events travel apart here: the loss overtakes the grant.
    const world = new RuntimeWorld()
    const inner = world.store.connect()
    const held = new Gate()
    const store: Store = {
      ...forward(inner),
      execute: async (command) => {
        const outcome = await inner.execute(command)
        if (command.kind === "acquireLock") await held.opened
        return outcome
      },
    }
    const hf = await Holdfast.connect({ store, env: world.env, label: "me" })
    const ended = [
      faultOf(hf.lock("a").acquire({ leaseMs: 10 }), "GRANT_LOST"),
      faultOf(
        hf.lock("b").run(() => expect.fail("it is not held"), { leaseMs: 10 }),
        "GRANT_LOST",
      ),
      faultOf(hf.lock("c").try({ leaseMs: 10 }), "GRANT_LOST"),
    ]
    await world.env.advanceBy(10)
    held.open()
    await Promise.all(ended)
    expect(hf.metrics().locks["a"]).toMatchObject({ granted: 1, lost: 1, held: 0 })
    expectQuiet(await hf.inspect())
  })

  it("that is told of a grant nobody here has is forgotten after many others", async () => {
    const world = new RuntimeWorld()
    const inner = world.store.connect()
    let tell: Parameters<Store["onEvent"]>[0] = () => undefined
    const store: Store = { ...forward(inner), onEvent: (handler) => void (tell = handler) }
    const hf = await Holdfast.connect({ store, env: world.env, label: "me" })
    const session = "me" as SessionId
    const lose = (token: number) => tell({ kind: "grantLost", session, token: token as Token, names: ["a"] })
    // The next token of the store is among them, and has been pushed out when it comes.
    for (let token = 1; token <= 1_100; token++) lose(token)
    const grant = await hf.lock("a").acquire({ leaseMs: 1_000 })
    expect(grant.isHeld).toBe(true)
    lose(grant.token)
    expect(grant.isHeld).toBe(false)
  })
})

describe("grant.scope", () => {
  it("carries the grant to work whose context was lost (L8)", async () => {
    const world = new RuntimeWorld()
    const hf = await world.open("holder", createSimulatedEnv({ seed: 2 }))
    const grant = await hf.lock("a").acquire({ leaseMs: 100 })
    expect(await grant.scope.run(async () => await hf.cell("x").set(1))).toBe(1)
    await grant.scope.run(async () => await faultOf(hf.lock("a").acquire(), "DEADLOCK"))
    // Outside of it the same code holds nothing.
    await faultOf(hf.lock("a").acquire({ waitMs: 0 }), "LOCK_TIMEOUT")
    await world.env.advanceBy(100)
    await grant.scope.run(async () => await faultOf(hf.cell("x").set(2), "FENCED"))
    expect(await hf.cell("x").get()).toBe(1)
  })

  it("is over once the grant is released (L8)", async () => {
    const hf = await new RuntimeWorld().open()
    const grant = await hf.lock("a").acquire()
    await grant.release()
    await grant.scope.run(async () => await faultOf(hf.cell("x").set(1), "GRANT_LOST"))
    expect(await hf.cell("x").get()).toBeUndefined()
  })

  it("takes a function, and says so", async () => {
    const hf = await new RuntimeWorld().open()
    const grant = await hf.lock("a").acquire()
    expect(() => grant.scope.run("work" as never)).toThrow(expect.objectContaining({ code: "ARGUMENT_INVALID" }))
    expect(grant.scope.run(() => 3)).toBe(3)
    await grant.release()
  })
})

/** A store that passes everything on. */
function forward(inner: Store): Store {
  return {
    id: inner.id,
    execute: (command) => inner.execute(command),
    onEvent: (handler) => {
      inner.onEvent(handler)
    },
    onTransition: (handler) => {
      inner.onTransition(handler)
    },
    close: async () => {
      await inner.close()
    },
  }
}

/** A store whose wire breaks at one kind of command. */
function failing(inner: Store, kind: string): Store {
  return {
    ...forward(inner),
    execute: (command) =>
      command.kind === kind ? Promise.reject(new Error("the wire broke")) : inner.execute(command),
  }
}
