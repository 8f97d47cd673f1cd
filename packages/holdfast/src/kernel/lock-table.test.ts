import { describe, expect, it } from "vitest"
import { Driver, refusal } from "../../test/kernel/driver.ts"
import type { RequestId, SessionId, Token } from "./index.ts"

const SHARED = { mode: "shared" } as const

describe("exclusive and shared grants (L1)", () => {
  it("give an exclusive grant to one at a time, and shared ones to many (L1)", () => {
    const d = new Driver()
    const writer = d.grant("s1", "a")
    const [first, second] = [d.park("s2", "a", SHARED), d.park("s3", "a", SHARED)]
    d.release("s1", writer)
    expect(d.events().map((event) => event.kind === "lockGranted" && event.request)).toEqual([first, second])
    d.park("s1", "a")
  })

  it("count permits up to the limit, and none beyond (L1)", () => {
    const d = new Driver()
    const pool = { ...SHARED, limit: 3 }
    const two = d.grant("s1", "pool", { ...pool, permits: 2 })
    d.grant("s2", "pool", pool)
    const waiting = d.park("s3", "pool", pool)
    d.release("s1", two)
    expect(d.granted(waiting)).toBeGreaterThan(two)
  })

  it("refuse a limit other than the stored one, and permits that can never be granted (L1)", () => {
    const d = new Driver()
    const token = d.grant("s1", "pool", { ...SHARED, limit: 3 })
    expect(refusal(d.acquire("s2", "pool", { ...SHARED, limit: 4 }), "LIMIT_MISMATCH")).toContain(
      "has the limit 3, asked for with 4",
    )
    expect(refusal(d.acquire("s2", "pool", { ...SHARED, permits: 4 }), "ARGUMENT_INVALID")).toContain(
      "can never be granted",
    )
    d.release("s1", token)
    // The limit is stored state: it outlives those who use it.
    refusal(d.acquire("s2", "pool", { ...SHARED, limit: 4 }), "LIMIT_MISMATCH")
  })

  it("take a first limit for a lock in use as a resize: holders stay, newcomers wait (L1)", () => {
    const d = new Driver()
    const [first, second] = [d.grant("s1", "docs", SHARED), d.grant("s2", "docs", SHARED)]
    const waiting = d.park("s3", "docs", { ...SHARED, limit: 2 })
    d.release("s1", first)
    d.granted(waiting)
    d.release("s2", second)
    d.grant("s1", "docs", { ...SHARED, limit: 2 })
    d.park("s2", "docs", { ...SHARED, limit: 2 })
  })

  it("leave no limit behind when the request that brought it is turned down (L1, L4)", () => {
    const d = new Driver()
    const [a, b] = [d.grant("s1", "a", SHARED), d.grant("s2", "b")]
    d.park("s2", "a", { holding: [b] })
    // Busy, refused as a deadlock, and refused because a request for more is waiting: none of them sets a limit.
    expect(d.acquire("s3", ["a", "fresh"], { ...SHARED, limit: 5, wait: false })).toMatchObject({ kind: "busy" })
    refusal(d.acquire("s1", ["b", "fresh"], { ...SHARED, limit: 5, holding: [a] }), "DEADLOCK")
    d.grant("s3", "fresh", { ...SHARED, limit: 7 })
    d.grant("s3", "wide", SHARED)
    const writer = d.park("s1", "wide")
    d.park("s2", "wide", { ...SHARED, permits: 3 })
    refusal(d.acquire("s3", ["free", "wide"], { ...SHARED, limit: 2 }), "LIMIT_MISMATCH")
    d.withdraw("s1", writer)
    d.grant("s3", "free", { ...SHARED, limit: 9 })
  })
})

