import { describe, expect, it } from "vitest"
import { specOf } from "../../test/exploration/scope.ts"
import { Driver } from "../../test/kernel/driver.ts"
import type { RequestId, SessionId } from "./index.ts"

describe("a snapshot", () => {
  it("is plain data that holds everything the future depends on", () => {
    const d = new Driver()
    const a = d.grant("s1", "a", { leaseMs: 10 })
    d.grant("s1", "same time", { leaseMs: 10 })
    d.grant("s2", "pool", { mode: "shared", permits: 2, limit: 3 })
    d.park("s2", ["a", "b"], { holding: [] })
    d.openWorker("s1", 7, ["work"])
    d.enqueue("s1", specOf("work", "1", { concurrency: 1, attemptTimeoutMs: 50 }))
    d.take("s1", 7)
    d.take("s1", 7)
    const later = d.enqueue("s1", specOf("work", "2", { delayMs: 30, concurrency: 1 }))
    d.await("s3", later)
    d.send({ kind: "watchRun", session: "s3" as SessionId, request: 900 as RequestId, run: later })
    d.send({
      kind: "watchCells",
      session: "s3" as SessionId,
      request: 901 as RequestId,
      pattern: { kind: "prefix", prefix: "x" },
    })
    d.complete("s2", d.claim("s2", specOf("other", "1", { retainMs: 99 })).token)
    const snapshot = d.kernel.snapshot()
    expect(structuredClone(snapshot)).toEqual(snapshot)
    expect(snapshot).toMatchObject({
      now: 1_000,
      locks: [
        {
          name: "a",
          limit: null,
          shrunk: false,
          holders: [{ token: a, session: "s1", mode: "exclusive" }],
          queue: [{ session: "s2" }],
        },
        { name: "b", holders: [], queue: [{ session: "s2" }] },
        { name: "pool", limit: 3, holders: [{ permits: 2, mode: "shared" }] },
        { name: "same time" },
      ],
      queues: [{ operation: "work", concurrency: 1, takers: [{ session: "s1" }] }],
      limits: [{ name: "pool", limit: 3 }],
      deadlines: [
        { kind: "lease", token: a },
        { kind: "lease" },
        { kind: "ready" },
        { kind: "attempt" },
        { kind: "expiry" },
      ],
    })
  })

  it("is the same whatever order the tables were filled in", () => {
    const [one, two] = [new Driver(["s1", "s2"]), new Driver(["s2", "s1"])]
    expect(one.kernel.snapshot()).toEqual(two.kernel.snapshot())
  })
})
