/** The client at its edges: no keeper, a silent one, one that knows nothing of it. What it does with a good one, the simulation shows. */
import { describe, expect, it } from "vitest"
import {
  A,
  AWAIT,
  CLAIM,
  lock,
  READ,
  REQUEST,
  ScriptedKeeper as Script,
  WRITE,
} from "../../../../test/simulation/scripted-keeper.ts"
import type { Command, SessionId, Token } from "../../../kernel/index.ts"

describe("a keeper that does not answer", () => {
  it("is named after 10 s: what only looked can be asked again, what may have taken effect is unknown (S4)", async () => {
    const script = new Script()
    const client = await script.opened()
    const [read, write] = [client.execute(READ), client.execute(WRITE)]
    const ended = Promise.allSettled([read, write])
    await script.env.advanceBy(9_999)
    expect(script.requests()).toEqual(["openSession", "readCells", "commitCells"])
    await script.env.advanceBy(1)
    expect(await ended).toMatchObject([
      { reason: { code: "STORE_UNAVAILABLE", message: expect.stringContaining("process 4711") as string } },
      { reason: { code: "OUTCOME_UNKNOWN", message: expect.stringContaining('"commitCells" was sent') as string } },
    ])
    // Its answers come late, for nobody.
    script.say({ kind: "outcome", sequence: 2, outcome: { kind: "cells", cells: [] } })
    expect(script.env.pendingTimers).toEqual([])
  })

  it("knows nothing of what was never sent, which may be asked again", async () => {
    const script = new Script()
    const client = await script.connect()
    const write = Promise.allSettled([client.execute(WRITE)])
    await script.env.advanceBy(10_000)
    expect(await write).toMatchObject([{ reason: { code: "STORE_UNAVAILABLE" } }])
    expect(script.heard).toEqual([])
  })

  it("is given back what it grants too late (L4)", async () => {
    const script = new Script()
    const client = await script.opened()
    const asked = Promise.allSettled([client.execute(lock(1)), client.execute(lock(2)), client.execute(lock(3))])
    await script.env.advanceBy(10_000)
    await asked
    script.say(
      { kind: "outcome", sequence: 2, outcome: { kind: "granted", token: 7 as Token, at: 0 } },
      { kind: "outcome", sequence: 3, outcome: { kind: "parked" } },
      { kind: "outcome", sequence: 4, outcome: { kind: "unheld" } },
    )
    await script.env.advanceBy(0)
    const said = script.heard.flatMap((message) => (message.kind === "request" ? [message.command] : [])).slice(4)
    expect(said).toMatchObject([
      { kind: "releaseLock", token: 7 },
      { kind: "withdrawRequest", request: 2 },
    ])
  })
})

