/** Workers: slots that take runs, in order, within limits, each run once. */
import { expect } from "vitest"
import type { RunSpec, WorkerId } from "../../src/kernel/index.ts"
import { type Client, expectKind, expectRefused, specOf } from "./client.ts"
import type { Conform } from "./store-conformance.ts"

const BACKOFF = { maxAttempts: 2, initialMs: 0, factor: 1, maxMs: 0 }

export function testWorkers(it: Conform): void {
  it(
    "gives two hundred runs to eight contending workers, each run to one of them (O1, O6)",
    ["runs"],
    async (world) => {
      const [caller, ...clients] = await world.openMany(9)
      const taken: unknown[] = []
      const working = clients.map(async (client) => {
        const worker = await client.openWorker(["render"])
        while (taken.length < 200) {
          const { request, outcome } = await client.takeRun(worker)
          const claim = outcome.kind === "claimed" ? outcome.claim : await client.assigned(request)
          if (claim.args === -1) return
          taken.push(claim.args)
          await client.complete(claim.token)
        }
      })
      for (let arg = 0; arg < 200; arg++) await (caller as Client).enqueue(specOf("render", arg))
      // One more for each worker that may be waiting for it; ended by its argument.
      for (let at = 0; at < clients.length; at++) {
        await (caller as Client).enqueue(specOf("render", `stop ${String(at)}`, { args: -1 }))
      }
      await Promise.all(working)
      expect(new Set(taken).size).toBe(200)
      expect(taken).toHaveLength(200)
    },
  )

  it("takes higher priorities first, and in order of arrival among equals (L3)", ["runs"], async (world) => {
    const client = await world.open()
    const order = [
      ["a", 0],
      ["b", 5],
      ["c", 0],
      ["d", 5],
      ["e", -1],
    ] as const
    for (const [arg, priority] of order) await client.enqueue(specOf("render", arg, { priority }))
    const worker = await client.openWorker(["render"])
    const taken: string[] = []
    for (let at = 0; at < order.length; at++) {
      const { args } = await client.takeNow(worker)
      taken.push(new TextDecoder().decode(args as Uint8Array))
    }
    expect(taken).toEqual(["b", "d", "a", "c", "e"])
  })

  it("gives a run to the slot that waits longest (L3)", ["runs", "steady"], async (world) => {
    const clients = await world.openMany(3)
    const slots = []
    for (const client of clients) slots.push(await client.parkSlot(await client.openWorker(["render"])))
    for (const [at, client] of clients.entries()) {
      const { run } = await client.enqueue(specOf("render", at))
      expect(await client.assigned(slots[at] as never)).toMatchObject({ run, attempt: 1 })
    }
  })

  it("offers no run of another operation, or of another version (O7)", ["runs"], async (world) => {
    const client = await world.open()
    const worker = await client.openWorker(["render", "draw"])
    await client.enqueue(specOf("paint"))
    await client.enqueue(specOf("render", 0, { version: 2 }))
    const slot = await client.parkSlot(worker)
    await client.expectUnanswered(slot)
    const { run } = await client.enqueue(specOf("draw"))
    expect(await client.assigned(slot)).toMatchObject({ run })
  })

  it(
    "keeps an operation within its concurrency, whoever executes, and goes on when a place comes free (O1)",
    ["runs", "steady"],
    async (world) => {
      const [one, two] = [await world.open(), await world.open()]
      const spec = (arg: number) => specOf("render", arg, { concurrency: 2 })
      const [first, second] = [await one.claim(spec(1)), await two.claim(spec(2))]
      const third = await one.join(spec(3))
      await two.enqueue(spec(4))
      const slot = await two.parkSlot(await two.openWorker(["render"]))
      await one.expectUnanswered(third)
      await one.complete(first.token)
      expect(await one.assigned(third)).toMatchObject({ args: 3 })
      await two.expectUnanswered(slot)
      await two.fail(second.token)
      expect(await two.assigned(slot)).toMatchObject({ args: 4 })
    },
  )

  it("starts what a raised concurrency lets in (O1, O6)", ["runs", "steady"], async (world) => {
    const [one, two] = [await world.open(), await world.open()]
    await one.claim(specOf("render", 1, { concurrency: 1 }))
    const waiting = await two.join(specOf("render", 2, { concurrency: 1 }))
    await two.expectUnanswered(waiting)
    await one.enqueue(specOf("render", 1, { concurrency: 2 }))
    expect(await two.assigned(waiting)).toMatchObject({ args: 2 })
  })

  it(
    "keeps each key of an operation within its count, and keys out of each other's way (O1, O6)",
    ["runs"],
    async (world) => {
      const client = await world.open()
      const spec = (key: string, arg: number) => specOf("send", arg, { keyed: { key, count: 1 } })
      for (const [at, key] of ["a", "a", "b", "a", "b"].entries()) await client.enqueue(spec(key, at))
      const worker = await client.openWorker(["send"])
      const [a1, b1] = [await client.takeNow(worker), await client.takeNow(worker)]
      expect([a1.args, b1.args]).toEqual([0, 2])
      const slot = await client.parkSlot(worker)
      await client.complete(b1.token)
      const b2 = await client.assigned(slot)
      expect(b2.args).toBe(4)
      const next = await client.parkSlot(worker)
      await client.control(a1.run, "cancel")
      expect((await client.assigned(next)).args).toBe(1)
    },
  )

  it(
    "lets no run without an executor stand in the way of one of its key that has one (O6)",
    ["runs", "steady"],
    async (world) => {
      const [one, two] = [await world.open(), await world.open()]
      const spec = (arg: number) => specOf("send", arg, { keyed: { key: "k", count: 1 } })
      const first = await one.claim(spec(1))
      // Nobody works on the queue; only `two` can execute what it asked for itself.
      await one.enqueue(spec(2))
      const waiting = await two.join(spec(3))
      await one.complete(first.token)
      expect(await two.assigned(waiting)).toMatchObject({ args: 3 })
    },
  )

  it("keeps limits through a storm of claims, failures, cancels and deaths (O1, O6)", ["runs"], async (world) => {
    const [caller, ...clients] = await world.openMany(7)
    const spec = (arg: number): RunSpec =>
      specOf("send", arg, {
        concurrency: 4,
        keyed: { key: `key ${String(arg % 3)}`, count: 2 },
        retry: BACKOFF,
      })
    const live = new Map<string, number>()
    const enter = (claim: { args: unknown }) => {
      const key = String((claim.args as number) % 3)
      live.set(key, (live.get(key) ?? 0) + 1)
      expect(live.get(key)).toBeLessThanOrEqual(2)
      expect([...live.values()].reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(4)
      return () => {
        live.set(key, (live.get(key) ?? 0) - 1)
      }
    }
    const working = clients.map(async (client, at) => {
      const worker = await client.openWorker(["send"])
      for (let round = 0; round < 10; round++) {
        const { request, outcome } = await client.takeRun(worker)
        const claim = outcome.kind === "claimed" ? outcome.claim : await client.assigned(request)
        const leave = enter(claim)
        await client.catchUp()
        // Counted out before it is given back: the next may come in at that moment.
        leave()
        if (at === 0 && round === 5) {
          await client.end()
          return
        }
        if (round % 4 === 1) await client.fail(claim.token)
        else if (round % 4 === 2) await client.send({ kind: "controlRun", run: claim.run, action: "cancel" })
        else await client.complete(claim.token)
      }
    })
    for (let arg = 0; arg < 90; arg++) await (caller as Client).enqueue(spec(arg))
    await Promise.all(working)
  })

  it("prefers whoever waits for a run to a worker (O6)", ["runs", "steady"], async (world) => {
    const [caller, other] = [await world.open(), await world.open()]
    const first = await other.claim(specOf("render"))
    const joined = await caller.join(specOf("render"))
    const slot = await other.parkSlot(await other.openWorker(["render"]))
    await other.send({ kind: "returnRun", token: first.token, started: true })
    const event = await other.event("runAssigned")
    expect(event.request).not.toBe(slot)
    await other.expectUnanswered(slot)
    await caller.expectUnanswered(joined)
  })

  it("hands a failed attempt to the next slot, also another session's (O6)", ["runs"], async (world) => {
    const [one, two] = [await world.open(), await world.open()]
    await one.enqueue(specOf("render", 0, { retry: BACKOFF }))
    const claim = await one.takeNow(await one.openWorker(["render"]))
    const slot = await two.parkSlot(await two.openWorker(["render"]))
    expectKind(await one.fail(claim.token), "retrying")
    await world.advance(1)
    expect(await two.assigned(slot)).toMatchObject({ run: claim.run, attempt: 2 })
  })

  it("gives nothing to a slot that was withdrawn, or whose worker was closed (L4)", ["runs"], async (world) => {
    const client = await world.open()
    const [first, second] = [
      await client.openWorker(["render"], { id: 1 }),
      await client.openWorker(["render"], { id: 2 }),
    ]
    const [withdrawn, closed] = [await client.parkSlot(first), await client.parkSlot(second)]
    expect(await client.withdraw(withdrawn)).toMatchObject({ found: true })
    expectKind(await client.send({ kind: "closeWorker", worker: second }), "done")
    expectKind(await client.send({ kind: "closeWorker", worker: second }), "done")
    await client.enqueue(specOf("render"))
    await client.expectNothing()
    expect(await client.withdraw(closed)).toMatchObject({ found: false })
    await client.takeNow(first)
  })

  it("lets a body go on whose worker was closed (O5)", ["runs"], async (world) => {
    const client = await world.open()
    const worker = await client.openWorker(["render"])
    await client.enqueue(specOf("render"))
    const claim = await client.takeNow(worker)
    await client.send({ kind: "closeWorker", worker })
    await client.complete(claim.token, 2)
  })

  it("refuses a slot of a worker that is not open, and to open one twice", ["runs"], async (world) => {
    const [client, other] = [await world.open(), await world.open()]
    const worker = await client.openWorker(["render"])
    await other.openWorker(["render"])
    expectRefused(
      await client.send({ kind: "openWorker", worker, operations: [{ operation: "draw", version: 1 }], slots: 1 }),
      "ARGUMENT_INVALID",
    )
    for (const slots of [0, 1.5, Number.NaN]) {
      const operations = [{ operation: "draw", version: 1 }]
      const second = (worker + 1) as WorkerId // Brand constructor.
      expectRefused(await client.send({ kind: "openWorker", worker: second, operations, slots }), "ARGUMENT_INVALID")
    }
    await client.send({ kind: "closeWorker", worker })
    expectRefused((await client.takeRun(worker)).outcome, "ARGUMENT_INVALID")
  })
}
