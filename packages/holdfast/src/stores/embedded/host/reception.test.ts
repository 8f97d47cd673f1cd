/** What strangers can do to a keeper: end their own connection. */
import { describe, expect, it } from "vitest"
import { createPrng } from "../../../env/prng.ts"
import { createSimulatedEnv } from "../../../env/simulated-env.ts"
import { nextTurn } from "../../../env/turn.ts"
import { SimulatedDisk } from "../../../../test/simulation/simulated-disk.ts"
import { postponeByTurns } from "../../../../test/conformance/deferred-store.ts"
import { type Command, HoldfastError, type SessionId } from "../../../kernel/index.ts"
import type { AdminAnswer, AdminOrder } from "../keeper/admin.ts"
import { Keeper } from "../keeper/keeper.ts"
import {
  type Channel,
  type ChannelEvents,
  type ClientMessage,
  decodeKeeperPayload,
  encodeClientMessage,
  encodeFrames,
  FrameSplitter,
  type KeeperMessage,
  PROTOCOL,
} from "../wire/index.ts"
import { Reception } from "./reception.ts"

const session = "me" as SessionId // Brand constructor.
const opening: Command = { kind: "openSession", session, label: "me" }

function helloOf(parts: Partial<Extract<ClientMessage, { kind: "hello" }>> = {}): ClientMessage {
  const protocol = { min: PROTOCOL, max: PROTOCOL }
  return { kind: "hello", protocol, build: "b", instance: null, client: "me", resumes: false, ...parts }
}

function requestOf(sequence: number, command: Command): ClientMessage {
  return { kind: "request", sequence, isAgain: false, command }
}

/** Does nothing but what it can refuse. */
async function administer(order: AdminOrder): Promise<AdminAnswer> {
  if (order.kind === "ping") return { kind: "done" }
  throw new HoldfastError("STORE_FULL", "no room")
}

class World {
  readonly env = createSimulatedEnv({ seed: 1 })
  readonly reception: Reception

  constructor() {
    const random = createPrng(1)
    const disk = new SimulatedDisk({ random, postpone: postponeByTurns, flushBound: 2 })
    const { env } = this
    const keeper = new Keeper({
      env,
      journal: disk.openJournal(disk.user()),
      live: disk.openLive(disk.user(), { boot: "boot", epochMs: 0 }).live,
      epochMs: 0,
      check: true,
      isAlive: () => true,
      onFailed: (error) => {
        throw error
      },
    })
    this.reception = new Reception({ env, keeper, instance: "this store", pid: 77, administer })
  }

  connect(): Stranger {
    const stranger = new Stranger()
    this.reception.admit((events) => stranger.open(events), false)
    return stranger
  }
}

/** The other end of a connection. */
class Stranger implements Channel {
  readonly heard: KeeperMessage[] = []
  isOpen = true
  isRead = true
  backlogBytes = 0
  writes = 0
  #events: ChannelEvents | null = null
  readonly #splitter = new FrameSplitter()

  open(events: ChannelEvents): Channel {
    this.#events = events
    return this
  }

