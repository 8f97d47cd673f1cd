/** Operations: work that is done once for the same arguments, however many ask. */
import { getEventListeners } from "node:events"
import { describe, expect, it } from "vitest"
import { expectQuiet, faultOf, Gate, reasonOf, RuntimeWorld, settle } from "../../test/runtime-world.ts"
import type { Store } from "../store/index.ts"
import { Holdfast, type OperationOptions, type RunContext } from "./index.ts"

function times<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index))
}

/** An operation that counts its bodies, which all wait at a gate. */
function gated(hf: Holdfast, options: Partial<OperationOptions<[number?], string>> = {}) {
  const gate = new Gate()
  const log = { started: 0, running: 0, most: 0, reasons: [] as unknown[] }
  const op = hf.operation("gated", {
    version: 1,
    effects: "pure",
    run: async (ctx: RunContext, n?: number) => {
      log.started += 1
      log.running += 1
      log.most = Math.max(log.most, log.running)
      const aborted = new Promise<void>((resolve) => {
        ctx.signal.addEventListener("abort", () => {
          log.reasons.push(ctx.signal.reason)
          resolve()
        })
      })
      await Promise.race([gate.opened, aborted])
      log.running -= 1
      ctx.signal.throwIfAborted()
      return `made ${String(n)}`
    },
    ...options,
  })
  return { op, gate, log }
}

describe("a definition", () => {
  const good = { version: 1, effects: "pure", run: () => 1 } as const

  it.each<readonly [string, unknown, unknown]>([
    ["an empty name", "", good],
    ["a name that is no text", 5, good],
    ["the name of ad-hoc work", "once", good],
    ["no options", "op", undefined],
    ["no version", "op", { ...good, version: undefined }],
    ["version 0", "op", { ...good, version: 0 }],
    ["half a version", "op", { ...good, version: 1.5 }],
    ["no body", "op", { ...good, run: undefined }],
    ["no effects", "op", { ...good, effects: undefined }],
    ["effects that are none", "op", { ...good, effects: "maybe" }],
    ["an abandonment that is none", "op", { ...good, abandon: "drop" }],
    ["no concurrency at all", "op", { ...good, concurrency: 0 }],
    ["a timeout of nothing", "op", { ...good, attemptTimeoutMs: 0 }],
    ["a timeout without end", "op", { ...good, attemptTimeoutMs: Infinity }],
    ["a negative retention", "op", { ...good, retainMs: -1 }],
    ["a retention of NaN", "op", { ...good, retainMs: Number.NaN }],
    ["a retry that is none", "op", { ...good, retry: 3 }],
    ["no attempts", "op", { ...good, retry: { maxAttempts: 0 } }],
    ["a negative backoff", "op", { ...good, retry: { initialMs: -1 } }],
    ["a backoff that shrinks", "op", { ...good, retry: { factor: 0.5 } }],
    ["a backoff without bound", "op", { ...good, retry: { maxMs: Infinity } }],
    ["a key function that is none", "op", { ...good, keyed: { key: "k", concurrency: 1 } }],
    ["keys without a number", "op", { ...good, keyed: { key: () => "k" } }],
    ["keys that are none", "op", { ...good, keyed: null }],
  ])("is refused with ARGUMENT_INVALID: %s", async (_, name, options) => {
    const hf = await new RuntimeWorld().open()
    expect(() => hf.operation(name as never, options as never)).toThrow(
      expect.objectContaining({ code: "ARGUMENT_INVALID" }),
    )
    // What was refused is not known afterwards.
    hf.operation("op", good)
  })

  it("made twice is refused with OPERATION_UNKNOWN; another version is another operation", async () => {
    const hf = await new RuntimeWorld().open()
    const one = hf.operation("op", { ...good, run: () => "one" })
    expect(() => hf.operation("op", good)).toThrow(expect.objectContaining({ code: "OPERATION_UNKNOWN" }))
    const two = hf.operation("op", { ...good, version: 2, run: () => "two" })
    expect([await one(), await two(), one.name, one.operationName, two.version]).toEqual(["one", "two", "op", "op", 2])
  })

  it("is called with arguments, started with an array of them: ARGUMENT_INVALID for anything else", async () => {
    const hf = await new RuntimeWorld().open()
    const op = hf.operation("op", { ...good, run: (_, text: string) => text })
    for (const call of [
      () => op.invoke("ab" as never),
      () => op.start("ab" as never),
      () => op.put("ab" as never, "x"),
      () => op.start(["a"], null as never),
      () => op.start(["a"], { delayMs: -1 }),
      () => op.start(["a"], { priority: Number.NaN }),
      () => op.start(["a"], { key: "" }),
      () => op.invoke(["a"], { waitMs: -1 }),
      () => op.invoke(["a"], { waitMs: Number.NaN }),
      () => op.handle("a").result({ waitMs: Number.NaN }),
      () => hf.start("op" as never, [] as never),
    ]) {
      await faultOf(call(), "ARGUMENT_INVALID")
    }
    expect(await hf.runs()).toEqual([])
  })
})

