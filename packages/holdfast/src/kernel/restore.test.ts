import { describe, expect, it } from "vitest"
import { specOf } from "../../test/exploration/scope.ts"
import { refusal } from "../../test/kernel/driver.ts"
import { RestartingDriver } from "../../test/kernel/restarting-driver.ts"
import { without } from "../../test/kernel/written.ts"
import type { SessionId, Token } from "./index.ts"

const SHARED = { mode: "shared" } as const

describe("a restored kernel", () => {
  it("goes on behind the time, the tokens and the arrivals of the one before it (L2, L3)", () => {
    const d = new RestartingDriver()
    const a = d.grant("s1", "a")
    const early = d.park("s2", "a")
    // A store reserves tokens ahead, so more may have been handed out than it knows of.
    d.restart((state) => ({ ...state, lastToken: state.lastToken + 100 }))
    expect(d.kernel.lastToken).toBe(a + 100)
    d.now -= 500
    expect(d.grant("s3", "b")).toBe(a + 101)
    d.park("s3", "a")
    d.release("s1", a)
    expect(d.events()).toMatchObject([{ kind: "lockGranted", request: early, at: 1_000 }])
  })

  it("knows its sessions, which of them are away, and what each of them has (L6)", () => {
    const d = new RestartingDriver()
    const [a, b] = [d.grant("s1", "a"), d.grant("s2", "b")]
    const granted = d.lastRequest
    const waiting = d.park("s2", "a")
    const claim = d.claim("s2", specOf("job", "1"))
    const claimed = d.lastRequest
    d.restart()
    expect(d.kernel.awaySessions()).toEqual(["s1", "s2", "s3"])
    d.comeBack("s1", "s9", "s1", "s3")
    expect(d.kernel.awaySessions()).toEqual(["s2"])
    expect(["s2", "s9"].map((id) => d.kernel.hasSession(id as SessionId))).toEqual([true, false])
    expect(d.kernel.holdingOf("s9" as SessionId)).toBeNull()
    expect(d.kernel.holdingOf("s2" as SessionId)).toEqual({
      grants: [{ token: b, request: granted, at: 1_000 }],
      claims: [{ request: claimed, claim }],
      waiting: [waiting],
    })
    // A body whose run was canceled goes on for a while, but is nothing the session has.
    d.control(claim.run, "cancel")
    expect(d.kernel.holdingOf("s2" as SessionId)).toMatchObject({ claims: [] })
    expect(d.kernel.holdingOf("s1" as SessionId)?.grants).toMatchObject([{ token: a }])
    expect(d.send({ kind: "openSession", session: "s2" as SessionId, label: "" })).toMatchObject({ kind: "refused" })
  })

  it("drops what belongs to a session that is gone, and wakes who waited for it (L4, L6, O6)", () => {
    const d = new RestartingDriver()
    d.grant("s1", "a")
    const b = d.grant("s3", "b")
    d.park("s1", "b")
    const [next, behind] = [d.park("s2", "a"), d.park("s2", "b")]
    const spec = specOf("job", "1")
    d.claim("s1", spec)
    d.restart((state) => without(state, (row) => row.kind === "session" && row.session === "s1"))
    // Whose grant came while nobody kept the store is told so, and it is written.
    const token = d.granted(next)
    expect(d.liveChanges()).toMatchObject({ [`grant:${String(token)}`]: { names: ["a"], request: next } })
    expect(d.view(spec)).toMatchObject({ status: "pending", attempt: 1 })
    d.release("s3", b)
    d.granted(behind)
  })

  it("gives back what an absent session holds when it ends after all (L6, O6)", () => {
    const d = new RestartingDriver()
    d.grant("s1", "a")
    const next = d.park("s2", "a")
    const spec = specOf("job", "1")
    d.claim("s1", spec)
    d.restart()
    d.end("s1")
    expect(d.granted(next)).toBeGreaterThan(0)
    expect(d.kernel.awaySessions()).toEqual(["s2", "s3"])
    expect(d.view(spec)).toMatchObject({ status: "pending" })
  })
})