describe("one arrival order (L3)", () => {
  it("lets nothing later pass what is first in a queue it stands in (L3)", () => {
    const d = new Driver()
    const a = d.grant("s1", "a")
    const both = d.park("s2", ["a", "b"])
    const later = d.park("s3", "b")
    expect(d.acquire("s3", "b", { wait: false })).toMatchObject({ kind: "busy", lock: { name: "b", waiterCount: 2 } })
    d.release("s1", a)
    const token = d.granted(both)
    d.release("s2", token)
    d.granted(later)
  })

  it("lets no reader join current ones while a writer is ahead: nobody starves (L3)", () => {
    const d = new Driver()
    const reader = d.grant("s1", "a", SHARED)
    const writer = d.park("s2", "a")
    const late = d.park("s3", "a", SHARED)
    d.release("s1", reader)
    const token = d.granted(writer)
    d.release("s2", token)
    d.granted(late)
  })

  it("pumps every queue a grant of several names frees the way in (L3)", () => {
    const d = new Driver()
    const a = d.grant("s1", "a")
    const both = d.park("s2", ["a", "b"], SHARED)
    const behind = d.park("s3", "b", SHARED)
    d.release("s1", a)
    expect(d.events().map((event) => "request" in event && event.request)).toEqual([both, behind])
  })
})

describe("withdrawal (L4)", () => {
  it("leaves no trace and wakes whoever stood behind (L4)", () => {
    const d = new Driver()
    d.grant("s1", "a", SHARED)
    const before = d.kernel.snapshot()
    const writer = d.park("s2", "a")
    d.withdraw("s2", writer)
    expect(d.kernel.snapshot()).toEqual({ ...before, lastArrival: before.lastArrival + 1 })
    const again = d.park("s2", "a")
    const reader = d.park("s3", "a", SHARED)
    expect(d.withdraw("s2", again, "timeout")).toMatchObject({
      kind: "withdrawn",
      found: true,
      locks: [{ name: "a", waiterCount: 2, holders: [{ session: "s1", mode: "shared" }] }],
    })
    d.granted(reader)
  })

  it("from the middle and the end of a queue keeps the others in order (L3, L4)", () => {
    const d = new Driver()
    const a = d.grant("s1", "a")
    const waits = ["s1", "s2", "s3", "s1", "s2"].map((session) => d.park(session, "a"))
    d.withdraw("s2", waits[4] as RequestId)
    d.withdraw("s3", waits[2] as RequestId)
    d.release("s1", a)
    d.withdraw("s2", waits[1] as RequestId)
    d.release("s1", d.granted(waits[0] as RequestId))
    d.granted(waits[3] as RequestId)
  })

  it("of what was granted or never asked finds nothing; a late grant is given back (L4)", () => {
    const d = new Driver()
    const a = d.grant("s1", "a")
    const waiting = d.park("s2", "a")
    d.release("s1", a)
    expect(d.withdraw("s2", waiting)).toEqual({ kind: "withdrawn", found: false, locks: [] })
    expect(d.withdraw("s2", 999 as RequestId)).toMatchObject({ found: false })
    expect(d.release("s2", d.granted(waiting))).toMatchObject({ kind: "released" })
  })

  it("lists at most the first hundred waiters, and counts all (L4)", () => {
    const d = new Driver(["s1"])
    d.grant("s1", "a")
    for (let index = 0; index < 150; index += 1) d.park("s1", "a")
    const outcome = d.withdraw("s1", 20 as RequestId, "timeout")
    expect(outcome.kind === "withdrawn" && outcome.locks[0]?.waiters.length).toBe(100)
    expect(outcome).toMatchObject({ locks: [{ waiterCount: 150 }] })
  })
})

describe("release (L5)", () => {
  it("twice is a no-op, and a stranger's is an error that changes nothing (L5)", () => {
    const d = new Driver()
    const a = d.grant("s1", "a")
    expect(refusal(d.release("s2", a), "GRANT_LOST")).toContain("only the grant itself releases")
    expect(d.acquire("s2", "a", { wait: false })).toMatchObject({ kind: "busy" })
    d.now += 7
    expect(d.release("s1", a)).toEqual({ kind: "released", heldMs: 7 })
    expect(d.release("s1", a)).toEqual({ kind: "unheld" })
    expect(d.release("s1", 4_711 as Token)).toEqual({ kind: "unheld" })
  })
})

