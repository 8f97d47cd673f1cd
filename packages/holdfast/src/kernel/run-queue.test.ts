import { describe, expect, it } from "vitest"
import { specOf } from "../../test/exploration/scope.ts"
import { Driver, refusal } from "../../test/kernel/driver.ts"
import type { RequestId, RunSpec, Token } from "./index.ts"

function job(id: string, options: Partial<RunSpec> = {}): RunSpec {
  return specOf("job", id, options)
}

function keyed(id: string, count = 1, options: Partial<RunSpec> = {}): RunSpec {
  return job(id, { keyed: { key: "k", count }, ...options })
}

/** Takes for the worker and returns the token, or null when it parked. */
function take(d: Driver, session = "s1", worker = 1): Token | null {
  const outcome = d.take(session, worker)
  return outcome.kind === "claimed" ? outcome.claim.token : null
}

describe("workers", () => {
  it("take by priority, then in order of arrival", () => {
    const d = new Driver()
    d.openWorker("s1", 1, ["job"])
    const runs = [
      d.enqueue("s1", job("low")),
      d.enqueue("s1", job("high", { priority: 5 })),
      d.enqueue("s1", job("low 2")),
    ]
    const order = [d.take("s1", 1), d.take("s1", 1), d.take("s1", 1)].map(
      (outcome) => outcome.kind === "claimed" && outcome.claim.run,
    )
    expect(order).toEqual([runs[1], runs[0], runs[2]])
  })

  it("take the best over all operations they can execute, and no other version (O6)", () => {
    const d = new Driver()
    d.openWorker("s1", 1, ["job", "other"])
    d.enqueue("s1", job("1"))
    const urgent = d.enqueue("s1", specOf("other", "1", { priority: 1 }))
    d.enqueue("s1", { ...job("2"), version: 2, priority: 9 })
    expect(d.take("s1", 1)).toMatchObject({ claim: { run: urgent } })
    take(d)
    expect(d.take("s1", 1)).toEqual({ kind: "parked" })
  })

  it("are served in order of asking when a run comes (O6)", () => {
    const d = new Driver()
    d.openWorker("s1", 1, ["job"])
    d.openWorker("s2", 1, ["job"])
    d.take("s1", 1)
    const first = d.lastRequest
    d.take("s2", 1)
    d.enqueue("s3", job("1"))
    expect(d.events()).toMatchObject([{ kind: "runAssigned", session: "s1", request: first }])
  })

  it("are known once, and asked for only while open", () => {
    const d = new Driver()
    d.openWorker("s1", 1, ["job"])
    refusal(d.openWorker("s1", 1, ["job"]), "ARGUMENT_INVALID")
    refusal(d.take("s1", 2), "ARGUMENT_INVALID")
    d.take("s1", 1)
    const request = d.lastRequest
    const command = { kind: "closeWorker", session: "s1" as never, worker: 1 as never } as const
    expect(d.send(command)).toEqual({ kind: "done" })
    expect(d.send(command)).toEqual({ kind: "done" })
    expect(d.withdraw("s1", request)).toMatchObject({ found: false })
    d.enqueue("s2", job("1"))
    expect(d.events()).toEqual([])
  })

  it("whose slot was withdrawn get nothing (L4)", () => {
    const d = new Driver()
    d.openWorker("s1", 1, ["job"])
    d.take("s1", 1)
    expect(d.withdraw("s1", d.lastRequest, "done")).toMatchObject({ found: true })
    d.enqueue("s2", job("1"))
    expect(d.events()).toEqual([])
  })

  it("yield to a waiter who can execute the run itself (L7)", () => {
    const d = new Driver()
    d.openWorker("s1", 1, ["job"])
    const busy = d.claim("s2", job("1", { concurrency: 1 }))
    const waiting = d.join("s3", job("2", { concurrency: 1 }))
    d.take("s1", 1)
    d.complete("s2", busy.token)
    expect(d.events()).toMatchObject([{ kind: "runSettled" }, { kind: "runAssigned", session: "s3", request: waiting }])
  })
})

