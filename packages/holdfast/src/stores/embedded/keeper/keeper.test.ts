/** The keeper with a disk in the test's hands: what is told when, what is kept, what a failing disk does. */
import { describe, expect, it } from "vitest"
import { specOf } from "../../../../test/conformance/client.ts"
import { acquire, put, read, READER, WRITER } from "../../../../test/simulation/kept-words.ts"
import { KeptClient as Client, KeptWorld as World } from "../../../../test/simulation/kept-world.ts"
import {
  type ClaimView,
  type Command,
  HoldfastError,
  type RequestId,
  type SessionId,
  type Token,
} from "../../../kernel/index.ts"
import { Keeper } from "./keeper.ts"

const HEADER = { boot: "boot", epochMs: 0 }

function merge(session: SessionId, name: string, value: number): Command {
  const writes = [{ kind: "merge", name, merge: "counter", value }] as const
  return { kind: "commitCells", session, holding: [], reads: [], writes, starts: [], step: null, complete: null }
}

describe("what is observed", () => {
  it("is durable: a commit is answered, and read by others, when its batch is flushed (C5)", async () => {
    const world = new World()
    const [writer, reader] = [await world.open(WRITER), await world.open(READER)]
    const watch = reader.ask({
      kind: "watchCells",
      session: READER,
      request: 9 as RequestId,
      pattern: { kind: "name", name: "x" },
    })
    const commit = writer.ask(put(WRITER, "x", 1))
    const [seen, head] = [reader.ask(read(READER, false)), reader.ask(read(READER, true))]
    expect(reader.answer(watch)).toMatchObject({ cells: [{ version: 0 }] })
    expect(writer.answer(commit)).toBeUndefined()
    expect(reader.answer(seen)).toMatchObject({ cells: [{ version: 0 }, { version: 0 }] })
    expect(reader.answer(head)).toMatchObject({ cells: [{ version: 1, value: 1 }, { version: 0 }] })
    expect(reader.told.some((message) => message.kind === "event")).toBe(false)
    await world.flush()
    expect(writer.answer(commit)).toMatchObject({ kind: "committed" })
    expect(reader.told.at(-1)).toMatchObject({ kind: "event", event: { kind: "cellChanged", cell: { version: 1 } } })
    expect(reader.answer(reader.ask(read(READER, false)))).toMatchObject({ cells: [{ version: 1, value: 1 }, {}] })
  })

  it("rests on what it read: a commit that only reads an undurable head waits with it (C3, C5)", async () => {
    const world = new World()
    const [writer, reader] = [await world.open(WRITER), await world.open(READER)]
    // While that is flushed, what follows gathers.
    writer.ask(put(WRITER, "z", 1))
    writer.ask(put(WRITER, "x", 1))
    const reads = [{ name: "x", version: 1 }]
    const check = reader.ask({ ...put(READER, "x", 0), writes: [], reads } as Command)
    expect(reader.answer(check)).toBeUndefined()
    await world.flush()
    expect(reader.answer(check)).toMatchObject({ kind: "committed" })
  })

  it("of relaxed cells is what is visible, at once (C5)", async () => {
    const world = new World()
    const writer = await world.open(WRITER)
    const commit = writer.ask(merge(WRITER, "x", 2))
    expect(writer.answer(commit)).toMatchObject({ kind: "committed" })
    expect(writer.answer(writer.ask(read(WRITER, false)))).toMatchObject({ cells: [{ version: 1, value: 2 }, {}] })
  })

  it("of a claim that is taken away rests on why: a keeper that forgets it has told nobody (O5, O10)", async () => {
    const world = new World()
    const [writer, reader] = [await world.open(WRITER), await world.open(READER)]
    const spec = specOf("charge", 0, { effects: "once" })
    const claim = reader.ask({
      kind: "claimRun",
      session: READER,
      request: 2 as never,
      spec,
      holding: [],
      force: false,
    })
    await world.flush()
    const { run } = (reader.answer(claim) as { readonly claim: ClaimView }).claim // As the keeper answers.
    writer.ask(put(WRITER, "z", 1))
    const cancel: Command = { kind: "controlRun", session: WRITER, run, action: "cancel" }
    writer.ask(cancel)
    const isTold = ({ told }: Client): boolean =>
      told.some((message) => message.kind === "event" && message.event.kind === "claimControl")
    expect(isTold(reader)).toBe(false)
    world.flushes.length = 0
    world.restart()
    // Its executor goes on, in the belief that nothing happened.
    const [back, again] = [new Client(world.keeper, WRITER), new Client(world.keeper, READER)]
    await world.flush()
    expect(again.told).toMatchObject([{ sessions: [{ session: READER, holding: { claims: [{ request: 2 }] } }] }])
    back.ask(cancel, { isAgain: 90 })
    await world.flush()
    expect(isTold(again)).toBe(true)
  })

  it("of locks rests on nothing: a grant is written, not flushed (L2, L6)", async () => {
    const world = new World()
    const [writer, reader] = [await world.open(WRITER), await world.open(READER)]
    writer.ask(put(WRITER, "x", 1))
    const lock = writer.ask(acquire(WRITER, 1))
    expect(writer.answer(lock)).toMatchObject({ kind: "granted" })
    const waiting = reader.ask(acquire(READER, 1))
    expect(reader.answer(waiting)).toEqual({ kind: "parked" })
    world.restart()
    const again = new Client(world.keeper, WRITER)
    await world.flush()
    expect(again.told).toMatchObject([
      { kind: "restored", sessions: [{ session: WRITER, holding: { grants: [{ request: 1 }] } }] },
    ])
    const next = new Client(world.keeper, READER)
    expect(next.told).toMatchObject([{ sessions: [{ session: READER, holding: { waiting: [1] } }] }])
  })

  it("lists and shows what is stored, once all that was applied is (O2)", async () => {
    const world = new World()
    const writer = await world.open(WRITER)
    writer.ask(put(WRITER, "x", 1))
    writer.ask({ kind: "enqueueRun", session: WRITER, spec: specOf("render"), force: false })
    const cells = writer.ask({ kind: "listCells", session: WRITER, prefix: "", limit: 9 })
    const runs = writer.ask({
      kind: "listRuns",
      session: WRITER,
      filter: { operation: null, statuses: null, limit: 9 },
    })
    const view = writer.ask({ kind: "inspect", session: WRITER })
    expect(writer.answer(runs)).toBeUndefined()
    await world.flush()
    expect(writer.answer(cells)).toEqual({ kind: "cells", cells: [{ name: "x", version: 1, value: 1 }] })
    expect(writer.answer(runs)).toMatchObject({ views: [{ operation: "render", status: "pending" }] })
    expect(writer.answer(view)).toMatchObject({ view: { runs: { byStatus: { pending: 1 } } } })
  })
})