describe("a keeper after the last", () => {
  it("that knows nothing of a session takes all it had, and says so to everybody (L6, O4)", async () => {
    const script = new Script()
    const client = await script.opened()
    const asked = [client.execute(lock(1)), client.execute(lock(2)), client.execute(AWAIT)]
    script.say(
      { kind: "outcome", sequence: 2, outcome: { kind: "granted", token: 7 as Token, at: 0 } },
      { kind: "outcome", sequence: 3, outcome: { kind: "parked" } },
      { kind: "outcome", sequence: 4, outcome: { kind: "claimed", claim: CLAIM, waiting: false } },
    )
    await Promise.all(asked)
    await script.breakOff()
    script.say({ kind: "restored", sessions: [] })
    expect(script.events).toMatchObject([
      { kind: "grantLost", token: 7, names: ["l"] },
      { kind: "claimControl", token: CLAIM.token, action: "lost", reason: "sessionLost" },
      { kind: "requestRefused", request: 2, code: "SESSION_LOST" },
    ])
  })

  it("is asked again for what had no outcome, marked as such, and for nothing twice (S4)", async () => {
    const script = new Script()
    const client = await script.opened()
    const write = client.execute(WRITE)
    await script.env.advanceBy(0)
    await script.breakOff()
    script.say({ kind: "restored", sessions: [{ session: A, holding: { grants: [], claims: [], waiting: [] } }] })
    await script.env.advanceBy(0)
    expect(script.heard.filter((message) => message.kind === "request")).toMatchObject([
      { sequence: 1 },
      { sequence: 2, isAgain: false },
      { sequence: 2, isAgain: true },
    ])
    script.say({ kind: "outcome", sequence: 2, outcome: { kind: "committed", versions: [], starts: [] } })
    script.say({ kind: "outcome", sequence: 2, outcome: { kind: "contended", name: "x" } })
    expect(await write).toMatchObject({ kind: "committed" })
  })

  it("that knows the session no more cannot say what came of what was sent before (S4)", async () => {
    const script = new Script()
    const client = await script.opened()
    const [write, wait] = [client.execute(WRITE), client.execute(lock(1))]
    const ended = Promise.allSettled([write, wait])
    await script.env.advanceBy(0)
    await script.breakOff()
    script.say({ kind: "restored", sessions: [] })
    const later = client.execute(WRITE)
    const lost = { kind: "refused", code: "SESSION_LOST", message: "session a has ended", details: {} } as const
    for (const sequence of [2, 3, 4]) script.say({ kind: "outcome", sequence, outcome: lost })
    expect(await ended).toMatchObject([
      { reason: { code: "OUTCOME_UNKNOWN", message: expect.stringContaining("session a has ended") as string } },
      // A wait ends with its session, whatever it came to.
      { value: { code: "SESSION_LOST" } },
    ])
    // Sent to this keeper alone, which did not apply it.
    expect(await later).toEqual(lost)
  })

  it("that knows the session no more lets nobody wait on the strength of what the last one had said (O4)", async () => {
    const script = new Script()
    const client = await script.opened()
    const wait = client.execute(lock(1))
    await script.env.advanceBy(0)
    await script.breakOff()
    script.say({ kind: "restored", sessions: [] })
    script.say({ kind: "outcome", sequence: 2, outcome: { kind: "parked" } })
    expect(await wait).toMatchObject({ kind: "refused", code: "SESSION_LOST" })
  })

  it("is not asked for waits that were given up, whichever of their outcomes came first or not at all (L4)", async () => {
    const script = new Script()
    const client = await script.opened()
    const withdraw = (request: number): Command => ({
      kind: "withdrawRequest",
      session: A,
      request: request as never, // Brand constructor.
      reason: "timeout",
    })
    const early = [client.execute(lock(1)), client.execute(withdraw(1))]
    script.say({ kind: "outcome", sequence: 3, outcome: { kind: "withdrawn", found: true, locks: [] } })
    script.say({ kind: "outcome", sequence: 2, outcome: { kind: "parked" } })
    await Promise.all(early)
    const parked = client.execute(lock(2))
    script.say({ kind: "outcome", sequence: 4, outcome: { kind: "parked" } })
    await parked
    // The last keeper may have applied it, and then this one does not again.
    const late = client.execute(withdraw(2))
    await script.env.advanceBy(0)
    await script.breakOff()
    script.heard.length = 0
    script.say({ kind: "restored", sessions: [{ session: A, holding: { grants: [], claims: [], waiting: [] } }] })
    await script.env.advanceBy(0)
    expect(script.requests()).toEqual(["withdrawRequest"])
    script.say({ kind: "outcome", sequence: 5, outcome: { kind: "withdrawn", found: true, locks: [] } })
    expect(await late).toMatchObject({ found: true })
  })

  it("hands no claim out again whose body has ended and whose report was not taken (O1, O10)", async () => {
    const reports: readonly Command[] = [
      { kind: "completeRun", session: A, token: CLAIM.token, result: 1 },
      { ...WRITE, complete: { token: CLAIM.token, result: 1 } },
    ]
    for (const report of reports) {
      const script = new Script()
      const client = await script.opened()
      const taken = client.execute(AWAIT)
      script.say({ kind: "outcome", sequence: 2, outcome: { kind: "claimed", claim: CLAIM, waiting: true } })
      await taken
      const reported = Promise.allSettled([client.execute(report)])
      if (report.kind === "completeRun") {
        script.say({ kind: "fault", sequence: 3, code: "STORE_FULL", message: "the disk is full", details: {} })
      } else {
        script.say({ kind: "outcome", sequence: 3, outcome: { kind: "conflict", name: "x", expected: 1, found: 2 } })
      }
      await reported
      await script.breakOff()
      const holding = { grants: [], claims: [{ request: REQUEST, claim: CLAIM }], waiting: [REQUEST] }
      script.say({ kind: "restored", sessions: [{ session: A, holding }] })
      await script.env.advanceBy(0)
      expect(script.events).toEqual([])
      expect(script.requests()).not.toContain("returnRun")
    }
  })

  it("is told again of a withdrawal that an earlier one answered before what it withdrew (L4)", async () => {
    const script = new Script()
    const client = await script.opened()
    const asked = client.execute(lock(1))
    const withdrawn = client.execute({ kind: "withdrawRequest", session: A, request: REQUEST, reason: "abort" })
    script.say({ kind: "outcome", sequence: 3, outcome: { kind: "withdrawn", found: true, locks: [] } })
    await withdrawn
    await script.env.advanceBy(0)
    await script.breakOff()
    script.heard.length = 0
    script.say({ kind: "restored", sessions: [{ session: A, holding: { grants: [], claims: [], waiting: [] } }] })
    await script.env.advanceBy(0)
    expect(script.requests()).toEqual(["acquireLock", "withdrawRequest"])
    script.say({ kind: "outcome", sequence: 2, outcome: { kind: "parked" } })
    expect(await asked).toEqual({ kind: "parked" })
  })

  it("is given back what could not be given back before, as it was to be (O10)", async () => {
    const script = new Script()
    const client = await script.opened()
    const taken = client.execute(AWAIT)
    script.say({ kind: "outcome", sequence: 2, outcome: { kind: "claimed", claim: CLAIM, waiting: true } })
    await taken
    const returned = client.execute({ kind: "returnRun", session: A, token: CLAIM.token, started: true })
    const ended = Promise.allSettled([returned])
    script.say({ kind: "fault", sequence: 3, code: "STORE_FULL", message: "the disk is full", details: {} })
    await ended
    await script.breakOff()
    script.heard.length = 0
    const holding = { grants: [], claims: [{ request: REQUEST, claim: CLAIM }], waiting: [REQUEST] }
    script.say({ kind: "restored", sessions: [{ session: A, holding }] })
    await script.env.advanceBy(0)
    const said = script.heard.flatMap((message) => (message.kind === "request" ? [message.command] : []))
    expect(said).toEqual([{ kind: "returnRun", session: A, token: CLAIM.token, started: true }])
    expect(script.events).toEqual([])
  })

  it("is given back the claim of a wait that was given up meanwhile (L4, O6)", async () => {
    const script = new Script()
    const client = await script.opened()
    const late = client.execute({ kind: "withdrawRequest", session: A, request: REQUEST, reason: "abort" })
    await script.env.advanceBy(0)
    await script.breakOff()
    const holding = { grants: [], claims: [{ request: REQUEST, claim: CLAIM }], waiting: [] }
    script.say({ kind: "restored", sessions: [{ session: A, holding }] })
    await script.env.advanceBy(0)
    expect(script.requests().slice(2)).toEqual(["returnRun", "withdrawRequest"])
    script.say({ kind: "outcome", sequence: 2, outcome: { kind: "withdrawn", found: false, locks: [] } })
    await late
  })

  it("ends the sessions that were over before it came, and keeps what was withdrawn from coming back (L4, L6)", async () => {
    const script = new Script()
    await script.opened()
    await script.breakOff()
    const stray = "b" as SessionId // Brand constructor.
    script.say({
      kind: "restored",
      sessions: [
        {
          session: A,
          holding: { grants: [{ token: 9 as Token, request: 5 as never, at: 0 }], claims: [], waiting: [] },
        },
        { session: stray, holding: { grants: [], claims: [], waiting: [] } },
      ],
    })
    await script.env.advanceBy(0)
    const said = script.heard.flatMap((message) => (message.kind === "request" ? [message.command] : [])).slice(1)
    expect(said).toMatchObject([
      { kind: "releaseLock", token: 9 },
      { kind: "endSession", session: stray, reason: "closed" },
    ])
  })

  it("that cannot be reached ends every session and every request with its reason", async () => {
    const script = new Script()
    const client = await script.opened()
    const write = Promise.allSettled([client.execute(WRITE)])
    await script.env.advanceBy(0)
    script.isReachable = false
    await script.breakOff()
    expect(await write).toMatchObject([{ reason: { code: "OUTCOME_UNKNOWN" } }])
    // Others must not wait for what it held: it is over, says so at once, and gave up its sign of life once.
    await expect(client.execute(READ)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", message: "nobody is there" })
    await client.close()
    expect(script.clientsOver).toBe(1)
  })
})

describe("a client that closes", () => {
  it("answers what it asked with CLOSED, leaves no timer, and closes once (S1)", async () => {
    const script = new Script()
    const client = await script.opened()
    const read = Promise.allSettled([client.execute(READ)])
    await Promise.all([client.close(), client.close()])
    expect(await read).toMatchObject([{ reason: { code: "CLOSED" } }])
    await expect(client.execute(READ)).rejects.toMatchObject({ code: "CLOSED" })
    expect(script.closedCount).toBe(1)
    expect(script.env.pendingTimers).toEqual([])
    script.say({ kind: "event", event: { kind: "grantLost", session: A, token: 1 as Token, names: [] } })
    expect(script.events).toEqual([])
  })

  it("passes faults on with their code and details, and observes only while somebody does", async () => {
    const script = new Script()
    const client = await script.opened()
    const read = client.execute(READ)
    const details = { table: "cells" }
    script.say({ kind: "fault", sequence: 2, code: "STORE_DAMAGED", message: "cell x is torn", details })
    await expect(read).rejects.toMatchObject({ code: "STORE_DAMAGED", message: "cell x is torn", details })
    const seen: unknown[] = []
    client.onTransition((transition) => seen.push(transition))
    const transition = { kind: "session.opened", at: 0, session: A } as const
    script.say({ kind: "transition", transition })
    await script.env.advanceBy(0)
    await script.breakOff()
    script.say({ kind: "restored", sessions: [] })
    client.onTransition(null)
    await script.env.advanceBy(0)
    expect(seen).toEqual([transition])
    expect(script.heard.filter((message) => message.kind === "observe").map(({ on }) => on)).toEqual([
      true,
      true,
      false,
    ])
  })
})
