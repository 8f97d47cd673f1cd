/** What a client can tell of requests that were under way when their keeper died, and of claims that ended with it. */
import { describe, expect, it } from "vitest"
import {
  A,
  CLAIM,
  lock,
  OPEN,
  REQUEST,
  ScriptedKeeper as Script,
  TAKE,
  WRITE,
} from "../../../../test/simulation/scripted-keeper.ts"
import type { Command, Digest, RunStatus, RunView, SessionHolding, Token } from "../../../kernel/index.ts"
import { BlobFolder } from "../blobs/blob-folder.ts"
import { type Blob, SPILL_BYTES } from "../blobs/blob-reference.ts"

const NOTHING: SessionHolding = { grants: [], claims: [], waiting: [] }
const LOST = { kind: "refused", code: "SESSION_LOST", message: "session a has ended", details: {} } as const
const WITHDRAW: Extract<Command, { readonly kind: "withdrawRequest" }> = {
  kind: "withdrawRequest",
  session: A,
  request: REQUEST,
  reason: "done",
}

/** The next keeper, which knows of the session only what is given. */
async function nextKeeper(script: Script, holding: SessionHolding | null): Promise<void> {
  await script.env.advanceBy(0)
  await script.breakOff()
  script.heard.length = 0
  script.say({ kind: "restored", sessions: holding === null ? [] : [{ session: A, holding }] })
  await script.env.advanceBy(0)
}

describe("a withdrawal under way", () => {
  it("has found what it withdrew where that ended with its keeper, and brings nothing (L4, S4)", async () => {
    const script = new Script()
    const client = await script.opened()
    const parked = client.execute(TAKE)
    script.say({ kind: "outcome", sequence: 2, outcome: { kind: "parked" } })
    await parked
    const withdrawn = client.execute(WITHDRAW)
    await nextKeeper(script, NOTHING)
    script.say({ kind: "outcome", sequence: 3, outcome: { kind: "withdrawn", found: false, locks: [] } })
    expect(await withdrawn).toEqual({ kind: "withdrawn", found: true, locks: [] })
    expect(script.events).toEqual([])
  })

  it("has found nothing where it was answered before, and the answer comes (L4, O4)", async () => {
    const script = new Script()
    const client = await script.opened()
    const parked = client.execute(TAKE)
    script.say({ kind: "outcome", sequence: 2, outcome: { kind: "parked" } })
    await parked
    const withdrawn = client.execute(WITHDRAW)
    await nextKeeper(script, { ...NOTHING, claims: [{ request: REQUEST, claim: CLAIM }] })
    script.say({ kind: "outcome", sequence: 3, outcome: { kind: "withdrawn", found: false, locks: [] } })
    expect(await withdrawn).toMatchObject({ found: false })
    expect(script.events).toMatchObject([{ kind: "runAssigned", request: REQUEST }])
  })
})

describe("a lock asked for from the last keeper, unanswered", () => {
  it("is granted once, though the next one tells of it and answers, too (L1, L6, S4)", async () => {
    const script = new Script()
    const client = await script.opened()
    const asked = client.execute(lock(1))
    await nextKeeper(script, { ...NOTHING, waiting: [REQUEST] })
    expect(script.requests()).toEqual(["acquireLock"])
    script.say({
      kind: "event",
      event: { kind: "lockGranted", session: A, request: REQUEST, token: 7 as Token, at: 5 },
    })
    script.say({ kind: "outcome", sequence: 2, outcome: { kind: "granted", token: 7 as Token, at: 5 } })
    expect(await asked).toEqual({ kind: "granted", token: 7, at: 5 })
    expect(script.events).toEqual([])
  })
})

describe("a wait that was given up while a keeper did not answer", () => {
  it("is withdrawn from the next one (L4)", async () => {
    const script = new Script()
    const client = await script.opened()
    const parked = client.execute(lock(1))
    script.say({ kind: "outcome", sequence: 2, outcome: { kind: "parked" } })
    await parked
    const withdrawn = Promise.allSettled([client.execute({ ...WITHDRAW, reason: "timeout" })])
    await script.env.advanceBy(11_000)
    expect(await withdrawn).toMatchObject([{ reason: { code: "OUTCOME_UNKNOWN" } }])
    await nextKeeper(script, { ...NOTHING, waiting: [REQUEST] })
    expect(script.requests()).toEqual(["withdrawRequest"])
  })
})

describe("a request of a session that is over", () => {
  it("that its next keeper could not take may have taken effect with the last; of one that is not over it did not (S4)", async () => {
    const cases = [
      { holding: null, code: "OUTCOME_UNKNOWN" },
      { holding: NOTHING, code: "STORE_FULL" },
    ]
    for (const { holding, code } of cases) {
      const script = new Script()
      const client = await script.opened()
      const write = client.execute(WRITE)
      await nextKeeper(script, holding)
      script.say({ kind: "fault", sequence: 2, code: "STORE_FULL", message: "no room", details: {} })
      await expect(write).rejects.toMatchObject({ code })
    }
  })

  it("was refused by every keeper that heard it, so nothing came of it (L6, S4)", async () => {
    const script = new Script()
    const client = await script.opened()
    const ended = client.execute({ kind: "endSession", session: A, reason: "closed", unstarted: [] })
    script.say({ kind: "outcome", sequence: 2, outcome: { kind: "done" } })
    await ended
    const write = client.execute(WRITE)
    await nextKeeper(script, null)
    script.say({ kind: "outcome", sequence: 3, outcome: LOST })
    expect(await write).toEqual(LOST)
  })

  it("may have taken effect where the session was only about to begin (S4)", async () => {
    const script = new Script()
    const client = await script.connect()
    script.say({ kind: "restored", sessions: [] })
    const asked = Promise.allSettled([client.execute(OPEN), client.execute(WRITE)])
    await nextKeeper(script, null)
    script.say({ kind: "outcome", sequence: 1, outcome: LOST })
    script.say({ kind: "outcome", sequence: 2, outcome: LOST })
    expect(await asked).toMatchObject([{ value: LOST }, { reason: { code: "OUTCOME_UNKNOWN" } }])
  })
})

