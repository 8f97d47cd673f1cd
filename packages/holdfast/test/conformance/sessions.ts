/** Sessions: opening, ending, and that what ends gives everything back and leaves no trace. */
import { expect } from "vitest"
import type { RequestId } from "../../src/kernel/index.ts"
import { type Client, expectKind, expectRefused, type OwnCommand, put, specOf } from "./client.ts"
import type { Conform } from "./store-conformance.ts"

/** One valid command of each kind that a session sends. */
function oneOfEach(client: Client): OwnCommand[] {
  const spec = specOf("render")
  const request = client.nextRequest()
  // A token, a run and a worker that nobody has.
  const absent = { token: 1_000_000 as never, run: `${spec.identity}@1000000` as never, worker: 7 as never }
  const { token, run, worker } = absent
  const failure = { code: "RUN_FAILED", name: "Error", message: "", stack: null } as const
  return [
    {
      kind: "acquireLock",
      request,
      names: ["a"],
      mode: "exclusive",
      permits: 1,
      limit: null,
      leaseMs: null,
      holding: [],
      wait: true,
    },
    { kind: "withdrawRequest", request, reason: "abort" },
    { kind: "releaseLock", token },
    { kind: "renewLock", token, leaseMs: 10 },
    { kind: "resizeLock", name: "a", limit: 2 },
    { kind: "claimRun", request, spec, holding: [], force: false },
    { kind: "enqueueRun", spec, force: false },
    { kind: "awaitRun", request, run, holding: [], execute: false },
    { kind: "openWorker", worker, operations: [{ operation: "render", version: 1 }], slots: 1 },
    { kind: "closeWorker", worker },
    { kind: "takeRun", request, worker },
    { kind: "completeRun", token, result: 1 },
    { kind: "failRun", token, failure, final: false },
    { kind: "returnRun", token, started: true },
    { kind: "controlRun", run, action: "cancel" },
    { kind: "reportProgress", token, progress: 1 },
    { kind: "readRun", identity: spec.identity },
    { kind: "listRuns", filter: { operation: null, statuses: null, limit: 10 } },
    { kind: "watchRun", request, run },
    { kind: "putResult", spec, result: 1 },
    { kind: "forgetResult", identity: spec.identity },
    { kind: "discardResult", run },
    { kind: "setBlobBudget", bytes: 1 },
    { kind: "evictBlobs", maxBytes: 1 },
    { kind: "holdBlobs", hold: [], drop: [] },
    { kind: "readCells", names: ["a"], head: false },
    { kind: "listCells", prefix: "", limit: 10 },
    { kind: "commitCells", holding: [], reads: [], writes: [put("a", 1)], starts: [], step: null, complete: null },
    { kind: "watchCells", request, pattern: { kind: "name", name: "a" } },
    { kind: "flushRun", run },
    { kind: "peekRun", identity: spec.identity },
    { kind: "inspect" },
  ]
}

