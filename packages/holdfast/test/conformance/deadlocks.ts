/** Deadlocks: the request that would complete one is refused with the picture, and nothing else ever is. */
import { expect } from "vitest"
import type { ClaimView } from "../../src/kernel/index.ts"
import { type Client, expectKind, expectRefused, specOf } from "./client.ts"
import type { Conform } from "./store-conformance.ts"

const SHARED = { mode: "shared" } as const

export function testDeadlocks(it: Conform): void {
  it("refuses the request that would complete a cycle of two, and says who waits for what (L7)", [], async (world) => {
    const [ada, bob] = [await world.open("ada"), await world.open("bob")]
    const [a, b] = [await ada.lock("a"), await bob.lock("b")]
    const waiting = await ada.queue("b", { holding: [a] })
    const refusal = expectRefused((await bob.acquire("a", { holding: [b] })).outcome, "DEADLOCK")
    for (const word of ["ada", "bob", '"a"', '"b"']) expect(refusal.message).toContain(word)
    expect(refusal.details).toMatchObject({ cycle: [{}, {}] })
    // The refused request left no trace; who waited goes on when the other gives up.
    await bob.release(b)
    await ada.granted(waiting)
  })

  it("refuses it through a chain of five sessions, and only there (L7)", [], async (world) => {
    const clients = await world.openMany(5)
    const tokens = []
    for (const [at, client] of clients.entries()) tokens.push(await client.lock(`lock ${String(at)}`))
    const requests = []
    for (const [at, client] of clients.slice(0, 4).entries()) {
      requests.push(await client.queue(`lock ${String(at + 1)}`, { holding: [tokens[at] as never] }))
    }
    const last = clients[4] as Client
    expectRefused((await last.acquire("lock 0", { holding: [tokens[4] as never] })).outcome, "DEADLOCK")
    // A sibling that holds nothing waits like anyone.
    await last.queue("lock 0")
    await last.release(tokens[4] as never)
    await (clients[3] as Client).granted(requests[3] as never)
  })

  it("refuses to ask for a name that an ancestor holds, while siblings queue (L7)", [], async (world) => {
    const client = await world.open()
    const token = await client.lock("a")
    expectRefused((await client.acquire("a", { holding: [token] })).outcome, "DEADLOCK")
    expectRefused((await client.acquire(["b", "a"], { holding: [token] })).outcome, "DEADLOCK")
    expectRefused((await client.acquire("a", { holding: [token], wait: false })).outcome, "DEADLOCK")
    const sibling = await client.queue("a")
    await client.release(token)
    await client.granted(sibling)
  })

  it("sees cycles through shared grants of several names (L7)", [], async (world) => {
    const [one, two] = [await world.open(), await world.open()]
    const [first, second] = [await one.lock(["a", "x"], SHARED), await two.lock(["a", "y"], SHARED)]
    const waiting = await one.queue("y", { holding: [first] })
    expectRefused((await two.acquire("x", { holding: [second] })).outcome, "DEADLOCK")
    await two.release(second)
    await one.granted(waiting)
  })

  it("counts permits: k of n must be able to come free, not all (L7)", [], async (world) => {
    const [one, two, three] = [await world.open(), await world.open(), await world.open()]
    const pool = { ...SHARED, limit: 2 }
    const a = await one.lock("a")
    const first = await one.lock("pool", { ...pool, holding: [a] })
    const second = await two.lock("pool", pool)
    // `two` holds one permit and waits for `a`; `three` holds nothing and may wait: `one` can still finish.
    await two.queue("a", { holding: [second] })
    const waiting = await three.queue("pool", pool)
    // Were `one` to wait for a permit, both permits would be held by those who wait.
    expectRefused((await one.acquire("pool", { ...pool, permits: 2, holding: [a] })).outcome, "DEADLOCK")
    await one.queue("pool", { ...pool, permits: 1, holding: [a] })
    await one.release(first)
    await three.granted(waiting)
  })

  it("forgets the edge of a request that was withdrawn (L4, L7)", [], async (world) => {
    const [ada, bob] = [await world.open(), await world.open()]
    const [a, b] = [await ada.lock("a"), await bob.lock("b")]
    const waiting = await ada.queue("b", { holding: [a] })
    await ada.withdraw(waiting)
    const next = await bob.queue("a", { holding: [b] })
    await ada.release(a)
    await bob.granted(next)
  })

  it("forgets the edges of a lease that is over (L4, L7)", [], async (world) => {
    const [ada, bob] = [await world.open(), await world.open()]
    const [a, b] = [await ada.lock("a", { leaseMs: 50 }), await bob.lock("b")]
    const waiting = await ada.queue("b", { holding: [a] })
    await world.advance(100)
    await ada.event("grantLost")
    await bob.lock("a", { holding: [b] })
    await ada.expectUnanswered(waiting)
  })

  it("sees through the sessions of one scope chain, and past tokens that stand for nothing (L7)", [], async (world) => {
    const [ada, bob] = [await world.open(), await world.open()]
    const [a, b] = [await ada.lock("a"), await bob.lock("b")]
    // A program that opened the store twice asks in a scope of the one session for what a scope of the other holds.
    expectRefused((await bob.acquire("a", { holding: [a] })).outcome, "DEADLOCK")
    const waiting = await bob.queue("a", { holding: [b, 1_000_000 as never] })
    expectRefused((await bob.acquire("b", { holding: [a] })).outcome, "DEADLOCK")
    await ada.release(a)
    await bob.granted(waiting)
  })

  it("sees requests for several names that stand in each other's queues (L3, L7)", [], async (world) => {
    const [ada, bob, joint] = [await world.open(), await world.open(), await world.open()]
    const [a, b] = [await ada.lock("a"), await bob.lock("b")]
    const both = await joint.queue(["a", "b"])
    // Behind the joint request, `ada` would wait for one that waits for `ada`.
    expectRefused((await ada.acquire("b", { holding: [a] })).outcome, "DEADLOCK")
    await ada.release(a)
    await joint.expectUnanswered(both)
    await bob.release(b)
    await joint.granted(both)
  })

  it(
    "sees a scope that awaits a run whose executor awaits the scope's lock (L7)",
    ["runs", "steady"],
    async (world) => {
      const [caller, executor] = [await world.open(), await world.open()]
      const a = await caller.lock("a")
      const claim = await executor.claim(specOf("render"))
      const joined = await caller.join(specOf("render"), { holding: [a] })
      expectRefused((await executor.acquire("a", { holding: [claim.token] })).outcome, "DEADLOCK")
      await executor.complete(claim.token)
      expect(await caller.settled(joined)).toMatchObject({ kind: "completed" })
    },
  )

  it(
    "sees through the sessions of one scope chain where a run is asked for, too (L7)",
    ["runs", "steady"],
    async (world) => {
      const [ada, bob, executor] = [await world.open(), await world.open(), await world.open()]
      const a = await ada.lock("a")
      const claim = await executor.claim(specOf("render"))
      await executor.queue("a", { holding: [claim.token] })
      expectRefused((await bob.ask(specOf("render"), { holding: [a] })).outcome, "DEADLOCK")
      expectRefused((await bob.awaitRun(claim.run, { holding: [a] })).outcome, "DEADLOCK")
      expectKind((await bob.awaitRun(claim.run, { holding: [1_000_000 as never] })).outcome, "joined")
    },
  )

  it("refuses to await a run whose executor already waits for the scope (L7)", ["runs", "steady"], async (world) => {
    const [caller, executor] = [await world.open(), await world.open()]
    const a = await caller.lock("a")
    const claim = await executor.claim(specOf("render"))
    const waiting = await executor.queue("a", { holding: [claim.token] })
    expectRefused((await caller.ask(specOf("render"), { holding: [a] })).outcome, "DEADLOCK")
    expectRefused((await caller.awaitRun(claim.run, { holding: [a] })).outcome, "DEADLOCK")
    await caller.release(a)
    await executor.granted(waiting)
  })

  it(
    "sees parents that fill an operation's slots and ask for children of it (L7, O1)",
    ["runs", "steady"],
    async (world) => {
      const [one, two] = [await world.open(), await world.open()]
      const spec = (arg: number) => specOf("walk", arg, { concurrency: 2 })
      const [first, second] = [await one.claim(spec(1)), await two.claim(spec(2))]
      const child = await one.join(spec(3), { holding: [first.token] })
      expectRefused((await two.ask(spec(4), { holding: [second.token] })).outcome, "DEADLOCK")
      expect(await two.readRun(spec(4))).toBeNull()
      await two.complete(second.token)
      expect((await one.assigned(child)).operation).toBe("walk")
    },
  )

  it("keeps everything as it was when it refuses to claim a run again (L7, O3)", ["runs", "steady"], async (world) => {
    const client = await world.open()
    const spec = (arg: number) => specOf("walk", arg, { concurrency: 1, retainMs: 500 })
    const failed: ClaimView[] = []
    for (const arg of [1, 2]) {
      const claim = await client.claim(spec(arg))
      await client.fail(claim.token, "first", true)
      failed.push(claim)
    }
    const parent = await client.claim(spec(3))
    expectRefused((await client.ask(spec(1), { holding: [parent.token] })).outcome, "DEADLOCK")
    expectRefused((await client.ask(spec(2), { holding: [parent.token], force: true })).outcome, "DEADLOCK")
    for (const [at, { run }] of failed.entries()) {
      expect(await client.readRun(spec(at + 1))).toMatchObject({ run, status: "failed", attempt: 1, waiters: 0 })
    }
    await world.advance(1_000)
    for (const arg of [1, 2]) expect(await client.readRun(spec(arg))).toBeNull()
  })

  it(
    "lends a worker's slot to another run while its body awaits one, or executes that inline (L7)",
    ["runs", "steady"],
    async (world) => {
      const client = await world.open()
      const worker = await client.openWorker(["walk"])
      await client.enqueue(specOf("walk", 1))
      const parent = await client.takeNow(worker)
      const child = await client.enqueue(specOf("walk", 2))
      const waiting = await client.awaitRun(child.run, { holding: [parent.token] })
      expectKind(waiting.outcome, "joined")
      const taken = await client.takeNow(worker)
      expect(taken.run).toBe(child.run)
      await client.complete(taken.token)
      await client.settled(waiting.request)
      const other = await client.enqueue(specOf("walk", 3))
      const inline = await client.awaitRun(other.run, { holding: [parent.token], execute: true })
      expectKind(inline.outcome, "claimed")
    },
  )

  it(
    "sees a worker whose only slot waits for a lock kept by one who awaits a run only it could take (L7)",
    ["runs", "steady"],
    async (world) => {
      const [client, keeper] = [await world.open(), await world.open()]
      const worker = await client.openWorker(["walk"])
      await client.enqueue(specOf("walk", 1))
      const body = await client.takeNow(worker)
      const a = await keeper.lock("a")
      const child = await keeper.enqueue(specOf("walk", 2))
      const waiting = await keeper.awaitRun(child.run, { holding: [a] })
      expectKind(waiting.outcome, "joined")
      expectRefused((await client.acquire("a", { holding: [body.token] })).outcome, "DEADLOCK")
      await client.complete(body.token)
      await client.complete((await client.takeNow(worker)).token)
      await keeper.settled(waiting.request)
    },
  )

  it(
    "refuses a waiter whose run lost its executor and now needs a slot that waits for the waiter (L7, O4)",
    ["runs", "steady"],
    async (world) => {
      const [client, keeper, executor] = [await world.open(), await world.open(), await world.open()]
      const worker = await client.openWorker(["walk"])
      await client.enqueue(specOf("walk", 1))
      const body = await client.takeNow(worker)
      const a = await keeper.lock("a")
      const child = await executor.claim(specOf("walk", 2))
      const { request, outcome } = await keeper.awaitRun(child.run, { holding: [a] })
      expectKind(outcome, "joined")
      // While somebody executes the child, this wait is no deadlock.
      const locking = await client.queue("a", { holding: [body.token] })
      await executor.end()
      expect(await keeper.event("requestRefused", request)).toMatchObject({ code: "DEADLOCK" })
      await keeper.expectUnanswered(request)
      await keeper.release(a)
      await client.granted(locking)
    },
  )

  it("refuses a limit that would leave those who wait without hope (L7)", [], async (world) => {
    const [one, two, three] = [await world.open(), await world.open(), await world.open()]
    const pool = { ...SHARED, limit: 3 }
    const a = await one.lock("a")
    const second = await two.lock("pool", pool)
    await three.lock("pool", { ...pool, permits: 2 })
    await two.queue("a", { holding: [second] })
    const waiting = await one.queue("pool", { ...pool, permits: 2, holding: [a] })
    expectRefused(await three.send({ kind: "resizeLock", name: "pool", limit: 2 }), "DEADLOCK")
    await three.end()
    await one.granted(waiting)
  })
}