describe("a commit whose large value took its time", () => {
  it("rests on what an earlier keeper showed, though that never heard of it: the next one is told (C3, S4)", async () => {
    let finish: (blob: Blob) => void = () => undefined
    class SlowFolder extends BlobFolder {
      override write(): Promise<Blob> {
        return new Promise((resolve) => {
          finish = resolve
        })
      }
    }
    const script = new Script(new SlowFolder("nowhere", "client"))
    const client = await script.opened()
    const value = new Uint8Array(SPILL_BYTES + 1)
    const write: Command = { ...WRITE, reads: [{ name: "x", version: 1 }], writes: [{ kind: "put", name: "x", value }] }
    const written = client.execute(write)
    await nextKeeper(script, NOTHING)
    expect(script.requests()).toEqual([])
    finish({ digest: "0".repeat(64) as Digest, byteLength: value.length }) // Brand constructor.
    await script.env.advanceBy(0)
    expect(script.heard).toMatchObject([{ kind: "returned" }, { kind: "request", sequence: 2, isAgain: true }])
    script.say({ kind: "outcome", sequence: 2, outcome: { kind: "conflict", name: "x", expected: 1, found: 1 } })
    expect(await written).toMatchObject({ kind: "conflict" })
    // Its file is missed and written again: what the commit rests on was read as long ago as before.
    const another = client.execute(write)
    finish({ digest: "0".repeat(64) as Digest, byteLength: value.length }) // Brand constructor.
    await nextKeeper(script, NOTHING)
    script.say({ kind: "fault", sequence: 3, code: "STORE_DAMAGED", message: "", details: { missing: true } })
    script.heard.length = 0
    finish({ digest: "0".repeat(64) as Digest, byteLength: value.length }) // Brand constructor.
    await script.env.advanceBy(0)
    expect(script.heard).toMatchObject([{ kind: "acknowledge" }, { kind: "request", sequence: 4, isAgain: true }])
    script.say({ kind: "outcome", sequence: 4, outcome: { kind: "conflict", name: "x", expected: 1, found: 1 } })
    await another
  })
})

describe("a claim that ended with its keeper", () => {
  /** What the executor is told where its run looks like this by now; undefined where it cannot be read. */
  async function toldWhere(shown: Partial<RunView> | null | undefined): Promise<unknown> {
    const script = new Script()
    const client = await script.opened()
    const taken = client.execute(TAKE)
    script.say({ kind: "outcome", sequence: 2, outcome: { kind: "claimed", claim: CLAIM, waiting: false } })
    await taken
    await nextKeeper(script, NOTHING)
    expect(script.requests()).toEqual(["readRun"])
    if (shown === undefined) {
      script.say({ kind: "fault", sequence: 3, code: "STORE_DAMAGED", message: "a row is damaged", details: {} })
    } else {
      // Of the run, nothing else is looked at.
      const view = shown === null ? null : ({ run: CLAIM.run, attempt: 1, ...shown } as RunView)
      script.say({ kind: "outcome", sequence: 3, outcome: { kind: "run", view } })
    }
    expect(script.events).toMatchObject([{ kind: "claimControl", token: CLAIM.token, action: "lost" }])
    return script.events.map((event) => event.kind === "claimControl" && event.reason)[0]
  }

  it("is told to be over for the reason that its run shows (O5, O8)", async () => {
    const open: readonly RunStatus[] = ["pending", "running", "failed", "interrupted"]
    for (const status of open) expect(await toldWhere({ status })).toBe("timeout")
    expect(await toldWhere({ status: "canceled" })).toBe("canceled")
    expect(await toldWhere({ status: "completed" })).toBe("stored")
    expect(await toldWhere({ status: "completed", attempt: 2 })).toBe("timeout")
    expect(await toldWhere({ status: "pending", run: "i@2" as never })).toBe("forgotten") // Brand constructor.
    expect(await toldWhere(null)).toBe("forgotten")
    expect(await toldWhere(undefined)).toBe("forgotten")
  })

  it("is its executor's to hear of from its own report, where it has reported meanwhile (O5)", async () => {
    const script = new Script()
    const client = await script.opened()
    const taken = client.execute(TAKE)
    script.say({ kind: "outcome", sequence: 2, outcome: { kind: "claimed", claim: CLAIM, waiting: false } })
    await taken
    await nextKeeper(script, NOTHING)
    const reported = client.execute({ kind: "completeRun", session: A, token: CLAIM.token, result: 1 })
    script.say({ kind: "outcome", sequence: 3, outcome: { kind: "run", view: null } })
    const stale = { kind: "refused", code: "STALE_ATTEMPT", message: "it is over", details: {} } as const
    script.say({ kind: "outcome", sequence: 4, outcome: stale })
    expect(await reported).toEqual(stale)
    expect(script.events).toEqual([])
  })
})
