/** Calls as arguments of calls: a whole graph is named, looked up and skipped before any of it runs. */
import { describe, expect, it } from "vitest"
import { faultOf, Gate, RuntimeWorld, settle } from "../../test/runtime-world.ts"
import { createSimulatedEnv } from "../env/simulated-env.ts"
import { MemoryStore } from "../stores/memory/index.ts"
import { type Argument, type Call, Holdfast } from "./index.ts"

/** Two operations that log what their bodies did. */
function arithmetic(hf: Holdfast) {
  const log: string[] = []
  const square = hf.operation("square", {
    version: 1,
    effects: "pure",
    run: async (_, n: number) => {
      log.push(`square ${n}`)
      await Promise.resolve()
      return n * n
    },
  })
  const sum = hf.operation("sum", {
    version: 1,
    effects: "pure",
    run: (_, parts: { readonly list: readonly number[]; readonly by?: number }) => {
      log.push(`sum ${parts.list.join("+")}`)
      return parts.list.reduce((total, n) => total + n, 0) * (parts.by ?? 1)
    },
  })
  return { square, sum, log }
}

describe("a handle", () => {
  it("names its arguments once, and is the same for the same plain ones", async () => {
    const hf = await new RuntimeWorld().open()
    const { square, log } = arithmetic(hf)
    const call = square.handle(3)
    expect(call.identity).toMatch(/^hf1:[0-9a-f]{64}$/)
    expect(square.handle(3)).toBe(call)
    expect(square.handle(4).identity).not.toBe(call.identity)
    expect(await call.status()).toBeUndefined()
    expect([await call.result(), await call.result()]).toEqual([9, 9])
    expect(await call.status()).toMatchObject({ status: "completed", operation: "square", identity: call.identity })
    await call.put(10)
    expect(await call.result()).toBe(10)
    await call.forget()
    expect([await call.result(), log]).toEqual([9, ["square 3", "square 3"]])
  })

  it("shows the result that is stored, and starts nothing where none is (O2, O9)", async () => {
    const hf = await new RuntimeWorld().open()
    const { square, log } = arithmetic(hf)
    expect([await square.handle(3).peek(), log]).toEqual([undefined, []])
    await square(3)
    expect(await square.handle(3).peek()).toEqual({ status: "completed", result: 9 })
    await square.forget(3)
    expect([await square.handle(3).peek(), log]).toEqual([undefined, ["square 3"]])
  })

  it("shows where a run stands that has no result (O2)", async () => {
    const hf = await new RuntimeWorld().open()
    const gate = new Gate()
    const wait = hf.operation("wait", { version: 1, effects: "pure", run: async () => await gate.opened })
    const waiting = wait()
    expect(await wait.handle().peek()).toEqual({ status: "running" })
    gate.open()
    await waiting
    const fail = hf.operation("fail", { version: 1, effects: "pure", run: () => Promise.reject(new Error("no")) })
    await faultOf(fail(), "RUN_FAILED")
    expect(await fail.handle().peek()).toEqual({ status: "failed" })
    const { id } = await hf.start(wait, [], { force: true })
    await hf.run(id).cancel()
    expect(await wait.handle().peek()).toEqual({ status: "canceled" })
  })

  it("shows an ephemeral result for as long as the session has it", async () => {
    const hf = await new RuntimeWorld().open()
    const socket = { send: () => "sent" }
    const connect = hf.operation("connect", { version: 1, effects: "pure", ephemeral: true, run: () => socket })
    await connect()
    const found = await connect.handle().peek()
    expect(found?.status === "completed" && found.result).toBe(socket)
  })

  it("remembers so many handles of plain arguments, and is as good without", async () => {
    const hf = await new RuntimeWorld().open()
    const { square } = arithmetic(hf)
    const first = square.handle(-1)
    for (let n = 0; n < 5_000; n++) square.handle(n)
    expect(square.handle(-1)).not.toBe(first)
    expect(square.handle(-1).identity).toBe(first.identity)
  })

  it("answers with CLOSED when the store was closed", async () => {
    const hf = await new RuntimeWorld().open()
    const { square } = arithmetic(hf)
    const call = square.handle(3)
    await hf.close()
    for (const use of [
      () => call.result(),
      () => call.status(),
      () => call.peek(),
      () => call.forget(),
      () => call.put(1),
    ]) {
      await faultOf(use(), "CLOSED")
    }
    await faultOf(square.start([1]), "CLOSED")
  })

  it("answers with SESSION_LOST when its session has died", async () => {
    const world = new RuntimeWorld()
    const hf = await world.open()
    const { square } = arithmetic(hf)
    world.kill("me")
    const call = square.handle(3)
    for (const use of [
      () => call.result(),
      () => call.status(),
      () => call.peek(),
      () => call.forget(),
      () => call.put(1),
    ]) {
      await faultOf(use(), "SESSION_LOST")
    }
    await faultOf(square.start([1]), "SESSION_LOST")
  })
})