describe("a restored grant", () => {
  it("excludes others until its own session releases it, and counts from when it was given (L1, L5)", () => {
    const d = new RestartingDriver()
    const a = d.grant("s1", ["a", "b"])
    d.restart()
    d.now += 70
    expect(d.acquire("s2", "b", { wait: false })).toMatchObject({
      kind: "busy",
      lock: { holders: [{ session: "s1", label: "s1", token: a, mode: "exclusive", sinceMs: 70 }] },
    })
    refusal(d.release("s2", a), "GRANT_LOST")
    const next = d.park("s2", ["b", "a"])
    expect(d.release("s1", a)).toEqual({ kind: "released", heldMs: 70 })
    d.granted(next)
    expect(d.release("s1", a)).toEqual({ kind: "unheld" })
  })

  it("ends with its lease, and is told lost before the next holder is told granted (L1, L6)", () => {
    const d = new RestartingDriver()
    const a = d.grant("s1", "a", { leaseMs: 50 })
    const next = d.park("s2", "a")
    d.restart()
    expect(d.kernel.nextDeadline()).toBe(1_050)
    d.pass(49)
    expect(d.events()).toEqual([])
    d.pass(1)
    expect(d.events()).toMatchObject([
      { kind: "grantLost", token: a, names: ["a"] },
      { kind: "lockGranted", request: next },
    ])
  })

  it("is lost at once where its lease ran out while nobody kept the store (L6)", () => {
    const d = new RestartingDriver()
    const a = d.grant("s1", "a", { leaseMs: 50 })
    d.now += 200
    d.restart((state) => ({ ...state, now: d.now }))
    d.pass(0)
    expect(d.events()).toMatchObject([{ kind: "grantLost", token: a }])
    d.grant("s2", "a")
  })

  it("has the lease it was renewed to (L6)", () => {
    const d = new RestartingDriver()
    const a = d.grant("s1", "a", { leaseMs: 50 })
    d.restart()
    d.send({ kind: "renewLock", session: "s1" as SessionId, token: a, leaseMs: 500 })
    expect(d.liveChanges()).toMatchObject({ [`grant:${String(a)}`]: { kind: "grant", token: a, leaseAt: 1_500 } })
    d.send({ kind: "renewLock", session: "s1" as SessionId, token: a, leaseMs: 600 })
    d.restart()
    d.pass(599)
    expect(d.events()).toEqual([])
    d.pass(1)
    expect(d.events()).toMatchObject([{ kind: "grantLost", token: a }])
  })

  it("stands beside the other shared ones, within their limit (L1)", () => {
    const d = new RestartingDriver()
    const pool = { ...SHARED, limit: 3 }
    const [one] = [d.grant("s1", "pool", pool), d.grant("s2", "pool", { ...pool, permits: 2 })]
    const unlimited = [d.grant("s1", "free", SHARED), d.grant("s2", "free", SHARED)]
    d.restart()
    refusal(d.acquire("s3", "pool", { ...SHARED, limit: 4 }), "LIMIT_MISMATCH")
    expect(d.acquire("s3", "pool", { ...SHARED, wait: false })).toMatchObject({ kind: "busy", lock: { limit: 3 } })
    d.release("s1", one)
    d.grant("s3", "pool", SHARED)
    const writer = d.park("s3", "free")
    for (const [at, token] of unlimited.entries()) d.release(`s${String(at + 1)}`, token)
    d.granted(writer)
  })

  it("brings along a limit whose own row was not written yet (L1)", () => {
    const d = new RestartingDriver()
    d.grant("s1", "pool", { ...SHARED, limit: 2 })
    d.grant("s1", "door")
    d.park("s2", "door", { ...SHARED, limit: 1 })
    d.written.take(d.kernel)
    for (const name of ["pool", "door"]) d.written.lose(`limit:${name}`)
    d.restart()
    expect(d.kernel.takeChanges()).toEqual([
      { key: "limit:pool", row: 2 },
      { key: "limit:door", row: 1 },
    ])
    d.grant("s2", "pool", SHARED)
    expect(d.acquire("s3", "pool", { ...SHARED, wait: false })).toMatchObject({ kind: "busy", lock: { limit: 2 } })
    refusal(d.acquire("s3", "door", { ...SHARED, limit: 2 }), "LIMIT_MISMATCH")
  })

  it("stays above a limit that was lowered meanwhile, and nothing new is granted until all are within it (L1)", () => {
    const d = new RestartingDriver()
    const pool = { ...SHARED, limit: 4, permits: 2 }
    const held = [d.grant("s1", "pool", pool), d.grant("s1", "pool", pool)]
    d.resize("pool", 2)
    const waiting = d.park("s2", "pool", SHARED)
    d.restart()
    expect(d.acquire("s3", "pool", { ...SHARED, wait: false })).toMatchObject({ kind: "busy", lock: { limit: 2 } })
    d.release("s1", held[0] as Token)
    expect(d.events()).toEqual([])
    d.release("s1", held[1] as Token)
    d.granted(waiting)
  })
})

