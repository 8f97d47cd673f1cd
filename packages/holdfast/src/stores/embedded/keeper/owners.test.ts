/** Sessions and whose they are: while their keeper lives, and when another comes. */
import { describe, expect, it } from "vitest"
import { specOf } from "../../../../test/conformance/client.ts"
import { acquire, put, READER, WRITER } from "../../../../test/simulation/kept-words.ts"
import { KeptClient as Client, KeptWorld as World } from "../../../../test/simulation/kept-world.ts"
import type { RequestId, Token } from "../../../kernel/index.ts"

describe("sessions", () => {
  it("that came to live with the keeper do not outlive it either (L6, S4)", async () => {
    const world = new World()
    const writer = await world.open(WRITER)
    const lock = writer.ask(acquire(WRITER, 1))
    const { token } = writer.answer(lock) as { readonly token: Token } // As the keeper answers.
    world.restart()
    const local = new Client(world.keeper, WRITER, { isLocal: true })
    local.connection.receive([{ kind: "returned", session: WRITER }])
    local.ask({ kind: "renewLock", session: WRITER, token, leaseMs: 60_000 }, { isAgain: 40 })
    await world.flush()
    expect(local.answer(40)).toEqual({ kind: "done" })
    const reader = await world.open(READER)
    const waiting = reader.ask(acquire(READER, 1))
    local.ask({ kind: "releaseLock", session: WRITER, token }, { isAgain: 41 })
    expect(reader.told.at(-1)).toMatchObject({ event: { kind: "lockGranted" } })
    expect(reader.answer(waiting)).toEqual({ kind: "parked" })
    world.restart()
    // What it asks for again may have happened: as nobody knows, its session is over.
    const third = new Client(world.keeper, WRITER)
    await world.flush()
    expect(third.told).toMatchObject([{ kind: "restored", sessions: [] }])
    expect(world.failure).toBeNull()
  })

  it("die with their connection, and are nobody else's (L6)", async () => {
    const world = new World()
    const [writer, reader] = [await world.open(WRITER), await world.open(READER)]
    writer.ask(acquire(WRITER, 1))
    expect(reader.answer(reader.ask(acquire(WRITER, 2)))).toMatchObject({ kind: "refused", code: "SESSION_LOST" })
    const waiting = reader.ask(acquire(READER, 1))
    writer.connection.disconnected()
    expect(reader.answer(waiting)).toEqual({ kind: "parked" })
    expect(reader.told.at(-1)).toMatchObject({ kind: "event", event: { kind: "lockGranted", request: 1 } })
  })

  it("of the keeper's own process do not outlive it; what they ran crashed (L6, O6)", async () => {
    const world = new World()
    const writer = await world.open(WRITER, { isLocal: true })
    writer.ask(acquire(WRITER, 1))
    const spec = specOf("render")
    writer.ask({ kind: "claimRun", session: WRITER, request: 2 as RequestId, spec, holding: [], force: false })
    await world.flush()
    world.restart()
    const reader = await world.open(READER)
    expect(reader.answer(reader.ask(acquire(READER, 1)))).toMatchObject({ kind: "granted" })
    const view = reader.ask({ kind: "readRun", session: READER, identity: spec.identity })
    await world.flush()
    expect(reader.answer(view)).toMatchObject({ view: { status: "pending", attempt: 1 } })
  })

  it("hear what they hold before what changed since (L6, S4)", async () => {
    const world = new World()
    const [writer, reader] = [await world.open(WRITER), await world.open(READER)]
    const held = writer.answer(writer.ask(acquire(WRITER, 1))) as { readonly token: Token } // As the keeper answers.
    reader.ask(acquire(READER, 1))
    world.restart()
    const back = new Client(world.keeper, WRITER)
    // While this is on its way to the disk, the news of what is held waits for it.
    back.ask(put(WRITER, "x", 1), { isAgain: 90 })
    const again = new Client(world.keeper, READER)
    back.ask({ kind: "releaseLock", session: WRITER, token: held.token }, { isAgain: 91 })
    await world.flush()
    const kinds = again.told.map((message) => (message.kind === "event" ? message.event.kind : message.kind))
    expect(kinds).toEqual(["restored", "lockGranted"])
  })

  it("that end on their way back are not waited for any more (L6)", async () => {
    const world = new World()
    await world.open(WRITER)
    world.restart()
    const back = new Client(world.keeper, WRITER)
    await world.flush()
    expect(world.keeper.awaySessions).toBe(1)
    back.ask({ kind: "endSession", session: WRITER, reason: "closed", unstarted: [] })
    await world.flush()
    expect(world.keeper.awaySessions).toBe(0)
  })

  it("are looked for until they are back; transitions are told while somebody observes", async () => {
    const world = new World()
    const writer = await world.open(WRITER)
    writer.ask(acquire(WRITER, 1))
    world.restart()
    expect(world.keeper.awaySessions).toBe(1)
    const reader = await world.open(READER)
    reader.connection.receive([{ kind: "observe", on: true }])
    reader.ask(acquire(READER, 1))
    await world.flush()
    const kinds = reader.told.flatMap((message) => (message.kind === "transition" ? [message.transition.kind] : []))
    expect(kinds).toContain("lock.waiting")
    const again = new Client(world.keeper, WRITER)
    again.connection.receive([{ kind: "returned", session: WRITER }])
    expect(world.keeper.awaySessions).toBe(0)
    reader.connection.receive([{ kind: "observe", on: false }])
    await world.keeper.close()
  })
})