describe("a call as an argument (O7)", () => {
  it("is computed first, and the body receives its result, at any depth of plain data", async () => {
    const world = new RuntimeWorld()
    for (const hf of [await world.open(), await world.openDeferred()]) {
      const { square, sum, log } = arithmetic(hf)
      const base = await hf.runs().then((runs) => 10 * runs.length)
      const a = square.handle(base + 1)
      const total = await sum({ list: [a, base, square.handle(base + 2)], by: square.handle(base + 3) })
      expect(total).toBe(((base + 1) ** 2 + base + (base + 2) ** 2) * (base + 3) ** 2)
      expect(log.slice(0, 3).toSorted()).toEqual([1, 2, 3].map((n) => `square ${base + n}`))
      expect(log).toHaveLength(4)
    }
  })

  it("enters the identity by its own, whatever its result will be, and never as plain data", async () => {
    const hf = await new RuntimeWorld().open()
    const { square, sum } = arithmetic(hf)
    const { identity } = sum.handle({ list: [square.handle(3)] })
    expect(sum.handle({ list: [square.handle(3)] }).identity).toBe(identity)
    const others: Argument<readonly number[]>[] = [
      [square.handle(-3)],
      [9],
      [],
      [square.handle(3), square.handle(3)],
      [square.handle(3).identity as never],
      [{ identity: square.handle(3).identity } as never],
    ]
    const identities = others.map((list) => sum.handle({ list }).identity)
    expect(new Set([identity, ...identities]).size).toBe(others.length + 1)
  })

  it("is looked up goal first: where the outer result is stored, nothing runs", async () => {
    const world = new RuntimeWorld()
    const [hf, other] = [await world.open(), await world.open("other")]
    const near = arithmetic(hf)
    const far = arithmetic(other)
    const goal = ({ square, sum }: typeof near) => sum.handle({ list: [square.handle(1), square.handle(2)] })
    expect(await goal(near).status()).toBeUndefined()
    await goal(near).put(500)
    expect([await goal(near).result(), await goal(far).result()]).toEqual([500, 500])
    expect([near.log, far.log, await hf.runs({ operation: "square" })]).toEqual([[], [], []])
  })

  it("runs only what is missing: stored parts are served", async () => {
    const hf = await new RuntimeWorld().open()
    const { square, sum, log } = arithmetic(hf)
    await square.put([1], 100)
    expect(await sum({ list: [square.handle(1), square.handle(2)] })).toBe(104)
    expect(log).toEqual(["square 2", "sum 100+4"])
    await sum.forget({ list: [square.handle(1), square.handle(2)] })
    expect(await sum({ list: [square.handle(1), square.handle(2)] })).toBe(104)
    expect(log).toEqual(["square 2", "sum 100+4", "sum 100+4"])
  })

  it("that is shared by many is computed once, also in a diamond of diamonds", async () => {
    const hf = await new RuntimeWorld().open()
    let bodies = 0
    const add = hf.operation("add", {
      version: 1,
      effects: "pure",
      run: async (_, a: number, b: number) => {
        bodies += 1
        await Promise.resolve()
        return a + b
      },
    })
    let call: Call<number> = add.handle(1, 1)
    for (let level = 0; level < 40; level++) call = add.handle(call, call)
    expect(await call.result()).toBe(2 ** 41)
    expect(bodies).toBe(41)
    let [older, newer]: [Call<number>, Call<number>] = [add.handle(0, 0), add.handle(0, 1)]
    for (let level = 2; level <= 70; level++) [older, newer] = [newer, add.handle(older, newer)]
    expect(await newer.result()).toBe(190_392_490_709_135)
  })

  it("that fails fails the outer run, with the error and its own cause", async () => {
    const hf = await new RuntimeWorld().open()
    const own = new Error("own")
    const broken = hf.operation("broken", {
      version: 1,
      effects: "pure",
      run: (): number => {
        throw own
      },
    })
    const { sum, log } = arithmetic(hf)
    const fault = await faultOf(sum({ list: [broken.handle()] }), "RUN_FAILED")
    expect(fault.message).toMatch(/operation "sum" failed: HoldfastError \[RUN_FAILED\]: operation "broken" failed/)
    expect(fault.cause).toMatchObject({ code: "RUN_FAILED", cause: own })
    expect(log).toEqual([])
  })

  it("is not waited for when the outer run is canceled, and canceled with it where nobody else waits (O8)", async () => {
    const hf = await new RuntimeWorld().open()
    const reasons: unknown[] = []
    const slow = hf.operation("slow", {
      version: 1,
      effects: "pure",
      abandon: "cancel",
      run: async ({ signal }): Promise<number> => {
        await new Promise((resolve) => signal.addEventListener("abort", resolve))
        reasons.push(signal.reason)
        return 1
      },
    })
    const { sum, log } = arithmetic(hf)
    const run = await sum.start([{ list: [slow.handle()] }])
    const worker = await hf.work([sum])
    await settle()
    const ended = faultOf(run.result(), "RUN_CANCELED")
    await run.cancel()
    await ended
    await settle()
    expect(reasons).toEqual([expect.objectContaining({ code: "RUN_CANCELED" })])
    expect([log, await slow.handle().status()]).toMatchObject([[], { status: "canceled" }])
    await worker.drain()
  })

  it("of another open store is refused with ARGUMENT_INVALID; in a Map or a cell a call has no place", async () => {
    const world = new RuntimeWorld()
    const [hf, other] = [await world.open(), await world.open("other")]
    const { sum } = arithmetic(hf)
    const far = arithmetic(other)
    expect(() => sum.handle({ list: [far.square.handle(1)] })).toThrow(
      expect.objectContaining({ code: "ARGUMENT_INVALID" }),
    )
    await faultOf(sum({ list: [far.square.handle(1)] }), "ARGUMENT_INVALID")
    await faultOf(hf.cell("a").set(sum.handle({ list: [] })), "VALUE_NOT_ENCODABLE")
    const leak = hf.operation("leak", { version: 1, effects: "pure", run: (): unknown => sum.handle({ list: [] }) })
    await faultOf(leak(), "RUN_FAILED")
  })

  it("cannot be read by a key function, which is refused; other arguments can: ARGUMENT_INVALID", async () => {
    const hf = await new RuntimeWorld().open()
    const { square } = arithmetic(hf)
    const op = hf.operation("op", {
      version: 1,
      effects: "pure",
      keyed: { key: (user: string) => `user ${user}`, concurrency: 1 },
      run: (_, user: string, n: number) => `${user} ${n}`,
    })
    expect(await op("a", square.handle(2))).toBe("a 4")
    const text = hf.operation("text", { version: 1, effects: "pure", run: () => "b" })
    await faultOf(op(text.handle(), 1), "ARGUMENT_INVALID")
    for (const [index, key] of [
      (user: unknown) => (user as { name: string }).name,
      (user: unknown) => Object.keys(user as object).join(","),
      (user: unknown) => ("name" in (user as object) ? "a" : "b"),
      (user: unknown) => JSON.stringify(user),
      (user: unknown) => user as string,
      (user: unknown) => (user instanceof Date ? "a" : "b"),
    ].entries()) {
      const keyed = hf.operation(`keyed${index}`, {
        version: 1,
        effects: "pure",
        keyed: { key, concurrency: 1 },
        run: (_, user: unknown) => user,
      })
      await faultOf(keyed(text.handle()), "ARGUMENT_INVALID")
      await faultOf(keyed.start([text.handle()]), "ARGUMENT_INVALID")
    }
  })

  it("runs inside the outer run, which gives its worker's slot up meanwhile (L7)", async () => {
    const hf = await new RuntimeWorld().open()
    const { square, sum } = arithmetic(hf)
    // One slot, and the worker takes the parts, too: whoever holds the slot must not wait for it.
    const worker = await hf.work([square, sum], { concurrency: 1 })
    const run = await sum.start([{ list: [square.handle(1), square.handle(2), square.handle(3)] }])
    expect(await run.result()).toBe(14)
    await worker.drain()
  })

  it("that waits for what the outer run holds is refused with DEADLOCK, not waited for (L7)", async () => {
    const hf = await new RuntimeWorld().open()
    const chain = hf.operation("chain", { version: 1, effects: "pure", concurrency: 1, run: (_, n: number) => n + 1 })
    const fault = await faultOf(chain(chain.handle(1)), "RUN_FAILED")
    expect(fault.cause).toMatchObject({ code: "DEADLOCK" })
    // Made on its own first, it is no obstacle.
    expect(await chain.handle(1).result()).toBe(2)
    expect(await chain(chain.handle(1))).toBe(3)
  })
})

