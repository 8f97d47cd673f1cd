import { describe, expect, it } from "vitest"
import { specOf } from "../../test/exploration/scope.ts"
import { Driver, refusal } from "../../test/kernel/driver.ts"
import { type Command, InvariantError, Kernel, type RequestId, type SessionId, type StoredRow } from "./index.ts"

const S1 = "s1" as SessionId

describe("sessions", () => {
  it("open once, and a command of one that is not open is refused (L6)", () => {
    const d = new Driver(["s1"])
    refusal(d.send({ kind: "openSession", session: S1, label: "again" }), "ARGUMENT_INVALID")
    expect(refusal(d.acquire("s9", "a"), "SESSION_LOST")).toContain("session s9 is not open")
    expect(d.send({ kind: "endSession", session: "s9" as SessionId, reason: "died", unstarted: [] })).toEqual({
      kind: "done",
    })
  })

  it("give back everything of every kind when they end (L6, O6)", () => {
    const d = new Driver()
    const before = new Driver(["s2", "s3"]).kernel.snapshot()
    d.grant("s1", "a")
    d.grant("s2", "b")
    d.park("s1", "b")
    d.openWorker("s1", 1, ["job"])
    d.take("s1", 1)
    d.send({ kind: "watchCells", session: S1, request: 900 as RequestId, pattern: { kind: "prefix", prefix: "" } })
    d.send({ kind: "watchCells", session: S1, request: 901 as RequestId, pattern: { kind: "name", name: "x" } })
    const run = d.enqueue("s2", specOf("other", "1", { abandon: "cancel" }))
    d.send({ kind: "watchRun", session: S1, request: 902 as RequestId, run })
    d.await("s1", run)
    d.end("s1")
    d.send({ kind: "forgetResult", session: "s2" as SessionId, identity: specOf("other", "1").identity })
    d.end("s2")
    d.send({ kind: "openSession", session: "s2" as SessionId, label: "s2" })
    const after = d.kernel.snapshot()
    expect({ ...after, lastToken: 0, lastArrival: 0 }).toEqual({ ...before, lastToken: 0, lastArrival: 0 })
  })
})

describe("time", () => {
  it("does not go back: a smaller now counts as the last one seen", () => {
    const d = new Driver()
    d.grant("s1", "a", { leaseMs: 50 })
    d.now += 40
    d.acquire("s2", "b")
    d.now -= 100
    d.pass(0)
    expect(d.kernel.snapshot().now).toBe(1_040)
  })

  it("makes what is due happen first, in order, whatever the command is", () => {
    const d = new Driver()
    d.claim(
      "s1",
      specOf("work", "1", { attemptTimeoutMs: 20, retry: { maxAttempts: 2, initialMs: 0, factor: 1, maxMs: 0 } }),
    )
    d.grant("s1", "a", { leaseMs: 10 })
    d.complete("s1", d.claim("s1", specOf("work", "2", { retainMs: 15 })).token)
    d.enqueue("s1", specOf("work", "3", { delayMs: 12 }))
    d.events()
    const order: string[] = []
    d.kernel.observe(({ kind }) => order.push(kind))
    d.now += 100
    d.acquire("s2", "z")
    expect(order).toEqual(["lock.lost", "run.expired", "run.retrying", "run.claimed", "lock.granted"])
    d.kernel.observe(null)
    d.acquire("s2", "y")
    expect(order).toHaveLength(5)
  })
})

describe("requests", () => {
  it("have ids of their own: one in use is refused, whatever asks with it (O4)", () => {
    const d = new Driver()
    d.grant("s1", "a")
    const request = d.park("s1", "a")
    const run = d.enqueue("s1", specOf("work", "1"))
    d.openWorker("s1", 1, ["other"])
    const commands: Command[] = [
      { kind: "claimRun", session: S1, request, spec: specOf("work", "2"), holding: [], force: false },
      { kind: "awaitRun", session: S1, request, run, holding: [], execute: false },
      { kind: "takeRun", session: S1, request, worker: 1 as never },
      { kind: "watchRun", session: S1, request, run },
      { kind: "watchCells", session: S1, request, pattern: { kind: "name", name: "x" } },
    ]
    for (const command of commands) refusal(d.send(command), "ARGUMENT_INVALID")
  })

  it("hold what their whole scope chain holds, of any session, and nothing by a token nobody has (L7)", () => {
    const d = new Driver()
    const a = d.grant("s1", "a")
    d.park("s2", "a", { holding: [4_711 as never] })
    refusal(d.acquire("s2", "a", { holding: [a, 4_711 as never] }), "DEADLOCK")
    const claim = d.claim("s3", specOf("work", "1"))
    expect(d.claimRun("s2", specOf("work", "1"), { holding: [4_711 as never] })).toMatchObject({ kind: "joined" })
    refusal(d.claimRun("s2", specOf("work", "1"), { holding: [claim.token, 4_711 as never] }), "DEADLOCK")
  })

  it("of a kind nobody knows are a bug, not an outcome", () => {
    const d = new Driver()
    expect(() => d.send({ kind: "nonsense", session: S1 } as never)).toThrow(InvariantError)
  })
})

