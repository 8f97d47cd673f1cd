import { describe, expect, it } from "vitest"
import { specOf } from "../../test/exploration/scope.ts"
import { Driver, refusal } from "../../test/kernel/driver.ts"
import type { RunSpec, Token } from "./index.ts"
import type { Grant, Lock, LockRequest } from "./state.ts"
import { allCanFinish } from "./waiting-graph.ts"

const SHARED = { mode: "shared" } as const

function tree(id: number | string, options: Partial<RunSpec> = {}): RunSpec {
  return specOf("tree", String(id), { concurrency: 4, ...options })
}

describe("deadlocks over locks (L7)", () => {
  it("are refused to the request that would complete the cycle, with the whole picture (L7)", () => {
    const d = new Driver()
    const [a, b] = [d.grant("s1", "a"), d.grant("s2", "b")]
    d.now += 30
    d.park("s1", "b", { holding: [a] })
    d.now += 12
    const message = refusal(d.acquire("s2", "a", { holding: [b] }), "DEADLOCK")
    expect(message.split("\n")).toEqual([
      "waiting here would complete a deadlock:",
      `  session s2, holding lock "b" (token ${String(b)}, for 42 ms), waits for lock "a", kept by session s1 with lock "a" (token ${String(a)}, for 42 ms) (0 ms)`,
      `  session s1, holding lock "a" (token ${String(a)}, for 42 ms), waits for lock "b", kept by session s2 with lock "b" (token ${String(b)}, for 42 ms) (12 ms)`,
    ])
  })

  it("of one are refused at once, also to a request that does not wait; siblings queue (L7)", () => {
    const d = new Driver()
    const a = d.grant("s1", "a", SHARED)
    expect(refusal(d.acquire("s1", "a", { holding: [a] }), "DEADLOCK")).toContain("locks are not re-entrant")
    refusal(d.acquire("s1", ["b", "a"], { ...SHARED, holding: [a] }), "DEADLOCK")
    refusal(d.acquire("s1", "a", { holding: [a], wait: false }), "DEADLOCK")
    d.grant("s1", "a", SHARED)
    d.park("s1", "a")
  })

  it("through shared holders and a writer in between are seen (L7)", () => {
    const d = new Driver()
    const [reader, b] = [d.grant("s1", "a", SHARED), d.grant("s2", "b")]
    d.park("s3", "a")
    // s1 waits for b; s2, whose b it is, may not queue behind the writer that s1 keeps out.
    d.park("s1", "b", { holding: [reader] })
    refusal(d.acquire("s2", "a", { ...SHARED, holding: [b] }), "DEADLOCK")
  })

  it("are not seen in shared holders that are not in the way (L7)", () => {
    const d = new Driver()
    const [reader, b] = [d.grant("s1", "a", SHARED), d.grant("s2", "b")]
    const wide = d.grant("s3", "c")
    d.park("s1", "b", { holding: [reader] })
    d.grant("s2", "a", { ...SHARED, holding: [b] })
    d.park("s2", "c", { holding: [b] })
    // Three readers, two of them stuck behind s3: s3 may join them, though not write.
    refusal(d.acquire("s3", "a", { holding: [wide] }), "DEADLOCK")
    d.grant("s3", "a", { ...SHARED, holding: [wide] })
  })

  it("need all permits in the way to be stuck, not some: one that comes free elsewhere is enough (L7)", () => {
    const d = new Driver()
    const pool = { ...SHARED, limit: 2 }
    const b = d.grant("s3", "b")
    const [stuck, free] = [d.grant("s1", "pool", pool), d.grant("s2", "pool", pool)]
    d.park("s1", "b", { holding: [stuck] })
    // Two permits need the stuck one too; one can come from whoever is not stuck.
    refusal(d.acquire("s3", "pool", { ...pool, permits: 2, holding: [b] }), "DEADLOCK")
    const waiting = d.park("s3", "pool", { ...pool, holding: [b] })
    refusal(d.acquire("s2", "b", { holding: [free] }), "DEADLOCK")
    d.release("s2", free)
    d.granted(waiting)
  })

  it("are seen behind a request for several names, however many stand there (L7)", () => {
    const d = new Driver(["s1", "s2", "s3", "s4"])
    const a = d.grant("s1", "a")
    d.grant("s2", "x")
    d.park("s3", ["a", "b"])
    d.park("s4", ["x", "b"])
    d.park("s4", ["b", "c"])
    refusal(d.acquire("s1", "c", { holding: [a] }), "DEADLOCK")
    const other = d.grant("s2", "y")
    d.park("s2", "c", { holding: [other] })
  })

  it("are seen in several names asked together (L7)", () => {
    const d = new Driver()
    const [a, c] = [d.grant("s1", "a"), d.grant("s2", "c")]
    d.park("s1", ["b", "c"], { holding: [a] })
    refusal(d.acquire("s2", ["b", "a"], { holding: [c] }), "DEADLOCK")
    d.grant("s2", "d", { holding: [c] })
  })

  it("by a shrinking limit are refused to the resize (L7)", () => {
    const d = new Driver()
    const pool = { ...SHARED, limit: 3 }
    const b = d.grant("s2", "b")
    const stuck = d.grant("s1", "pool", { ...pool, permits: 1 })
    d.grant("s3", "pool", { ...pool, permits: 1 })
    d.park("s1", "b", { holding: [stuck] })
    d.park("s2", "pool", { ...pool, permits: 2, holding: [b] })
    expect(refusal(d.resize("pool", 2), "DEADLOCK")).toContain('lock "pool"')
    d.withdraw("s1", d.lastRequest)
    expect(d.resize("pool", 4)).toEqual({ kind: "done" })
  })

  it("by a shrinking limit are seen where only a request for several names that holds nothing is hit (L7)", () => {
    const d = new Driver()
    const held = d.grant("s1", "pool", { ...SHARED, permits: 2, limit: 4 })
    const k = d.grant("s3", "other")
    d.park("s2", ["pool", "other"], { ...SHARED, permits: 2 })
    d.park("s1", "other", { holding: [held] })
    refusal(d.resize("pool", 3), "DEADLOCK")
    d.release("s3", k)
  })

  it("leave a grant that was lost out of the picture (L7)", () => {
    const d = new Driver()
    const lost = d.grant("s1", "l", { leaseMs: 10 })
    const [a, b] = [d.grant("s1", "a"), d.grant("s2", "b")]
    d.park("s1", "b", { holding: [lost, a] })
    d.pass(10)
    const message = refusal(d.acquire("s2", "a", { holding: [b] }), "DEADLOCK")
    expect(message).not.toContain('"l"')
  })
})