describe("a queued run whose arguments are calls (O7)", () => {
  it("carries what a worker of another session needs to make them", async () => {
    const world = new RuntimeWorld()
    const [hf, other] = [await world.open(), await world.openDeferred()]
    const [near, far] = [arithmetic(hf), arithmetic(other)]
    const two = near.square.handle(2)
    const inner = near.sum.handle({ list: [two, 1] })
    const run = await near.sum.start([{ list: [inner, two, 7], by: near.square.handle(1) }])
    const worker = await other.work([far.sum])
    expect(await run.result()).toBe(16)
    expect(near.log).toEqual([])
    expect(far.log.toSorted()).toEqual(["square 1", "square 2", "sum 4+1", "sum 5+4+7"])
    // What the worker made has the identities the calls were named by.
    expect([await two.result(), await inner.result()]).toEqual([4, 5])
    expect(near.log).toEqual([])
    await worker.drain()
  })

  it("fails with OPERATION_UNKNOWN as its cause where the worker's session lacks the inner operation", async () => {
    const world = new RuntimeWorld()
    const [hf, other] = [await world.open(), await world.open("other")]
    const { square, sum } = arithmetic(hf)
    const lacking = other.operation("sum", {
      version: 1,
      effects: "pure",
      run: (_, parts: { list: readonly number[] }) => parts.list.length,
    })
    const run = await sum.start([{ list: [square.handle(2)] }])
    const worker = await other.work([lacking])
    const fault = await faultOf(run.result(), "RUN_FAILED")
    expect(fault.cause).toMatchObject({ code: "OPERATION_UNKNOWN" })
    expect(fault.message).toMatch(/operation "square" version 1, which makes an argument, is not defined/)
    await worker.drain()
  })

  it("needs no definition of what lies behind a result that is stored", async () => {
    const world = new RuntimeWorld()
    const [hf, other] = [await world.open(), await world.open("other")]
    const { square, sum } = arithmetic(hf)
    const farSum = other.operation("sum", {
      version: 1,
      effects: "pure",
      run: (_, parts: { list: readonly number[] }) => parts.list.reduce((a, b) => a + b, 0),
    })
    const inner = sum.handle({ list: [square.handle(3)] })
    await inner.put(30)
    const run = await sum.start([{ list: [inner, 1] }])
    const worker = await other.work([farSum])
    expect(await run.result()).toBe(31)
    await worker.drain()
  })

  it("is taken over from a session that died with the same arguments (O6)", async () => {
    const world = new RuntimeWorld()
    const [dying, other] = [await world.open("dying"), await world.open("other")]
    const never = new Gate()
    const make = (hf: Holdfast, gate: Gate | null) => ({
      part: hf.operation("part", {
        version: 1,
        effects: "pure",
        keyed: { key: (n: number) => `n ${n}`, concurrency: 1 },
        run: async (_, n: number) => {
          await gate?.opened
          return n * 10
        },
      }),
      whole: hf.operation("whole", { version: 1, effects: "pure", run: (_, n: number, m: number) => n + m }),
    })
    const first = make(dying, never)
    const second = make(other, null)
    void first.whole(first.part.handle(1), 2)
    await settle()
    const run = other.run((await other.runs({ operation: "whole" }))[0]?.run as never)
    const result = run.result()
    const worker = await other.work([second.whole])
    world.kill("dying")
    expect(await result).toBe(12)
    await worker.drain()
  })

  it("under a key takes equal arguments for equal, however they were built: KEY_MISMATCH otherwise", async () => {
    const hf = await new RuntimeWorld().open()
    const { square, sum } = arithmetic(hf)
    const run = await sum.start([{ list: [square.handle(1), square.handle(2)], by: 2 }], { key: "k" })
    expect((await sum.start([{ by: 2, list: [square.handle(1), square.handle(2)] }], { key: "k" })).id).toBe(run.id)
    await faultOf(sum.start([{ list: [square.handle(2), square.handle(1)], by: 2 }], { key: "k" }), "KEY_MISMATCH")
    await faultOf(sum.start([{ list: [1, 4], by: 2 }], { key: "k" }), "KEY_MISMATCH")
  })
})

