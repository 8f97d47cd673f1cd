import { describe, expect, it } from "vitest"
import { specOf } from "../../test/exploration/scope.ts"
import { Driver } from "../../test/kernel/driver.ts"
import { RestartingDriver } from "../../test/kernel/restarting-driver.ts"
import { generationOf, type SessionId } from "./index.ts"

describe("live changes", () => {
  it("say what came and went, whole (L3, L6, O1)", () => {
    const d = new RestartingDriver(["s1"])
    const a = d.grant("s1", ["a", "b"], { mode: "shared", limit: 4, permits: 2, leaseMs: 9 })
    const granted = d.lastRequest
    const waiting = d.park("s1", "a")
    d.openWorker("s1", 7, ["job"])
    d.enqueue("s1", specOf("job", "1", { attemptTimeoutMs: 30 }))
    const claim = d.takeClaim("s1", 7)
    expect(d.liveChanges()).toEqual({
      "session:s1": { kind: "session", session: "s1", label: "s1" },
      [`grant:${String(a)}`]: {
        kind: "grant",
        session: "s1",
        token: a,
        request: granted,
        names: ["a", "b"],
        limits: [4, 4],
        mode: "shared",
        permits: 2,
        at: 1_000,
        leaseAt: 1_009,
      },
      [`ticket:s1/${String(waiting)}`]: expect.objectContaining({
        kind: "ticket",
        arrival: 1,
        since: 1_000,
      }) as unknown,
      [`claim:${String(claim.token)}`]: {
        kind: "claim",
        session: "s1",
        token: claim.token,
        request: d.lastRequest,
        identity: claim.identity,
        generation: generationOf(claim.run),
        attempt: 1,
        at: 1_000,
        worker: 7,
        timeoutAt: 1_030,
      },
    })
    expect(d.liveChanges()).toEqual({})
    d.end("s1")
    expect(d.liveChanges()).toEqual({
      "session:s1": null,
      [`grant:${String(a)}`]: null,
      [`ticket:s1/${String(waiting)}`]: null,
      [`claim:${String(claim.token)}`]: null,
    })
  })

  it("leave out what came and went between two of them (L4)", () => {
    const d = new RestartingDriver(["s1"])
    d.liveChanges()
    const a = d.grant("s1", "a", { leaseMs: 50 })
    d.send({ kind: "renewLock", session: "s1" as SessionId, token: a, leaseMs: 60 })
    d.withdraw("s1", d.park("s1", "a"))
    d.release("s1", a)
    d.complete("s1", d.claim("s1", specOf("job", "1")).token)
    d.send({ kind: "openSession", session: "s2" as SessionId, label: "" })
    d.end("s2")
    expect(d.liveChanges()).toEqual({})
  })

  it("have one end for what was renewed and then released (L6)", () => {
    const d = new RestartingDriver(["s1"])
    const a = d.grant("s1", "a", { leaseMs: 50 })
    d.liveChanges()
    d.send({ kind: "renewLock", session: "s1" as SessionId, token: a, leaseMs: 60 })
    d.release("s1", a)
    expect(d.liveChanges()).toEqual({ [`grant:${String(a)}`]: null })
  })

  it("are none in a kernel whose sessions end with it", () => {
    const d = new Driver()
    d.grant("s1", "a")
    expect(d.kernel.takeLiveChanges()).toEqual([])
  })

  it("are none of being restored (L4)", () => {
    const d = new RestartingDriver()
    d.grant("s1", "a", { leaseMs: 50 })
    d.park("s2", "a")
    d.claim("s1", specOf("job", "1"))
    d.restart()
    expect(d.liveChanges()).toEqual({})
  })
})