describe("arguments", () => {
  it("that have no encoding are refused by their path: VALUE_NOT_ENCODABLE (O7)", async () => {
    const hf = await new RuntimeWorld().open()
    const op = hf.operation("op", { version: 1, effects: "pure", run: (_, x: unknown, y?: unknown) => [x, y] })
    for (const args of [[() => 1], [new URL("a:b")], [undefined, 1], [{ a: undefined }], [Symbol("s")]] as const) {
      const fault = await faultOf(op(...(args as readonly unknown[] as [unknown])), "VALUE_NOT_ENCODABLE")
      expect(fault.message).toMatch(/the arguments of operation "op": at \[0\]/)
      await faultOf(op.start([...args] as never), "VALUE_NOT_ENCODABLE")
      expect(() => op.handle(...(args as readonly unknown[] as [unknown]))).toThrow(/cannot encode/)
    }
  })

  it("that are trailing and undefined are as good as left out: one identity (O7)", async () => {
    const hf = await new RuntimeWorld().open()
    const counts: number[] = []
    const op = hf.operation("op", {
      version: 1,
      effects: "pure",
      run: (_, ...args: [a?: number | undefined, b?: number | undefined, c?: number | undefined]) =>
        counts.push(args.length),
    })
    const identities = [op.handle(1), op.handle(1, undefined), op.handle(1, undefined, undefined)].map(
      ({ identity }) => identity,
    )
    expect(new Set(identities).size).toBe(1)
    expect([await op(1, undefined), await op(1), await op.invoke([1, undefined])]).toEqual([1, 1, 1])
    expect(counts).toEqual([1])
    await op(undefined, undefined)
    expect(counts).toEqual([1, 0])
    expect(op.handle().identity).toBe(op.handle(undefined).identity)
    expect((await op.start([1, undefined])).id).toBe((await op.start([1])).id)
    await op.start([2], { key: "k" })
    expect((await op.start([2, undefined], { key: "k" })).id).toBe((await op.start([2], { key: "k" })).id)
  })

  it("keep their types apart, and are the body's own copies (O7)", async () => {
    const hf = await new RuntimeWorld().open()
    const op = hf.operation("op", {
      version: 1,
      effects: "pure",
      run: (_, x: unknown) => {
        if (Array.isArray(x)) x.push("changed")
        return x
      },
    })
    const inputs = [0, -0, "0", 0n, null, [], {}, new Map(), new Set(), new Date(0), new Uint8Array(0), Number.NaN]
    const results = await Promise.all(inputs.map((input) => op(input)))
    expect(results).toEqual(inputs.map((input) => (Array.isArray(input) ? ["changed"] : input)))
    expect(new Set(inputs.map((input) => op.handle(input).identity)).size).toBe(inputs.length)
    const list = ["mine"]
    await op(list)
    expect(list).toEqual(["mine"])
  })

  it("are fixed when a handle is made: changing them later changes nothing", async () => {
    const hf = await new RuntimeWorld().open()
    const op = hf.operation("op", { version: 1, effects: "pure", run: (_, list: number[]) => list.length })
    const list = [1]
    const call = op.handle(list)
    list.push(2, 3)
    expect(await call.result()).toBe(1)
  })
})