describe("restored lock requests", () => {
  it("stand in order of arrival, however they were read (L3)", () => {
    const d = new RestartingDriver()
    const a = d.grant("s1", "a")
    const waiting = ["s2", "s3", "s1"].map((session) => d.park(session, "a"))
    d.restart((state) => ({ ...state, live: state.live.toReversed() }))
    const late = d.park("s2", "a")
    let [holder, token] = ["s1", a]
    for (const [at, request] of [...waiting, late].entries()) {
      d.release(holder, token)
      token = d.granted(request)
      holder = ["s2", "s3", "s1", "s2"][at] ?? ""
    }
  })

  it("for several names stand in all their queues, and nobody passes them (L3, L4)", () => {
    const d = new RestartingDriver()
    const a = d.grant("s1", "a")
    const [both, behind, last] = [d.park("s2", ["a", "b"]), d.park("s3", "b"), d.park("s1", ["b", "c"])]
    d.restart((state) => ({ ...state, live: state.live.toReversed() }))
    expect(d.acquire("s3", "b", { wait: false })).toMatchObject({ kind: "busy", lock: { waiterCount: 3 } })
    d.release("s1", a)
    d.release("s2", d.granted(both))
    d.release("s3", d.granted(behind))
    d.granted(last)
  })

  it("have waited since they were asked, and are withdrawn without a trace (L4)", () => {
    const d = new RestartingDriver()
    const a = d.grant("s1", "a")
    const request = d.park("s2", "a")
    d.restart()
    d.now += 30
    expect(d.withdraw("s2", request, "timeout")).toMatchObject({
      found: true,
      locks: [{ name: "a", waiters: [{ session: "s2", sinceMs: 30 }] }],
    })
    expect(d.liveChanges()).toEqual({ [`ticket:s2/${String(request)}`]: null })
    d.release("s1", a)
    expect(d.events()).toEqual([])
  })

  it("block the scopes they were asked in, so a deadlock with them is still seen (L7)", () => {
    const d = new RestartingDriver()
    const [a, b] = [d.grant("s1", "a"), d.grant("s2", "b")]
    const gone = d.grant("s3", "c")
    d.park("s1", "b", { holding: [a, gone] })
    d.release("s3", gone)
    d.restart()
    refusal(d.acquire("s2", "a", { holding: [b] }), "DEADLOCK")
    // What was given back since it asked stands in nobody's way.
    d.grant("s2", "c", { holding: [b] })
  })

  it("of a body block its run, so who awaits that run is refused what the body waits for (L7)", () => {
    const d = new RestartingDriver()
    const a = d.grant("s1", "a")
    const body = d.claim("s2", specOf("job", "1"))
    d.park("s2", "a", { holding: [body.token] })
    d.restart()
    refusal(d.await("s1", body.run, { holding: [a] }), "DEADLOCK")
  })
})