describe("inspect", () => {
  it("shows who holds what, who waits for whom, and what runs", () => {
    const d = new Driver()
    d.grant("s1", "pool", { mode: "shared", permits: 2, limit: 3 })
    d.now += 5
    d.park("s2", "pool")
    d.claim("s3", specOf("work", "1"))
    for (let index = 0; index < 120; index += 1) d.enqueue("s3", specOf("other", String(index)))
    d.complete("s3", d.claim("s3", specOf("work", "2")).token)
    d.enqueue("s3", { ...specOf("work", "new"), version: 2 })
    const outcome = d.send({ kind: "inspect", session: S1 })
    expect(outcome).toMatchObject({
      kind: "view",
      view: {
        sessions: [
          { session: "s1", grants: 1, claims: 0, waits: 0 },
          { session: "s2", waits: 1 },
          { session: "s3", claims: 1, waits: 1 },
        ],
        locks: [
          {
            name: "pool",
            limit: 3,
            holders: [{ session: "s1", mode: "shared", permits: 2, sinceMs: 5 }],
            waiters: [{ session: "s2", mode: "exclusive", sinceMs: 0 }],
            waiterCount: 1,
          },
        ],
        runs: { byStatus: { pending: 121, running: 1, completed: 1 } },
        queues: [
          { operation: "other", version: 1, pending: 120, running: 0 },
          { operation: "work", version: 1, pending: 0, running: 1 },
          { operation: "work", version: 2, pending: 1, running: 0 },
        ],
        cells: { resident: 0 },
      },
    })
    expect(outcome.kind === "view" && outcome.view.runs.open.length).toBe(100)
  })
})

