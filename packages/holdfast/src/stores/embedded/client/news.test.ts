/** What is told where files of large values are missing or altered: who can be answered all the same, and who cannot. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it, onTestFinished, vi } from "vitest"
import { A, AWAIT, CLAIM, READ, REQUEST, ScriptedKeeper, TAKE } from "../../../../test/simulation/scripted-keeper.ts"
import type { CellView, Command, Digest, RunView, StoreEvent } from "../../../kernel/index.ts"
import { BlobFolder } from "../blobs/blob-folder.ts"
import { encodeSpilled } from "../blobs/blob-reference.ts"
import type { EmbeddedClient } from "./client.ts"

const WATCH: Command = {
  kind: "watchCells",
  session: A,
  request: REQUEST,
  pattern: { kind: "prefix", prefix: "x" },
}
const damaged = { code: "STORE_DAMAGED", message: expect.stringContaining("is missing") as string }

/** A reference to a file that is not there. */
function missing(seed: number): Uint8Array {
  // 64 hexadecimal digits.
  return encodeSpilled({ digest: seed.toString(16).padStart(64, "0") as Digest, byteLength: 40_000 }, [])
}

function cell(version: number, value: Uint8Array | null): CellView {
  return { name: "x", version, value }
}

/** A keeper whose words are the test's, a folder of large values, and a client with both. */
class World {
  readonly folder: BlobFolder
  readonly script: ScriptedKeeper
  #client: EmbeddedClient | null = null

  constructor() {
    const path = mkdtempSync(join(tmpdir(), "holdfast-news-"))
    onTestFinished(() => {
      rmSync(path, { recursive: true, force: true })
    })
    this.folder = new BlobFolder(path, "me")
    this.script = new ScriptedKeeper(this.folder)
  }

  async ask(command: Command): Promise<unknown> {
    this.#client ??= await this.script.opened()
    return await this.#client.execute(command)
  }

  /** The command asked as the request of this number, once the files before it were looked for. */
  async heard(sequence: number): Promise<Command> {
    const find = () => this.script.heard.find((each) => each.kind === "request" && each.sequence === sequence)
    await vi.waitUntil(() => find() !== undefined, { interval: 1 })
    const message = find()
    if (message?.kind !== "request") throw new Error("it was heard")
    return message.command
  }

  async answer(sequence: number, outcome: Extract<Told, { readonly kind: "outcome" }>["outcome"]): Promise<void> {
    await this.heard(sequence)
    this.script.say({ kind: "outcome", sequence, outcome })
  }

  /** The event is said, and what the session is told of it comes. */
  async event(event: StoreEvent): Promise<void> {
    this.#client ??= await this.script.opened()
    this.script.say({ kind: "event", event })
  }

  async told(count: number): Promise<readonly StoreEvent[]> {
    await vi.waitUntil(() => this.script.events.length >= count, { interval: 1 })
    return this.script.events
  }
}

type Told = Parameters<ScriptedKeeper["say"]>[number]

describe("cells whose large value is missing", () => {
  it("are told as they are now, where they were written since (C5, S2)", async () => {
    const world = new World()
    const bytes = new Uint8Array(50_000).fill(7)
    const there = encodeSpilled(await world.folder.write(bytes), [])
    const asked = world.ask(READ)
    await world.answer(2, { kind: "cells", cells: [cell(1, missing(1))] })
    expect(await world.heard(3)).toEqual(READ)
    await world.answer(3, { kind: "cells", cells: [cell(2, missing(2))] })
    await world.answer(4, { kind: "cells", cells: [cell(3, there)] })
    expect(await asked).toEqual({ kind: "cells", cells: [cell(3, bytes)] })
  })

  it("are said to be damaged where nobody has written them, and asked for once more (S2)", async () => {
    const world = new World()
    const asked = Promise.allSettled([world.ask(READ)])
    for (const sequence of [2, 3]) await world.answer(sequence, { kind: "cells", cells: [cell(1, missing(1))] })
    expect(await asked).toMatchObject([{ reason: damaged }])
    expect(world.script.requests()).toEqual(["openSession", "readCells", "readCells"])
  })

  it("are not asked for without end", async () => {
    const world = new World()
    const asked = Promise.allSettled([world.ask(READ)])
    for (let look = 0; look <= 16; look += 1) {
      await world.answer(2 + look, { kind: "cells", cells: [cell(1 + look, missing(1 + look))] })
    }
    expect(await asked).toMatchObject([{ reason: damaged }])
  })

  it("end a look at them with what that ended with", async () => {
    const world = new World()
    const asked = Promise.allSettled([world.ask(READ)])
    await world.answer(2, { kind: "cells", cells: [cell(1, missing(1))] })
    await world.heard(3)
    world.script.say({ kind: "fault", sequence: 3, code: "STORE_FULL", message: "no room", details: {} })
    expect(await asked).toMatchObject([{ reason: { code: "STORE_FULL" } }])
  })

  it("are not watched twice: those that a watch begins with are read (C4)", async () => {
    const world = new World()
    const asked = world.ask(WATCH)
    await world.answer(2, { kind: "cells", cells: [cell(1, missing(1))] })
    expect(await world.heard(3)).toEqual({ kind: "readCells", session: A, names: ["x"], head: false })
    await world.answer(3, { kind: "cells", cells: [cell(2, null)] })
    expect(await asked).toEqual({ kind: "cells", cells: [cell(2, null)] })
  })

  it("are skipped by their watcher where a newer version comes, and end its watch where none does (C4, S2)", async () => {
    const world = new World()
    const request = REQUEST
    await world.event({ kind: "cellChanged", session: A, request, cell: cell(5, missing(1)) })
    await world.answer(2, { kind: "cells", cells: [cell(6, missing(2))] })
    await world.event({ kind: "cellChanged", session: A, request, cell: cell(6, missing(2)) })
    await world.answer(3, { kind: "cells", cells: [cell(6, missing(2))] })
    expect(await world.told(1)).toMatchObject([{ kind: "requestRefused", request, ...damaged }])
  })
})