describe("calls of one identity", () => {
  it("are one body and one result, for 1,000 callers at once and for all later ones (O1, O2, O4)", async () => {
    const world = new RuntimeWorld()
    for (const hf of [await world.open(), await world.openDeferred()]) {
      const { op, gate, log } = gated(hf)
      const n = await hf.runs().then((runs) => runs.length)
      const calls = times(1_000, () => op(n))
      gate.open()
      expect(new Set(await Promise.all(calls))).toEqual(new Set([`made ${n}`]))
      expect(log.started).toBe(1)
      expect(await op(n)).toBe(`made ${n}`)
      const metrics = hf.metrics().operations["gated"]
      expect(metrics?.calls).toBe(1_001)
      expect((metrics?.served ?? 0) + (metrics?.joined ?? 0)).toBe(1_000)
    }
  })

  it("are one body in several sessions, whichever claims it (O1)", async () => {
    const world = new RuntimeWorld()
    const sessions = await Promise.all(times(5, (index) => world.openDeferred(index + 1, "two", `s${index}`)))
    const all = sessions.map((hf) => gated(hf))
    const calls = all.flatMap(({ op }) => times(20, () => op(1)))
    await settle()
    expect(all.reduce((sum, { log }) => sum + log.started, 0)).toBe(1)
    for (const { gate } of all) gate.open()
    expect(new Set(await Promise.all(calls))).toEqual(new Set(["made 1"]))
    expect(all.reduce((sum, { log }) => sum + log.started, 0)).toBe(1)
  })

  it("share a result only where it is frozen; what cannot be frozen is each caller's own", async () => {
    const hf = await new RuntimeWorld().open()
    const plain = hf.operation("plain", { version: 1, effects: "pure", run: () => ({ list: [1] }) })
    const map = hf.operation("map", { version: 1, effects: "pure", run: () => new Map([["a", 1]]) })
    const [one, two] = await Promise.all([plain(), plain()])
    expect(one).toBe(two)
    expect(() => one.list.push(2)).toThrow(TypeError)
    const [first, second] = await Promise.all([map(), map()])
    first.set("b", 2)
    expect(second).toEqual(new Map([["a", 1]]))
    expect(await map()).toEqual(new Map([["a", 1]]))
  })

  it("of a body that returns nothing, a number or a text give just that", async () => {
    const hf = await new RuntimeWorld().open()
    for (const [index, result] of [undefined, null, 0, -0, Number.NaN, "", false, 5n].entries()) {
      const op = hf.operation(`op${index}`, { version: 1, effects: "pure", run: () => result })
      expect([await op(), await op()]).toEqual([result, result])
    }
  })

  it("after a failure start the body again: a failure is not a result", async () => {
    const hf = await new RuntimeWorld().open()
    let attempts = 0
    const op = hf.operation("op", {
      version: 1,
      effects: "pure",
      run: () => {
        attempts += 1
        if (attempts < 3) throw new Error(`failure ${attempts}`)
        return attempts
      },
    })
    const first = await Promise.all(times(3, async () => await faultOf(op(), "RUN_FAILED")))
    // One body for the three; each has an error of its own, and the body's as its cause.
    expect(first.map(({ message }) => message)).toEqual(times(3, () => 'operation "op" failed: Error: failure 1'))
    expect(new Set(first).size).toBe(3)
    expect(new Set(first.map(({ cause }) => cause)).size).toBe(1)
    expect((await faultOf(op(), "RUN_FAILED")).cause).toMatchObject({ message: "failure 2" })
    expect([await op(), await op(), attempts]).toEqual([3, 3, 3])
  })

  it("that force compute again, once for all who force meanwhile (O3)", async () => {
    const hf = await new RuntimeWorld().open()
    let count = 0
    const op = hf.operation("op", { version: 1, effects: "pure", run: () => ++count })
    expect(await op()).toBe(1)
    expect(await op.invoke([], { force: false })).toBe(1)
    const forced = await Promise.all(times(5, () => op.invoke([], { force: true })))
    expect(forced).toEqual([2, 2, 2, 2, 2])
    expect([await op(), count]).toEqual([2, 2])
  })

  it("hold none of the caller's locks in the body, and lend it none (O8)", async () => {
    const hf = await new RuntimeWorld().open()
    const op = hf.operation("op", {
      version: 1,
      effects: "pure",
      run: async () => await hf.lock("b").run(() => "inside"),
    })
    expect(await hf.lock("a").run(async () => await op())).toBe("inside")
  })
})