describe("a request that comes again", () => {
  it("gets its first outcome, and takes effect once, whether its keeper died before or after the flush (S4)", async () => {
    for (const isFlushed of [true, false]) {
      const world = new World()
      const writer = await world.open(WRITER)
      const commit = writer.ask(merge(WRITER, "x", 1))
      const strict = writer.ask(put(WRITER, "y", 5))
      if (isFlushed) await world.flush()
      else world.flushes.length = 0
      world.restart()
      const again = new Client(world.keeper, WRITER)
      again.ask(merge(WRITER, "x", 1), { isAgain: commit })
      again.ask(put(WRITER, "y", 5), { isAgain: strict })
      await world.flush()
      expect(again.answer(strict)).toMatchObject({ kind: "committed", versions: [{ name: "y", version: 1 }] })
      again.connection.receive([{ kind: "returned", session: WRITER }])
      expect(again.answer(again.ask(read(WRITER, true), { isAgain: 90 }))).toMatchObject({
        cells: [
          { version: 1, value: 1 },
          { version: 1, value: 5 },
        ],
      })
      again.connection.receive([{ kind: "acknowledge", through: strict }])
      await world.flush()
    }
  })

  it("finds the grant it was given, and what it gave back stays given back (S4, L5)", async () => {
    const world = new World()
    const writer = await world.open(WRITER)
    const lock = writer.ask(acquire(WRITER, 1))
    const granted = writer.answer(lock) as { readonly token: Token } // As the keeper answers.
    world.restart()
    const again = new Client(world.keeper, WRITER)
    again.ask(acquire(WRITER, 1), { isAgain: lock })
    expect(again.answer(lock)).toMatchObject({ kind: "granted", token: granted.token })
    const release = again.ask({ kind: "releaseLock", session: WRITER, token: granted.token })
    world.restart()
    const third = new Client(world.keeper, WRITER)
    third.ask({ kind: "releaseLock", session: WRITER, token: granted.token }, { isAgain: release })
    expect(third.answer(release)).toMatchObject({ kind: "released" })
  })

  it("is granted where it was granted while nobody could be told, whatever its first outcome was (S4, O4)", async () => {
    const world = new World()
    const [writer, reader] = [await world.open(WRITER), await world.open(READER)]
    const held = writer.answer(writer.ask(acquire(WRITER, 1))) as { readonly token: Token } // As the keeper answers.
    const waiting = reader.ask(acquire(READER, 1))
    expect(reader.answer(waiting)).toEqual({ kind: "parked" })
    writer.ask({ kind: "releaseLock", session: WRITER, token: held.token })
    world.restart()
    const again = new Client(world.keeper, READER)
    again.ask(acquire(READER, 1), { isAgain: waiting })
    expect(again.answer(waiting)).toMatchObject({ kind: "granted" })
  })

  it("is not told of a run again that was another's, and was lost with its keeper (S3, S4)", async () => {
    const world = new World()
    const [writer, reader] = [await world.open(WRITER), await world.open(READER)]
    const spec = specOf("render")
    // While that is flushed, what follows gathers, and is lost for certain.
    writer.ask(put(WRITER, "z", 1))
    writer.ask({ kind: "enqueueRun", session: WRITER, spec, force: false })
    const joined = reader.ask({ kind: "enqueueRun", session: READER, spec, force: false })
    world.flushes.length = 0
    world.restart()
    const again = new Client(world.keeper, READER)
    again.ask({ kind: "enqueueRun", session: READER, spec, force: false }, { isAgain: joined })
    await world.flush()
    expect(again.answer(joined)).toMatchObject({ kind: "enqueued", created: true })
  })

  it("keeps its place in the queue (S4, L3)", async () => {
    const world = new World()
    const [writer, reader] = [await world.open(WRITER), await world.open(READER)]
    writer.ask(acquire(WRITER, 1))
    const waiting = reader.ask(acquire(READER, 1))
    world.restart()
    const again = new Client(world.keeper, READER)
    again.ask(acquire(READER, 1), { isAgain: waiting })
    expect(again.answer(waiting)).toEqual({ kind: "parked" })
    world.restart()
    const third = new Client(world.keeper, READER)
    await world.flush()
    expect(third.told).toMatchObject([{ kind: "restored", sessions: [{ holding: { waiting: [1], grants: [] } }] }])
  })
})