describe("deadlocks over runs (L7)", () => {
  it("of a scope that awaits a run whose executor awaits the scope's lock, from either end (L7)", () => {
    const d = new Driver()
    const a = d.grant("s1", "a")
    const body = d.claim("s2", tree(1))
    const joined = d.join("s1", tree(1), { holding: [a] })
    expect(refusal(d.acquire("s2", "a", { holding: [body.token] }), "DEADLOCK")).toContain('a run of "tree"')
    d.withdraw("s1", joined)
    d.park("s2", "a", { holding: [body.token] })
    refusal(d.claimRun("s1", tree(1), { holding: [a] }), "DEADLOCK")
    refusal(d.await("s1", body.run, { holding: [a] }), "DEADLOCK")
    expect(d.await("s3", body.run)).toMatchObject({ kind: "joined" })
  })

  it("of four parents that fill a limit of 4 and await children that need it (L7)", () => {
    const d = new Driver()
    const parents = [1, 2, 3, 4].map((id) => d.claim("s1", tree(id)))
    for (const id of [1, 2, 3])
      d.join("s1", tree(`child ${String(id)}`), { holding: [parents[id - 1]?.token as Token] })
    const last = { holding: [parents[3]?.token as Token] }
    const before = d.kernel.snapshot()
    expect(refusal(d.claimRun("s1", tree("child 4"), last), "DEADLOCK")).toContain('holding a run of "tree"')
    // Nothing came of it: no run, no waiter.
    expect({ ...d.kernel.snapshot(), lastArrival: 0, lastToken: 0 }).toEqual({
      ...before,
      lastArrival: 0,
      lastToken: 0,
    })
    d.complete("s1", parents[3]?.token as Token)
    expect(d.assigned().operation).toBe("tree")
  })

  it("of a key's limit, where others of the operation could go on (L7)", () => {
    const d = new Driver()
    const keyed = (id: number, key: string) => specOf("keyed", String(id), { keyed: { key, count: 1 } })
    const parent = d.claim("s1", keyed(1, "k"))
    refusal(d.claimRun("s1", keyed(2, "k"), { holding: [parent.token] }), "DEADLOCK")
    d.claim("s1", keyed(3, "other"), { holding: [parent.token] })
    // A newer count allows a second one, which ends; the parent alone still fills the count its child has.
    const sibling = d.claim("s2", specOf("keyed", "4", { keyed: { key: "k", count: 2 } }))
    refusal(d.claimRun("s1", keyed(2, "k"), { holding: [parent.token] }), "DEADLOCK")
    d.complete("s2", sibling.token)
    const wider = specOf("keyed", "2", { keyed: { key: "k", count: 2 } })
    d.claim("s1", wider, { holding: [parent.token] })
  })

  it("of worker slots all blocked by a lock whose holder awaits a queued run (L7)", () => {
    const d = new Driver()
    const a = d.grant("s1", "a")
    d.openWorker("s2", 1, ["queued"])
    const first = d.enqueue("s1", specOf("queued", "1"))
    const taken = d.take("s2", 1)
    expect(taken).toMatchObject({ kind: "claimed", claim: { run: first } })
    const second = d.enqueue("s1", specOf("queued", "2"))
    const token = taken.kind === "claimed" ? taken.claim.token : (0 as Token)
    d.await("s1", second, { holding: [a] })
    refusal(d.acquire("s2", "a", { holding: [token] }), "DEADLOCK")
  })

  it("are none where a slot of the worker is free, asks, or is given up by a body that awaits (L7)", () => {
    const d = new Driver()
    const a = d.grant("s1", "a")
    d.openWorker("s2", 1, ["queued"], 2)
    for (const id of ["1", "2"]) d.enqueue("s1", specOf("queued", id))
    const bodies = [d.take("s2", 1), d.take("s2", 1)].map((outcome) =>
      outcome.kind === "claimed" ? outcome.claim : null,
    )
    const later = d.enqueue("s1", specOf("queued", "3"))
    d.await("s1", later, { holding: [a] })
    d.park("s2", "a", { holding: [bodies[0]?.token as Token] })
    // The other of its two slots ends, and has not asked again: it will.
    d.complete("s2", bodies[1]?.token as Token)
    const claimed = d.take("s2", 1)
    expect(claimed).toMatchObject({ kind: "claimed", claim: { run: later } })
    const third = claimed.kind === "claimed" ? claimed.claim : null
    refusal(d.acquire("s2", "a", { holding: [third?.token as Token] }), "DEADLOCK")
  })

  it("are none in a body that awaits a run: its slot is given up meanwhile (L7)", () => {
    const d = new Driver()
    d.openWorker("s2", 1, ["queued"])
    d.enqueue("s1", specOf("queued", "parent"))
    const parent = d.take("s2", 1)
    const child = d.enqueue("s1", specOf("queued", "child"))
    const token = parent.kind === "claimed" ? parent.claim.token : (0 as Token)
    expect(d.await("s2", child, { holding: [token] })).toMatchObject({ kind: "joined" })
    const other = d.enqueue("s1", specOf("other", "1"))
    d.await("s2", other, { holding: [token] })
    const taken = d.take("s2", 1)
    expect(taken).toMatchObject({ kind: "claimed", claim: { run: child } })
    d.complete("s2", taken.kind === "claimed" ? taken.claim.token : token)
    d.control(other, "cancel")
    expect(d.complete("s2", token)).toEqual({ kind: "status", status: "completed" })
  })

  it("are none with a delayed or paused child, or where no worker has come yet (L7)", () => {
    const d = new Driver()
    const a = d.grant("s1", "a")
    const delayed = d.enqueue("s2", specOf("queued", "1", { delayMs: 1_000 }))
    expect(d.await("s1", delayed, { holding: [a] })).toMatchObject({ kind: "joined" })
    const parent = d.claim("s1", specOf("one", "1", { concurrency: 1 }))
    const paused = d.enqueue("s2", specOf("one", "2", { concurrency: 1 }))
    d.control(paused, "pause")
    expect(d.await("s1", paused, { holding: [parent.token] })).toMatchObject({ kind: "joined" })
  })
})

