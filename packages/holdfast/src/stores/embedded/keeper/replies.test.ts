/** How long outcomes are kept: for as long as their clients may ask again, and not for ever. */
import { describe, expect, it } from "vitest"
import { KeptClient as Client, KeptWorld as World } from "../../../../test/simulation/kept-world.ts"
import type { Command, SessionId } from "../../../kernel/index.ts"
import { Replies } from "./replies.ts"

const WRITER = "writer" as SessionId // Brand constructor.
const OTHER = "other" as SessionId // Brand constructor.

/** Longer than the time between two looks at who is away. */
const LOOK_MS = 60

function put(session: SessionId, value: number): Command {
  const writes = [{ kind: "put", name: `of ${session}`, value }] as const
  return { kind: "commitCells", session, holding: [], reads: [], writes, starts: [], step: null, complete: null }
}

/** Rows of outcomes in the journal. */
function countStored({ disk }: World): number {
  return disk.openJournal(disk.user()).replies().length
}

async function pass(world: World, ms: number): Promise<void> {
  await world.env.advanceBy(ms)
  await world.flush()
}

describe("outcomes that are kept", () => {
  it("do not pile up, however many clients come and go with however many keepers (S4)", async () => {
    const world = new World()
    let most = 0
    for (let round = 1; round <= 40; round += 1) {
      // One leaves while its keeper lives, right after it acknowledged what it was told; one dies with its keeper.
      const [leaving, dying] = [`leaving ${String(round)}`, `dying ${String(round)}`] as [SessionId, SessionId]
      const [first, second] = [await world.open(leaving), await world.open(dying)]
      first.ask(put(leaving, 1))
      second.ask(put(dying, 1))
      await world.flush()
      first.connection.receive([{ kind: "acknowledge", through: 9 }])
      first.connection.disconnected()
      for (const session of [leaving, dying]) world.dead.add(`client of ${session}`)
      world.restart()
      await pass(world, LOOK_MS)
      most = Math.max(most, countStored(world))
    }
    // Those of a round are dropped with what the next one writes.
    expect(most).toBeLessThanOrEqual(2)
    expect(world.failure).toBeNull()
  })

  it("of clients whose sessions are gone go as well, and those of a client that is only away stay (S4)", async () => {
    const world = new World()
    const [writer, other] = [await world.open(WRITER), await world.open(OTHER)]
    const first = writer.ask(put(WRITER, 1))
    other.ask(put(OTHER, 1))
    await world.flush()
    // No session outlives that, and nothing says of the clients that they are dead but their signs of life.
    world.losePower()
    world.dead.add(`client of ${OTHER}`)
    await pass(world, 10 * LOOK_MS)
    world.restart()
    const third = "third" as SessionId // Brand constructor.
    const client = await world.open(third)
    client.ask(put(third, 1))
    await pass(world, 10 * LOOK_MS)
    expect(countStored(world)).toBe(2)
    const again = new Client(world.keeper, WRITER)
    again.ask(put(WRITER, 1), { isAgain: first })
    await world.flush()
    expect(again.answer(first)).toMatchObject({ kind: "committed", versions: [{ version: 1 }] })
  })

  it("are dropped where their client leaves right after it acknowledged them", () => {
    const replies = new Replies()
    replies.keep("c", 1, { outcome: { kind: "done" }, isLogged: false })
    replies.acknowledge("c", 1)
    replies.forget("c")
    expect(replies.takeForJournal()).toEqual({ drop: [], dropClients: ["c"] })
  })

  it("are looked at some at a time, each client in its turn, and dropped some at a time", () => {
    const replies = new Replies()
    const clients = Array.from({ length: 300 }, (_, index) => `client ${String(index)}`)
    for (const client of clients) replies.restore(client, 1, { outcome: { kind: "done" }, isLogged: false })
    const asked: string[] = []
    const isAlive = (client: string): boolean => {
      asked.push(client)
      return client.endsWith("7")
    }
    for (let look = 1; look <= 8; look += 1) {
      const before = asked.length
      replies.forgetDead(isAlive)
      expect(asked.length - before).toBeLessThanOrEqual(64)
    }
    expect(replies.absentCount).toBe(30)
    expect(new Set(asked).size).toBe(300)
    const dropped: string[] = []
    for (;;) {
      const { dropClients } = replies.takeForJournal()
      if (dropClients.length === 0) break
      expect(dropClients.length).toBeLessThanOrEqual(64)
      dropped.push(...dropClients)
    }
    expect(dropped.toSorted()).toEqual(clients.filter((client) => !client.endsWith("7")).toSorted())
    for (const client of clients) expect(replies.find(client, 1) !== undefined).toBe(client.endsWith("7"))
  })
})