describe("a disk that fails", () => {
  it("by being full takes the batch back, says so, and goes on from what is durable (S5)", async () => {
    const world = new World()
    const writer = await world.open(WRITER)
    writer.ask(put(WRITER, "x", 1))
    await world.flush()
    const lock = writer.ask(acquire(WRITER, 1))
    world.disk.isFull = true
    const commit = writer.ask(put(WRITER, "x", 2))
    const list = writer.ask({ kind: "listCells", session: WRITER, prefix: "", limit: 1 })
    await world.flush()
    expect(writer.answer(commit)).toMatchObject({ kind: "fault", code: "STORE_FULL" })
    expect(writer.answer(list)).toMatchObject({ kind: "fault", code: "STORE_FULL" })
    expect(writer.isDisconnected).toBe(true)
    world.disk.isFull = false
    const again = new Client(world.keeper, WRITER)
    await world.flush()
    expect(again.told).toMatchObject([{ kind: "restored", sessions: [{ holding: { grants: [{ request: 1 }] } }] }])
    expect(writer.answer(lock)).toMatchObject({ kind: "granted" })
    expect(again.answer(again.ask(read(WRITER, true), { isAgain: 50 }))).toMatchObject({
      cells: [{ version: 1, value: 1 }, {}],
    })
    const retried = again.ask(put(WRITER, "x", 3), { isAgain: 51 })
    await world.flush()
    expect(again.answer(retried)).toMatchObject({ kind: "committed", versions: [{ version: 2 }] })
    expect(world.failure).toBeNull()
  })

  it("in any other way is the end: nothing more is answered (S5)", async () => {
    const world = new World()
    const writer = await world.open(WRITER)
    const journal = world.disk.openJournal(world.disk.user())
    const broken = {
      ...journal,
      append: () => Promise.reject(new HoldfastError("STORE_UNAVAILABLE", "the disk is gone")),
    }
    let failure: Error | null = null
    const keeper = new Keeper({
      env: world.env,
      journal: broken,
      live: world.disk.openLive(world.disk.user(), HEADER).live,
      epochMs: 0,
      check: true,
      isAlive: () => true,
      onFailed: (error) => {
        failure = error
      },
    })
    await world.env.advanceBy(0)
    expect(failure).toMatchObject({ code: "STORE_UNAVAILABLE" })
    const late = new Client(keeper, READER)
    late.ask({ kind: "openSession", session: READER, label: "late" })
    expect(late.answer(1)).toBeUndefined()
    expect(writer.told.length).toBeGreaterThan(0)
  })

  it("by damage names the row and serves everything else (S2)", async () => {
    const world = new World()
    const writer = await world.open(WRITER)
    await world.flush()
    const journal = world.disk.openJournal(world.disk.user())
    const damaged = new HoldfastError("STORE_DAMAGED", 'the row of cell "x" is altered')
    const keeper = new Keeper({
      env: world.env,
      journal: {
        ...journal,
        load: (keys) => {
          if (keys.includes("cell:x")) throw damaged
          return journal.load(keys)
        },
      },
      live: world.disk.openLive(world.disk.user(), HEADER).live,
      epochMs: world.env.clock.now() - world.env.clock.monotonic(),
      check: true,
      isAlive: () => true,
      onFailed: () => expect.fail("it goes on"),
    })
    const again = new Client(keeper, WRITER)
    await world.flush()
    again.ask(read(WRITER, false), { isAgain: 70 })
    expect(again.answer(70)).toMatchObject({ kind: "fault", code: "STORE_DAMAGED" })
    again.ask({ kind: "readCells", session: WRITER, names: ["y"], head: false }, { isAgain: 71 })
    expect(again.answer(71)).toMatchObject({ cells: [{ name: "y", version: 0 }] })
    expect(writer.told.length).toBeGreaterThan(0)
  })
})