describe("waits that lose their hope later (L7)", () => {
  it("are refused when the child is resumed into a full limit (L7)", () => {
    const d = new Driver()
    const parent = d.claim("s1", specOf("one", "1", { concurrency: 1 }))
    const child = d.enqueue("s2", specOf("one", "2", { concurrency: 1 }))
    d.control(child, "pause")
    d.await("s1", child, { holding: [parent.token] })
    const request = d.lastRequest
    d.await("s3", child)
    d.control(child, "resume")
    expect(d.events()).toMatchObject([{ kind: "requestRefused", session: "s1", request, code: "DEADLOCK" }])
  })

  it("are refused when a crash puts a run back in the queue its waiters are in the way of (L7, O6)", () => {
    const d = new Driver()
    const spec = (id: string) => specOf("one", id, { concurrency: 2 })
    const parent = d.claim("s1", spec("parent"))
    const child = d.claim("s2", spec("child"))
    d.await("s1", child.run, { holding: [parent.token] })
    const request = d.lastRequest
    const other = d.enqueue("s3", spec("other"), false)
    expect(other).not.toBe(child.run)
    d.send({
      kind: "claimRun",
      session: "s3" as never,
      request: 900 as never,
      spec: specOf("one", "x", { concurrency: 1 }),
      holding: [],
      force: false,
    })
    d.end("s2")
    expect(d.events()).toMatchObject([{ kind: "requestRefused", session: "s1", request, code: "DEADLOCK" }])
  })

  it("are refused when an operation's limit is lowered by a newer definition (L7)", () => {
    const d = new Driver()
    const spec = (id: string, concurrency: number) => specOf("one", id, { concurrency })
    const parent = d.claim("s1", spec("parent", 2))
    const busy = d.claim("s2", spec("busy", 2))
    const child = d.enqueue("s2", spec("child", 2))
    d.await("s1", child, { holding: [parent.token] })
    const request = d.lastRequest
    expect(d.events()).toEqual([])
    // That the other one of the two ends is not enough any more.
    d.enqueue("s3", spec("more", 1))
    expect(d.events()).toMatchObject([{ kind: "requestRefused", request }])
    d.complete("s2", busy.token)
  })

  it("are refused when the last worker with a free slot leaves (L7, L6)", () => {
    const d = new Driver()
    const a = d.grant("s1", "a")
    d.openWorker("s2", 1, ["queued"])
    d.openWorker("s3", 1, ["queued"])
    d.enqueue("s1", specOf("queued", "1"))
    const taken = d.take("s2", 1)
    const token = taken.kind === "claimed" ? taken.claim.token : (0 as Token)
    const later = d.enqueue("s1", specOf("queued", "2", { delayMs: 100 }))
    d.await("s1", later, { holding: [a] })
    const request = d.lastRequest
    d.park("s2", "a", { holding: [token] })
    d.end("s3")
    expect(d.events()).toMatchObject([{ kind: "requestRefused", session: "s1", request, code: "DEADLOCK" }])
  })

  it("are refused when the one who would have executed the run leaves (L7)", () => {
    const d = new Driver()
    const a = d.grant("s1", "a")
    d.openWorker("s2", 1, ["queued"])
    d.enqueue("s1", specOf("queued", "1"))
    const taken = d.take("s2", 1)
    const token = taken.kind === "claimed" ? taken.claim.token : (0 as Token)
    const delayed = specOf("queued", "2", { delayMs: 100 })
    const executor = d.join("s3", delayed)
    const run = d.enqueue("s1", delayed)
    d.await("s1", run, { holding: [a] })
    const request = d.lastRequest
    d.park("s2", "a", { holding: [token] })
    d.withdraw("s3", executor)
    expect(d.events()).toMatchObject([{ kind: "requestRefused", session: "s1", request, code: "DEADLOCK" }])
  })

  it("are refused when a body takes back its slot while it waits for a lock (L7)", () => {
    const d = new Driver()
    const a = d.grant("s1", "a")
    d.openWorker("s2", 1, ["queued"])
    d.enqueue("s1", specOf("queued", "parent"))
    const parent = d.take("s2", 1)
    const token = parent.kind === "claimed" ? parent.claim.token : (0 as Token)
    const elsewhere = d.claim("s3", specOf("other", "1"))
    // Two siblings inside the body: one awaits a run, the other waits for the lock.
    d.await("s2", elsewhere.run, { holding: [token] })
    d.park("s2", "a", { holding: [token] })
    const later = d.enqueue("s1", specOf("queued", "later", { delayMs: 100 }))
    d.await("s1", later, { holding: [a] })
    const request = d.lastRequest
    d.events()
    d.complete("s3", elsewhere.token)
    expect(d.events()).toMatchObject([
      { kind: "runSettled", session: "s3" },
      { kind: "runSettled", session: "s2" },
      { kind: "requestRefused", session: "s1", request, code: "DEADLOCK" },
    ])
  })

  it("are kept where they only stand behind a cycle: refusing them would help nobody (L7)", () => {
    const d = new Driver()
    const spec = (id: string) => specOf("one", id, { concurrency: 1 })
    const parent = d.claim("s1", spec("parent"))
    const child = d.enqueue("s2", spec("child"))
    d.control(child, "pause")
    const bystander = d.grant("s3", "z")
    d.await("s3", child, { holding: [bystander] })
    const kept = d.lastRequest
    d.await("s1", child, { holding: [parent.token] })
    const refused = d.lastRequest
    d.control(child, "resume")
    expect(d.events()).toMatchObject([{ kind: "requestRefused", request: refused }])
    expect(d.withdraw("s3", kept)).toMatchObject({ found: true })
  })

  it("cancel a run that nobody else wants, when its definition says so (L7, O8)", () => {
    const d = new Driver()
    const spec = (id: string) => specOf("one", id, { concurrency: 1, abandon: "cancel" })
    const parent = d.claim("s1", spec("parent"))
    const child = d.enqueue("s2", spec("child"))
    d.control(child, "pause")
    d.await("s1", child, { holding: [parent.token] })
    d.control(child, "resume")
    expect(d.events()).toMatchObject([{ kind: "requestRefused" }])
    expect(d.await("s2", child)).toMatchObject({ kind: "settled", settlement: { kind: "canceled" } })
  })
})

describe("the check of the whole store (L7)", () => {
  it("fails on a deadlock, were one to stand (L7)", () => {
    // A scope that waits for its own grant, which no command can bring about.
    const lock = { exclusive: null, shared: null, joint: null } as unknown as Lock
    const grant = { kind: "grant", locks: [lock], permits: 1, waits: new Set() } as unknown as Grant
    const tickets = [{ lock, previous: null, next: null }]
    const request = { kind: "lock", tickets, arrival: 1, holders: [grant] } as unknown as LockRequest
    expect(allCanFinish([request])).toBe(true)
    lock.exclusive = grant
    expect(allCanFinish([request])).toBe(true)
    grant.waits?.add(request)
    expect(allCanFinish([request])).toBe(false)
  })
})
