import { describe, expect, it } from "vitest"
import { specOf } from "../../../../test/conformance/client.ts"
import type { Command, RequestId, SessionId, Token } from "../../../kernel/index.ts"
import { type Sendable, SendOrder } from "./send-order.ts"

const session = "me" as SessionId // Brand constructor.

function commit(holding: readonly number[] = []): Command {
  return {
    kind: "commitCells",
    session,
    holding: holding as Token[], // Brand constructor.
    reads: [],
    writes: [{ kind: "put", name: "x", value: 1 }],
    starts: [],
    step: null,
    complete: null,
  }
}

function claim(request: number): Command {
  return {
    kind: "claimRun",
    session,
    request: request as RequestId, // Brand constructor.
    spec: specOf("render"),
    force: false,
    wait: true,
    holding: [],
    inline: true,
  } as Command // What is left out says nothing of the order.
}

function release(token: number): Command {
  return { kind: "releaseLock", session, token: token as Token } // Brand constructor.
}

function withdraw(request: number): Command {
  return { kind: "withdrawRequest", session, request: request as RequestId, reason: "timeout" } // Brand constructor.
}

const acquire = { kind: "acquireLock", session } as Command // What is left out says nothing of the order.

function itemOf(command: Command, isWriting = false): Sendable {
  return { command, isWriting }
}

describe("the order of sending (S4)", () => {
  it("keeps nothing back while nothing is being written", () => {
    const order = new SendOrder<Sendable>()
    for (const command of [commit(), claim(1), release(5)]) expect(order.keep(itemOf(command))).toBe(false)
    expect(order.take()).toEqual([])
  })

  it("keeps what may depend on a value that is being written behind it, in the order it was asked in", () => {
    const order = new SendOrder<Sendable>()
    const [large, second, other] = [itemOf(commit(), true), itemOf(commit()), itemOf(claim(2), true)]
    const last = itemOf(claim(3))
    for (const item of [large, second, other, last]) expect(order.keep(item)).toBe(true)
    expect(order.has(second)).toBe(true)
    expect(order.take()).toEqual([])
    // The later one is written first, and still waits.
    other.isWriting = false
    expect(order.take()).toEqual([])
    large.isWriting = false
    expect(order.take()).toEqual([large, second, other, last])
    expect(order.has(second)).toBe(false)
    expect(order.keep(itemOf(commit()))).toBe(false)
  })

  it("lets go up to the next that is being written, and no further", () => {
    const order = new SendOrder<Sendable>()
    const items = [itemOf(commit(), true), itemOf(commit()), itemOf(commit(), true), itemOf(commit())]
    for (const item of items) order.keep(item)
    for (const item of items.slice(0, 1)) item.isWriting = false
    expect(order.take()).toEqual(items.slice(0, 2))
    expect(order.take()).toEqual([])
  })

  it("lets locks go ahead, which know nothing of values, and nothing that ends what is still to be sent", () => {
    const order = new SendOrder<Sendable>()
    order.keep(itemOf(commit([5]), true))
    order.keep(itemOf(claim(7), true))
    for (const command of [acquire, withdraw(8), release(6), { kind: "inspect", session } as const]) {
      expect([command.kind, order.keep(itemOf(command))]).toEqual([command.kind, false])
    }
    // The commit rests on the grant, and the withdrawal is of the claim.
    for (const command of [release(5), withdraw(7)]) {
      expect([command.kind, order.keep(itemOf(command))]).toEqual([command.kind, true])
    }
  })

  it("keeps what cannot be written from holding up what waits behind it", () => {
    const order = new SendOrder<Sendable>()
    const [large, second] = [itemOf(commit(), true), itemOf(commit())]
    order.keep(large)
    order.keep(second)
    order.drop(large)
    order.drop(large)
    expect(order.take()).toEqual([second])
  })
})