describe("time", () => {
  it("never goes back behind what has happened, whatever the clock says after the power was lost (O6)", async () => {
    const world = new World()
    const writer = await world.open(WRITER)
    const spec = specOf("render")
    writer.ask({ kind: "enqueueRun", session: WRITER, spec, force: false })
    await world.flush()
    world.disk.losePower()
    world.env.shiftWallClock(-3_600_000)
    world.restart()
    const reader = await world.open(READER)
    const claim = reader.ask({
      kind: "claimRun",
      session: READER,
      request: 1 as RequestId,
      spec,
      holding: [],
      force: false,
    })
    await world.flush()
    expect(reader.answer(claim)).toMatchObject({ kind: "claimed" })
  })

  it("sweeps settled runs that were kept long enough, in memory or not (O9)", async () => {
    const world = new World()
    const writer = await world.open(WRITER)
    const spec = specOf("render", 1, { retainMs: 500 })
    writer.ask({ kind: "putResult", session: WRITER, spec, result: 1 })
    await world.flush()
    world.restart()
    await world.flush()
    const reader = await world.open(READER)
    await world.env.advanceBy(2_000)
    await world.flush()
    await world.env.advanceBy(2_000)
    await world.flush()
    const runs = reader.ask({
      kind: "listRuns",
      session: READER,
      filter: { operation: null, statuses: null, limit: 9 },
    })
    await world.flush()
    expect(reader.answer(runs)).toEqual({ kind: "runs", views: [] })
  })

  it("ends when a greeting finds no room in the live log, and is not thrown at who greeted it (S5)", async () => {
    const world = new World()
    const away = await world.open(WRITER, { client: "one that comes back" })
    away.ask(acquire(WRITER, 1))
    await world.flush()
    world.restart()
    await world.flush()
    world.disk.isLogFull = true
    const back = new Client(world.keeper, WRITER, { client: "one that comes back", isLocal: true })
    expect(back.told).toEqual([])
    expect(world.failure).toMatchObject({ code: "STORE_UNAVAILABLE" })
  })

  it("lets no answer overtake what a session holds, whatever tokens wait to be covered (L6)", async () => {
    const world = new World()
    const writer = new Client(world.keeper, WRITER)
    writer.ask({ kind: "openSession", session: WRITER, label: "writer" })
    writer.ask(acquire(WRITER, 1))
    // The grant is written, and the reservation that covers its token is lost: the next keeper makes another.
    world.disk.release(false)
    world.flushes.length = 0
    world.keeper = world.start()
    const reader = new Client(world.keeper, READER)
    world.flushes.shift()?.()
    await world.env.advanceBy(0)
    reader.ask({ kind: "openSession", session: READER, label: "reader" })
    await world.flush()
    expect(reader.told.map(({ kind }) => kind)).toEqual(["restored", "outcome"])
  })
})