  write(frames: readonly Uint8Array[]): void {
    this.writes += 1
    for (const frame of frames) {
      for (const payload of this.#splitter.push(frame)) this.heard.push(...decodeKeeperPayload(payload))
    }
  }

  setReading(isReading: boolean): void {
    this.isRead = isReading
  }

  keepAlive(): void {}

  end(): void {
    if (!this.isOpen) return
    this.isOpen = false
    this.#events?.onClosed()
  }

  destroy(): void {
    this.end()
  }

  bytes(chunk: Uint8Array): void {
    this.#events?.onBytes(chunk)
  }

  say(...messages: readonly ClientMessage[]): void {
    for (const frame of encodeFrames(messages.map(encodeClientMessage))) this.bytes(frame)
  }

  drain(): void {
    this.backlogBytes = 0
    this.#events?.onDrained()
  }

  /** Answers take some turns: what they rest on is flushed first. */
  async hear(kind: KeeperMessage["kind"], count = 1): Promise<readonly KeeperMessage[]> {
    for (let turn = 0; turn < 100; turn++) {
      const found = this.heard.filter((message) => message.kind === kind)
      if (found.length >= count) return found
      await nextTurn()
    }
    throw new Error(`heard no ${kind}, but ${JSON.stringify(this.heard)}`)
  }
}

async function expectUnharmed(world: World): Promise<void> {
  const honest = world.connect()
  honest.say(helloOf({ client: "honest" }))
  await honest.hear("restored")
  honest.say(requestOf(1, { kind: "openSession", session: "honest" as SessionId, label: "" }))
  expect(await honest.hear("outcome")).toMatchObject([{ sequence: 1, outcome: { kind: "done" } }])
}

describe("the reception", () => {
  it("welcomes, says first what is restored, and answers", async () => {
    const stranger = new World().connect()
    stranger.say(helloOf())
    await stranger.hear("restored")
    expect(stranger.heard).toMatchObject([
      { kind: "welcome", protocol: PROTOCOL, instance: "this store", keeper: { pid: 77 } },
      { kind: "restored", sessions: [] },
    ])
    stranger.say(requestOf(1, opening))
    expect(await stranger.hear("outcome")).toMatchObject([{ sequence: 1, outcome: { kind: "done" } }])
  })

  it("sends what the keeper says in one tick in one piece", async () => {
    const stranger = new World().connect()
    stranger.say(helloOf(), requestOf(1, opening))
    await stranger.hear("outcome")
    const { writes } = stranger
    stranger.say(...[2, 3, 4].map((sequence) => requestOf(sequence, { kind: "inspect", session })))
    await stranger.hear("outcome", 4)
    expect(stranger.writes).toBe(writes + 1)
  })

  it.each<[string, Partial<Extract<ClientMessage, { kind: "hello" }>>, string, string]>([
    ["an older build", { protocol: { min: 0, max: PROTOCOL - 1 } }, "STORE_NEWER", "speaks 0 to 0"],
    ["a newer build", { protocol: { min: 7, max: 9 } }, "STORE_UNAVAILABLE", "speaks 7 to 9"],
    ["a client of another store", { instance: "that store" }, "STORE_UNAVAILABLE", '"that store"'],
  ])("refuses %s, and says both sides of it", async (_, parts, code, text) => {
    const world = new World()
    const stranger = world.connect()
    stranger.say(helloOf(parts))
    const [refused] = await stranger.hear("refused")
    expect(refused).toMatchObject({ code })
    expect(JSON.stringify(refused)).toContain(JSON.stringify(text).slice(1, -1))
    expect(stranger.isOpen).toBe(false)
    await expectUnharmed(world)
  })

  it.each<[string, (stranger: Stranger) => void]>([
    ["noise", (stranger) => stranger.bytes(Buffer.from("GET / HTTP/1.1\r\n\r\n"))],
    ["a long first message", (stranger) => stranger.bytes(Uint8Array.of(0, 1, 0, 1))],
    ["a request before its hello", (stranger) => stranger.say(requestOf(1, opening))],
    ["a goodbye before its hello", (stranger) => stranger.say({ kind: "goodbye" })],
    ["two hellos", (stranger) => stranger.say(helloOf(), helloOf())],
    [
      "noise after its hello",
      (stranger) => {
        stranger.say(helloOf())
        stranger.bytes(Uint8Array.of(0, 0, 0, 1, 0xff))
      },
    ],
    [
      "more than a request may take",
      (stranger) => {
        stranger.say(helloOf())
        const full = new Uint8Array(4 + 1024 * 1024)
        full.set([0x80, 0x10, 0, 0])
        for (let frame = 0; frame < 9; frame++) stranger.bytes(full)
      },
    ],
  ])("refuses who sends %s, and serves the others", async (_, act) => {
    const world = new World()
    const stranger = world.connect()
    act(stranger)
    await stranger.hear("refused")
    expect(stranger.isOpen).toBe(false)
    // Whatever comes now falls on deaf ears.
    stranger.bytes(Uint8Array.of(1, 2, 3))
    await expectUnharmed(world)
  })

  it("does not wait for a hello for ever", async () => {
    const world = new World()
    const stranger = world.connect()
    await world.env.advanceBy(9_999)
    expect(stranger.isOpen).toBe(true)
    await world.env.advanceBy(1)
    expect(stranger.isOpen).toBe(false)
  })

  it("ends the sessions of who says goodbye (L6)", async () => {
    const world = new World()
    const [stranger, other] = [world.connect(), world.connect()]
    stranger.say(helloOf(), requestOf(1, opening))
    await stranger.hear("outcome")
    stranger.say({ kind: "goodbye" })
    expect(stranger.isOpen).toBe(false)
    const seen = "seen" as SessionId // Brand constructor.
    other.say(helloOf({ client: "other" }), requestOf(1, { kind: "openSession", session: seen, label: "" }))
    other.say(requestOf(2, { kind: "inspect", session: seen }))
    const [, inspected] = await other.hear("outcome", 2)
    expect(inspected).toMatchObject({ outcome: { view: { sessions: [{ session: "seen" }] } } })
  })

  it("keeps a client where its newest connection is", async () => {
    const world = new World()
    const [older, newer] = [world.connect(), world.connect()]
    older.say(helloOf())
    await older.hear("welcome")
    newer.say(helloOf())
    await newer.hear("restored")
    expect([older.isOpen, newer.isOpen]).toEqual([false, true])
  })

  it("holds what it says to who does not read, and reads nothing more from it, until it does (O4)", async () => {
    const world = new World()
    const stranger = world.connect()
    stranger.say(helloOf(), requestOf(1, opening))
    await stranger.hear("outcome")
    stranger.backlogBytes = 9 * 1024 * 1024
    const { writes } = stranger
    stranger.say(requestOf(2, { kind: "inspect", session }))
    // Whoever reads is served meanwhile.
    await expectUnharmed(world)
    expect([stranger.isRead, stranger.writes]).toEqual([false, writes])
    stranger.drain()
    expect(await stranger.hear("outcome", 2)).toMatchObject([{ sequence: 1 }, { sequence: 2 }])
    expect(stranger.isRead).toBe(true)
  })

  it("sends what was said before it closes, and tells the keeper of nobody's death", async () => {
    const world = new World()
    const stranger = world.connect()
    stranger.say(helloOf(), requestOf(1, opening))
    await stranger.hear("outcome")
    stranger.say(requestOf(2, { kind: "readCells", session, names: ["x"], head: false }))
    await world.reception.close()
    expect(stranger.heard.at(-1)).toMatchObject({ kind: "outcome", sequence: 2 })
    expect(stranger.isOpen).toBe(false)
    await world.reception.close()
  })
})

describe("an order to the reception", () => {
  it("is done and answered, or refused with its code, beside what sessions ask", async () => {
    const stranger = new World().connect()
    stranger.say(helloOf(), { kind: "administer", sequence: 4, order: { kind: "ping" } })
    expect(await stranger.hear("administered")).toEqual([
      { kind: "administered", sequence: 4, answer: { kind: "done" } },
    ])
    stranger.say({ kind: "administer", sequence: 5, order: { kind: "compact", vacuum: true } }, requestOf(1, opening))
    expect(await stranger.hear("fault")).toMatchObject([{ sequence: 5, code: "STORE_FULL", message: "no room" }])
    await stranger.hear("outcome")
  })

  it("is none before the hello", async () => {
    const stranger = new World().connect()
    stranger.say({ kind: "administer", sequence: 1, order: { kind: "ping" } })
    expect(await stranger.hear("refused")).toMatchObject([{ code: "ARGUMENT_INVALID" }])
  })
})