describe("a kernel with a store behind it", () => {
  const commit = {
    kind: "commitCells",
    session: S1,
    holding: [],
    reads: [],
    starts: [],
    step: null,
    complete: null,
  } as const

  function create(): Driver {
    return new Driver(["s1"], { backed: true })
  }

  it("asks for rows it does not know, changes nothing, and goes on when it has them (O9)", () => {
    const d = create()
    const spec = specOf("work", "1")
    const needs: [Command, string[], string | null][] = [
      [
        {
          kind: "acquireLock",
          session: S1,
          request: 1 as RequestId,
          names: ["a"],
          mode: "exclusive",
          permits: 1,
          limit: null,
          leaseMs: null,
          holding: [],
          wait: true,
        },
        ["limit:a"],
        null,
      ],
      [{ kind: "resizeLock", session: S1, name: "a", limit: 1 }, ["limit:a"], null],
      [
        { kind: "claimRun", session: S1, request: 1 as RequestId, spec, holding: [], force: false },
        [`run:${spec.identity}`],
        null,
      ],
      [{ kind: "enqueueRun", session: S1, spec, force: false }, [`run:${spec.identity}`], null],
      [{ kind: "putResult", session: S1, spec, result: 1 }, [`run:${spec.identity}`], null],
      [{ kind: "readRun", session: S1, identity: spec.identity }, [`run:${spec.identity}`], null],
      [{ kind: "forgetResult", session: S1, identity: spec.identity }, [`run:${spec.identity}`], null],
      [
        {
          kind: "awaitRun",
          session: S1,
          request: 1 as RequestId,
          run: `${spec.identity}@1` as never,
          holding: [],
          execute: false,
        },
        [`run:${spec.identity}`],
        null,
      ],
      [
        { kind: "controlRun", session: S1, run: `${spec.identity}@1` as never, action: "cancel" },
        [`run:${spec.identity}`],
        null,
      ],
      [
        { kind: "watchRun", session: S1, request: 1 as RequestId, run: `${spec.identity}@1` as never },
        [`run:${spec.identity}`],
        null,
      ],
      [{ kind: "readCells", session: S1, names: ["x", "y"], head: false }, ["cell:x", "cell:y"], null],
      [
        { kind: "watchCells", session: S1, request: 1 as RequestId, pattern: { kind: "name", name: "x" } },
        ["cell:x"],
        null,
      ],
      [
        { kind: "watchCells", session: S1, request: 1 as RequestId, pattern: { kind: "prefix", prefix: "x" } },
        [],
        "cells",
      ],
      [{ kind: "listCells", session: S1, prefix: "", limit: 9 }, [], "cells"],
      [{ kind: "listRuns", session: S1, filter: { operation: null, statuses: null, limit: 9 } }, [], "runs"],
      [{ kind: "inspect", session: S1 }, [], "runs"],
      [
        { ...commit, reads: [{ name: "x", version: 0 }], writes: [{ kind: "delete", name: "y" }], starts: [spec] },
        ["cell:x", "cell:y", `run:${spec.identity}`],
        null,
      ],
    ]
    for (const [command, keys, scan] of needs) {
      const before = d.kernel.snapshot()
      expect(d.send(command)).toEqual({ kind: "need", keys, scan })
      expect(d.kernel.snapshot()).toEqual(before)
    }
    refusal(d.control("nonsense" as never, "cancel"), "RUN_UNKNOWN")
  })

  it("takes a listing's rows as good for the next command only", () => {
    const d = create()
    const list = { kind: "listCells", session: S1, prefix: "", limit: 9 } as const
    d.kernel.load([{ key: "cell:x", row: { version: 3, value: 7 } }], "cells")
    expect(d.send(list)).toMatchObject({ kind: "cells", cells: [{ name: "x", version: 3 }] })
    expect(d.send(list)).toMatchObject({ kind: "need", scan: "cells" })
  })

  it("hands over what changed, and forgets only what is idle and stored (O9)", () => {
    const d = create()
    const spec = specOf("work", "1", { retainMs: 50 })
    const rows: StoredRow[] = [
      { key: "limit:pool", row: null },
      { key: `run:${spec.identity}`, row: null },
      { key: "cell:x", row: null },
    ]
    d.kernel.load(rows, null)
    const held = d.grant("s1", "pool", { mode: "shared", limit: 2 })
    const claim = d.claim("s1", spec)
    d.send({ ...commit, writes: [{ kind: "put", name: "x", value: 1 }] })
    d.kernel.evictIdle(() => true)
    // Nothing was stored yet, so nothing may go.
    expect(d.kernel.residentRows()).toBe(3)
    expect(d.kernel.takeChanges()).toMatchObject([
      { key: "cell:x", row: { version: 1, value: 1 } },
      { key: `run:${spec.identity}`, row: { status: "running" } },
      { key: "limit:pool", row: 2 },
    ])
    d.kernel.evictIdle(() => true)
    // The lock is held and the run is open; only the cell is idle.
    expect(d.kernel.residentRows()).toBe(2)
    d.release("s1", held)
    d.complete("s1", claim.token)
    const [change] = d.kernel.takeChanges()
    d.kernel.evictIdle(() => true)
    expect([d.kernel.residentRows(), d.kernel.nextExpiry()]).toEqual([0, undefined])
    // Back in memory, what was to be forgotten still is.
    d.kernel.load([change as StoredRow], null)
    d.kernel.load([change as StoredRow], null)
    expect(d.kernel.nextExpiry()).toBe(d.now + 50)
    d.pass(50)
    expect(d.kernel.takeChanges()).toEqual([{ key: `run:${spec.identity}`, row: null }])
  })

  it("keeps what is idle and was handed over, but cannot be loaded again yet (C5, O9)", () => {
    const d = create()
    const spec = specOf("work", "1")
    d.kernel.load(
      [
        { key: "limit:pool", row: null },
        { key: `run:${spec.identity}`, row: null },
        { key: "cell:x", row: null },
      ],
      null,
    )
    d.release("s1", d.grant("s1", "pool", { mode: "shared", limit: 2 }))
    d.complete("s1", d.claim("s1", spec).token)
    d.send({ ...commit, writes: [{ kind: "put", name: "x", value: 1 }] })
    d.kernel.takeChanges()
    const left = ["none", "cell:", "limit:", "run:"].map((kind) => {
      d.kernel.evictIdle((key) => key.startsWith(kind))
      return d.kernel.residentRows()
    })
    expect(left).toEqual([3, 2, 1, 0])
  })

  it("has its changes read as they were, whatever happens to the row afterwards", () => {
    const kernel = new Kernel({ backed: true })
    kernel.apply({ kind: "openSession", session: S1, label: "" }, 0)
    kernel.load([{ key: "cell:x", row: null }], null)
    const write = (value: number): void => {
      kernel.apply({ ...commit, writes: [{ kind: "put", name: "x", value }] }, 0)
    }
    write(1)
    const [first] = kernel.takeChanges()
    write(2)
    expect(first).toEqual({ key: "cell:x", row: { version: 1, value: 1 } })
    expect(kernel.takeEvents()).toEqual([])
  })
})