describe("a caller's own bound", () => {
  it("ends its wait with WAIT_TIMEOUT, and the run goes on (O8)", async () => {
    const world = new RuntimeWorld()
    for (const hf of [await world.open(), await world.openDeferred()]) {
      const { op, gate, log } = gated(hf)
      const n = await hf.runs().then((runs) => runs.length)
      const patient = op(n)
      await settle()
      const fault = faultOf(op.invoke([n], { waitMs: 50 }), "WAIT_TIMEOUT")
      await settle()
      await world.env.advanceBy(60)
      expect((await fault).message).toMatch(/operation "gated" did not settle within 50 ms; it goes on/)
      gate.open()
      expect(await patient).toBe(`made ${n}`)
      expect([log.started, log.reasons]).toEqual([1, []])
    }
    expect(world.env.pendingTimers).toEqual([])
  })

  it("ends its wait with the signal's reason at once, also before a slow store has answered (O8, L4)", async () => {
    const world = new RuntimeWorld()
    for (const hf of [await world.open(), await world.openDeferred()]) {
      const { op, gate, log } = gated(hf)
      const n = await hf.runs().then((runs) => runs.length)
      const controller = new AbortController()
      const call = reasonOf(op.invoke([n], { signal: controller.signal }))
      controller.abort("gone")
      expect(await call).toBe("gone")
      expect(getEventListeners(controller.signal, "abort")).toEqual([])
      await settle()
      expect([log.started, log.reasons]).toEqual([1, []])
      gate.open()
      expect(await op(n)).toBe(`made ${n}`)
      await expect(op.invoke([n], { signal: controller.signal })).rejects.toBe("gone")
      expect(log.started).toBe(1)
    }
    expectQuiet(await (await world.open("looking")).inspect())
  })

  it("ends its wait also where the store never answers (O8)", async () => {
    const world = new RuntimeWorld()
    const inner = world.store.connect()
    const silence = new Promise<never>(() => undefined)
    const store: Store = {
      id: inner.id,
      execute: (command) => (command.kind === "claimRun" ? silence : inner.execute(command)),
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
    const hf = await Holdfast.connect({ store, env: world.env, label: "me" })
    const { op } = gated(hf)
    const controller = new AbortController()
    const waits = [
      reasonOf(op.invoke([1], { signal: controller.signal })),
      faultOf(op.invoke([1], { waitMs: 10 }), "WAIT_TIMEOUT"),
      faultOf(op(1), "CLOSED"),
    ]
    controller.abort("gone")
    expect(await waits[0]).toBe("gone")
    await world.env.advanceBy(10)
    await waits[1]
    // What is under way may still be answered, so closing would wait for it.
    void hf.close()
    await waits[2]
  })

  it("that is aborted before starts nothing", async () => {
    const hf = await new RuntimeWorld().open()
    const { op, log } = gated(hf)
    await expect(op.invoke([1], { signal: AbortSignal.abort("before") })).rejects.toBe("before")
    await expect(op.handle(1).result({ signal: AbortSignal.abort("before") })).rejects.toBe("before")
    expect([log.started, await hf.runs()]).toEqual([0, []])
  })

  it("cancels the run when the last waiter leaves, where the definition says so (O8)", async () => {
    const world = new RuntimeWorld()
    for (const hf of [await world.open(), await world.openDeferred(4), await world.openDeferred(5, "one")]) {
      const { op, gate, log } = gated(hf, { abandon: "cancel" })
      const n = await hf.runs().then((runs) => runs.length)
      const [one, two] = [new AbortController(), new AbortController()]
      const calls = [one, two].map(async ({ signal }) => await reasonOf(op.invoke([n], { signal })))
      await settle()
      one.abort("gone")
      await settle()
      expect(log.reasons).toEqual([])
      two.abort("gone")
      await settle()
      expect(await Promise.all(calls)).toEqual(["gone", "gone"])
      expect(log.reasons).toEqual([expect.objectContaining({ code: "RUN_CANCELED" })])
      expect(await op.handle(n).status()).toMatchObject({ status: "canceled" })
      gate.open()
      // Asked again, it starts anew (O3).
      expect(await op(n)).toBe(`made ${n}`)
    }
  })

  it("of a call that is canceled before its claim has arrived starts no body (O8)", async () => {
    const started: number[] = []
    for (let seed = 0; seed < 20; seed++) {
      const world = new RuntimeWorld()
      const hf = await world.openDeferred(seed)
      const { op, log } = gated(hf, { abandon: "cancel" })
      const controller = new AbortController()
      const call = reasonOf(op.invoke([1], { signal: controller.signal }))
      controller.abort("gone")
      expect(await call).toBe("gone")
      await settle()
      expect(await op.handle(1).status()).toMatchObject({ status: "canceled" })
      // Told, or never started: a body that nobody tells would run for ever.
      expect(log.running).toBe(0)
      started.push(log.started)
      expectQuiet(await hf.inspect())
    }
    expect(started).toContain(0)
  })
})

describe("hf.once", () => {
  it("runs its function once for the key, for callers now and later (O1)", async () => {
    const hf = await new RuntimeWorld().open()
    const gate = new Gate()
    let count = 0
    const callers = times(100, () =>
      hf.once("migrate", async () => {
        await gate.opened
        return (count += 1)
      }),
    )
    gate.open()
    expect(new Set(await Promise.all(callers))).toEqual(new Set([1]))
    expect(await hf.once("migrate", () => 99)).toBe(1)
    expect(await hf.once("other", (...args: unknown[]) => args.length)).toBe(0)
    expect(await hf.runs({ operation: "once" })).toMatchObject([{ key: "migrate" }, { key: "other" }])
  })

  it("after a failure lets the next caller's function try, with that one's error as the cause", async () => {
    const hf = await new RuntimeWorld().open()
    const own = new Error("own")
    const fault = await faultOf(
      hf.once("k", () => {
        throw own
      }),
      "RUN_FAILED",
    )
    expect(fault.cause).toBe(own)
    expect(await hf.once("k", () => "second")).toBe("second")
  })

  it("in another session takes over with that session's function when the first dies (O6)", async () => {
    const world = new RuntimeWorld()
    const [dying, other] = [await world.open("dying"), await world.open("other")]
    const never = new Gate()
    void dying.once("k", async () => await never.opened)
    const second = other.once("k", () => "other")
    await settle()
    world.kill("dying")
    expect(await second).toBe("other")
  })

  it("refuses a bad key, function or wait with ARGUMENT_INVALID", async () => {
    const hf = await new RuntimeWorld().open()
    await faultOf(
      hf.once("", () => 1),
      "ARGUMENT_INVALID",
    )
    await faultOf(hf.once("k", 5 as never), "ARGUMENT_INVALID")
    await faultOf(
      hf.once("k", () => 1, { waitMs: -1 }),
      "ARGUMENT_INVALID",
    )
  })
})