describe("an operation's limit", () => {
  it("holds back what would exceed it, and lets the next go when one ends (O1)", () => {
    const d = new Driver()
    const two = (id: string) => job(id, { concurrency: 2 })
    const [first] = [d.claim("s1", two("1")), d.claim("s1", two("2"))]
    const waiting = [d.join("s2", two("3")), d.join("s3", two("4"))]
    d.complete("s1", first.token)
    expect(d.events().filter(({ kind }) => kind === "runAssigned")).toMatchObject([{ request: waiting[0] }])
  })

  it("raised by a newer definition lets those who wait go at once (O6)", () => {
    const d = new Driver()
    const limited = (id: string, concurrency: number | null) => job(id, { concurrency })
    d.claim("s1", limited("1", 1))
    d.join("s1", limited("2", 1))
    d.join("s2", limited("3", 1))
    d.join("s3", limited("4", 1))
    // Whatever asks brings the newest limit, for a run that is open already too.
    d.enqueue("s1", limited("4", 2))
    expect(d.assigned().identity).toBe(limited("2", 1).identity)
    d.claim("s1", limited("5", 4))
    expect(d.assigned().identity).toBe(limited("3", 1).identity)
    d.enqueue("s1", limited("6", null))
    expect(d.assigned().identity).toBe(limited("4", 1).identity)
  })
})

describe("a key's limit", () => {
  it("holds back runs of the key and no others (O1)", () => {
    const d = new Driver()
    d.openWorker("s1", 1, ["job"])
    for (const id of ["1", "2"]) d.enqueue("s2", keyed(id))
    const free = d.enqueue("s2", job("3"))
    const first = take(d)
    expect(d.take("s1", 1)).toMatchObject({ claim: { run: free } })
    expect(d.take("s1", 1)).toEqual({ kind: "parked" })
    d.complete("s1", first as Token)
    expect(d.assigned().identity).toBe(keyed("2").identity)
  })

  it("comes free for the next that has an executor, though others for whom nobody came are ahead (O6)", () => {
    const d = new Driver()
    const busy = d.claim("s1", keyed("busy"))
    d.enqueue("s1", keyed("nobody's"))
    const waiting = d.join("s2", keyed("wanted"))
    d.complete("s1", busy.token)
    expect(d.events()).toMatchObject([{ kind: "runSettled" }, { kind: "runAssigned", request: waiting }])
  })

  it("passes to the next when the one that was ready is canceled, paused or abandoned (O6, O8)", () => {
    const d = new Driver()
    const busy = d.claim("s1", keyed("busy"))
    const [first, second] = [d.enqueue("s1", keyed("1")), d.enqueue("s1", keyed("2"))]
    d.enqueue("s1", keyed("3"))
    d.complete("s1", busy.token)
    d.control(first, "cancel")
    d.control(second, "pause")
    d.openWorker("s1", 1, ["job"])
    expect(d.take("s1", 1)).toMatchObject({ claim: { identity: keyed("3").identity } })
    d.control(second, "resume")
    expect(d.take("s1", 1)).toEqual({ kind: "parked" })
  })

  it("may differ from run to run: a larger count is not kept waiting by a smaller one (O6, L7)", () => {
    const d = new Driver()
    const [one, two] = [d.claim("s1", keyed("1", 2)), d.claim("s1", keyed("2", 2))]
    d.join("s2", keyed("narrow", 1))
    const wide = d.join("s3", keyed("wide", 2))
    d.complete("s1", one.token)
    expect(d.events()).toMatchObject([{ kind: "runSettled" }, { kind: "runAssigned", request: wide }])
    d.complete("s1", two.token)
  })

  it("is forgotten with its last run (L4)", () => {
    const d = new Driver()
    for (let index = 0; index < 10; index += 1) {
      const asked = job(String(index), { keyed: { key: String(index), count: 1 } })
      d.complete("s1", d.claim("s1", asked).token)
    }
    expect(d.kernel.snapshot().queues).toEqual([])
  })

  it("holds for a run that is retried later, too", () => {
    const d = new Driver()
    const retry = { maxAttempts: 2, initialMs: 10, factor: 1, maxMs: 10 }
    const first = d.claim("s1", keyed("1", 1, { retry }))
    const other = d.join("s2", keyed("2"))
    d.fail("s1", first.token)
    const taken = d.events().find((event) => event.kind === "runAssigned")
    expect(taken).toMatchObject({ request: other })
    d.pass(10)
    expect(d.events()).toEqual([])
    d.complete("s2", taken?.kind === "runAssigned" ? taken.claim.token : (0 as Token))
    expect(d.assigned().identity).toBe(keyed("1").identity)
    d.withdraw("s1", 1 as RequestId)
  })
})
