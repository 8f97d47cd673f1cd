import { describe, expect, it } from "vitest"
import type { RequestId, SessionId, Token } from "../../../kernel/index.ts"
import type { KeeperMessage } from "../keeper/peer.ts"
import { Outbox } from "./outbox.ts"

const session = "me" as SessionId // Brand constructors.
const request = 1 as RequestId

function change(name: string, version: number, of: RequestId = request): KeeperMessage {
  return {
    kind: "event",
    event: { kind: "cellChanged", session, request: of, cell: { name, version, value: version } },
  }
}

function grant(token: number): KeeperMessage {
  return { kind: "event", event: { kind: "lockGranted", session, request, token: token as Token, at: 0 } }
}

function opened(at: number): KeeperMessage {
  return { kind: "transition", transition: { kind: "session.opened", at, session } }
}

describe("what was said to a client", () => {
  it("is sent whole and in order while the client reads (C4)", () => {
    const outbox = new Outbox()
    const said = [change("a", 1), grant(1), change("a", 2)]
    for (const message of said) outbox.say(message)
    expect(outbox.take()).toEqual(said)
    expect(outbox.size).toBe(0)
  })

  it("is, of each watch, the newest change while it does not read, and everything else in order (C4, O4)", () => {
    const outbox = new Outbox()
    const other = 2 as RequestId
    outbox.say(change("a", 1))
    outbox.say(change("a", 2))
    outbox.hold()
    for (let version = 3; version <= 1_000; version += 1) outbox.say(change("a", version))
    outbox.say(grant(1))
    outbox.say(change("b", 1))
    outbox.say(change("a", 7, other))
    outbox.say(change("a", 1_001))
    expect(outbox.take()).toEqual([grant(1), change("b", 1), change("a", 7, other), change("a", 1_001)])
    // It reads again: nothing is left out any more.
    outbox.say(change("a", 1_002))
    outbox.say(change("a", 1_003))
    expect(outbox.take()).toEqual([change("a", 1_002), change("a", 1_003)])
  })

  it("keeps so many transitions for who looks on and does not read, and drops the oldest", () => {
    const outbox = new Outbox()
    outbox.hold()
    outbox.say(grant(1))
    for (let at = 0; at < 10_005; at += 1) outbox.say(opened(at))
    const taken = outbox.take()
    expect(taken).toHaveLength(10_001)
    expect(taken.slice(0, 2)).toEqual([grant(1), opened(5)])
  })
})