describe("sessions that end (L6)", () => {
  it("give back what they hold and wait for, and the next are woken (L6)", () => {
    const d = new Driver()
    d.grant("s1", "a")
    d.grant("s1", "b")
    const [a, b] = [d.park("s2", "a"), d.park("s3", "b")]
    d.end("s1")
    expect(d.events().map((event) => "request" in event && event.request)).toEqual([a, b])
  })

  it("are granted nothing while they end: a reader behind their own writer (L6)", () => {
    const d = new Driver()
    d.grant("s1", "a", SHARED)
    d.park("s2", "a")
    d.park("s2", "a", SHARED)
    const other = d.park("s3", "a", SHARED)
    d.end("s2")
    expect(d.events()).toMatchObject([{ kind: "lockGranted", session: "s3", request: other }])
  })
})

describe("leases", () => {
  it("end by themselves; the next holder is told after the last one (L6)", () => {
    const d = new Driver()
    const a = d.grant("s1", "a", { leaseMs: 50 })
    const waiting = d.park("s2", "a")
    expect(d.kernel.nextDeadline()).toBe(d.now + 50)
    d.pass(50)
    expect(d.events()).toMatchObject([
      { kind: "grantLost", session: "s1", token: a, names: ["a"] },
      { kind: "lockGranted", request: waiting },
    ])
    expect(d.release("s1", a)).toEqual({ kind: "unheld" })
    expect(d.kernel.nextDeadline()).toBeUndefined()
  })

  it("are renewed by their holder alone, and a grant without one can get one (L5)", () => {
    const d = new Driver()
    const a = d.grant("s1", "a", { leaseMs: 50 })
    d.pass(40)
    const renew = (session: string, token: Token, leaseMs = 50) =>
      d.send({ kind: "renewLock", session: session as SessionId, token, leaseMs })
    expect(renew("s1", a)).toEqual({ kind: "done" })
    refusal(renew("s2", a), "GRANT_LOST")
    refusal(renew("s1", a, 0), "ARGUMENT_INVALID")
    d.pass(40)
    expect(d.release("s1", a)).toMatchObject({ kind: "released" })
    expect(renew("s1", a)).toEqual({ kind: "unheld" })
    const plain = d.grant("s1", "a")
    renew("s1", plain, 5)
    d.pass(5)
    expect(d.events()).toMatchObject([{ kind: "grantLost", token: plain }])
  })
})

describe("resizing (L1, L7)", () => {
  it("up wakes who fits now; down leaves holders alone and holds newcomers back (L1)", () => {
    const d = new Driver()
    const pool = { ...SHARED, limit: 2 }
    const tokens = [d.grant("s1", "pool", pool), d.grant("s2", "pool", pool)]
    const waiting = d.park("s3", "pool", pool)
    d.resize("pool", 3)
    d.granted(waiting)
    expect(d.resize("pool", 1)).toEqual({ kind: "done" })
    const next = d.park("s3", "pool", SHARED)
    d.release("s1", tokens[0] as Token)
    expect(d.events()).toEqual([])
    d.release("s2", tokens[1] as Token)
    expect(d.events()).toEqual([])
    d.end("s3")
    expect(d.kernel.snapshot().locks).toEqual([])
    d.grant("s2", "pool", SHARED)
    d.park("s1", "pool", { ...SHARED, limit: 1, wait: true })
    expect(next).toBeGreaterThan(0)
  })

  it("of a lock held exclusively counts when that grant is gone (L1)", () => {
    const d = new Driver()
    d.release("s1", d.grant("s1", "pool", { ...SHARED, limit: 3 }))
    const writer = d.grant("s1", "pool")
    expect(d.resize("pool", 1)).toEqual({ kind: "done" })
    const [first] = [d.park("s2", "pool", SHARED), d.park("s3", "pool", SHARED)]
    d.release("s1", writer)
    expect(d.events()).toMatchObject([{ request: first }])
    d.end("s2")
    d.end("s3")
    // Nobody uses it now: only the stored limit is left to change.
    expect(d.resize("pool", 5)).toEqual({ kind: "done" })
  })

  it("is refused where there is no limit, where it is no number, and under a waiting request for more", () => {
    const d = new Driver()
    refusal(d.resize("a", 2), "LIMIT_MISMATCH")
    d.grant("s1", "pool", { ...SHARED, limit: 3 })
    for (const limit of [0, -1, 1.5, Number.NaN, Infinity]) refusal(d.resize("pool", limit), "ARGUMENT_INVALID")
    d.park("s2", "pool", { ...SHARED, permits: 3 })
    expect(refusal(d.resize("pool", 2), "LIMIT_MISMATCH")).toContain("a request for 3 permits is waiting")
    d.park("s3", "pool")
    expect(d.resize("pool", 4)).toEqual({ kind: "done" })
  })
})

