/** The keeper and the files of large values, with the disk, the files and the index in the test's hands. */
import { expect, it } from "vitest"
import { KeptClient } from "../../../../test/simulation/kept-world.ts"
import { SimulatedDisk } from "../../../../test/simulation/simulated-disk.ts"
import { createPrng } from "../../../env/prng.ts"
import { createSimulatedEnv } from "../../../env/simulated-env.ts"
import { type Command, type Digest, encodeValue, type SessionId, storedBinary } from "../../../kernel/index.ts"
import { administerWith } from "../host/administer.ts"
import type { Journal } from "../journal/journal.ts"
import { HOLD_BOUND_MS } from "./file-holds.ts"
import { Keeper } from "./keeper.ts"

const ME = "me" as SessionId // Brand constructor.
const DIGEST = "ab".repeat(32) as Digest // 64 hexadecimal digits.

class World {
  readonly env = createSimulatedEnv({ seed: 1 })
  readonly disk = new SimulatedDisk({ random: createPrng(1), postpone: (_delay, task) => task(), flushBound: 1 })
  readonly files = new Set<Digest>()
  readonly named = new Set<Digest>()
  readonly released: Digest[] = []
  budget: number | null = null
  readonly keeper: Keeper

  constructor() {
    const user = this.disk.user()
    const blobs = {
      isNamed: (digest: Digest) => this.named.has(digest),
      totals: () => ({ count: this.named.size, bytes: 0 }),
      budgetBytes: () => this.budget,
      evictable: () => [],
      takeReleased: () => this.released.splice(0),
    }
    this.keeper = new Keeper({
      env: this.env,
      journal: { ...this.disk.openJournal(user), blobs },
      live: this.disk.openLive(user, { boot: "boot", epochMs: 0 }).live,
      files: {
        has: ({ digest }) => this.files.has(digest),
        remove: (digest) => this.files.delete(digest),
        list: () => [],
        temporaries: () => [],
        removeTemporary: () => {},
      },
      epochMs: 0,
      check: true,
      isAlive: () => true,
      onFailed: (error) => {
        throw error
      },
    })
  }

  async open(): Promise<KeptClient> {
    const client = new KeptClient(this.keeper, ME)
    client.ask({ kind: "openSession", session: ME, label: "me" })
    await this.env.advanceBy(0)
    return client
  }

  /** A file that nobody needs from here on. */
  async drop(client: KeptClient, digest: Digest): Promise<void> {
    this.files.add(digest)
    client.ask({ kind: "holdBlobs", session: ME, hold: [digest], drop: [] })
    client.ask({ kind: "holdBlobs", session: ME, hold: [], drop: [digest] })
    await this.env.advanceBy(0)
  }
}

function naming(digest: Digest): Command {
  const reader = {
    read: () => {
      throw new Error("nobody reads here")
    },
  }
  const value = encodeValue(storedBinary(digest, 5, reader), "a value")
  const writes = [{ kind: "put", name: "x", value }] as const
  return { kind: "commitCells", session: ME, holding: [], reads: [], writes, starts: [], step: null, complete: null }
}

it("refuses what names a file that is not there, and applies nothing of it (S3)", async () => {
  const world = new World()
  const client = await world.open()
  const refused = client.ask(naming(DIGEST))
  expect(client.answer(refused)).toMatchObject({
    kind: "fault",
    code: "STORE_DAMAGED",
    details: { digest: DIGEST, missing: true },
    message: expect.stringMatching(/the request names .* a Binary of another store is read there/),
  })
  world.files.add(DIGEST)
  const taken = client.ask(naming(DIGEST))
  await world.env.advanceBy(1_000)
  expect(client.answer(taken)).toMatchObject({ kind: "committed", versions: [{ version: 1 }] })
})

it("goes on with the budget that was durable, where a new one did not fit the disk (S5)", async () => {
  const world = new World()
  world.budget = 1_000
  const client = await world.open()
  world.disk.isFull = true
  const set = client.ask({ kind: "setBlobBudget", session: ME, bytes: 5 })
  await world.env.advanceBy(0)
  expect(client.answer(set)).toMatchObject({ kind: "fault", code: "STORE_FULL" })
  world.disk.isFull = false
  const again = new KeptClient(world.keeper, ME)
  const view = again.ask({ kind: "inspect", session: ME }, { isAgain: 50 })
  await world.env.advanceBy(2_000)
  expect(again.answer(view)).toMatchObject({ view: { blobs: { budgetBytes: 1_000 } } })
})

it("removes nothing while somebody who looks after the store has asked for that, and then goes on (S3)", async () => {
  const world = new World()
  const [client, admin] = [await world.open(), new KeptClient(world.keeper, "admin" as SessionId)]
  admin.connection.holdFiles()
  await world.drop(client, DIGEST)
  await world.env.advanceBy(60_000)
  expect(world.files.size).toBe(1)
  expect([admin.connection.releaseFiles(), admin.connection.releaseFiles()]).toEqual([true, false])
  await world.env.advanceBy(60_000)
  expect(world.files.size).toBe(0)
})

it("goes on removing once who had asked for that is gone, or the disk was full in between (S3, S5)", async () => {
  const world = new World()
  const client = await world.open()
  const admin = new KeptClient(world.keeper, "admin" as SessionId)
  admin.connection.holdFiles()
  await world.drop(client, DIGEST)
  admin.connection.disconnected()
  await world.env.advanceBy(60_000)
  expect(world.files.size).toBe(0)
  const other = new KeptClient(world.keeper, "other" as SessionId)
  other.connection.holdFiles()
  world.disk.isFull = true
  client.ask({ kind: "setBlobBudget", session: ME, bytes: 5 })
  await world.env.advanceBy(0)
  // It is told that files may have gone, and begins again on another connection.
  expect([other.isDisconnected, other.connection.releaseFiles()]).toEqual([true, false])
  other.connection.holdFiles()
  expect(other.connection.releaseFiles()).toBe(false)
})

it("lets files go once who had asked for that has stood still for minutes, and holds them for whoever is heard of", async () => {
  const world = new World()
  const client = await world.open()
  const admin = new KeptClient(world.keeper, "admin" as SessionId) // Brand constructor.
  const journal = {} as Journal // Not asked.
  const administer = administerWith({ env: world.env, keeper: world.keeper, journal, pid: 1 })
  await administer({ kind: "holdFiles" }, admin.connection)
  await world.drop(client, DIGEST)
  for (let minute = 1; minute <= 60; minute += 1) {
    await world.env.advanceBy(60_000)
    await administer({ kind: "ping" }, admin.connection)
  }
  expect(world.files.size).toBe(1)
  await world.env.advanceBy(HOLD_BOUND_MS - 1)
  expect(world.files.size).toBe(1)
  await world.env.advanceBy(1_000)
  expect(world.files.size).toBe(0)
  // Heard of again it holds nothing, and is told so.
  await administer({ kind: "ping" }, admin.connection)
  const release = { kind: "releaseFiles" } as const
  await expect(administer(release, admin.connection)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" })
  await administer({ kind: "holdFiles" }, admin.connection)
  expect(await administer(release, admin.connection)).toEqual({ kind: "done" })
})