describe("a deep graph (O7)", () => {
  async function openLarge(): Promise<Holdfast> {
    const env = createSimulatedEnv({ seed: 1 })
    return await Holdfast.connect({ store: new MemoryStore({ env, check: false }).connect(), env, label: "me" })
  }

  function chainOf(hf: Holdfast, log: { bodies: number }) {
    const next = hf.operation("next", {
      version: 1,
      effects: "pure",
      run: (_, n: number) => {
        log.bodies += 1
        return n + 1
      },
    })
    return (length: number): Call<number> => {
      let call = next.handle(0)
      for (let index = 1; index < length; index++) call = next.handle(call)
      return call
    }
  }

  it("of 10,000 calls in a chain is named in time that grows with its length alone, and looked up at once", async () => {
    const hf = await openLarge()
    const log = { bodies: 0 }
    const chain = chainOf(hf, log)
    chain(100)
    const timeOf = (length: number): number => {
      const since = performance.now()
      chain(length)
      return performance.now() - since
    }
    const [short, long] = [timeOf(1_000), timeOf(10_000)]
    expect(long / short).toBeLessThan(40)
    const goal = chain(10_000)
    expect(await goal.status()).toBeUndefined()
    // Too long to be carried by a run, and said so: nothing has begun.
    await faultOf(goal.result(), "ARGUMENT_INVALID")
    await faultOf(goal.put(10_000), "ARGUMENT_INVALID")
    expect(await hf.runs()).toEqual([])
  })

  it("of 1,000 calls in a chain runs from its end without going through the stack", async () => {
    const hf = await openLarge()
    const log = { bodies: 0 }
    expect(await chainOf(hf, log)(1_000).result()).toBe(1_000)
    expect(log.bodies).toBe(1_000)
  })

  it("that is longer than a run carries is made in parts", async () => {
    const hf = await openLarge()
    const log = { bodies: 0 }
    const next = hf.operation("next", { version: 1, effects: "pure", run: (_, n: number) => n + 1 })
    let value = 0
    for (let part = 0; part < 5; part++) {
      let call = next.handle(value)
      for (let index = 1; index < 500; index++) call = next.handle(call)
      value = await call.result()
    }
    expect([value, log.bodies]).toEqual([2_500, 0])
  })

  it("of a worker's run is rebuilt without going through the stack", async () => {
    const env = createSimulatedEnv({ seed: 1 })
    const store = new MemoryStore({ env, check: false })
    const [hf, other] = [
      await Holdfast.connect({ store: store.connect(), env, label: "me" }),
      await Holdfast.connect({ store: store.connect(), env, label: "other" }),
    ]
    const log = { bodies: 0 }
    const far = other.operation("next", {
      version: 1,
      effects: "pure",
      run: (_, n: number) => {
        log.bodies += 1
        return n + 1
      },
    })
    const near = hf.operation("next", { version: 1, effects: "pure", run: (_, n: number) => n })
    let call: Call<number> = near.handle(0)
    for (let index = 1; index < 999; index++) call = near.handle(call)
    const run = await near.start([call])
    const worker = await other.work([far])
    expect(await run.result()).toBe(1_000)
    expect(log.bodies).toBe(1_000)
    await worker.drain()
  })
})