describe("bad requests", () => {
  it("are refused and leave no trace (L4)", () => {
    const d = new Driver()
    const before = d.kernel.snapshot()
    for (const names of [[], ["a", "a"]]) refusal(d.acquire("s1", names), "ARGUMENT_INVALID")
    for (const permits of [0, -1, 1.5, Number.NaN]) refusal(d.acquire("s1", "a", { permits }), "ARGUMENT_INVALID")
    for (const limit of [0, Number.NaN]) refusal(d.acquire("s1", "a", { limit }), "ARGUMENT_INVALID")
    for (const leaseMs of [0, -5, Number.NaN, Infinity]) refusal(d.acquire("s1", "a", { leaseMs }), "ARGUMENT_INVALID")
    expect(d.kernel.snapshot()).toEqual(before)
  })

  it("do not use an id that is waiting (L4)", () => {
    const d = new Driver()
    d.grant("s1", "a")
    const request = d.park("s2", "a")
    const command = {
      kind: "acquireLock",
      session: "s2" as SessionId,
      request,
      names: ["b"],
      mode: "exclusive",
    } as const
    refusal(d.send({ ...command, permits: 1, limit: null, leaseMs: null, holding: [], wait: true }), "ARGUMENT_INVALID")
  })
})

describe("idle locks", () => {
  it("leave the table, save a bounded number kept for reuse (L4)", () => {
    const d = new Driver(["s1"])
    for (let index = 0; index < 1_000; index += 1) d.release("s1", d.grant("s1", `lock ${String(index)}`))
    expect(d.kernel.snapshot().locks).toEqual([])
    const held = d.grant("s1", "lock 999")
    for (let index = 0; index < 100; index += 1) d.release("s1", d.grant("s1", `lock ${String(index)}`))
    expect(d.kernel.snapshot().locks).toHaveLength(1)
    d.release("s1", held)
    d.grant("s1", "lock 999")
  })

  it("have the limit that is stored when they are used again (L1)", () => {
    const d = new Driver(["s1", "s2"])
    d.release("s1", d.grant("s1", "pool", { ...SHARED, limit: 2 }))
    d.resize("pool", 1)
    d.grant("s1", "pool", SHARED)
    d.park("s2", "pool", SHARED)
    // Resized while it is not even a spare.
    d.release("s1", d.grant("s1", "rare", { ...SHARED, limit: 1 }))
    for (let index = 0; index < 100; index += 1) d.release("s1", d.grant("s1", `lock ${String(index)}`))
    expect(d.resize("rare", 2)).toEqual({ kind: "done" })
    for (const session of ["s1", "s2"]) d.grant(session, "rare", { ...SHARED, limit: 2 })
  })
})

describe("observers", () => {
  it("see every transition of a lock", () => {
    const d = new Driver()
    d.observe()
    const a = d.grant("s1", "a", { leaseMs: 10 })
    d.withdraw("s2", d.park("s2", "a"), "timeout")
    d.withdraw("s2", d.park("s2", "a"))
    d.park("s2", "a")
    d.park("s3", "a")
    refusal(d.acquire("s1", "a", { holding: [a] }), "DEADLOCK")
    d.pass(10)
    d.end("s2")
    d.release("s1", d.grant("s1", "pool", { ...SHARED, limit: 1 }))
    d.resize("pool", 2)
    const kinds = d.seen.map(({ kind }) => kind)
    expect(new Set(kinds)).toEqual(
      new Set([
        "lock.waiting",
        "lock.timeout",
        "lock.withdrawn",
        "deadlock.refused",
        "lock.lost",
        "lock.granted",
        "lock.released",
        "session.ended",
        "lock.resized",
      ]),
    )
  })
})
