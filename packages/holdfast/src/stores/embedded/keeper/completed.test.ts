/** Results of `pure` runs, which are told when they are written: no death of a process takes them back, power loss may. */
import { describe, expect, it } from "vitest"
import { specOf } from "../../../../test/conformance/client.ts"
import { KeptClient, KeptWorld } from "../../../../test/simulation/kept-world.ts"
import type { ClaimView, Command, RequestId, RunId, SessionId, Value } from "../../../kernel/index.ts"

const EXECUTOR = "executor" as SessionId // Brand constructor.
const WAITER = "waiter" as SessionId // Brand constructor.
const SPEC = specOf("render")

/** A run that one executes and another waits for, flushed so far. */
async function begin(options: { readonly effects?: "pure" | "idempotent"; readonly isLocal?: boolean } = {}) {
  const { effects = "pure", isLocal = false } = options
  const spec = { ...SPEC, effects }
  const world = new KeptWorld()
  const executor = await world.open(EXECUTOR, { isLocal })
  const waiter = await world.open(WAITER)
  const request = 1 as RequestId // Brand constructor.
  const asked = executor.ask({ kind: "claimRun", session: EXECUTOR, request, spec, holding: [], force: false })
  await world.flush()
  const { claim } = executor.answer(asked) as { claim: ClaimView } // Nobody else has it.
  waiter.ask({ kind: "claimRun", session: WAITER, request, spec, holding: [], force: false })
  return { world, executor, waiter, claim }
}

function complete(claim: ClaimView, result: Value = 7): Command {
  return { kind: "completeRun", session: EXECUTOR, token: claim.token, result }
}

function settledOf(client: KeptClient): unknown {
  const told = client.told.find((message) => message.kind === "event" && message.event.kind === "runSettled")
  return told?.kind === "event" && told.event.kind === "runSettled" ? told.event.settlement : null
}

function flushRun(run: RunId): Command {
  return { kind: "flushRun", session: WAITER, run }
}

/** What a client that comes anew finds of the run. */
async function find(world: KeptWorld): Promise<unknown> {
  const finder = "finder" as SessionId // Brand constructor.
  const client = await world.open(finder)
  return client.answer(client.ask({ kind: "readRun", session: finder, identity: SPEC.identity }))
}

describe("the result of a pure run", () => {
  it("is told to all before it is flushed, and flushed for whoever asks (O3, O4)", async () => {
    const { world, executor, waiter, claim } = await begin()
    const completed = executor.ask(complete(claim))
    expect(executor.answer(completed)).toEqual({ kind: "status", status: "completed" })
    expect(settledOf(waiter)).toEqual({ kind: "completed", result: 7 })
    const flushed = waiter.ask(flushRun(claim.run))
    expect(waiter.answer(flushed)).toBeUndefined()
    await world.flush()
    expect(waiter.answer(flushed)).toEqual({ kind: "done" })
    expect(waiter.answer(waiter.ask(flushRun(claim.run)))).toEqual({ kind: "done" })
  })

  it.each([false, true])(
    "outlives the keeper that told it, executed in its own process: %s (O3, O2)",
    async (isLocal) => {
      const { world, executor, claim } = await begin({ isLocal })
      executor.ask(complete(claim))
      // Once before the next keeper flushes anything, and once after.
      world.restart()
      world.restart()
      const seen = { kind: "run", view: { run: claim.run, status: "completed", result: 7 } }
      expect(await find(world)).toMatchObject(seen)
      world.restart()
      expect(await find(world)).toMatchObject(seen)
    },
  )

  it("is told with the first outcome of a request that comes again, whatever died (S4, O5)", async () => {
    const { world, executor, claim } = await begin()
    const sequence = executor.ask(complete(claim))
    for (const isFlushed of [false, true]) {
      world.restart()
      const again = new KeptClient(world.keeper, EXECUTOR)
      if (isFlushed) await world.flush()
      again.ask(complete(claim), { isAgain: sequence })
      expect(again.answer(sequence)).toEqual({ kind: "status", status: "completed" })
      await world.flush()
    }
  })

  it("reverts to pending on power loss before its flush, and not after it (O3)", async () => {
    const { world, executor, waiter, claim } = await begin()
    executor.ask(complete(claim))
    expect(settledOf(waiter)).toEqual({ kind: "completed", result: 7 })
    world.losePower()
    expect(await find(world)).toMatchObject({ view: { run: claim.run, status: "pending", result: null } })

    const other = await begin()
    other.executor.ask(complete(other.claim))
    await other.world.flush()
    other.world.losePower()
    expect(await find(other.world)).toMatchObject({ view: { status: "completed", result: 7 } })
  })

  it("stays told where its batch does not fit the disk (S5, O3)", async () => {
    const { world, executor, claim } = await begin()
    executor.ask(complete(claim))
    world.disk.isFull = true
    await world.flush()
    world.disk.isFull = false
    // Nobody asks for anything that changes rows; it is tried again all the same.
    await world.env.advanceBy(1_000)
    await world.flush()
    world.losePower()
    expect(await find(world)).toMatchObject({ view: { status: "completed", result: 7 } })
    expect(world.failure).toBeNull()
  })

  it("waits for its flush where it is long, and so does that of any other run (O2, O10)", async () => {
    for (const long of [true, false]) {
      const { world, executor, waiter, claim } = await begin({ effects: long ? "pure" : "idempotent" })
      const completed = executor.ask(complete(claim, long ? new Uint8Array(40_000) : 7))
      expect([executor.answer(completed), settledOf(waiter)]).toEqual([undefined, null])
      await world.flush()
      expect(executor.answer(completed)).toEqual({ kind: "status", status: "completed" })
      expect(settledOf(waiter)).toMatchObject({ kind: "completed" })
    }
  })

  it("is not taken for that of the generation after it (O3, C5)", async () => {
    const { world, executor, claim } = await begin()
    executor.ask(complete(claim))
    const forced = executor.ask({ kind: "enqueueRun", session: EXECUTOR, spec: SPEC, force: true })
    expect(executor.answer(forced)).toBeUndefined()
    await world.flush()
    expect(executor.answer(forced)).toMatchObject({ kind: "enqueued", created: true })
    world.restart()
    expect(await find(world)).toMatchObject({ view: { status: "pending", result: null } })
  })
})