describe("a run whose large progress is missing", () => {
  it("is told as it is now, and skipped by its watcher only where there is something newer (C4, S2)", async () => {
    const world = new World()
    // Of a run, nothing else is looked at.
    const view = (progress: Uint8Array | null, waiters: number): RunView =>
      ({ run: "i@1", identity: "i", progress, waiters }) as unknown as RunView
    const asked = world.ask({ kind: "watchRun", session: A, request: REQUEST, run: CLAIM.run })
    await world.answer(2, { kind: "run", view: view(missing(1), 0) })
    expect(await world.heard(3)).toMatchObject({ kind: "readRun", identity: "i" })
    await world.answer(3, { kind: "run", view: view(null, 0) })
    expect(await asked).toEqual({ kind: "run", view: view(null, 0) })
    const changed = { kind: "runChanged", session: A, request: REQUEST } as const
    await world.event({ ...changed, view: view(missing(2), 0) })
    await world.answer(4, { kind: "run", view: view(missing(3), 0) })
    await world.event({ ...changed, view: view(missing(3), 0) })
    await world.answer(5, { kind: "run", view: view(missing(3), 1) })
    expect(await world.told(1)).toMatchObject([{ kind: "requestRefused", ...damaged }])
  })
})

describe("a result that is altered", () => {
  async function alteredResult(world: World) {
    const blob = await world.folder.write(new Uint8Array(50_000))
    writeFileSync(world.folder.pathOf(blob.digest), new Uint8Array(50_000).fill(1))
    const settlement = { kind: "completed", result: encodeSpilled(blob, []) } as const
    return { blob, settled: { kind: "settled", run: CLAIM.run, settlement } as const }
  }

  it("is forgotten where it can be computed again, its file out of the way before that (O9)", async () => {
    const world = new World()
    const { blob, settled } = await alteredResult(world)
    const asked = world.ask(AWAIT)
    await world.answer(2, settled)
    expect(await world.heard(3)).toEqual({ kind: "discardResult", session: A, run: CLAIM.run })
    expect([world.folder.has(blob), world.folder.listSetAside()]).toEqual([false, [blob.digest]])
    await world.answer(3, { kind: "done" })
    expect(await asked).toEqual({ ...settled, settlement: { kind: "forgotten" } })
  })

  it("is damaged where it cannot, and its file back in its place (O10, S2)", async () => {
    const world = new World()
    const { blob, settled } = await alteredResult(world)
    await world.event({ ...settled, kind: "runSettled", session: A, request: REQUEST })
    await world.answer(2, { kind: "refused", code: "STORE_DAMAGED", message: "it is once", details: {} })
    const [told] = await world.told(1)
    expect(told).toMatchObject({ kind: "requestRefused", code: "STORE_DAMAGED" })
    expect([world.folder.has(blob), world.folder.listSetAside()]).toEqual([true, []])
  })
})

describe("a claim whose arguments are missing", () => {
  const claim = { ...CLAIM, args: missing(1) }

  it("is failed for good, and who asked waits for how that ends (O4, S2)", async () => {
    const world = new World()
    const asked = world.ask(AWAIT)
    await world.answer(2, { kind: "claimed", claim, waiting: true })
    expect(await world.heard(3)).toMatchObject({ kind: "failRun", token: CLAIM.token, final: true })
    await world.answer(3, { kind: "status", status: "failed" })
    expect(await asked).toEqual({ kind: "joined", run: CLAIM.run })
  })

  it("is failed, and its slot asks for another (O4)", async () => {
    const world = new World()
    const asked = world.ask(TAKE)
    await world.answer(2, { kind: "claimed", claim, waiting: false })
    await world.answer(3, { kind: "status", status: "failed" })
    expect(await world.heard(4)).toEqual(TAKE)
    await world.answer(4, { kind: "parked" })
    expect(await asked).toEqual({ kind: "parked" })
    await world.event({ kind: "runAssigned", session: A, request: TAKE.request, claim })
    await world.answer(5, { kind: "status", status: "failed" })
    expect(await world.heard(6)).toEqual(TAKE)
    expect(world.script.events).toEqual([])
  })
})
