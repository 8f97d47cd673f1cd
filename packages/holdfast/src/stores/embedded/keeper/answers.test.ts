import { describe, expect, it } from "vitest"
import { HoldfastError } from "../../../kernel/index.ts"
import type { StoreOutcome } from "../../../store/index.ts"
import { Answers } from "./answers.ts"
import { Connection } from "./connection.ts"
import { Durability } from "./durability.ts"
import type { KeeperMessage } from "./peer.ts"

const DONE: StoreOutcome = { kind: "done" }
const FULL = new HoldfastError("STORE_FULL", "no room", { details: { disk: "d" } })

function outcome(sequence: number): KeeperMessage {
  return { kind: "outcome", sequence, outcome: DONE }
}

/** What a keeper has to say to two clients. */
class Saying {
  readonly durability = new Durability({ lastToken: 0, lastBatch: 0 })
  readonly told: (readonly [string, number | string])[] = []
  readonly a: Connection = this.#connect("a")
  readonly b: Connection = this.#connect("b")
  readonly connections: Set<Connection> = new Set([this.a, this.b])
  readonly answers: Answers = new Answers(this.durability, this.connections)

  #connect(client: string): Connection {
    const send = (message: KeeperMessage): void => {
      this.told.push([client, "sequence" in message ? `${message.kind} ${String(message.sequence)}` : message.kind])
    }
    const nothing = { receive: noop, disconnected: noop, heard: noop, holdFiles: noop, releaseFiles: () => true }
    return new Connection(nothing, { client, isLocal: false, send, disconnect: noop })
  }

  /** The batch is durable, and the tick over. */
  settle(batch: number): readonly unknown[] {
    this.durability.settle(batch)
    this.answers.release(batch)
    return this.endTick()
  }

  endTick(): readonly unknown[] {
    this.answers.sendAll()
    return this.told.splice(0)
  }
}

function noop(): void {
  // Nobody is asked anything here.
}

describe("what the keeper says", () => {
  it("is sent at the end of the tick where it rests on nothing, and with its batch where it does (C5, S3)", () => {
    const saying = new Saying()
    const { a, b, answers } = saying
    expect(answers.tell(a, outcome(1), 2)).toBe(2)
    answers.tell(b, outcome(1), 1)
    answers.tell(b, outcome(2), 0)
    expect(saying.told).toEqual([])
    expect(saying.endTick()).toEqual([["b", "outcome 2"]])
    expect(saying.settle(1)).toEqual([["b", "outcome 1"]])
    expect(saying.settle(2)).toEqual([["a", "outcome 1"]])
    // It is durable by now.
    answers.tell(a, outcome(3), 2)
    expect(saying.endTick()).toEqual([["a", "outcome 3"]])
  })

  it("comes behind what the sessions of its connection hold, whatever it rests on itself (L4)", () => {
    const saying = new Saying()
    saying.a.restoredRest = 3
    expect(saying.answers.tell(saying.a, outcome(1), 0)).toBe(3)
    expect([saying.endTick(), saying.settle(2)]).toEqual([[], []])
    expect(saying.settle(3)).toEqual([["a", "outcome 1"]])
  })

  it("is for nobody where its connection is gone", () => {
    const saying = new Saying()
    saying.answers.tell(saying.a, outcome(1), 1)
    saying.answers.tell(saying.a, outcome(2), 0)
    saying.connections.delete(saying.a)
    expect([saying.endTick(), saying.settle(1)]).toEqual([[], []])
  })

  it("lists what is stored when that is durable, and a row that is damaged then as a fault (S2)", () => {
    const saying = new Saying()
    const { a, answers } = saying
    let lists = 0
    const list = (): StoreOutcome => {
      lists += 1
      return DONE
    }
    answers.tellListing(a, { sequence: 1, list, rest: 0 })
    answers.tellListing(a, { sequence: 2, list, rest: 1 })
    const damaged = (): never => {
      throw new HoldfastError("STORE_DAMAGED", "a row")
    }
    answers.tellListing(a, { sequence: 3, list: damaged, rest: 1 })
    expect([saying.endTick(), lists]).toEqual([[["a", "outcome 1"]], 1])
    expect([saying.settle(1), lists]).toEqual([
      [
        ["a", "outcome 2"],
        ["a", "fault 3"],
      ],
      2,
    ])
    answers.tellListing(a, {
      sequence: 4,
      rest: 2,
      list: () => {
        throw new Error("a bug")
      },
    })
    expect(() => saying.settle(2)).toThrow("a bug")
  })
})

describe("what rests on a batch that did not fit", () => {
  it("is a fault for who asked, is not told to who did not, and lets go of who only waits (S5)", async () => {
    const saying = new Saying()
    const { a, b, answers } = saying
    const event = { kind: "grantLost", session: "s" as never, token: 1 as never, names: [] } as const
    answers.tell(a, outcome(1), 1)
    answers.tell(a, { kind: "event", event }, 1)
    answers.tellListing(b, { sequence: 2, list: () => DONE, rest: 2 })
    const waiting = answers.whenSettled(2)
    // What this very tick was to tell is of what never happened, too.
    answers.tell(b, outcome(3), 0)
    answers.refuseAll(FULL)
    expect(saying.told).toEqual([
      ["a", "fault 1"],
      ["b", "fault 2"],
    ])
    await waiting
    saying.told.length = 0
    expect([saying.endTick(), saying.settle(2)]).toEqual([[], []])
  })
})