export function testSessions(it: Conform): void {
  it(
    "refuses every command of a session that has ended, and changes nothing (L6)",
    ["runs", "cells"],
    async (world) => {
      const [ended, witness] = [await world.open(), await world.open()]
      await ended.end()
      for (const command of oneOfEach(ended)) expectRefused(await ended.send(command), "SESSION_LOST")
      await witness.lock("a")
      expect(await witness.get("a")).toEqual([0, null])
      expect(await witness.readRun(specOf("render"))).toBeNull()
    },
  )

  it("refuses a session that was never opened", [], async (world) => {
    const link = await world.link()
    const session = world.nextSession()
    const outcome = await link.execute({ kind: "releaseLock", session, token: 1 as never })
    expectRefused(outcome, "SESSION_LOST")
  })

  it("refuses to open a session that is open, which goes on undisturbed", [], async (world) => {
    const client = await world.open()
    const token = await client.lock("a")
    const other = await world.link()
    expectRefused(
      await other.execute({ kind: "openSession", session: client.session, label: "thief" }),
      "ARGUMENT_INVALID",
    )
    const waiting = await client.queue("a")
    await client.release(token)
    await client.granted(waiting)
    expect(other.strays).toEqual([])
  })

  it("ends a session twice without complaint (S1)", [], async (world) => {
    const client = await world.open()
    await client.end("closed")
    await client.end("closed")
  })

  it("gives back every lock of a session that ends and wakes who waited for it (L6)", [], async (world) => {
    const [dying, heir, reader] = [await world.open(), await world.open(), await world.open()]
    const tokens = [await dying.lock("a"), await dying.lock("b", { mode: "shared" }), await dying.lock(["c", "d"])]
    const waiting = [await heir.queue("a"), await heir.queue("b"), await reader.queue(["c", "d"])]
    await dying.end()
    const [a, b] = [await heir.granted(waiting[0] as never), await heir.granted(waiting[1] as never)]
    const c = await reader.granted(waiting[2] as never)
    expect(Math.min(a, b, c)).toBeGreaterThan(Math.max(...tokens))
  })

  it("takes what an ended session waited for out of every queue (L4, L6)", [], async (world) => {
    const [holder, dying, next] = [await world.open(), await world.open(), await world.open()]
    const [a, b] = [await holder.lock("a"), await holder.lock("b")]
    await dying.queue("a")
    await dying.queue(["a", "b"])
    await dying.queue("b", { mode: "shared" })
    const waiting = [await next.queue("a"), await next.queue("b")] as const
    await dying.end()
    await holder.release(a)
    await holder.release(b)
    await next.granted(waiting[0])
    await next.granted(waiting[1])
    expect(dying.log).toEqual([])
  })

  it("wakes those whom a request of an ended session stood in the way of (L4, L6)", [], async (world) => {
    const [reader, dying, next] = [await world.open(), await world.open(), await world.open()]
    await reader.lock(["a", "b"], { mode: "shared" })
    await dying.queue(["a", "b"])
    const reading = [await next.queue("a", { mode: "shared" }), await next.queue("b", { mode: "shared" })] as const
    await dying.end()
    await next.granted(reading[0])
    await next.granted(reading[1])
  })

  it(
    "grants nothing to a session while it ends, though its own requests stood in each other's way (L4, L6)",
    [],
    async (world) => {
      const [reader, dying, next] = [await world.open(), await world.open(), await world.open()]
      const reading = await reader.lock("a", { mode: "shared" })
      await dying.queue("a")
      await dying.queue("a", { mode: "shared" })
      const writing = await next.queue("a")
      await dying.end()
      await next.expectUnanswered(writing)
      await reader.release(reading)
      await next.granted(writing)
      expect(dying.log).toEqual([])
    },
  )

  it("ends the sessions of a connection that closes, and nobody else's (L6, S1)", [], async (world) => {
    const link = await world.link()
    const [one, two, other] = [await link.open(), await link.open(), await world.open()]
    await one.lock("a")
    await two.lock("b")
    const kept = await other.lock("c")
    const waiting = [await other.queue("a"), await other.queue("b")] as const
    await link.store.close()
    await other.granted(waiting[0])
    await other.granted(waiting[1])
    await other.release(kept)
    expectRefused(await other.link.execute({ kind: "inspect", session: one.session }), "SESSION_LOST")
  })

  it("is closed twice without complaint, and refuses to execute afterwards (S1)", [], async (world) => {
    const link = await world.link()
    const client = await link.open()
    await link.store.close()
    await link.store.close()
    await expect(async () => await client.acquire("a")).rejects.toMatchObject({ code: "CLOSED" })
  })

  it("tells each session's news to the connection that opened it, and to no other (O4)", ["cells"], async (world) => {
    const [link, other] = [await world.link(), await world.open()]
    const [one, two] = [await link.open(), await link.open()]
    const watches = [await one.watch("a"), await two.watch("a"), await other.watch("a")] as const
    await other.put("a", 1)
    await one.event("cellChanged", watches[0].request)
    await two.event("cellChanged", watches[1].request)
    await other.event("cellChanged", watches[2].request)
    await one.expectNothing()
    await two.expectNothing()
    await other.expectNothing()
    expect([...link.strays, ...other.link.strays]).toEqual([])
  })

  it(
    "answers a hundred sessions that end while they queue for one lock, without losing one (L3, L6)",
    [],
    async (world) => {
      const holder = await world.open()
      const token = await holder.lock("a")
      const clients = await world.openMany(100)
      const requests: RequestId[] = []
      for (const client of clients) requests.push(await client.queue("a"))
      await holder.release(token)
      const order: string[] = []
      await Promise.all(
        clients.map(async (client, at) => {
          if (at % 3 === 1) {
            await client.end()
            return
          }
          await client.granted(requests[at] as never)
          order.push(client.session)
          await client.end("closed")
        }),
      )
      expect(order).toEqual(clients.filter((_client, at) => at % 3 !== 1).map((client) => client.session))
      await holder.lock("a")
    },
  )

  it("shows nothing of a session that has ended (L6)", ["inspect", "cells", "runs"], async (world) => {
    const [ended, witness] = [await world.open(), await world.open("witness")]
    await ended.lock("a")
    await ended.watch({ prefix: "" })
    await ended.openWorker(["render"])
    await ended.end()
    const { view } = expectKind(await witness.send({ kind: "inspect" }), "view")
    expect(view.sessions).toEqual([{ session: witness.session, label: "witness", grants: 0, claims: 0, waits: 0 }])
    expect(view.locks).toEqual([])
  })
}
