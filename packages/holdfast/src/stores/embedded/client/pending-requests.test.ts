import { describe, expect, it } from "vitest"
import { A, AWAIT, lock, OPEN, READ, REQUEST, WRITE } from "../../../../test/simulation/scripted-keeper.ts"
import type { Command, SessionId, Token } from "../../../kernel/index.ts"
import { type Pending, PendingRequests } from "./pending-requests.ts"

const B = "b" as SessionId // Brand constructor.
const TOKEN = 9 as Token // Brand constructor.
const WITHDRAW: Command = { kind: "withdrawRequest", session: A, request: REQUEST, reason: "abort" }

function add(requests: PendingRequests, command: Command): Pending {
  const parts = { missed: 0, since: 0, term: 0, isOrphan: false, isRaw: false, isOwn: false }
  return requests.add({ ...parts, command, resolve: () => undefined, reject: () => undefined })
}

describe("the requests of a client", () => {
  it("are settled once each, in whatever order their outcomes come, and received up to the first that has not (S4)", () => {
    const requests = new PendingRequests()
    const [one, two, three] = [add(requests, READ), add(requests, READ), add(requests, READ)]
    expect([one.sequence, two.sequence, three.sequence]).toEqual([1, 2, 3])
    expect([requests.settle(3), requests.received, requests.size]).toEqual([three, 0, 2])
    // Again, as after a broken connection.
    expect(requests.settle(3)).toBeNull()
    expect([requests.settle(1), requests.received]).toEqual([one, 1])
    expect([requests.settle(2), requests.received, requests.size]).toEqual([two, 3, 0])
    expect(requests.settle(2)).toBeNull()
    expect(add(requests, READ).sequence).toBe(4)
  })

  it("that were given up are known until their outcome comes, and hold the others back until then (L4, S4)", () => {
    const requests = new PendingRequests()
    const [given, kept] = [add(requests, lock(1)), add(requests, READ)]
    requests.abandon(given)
    expect([requests.has(given), requests.has(kept), [...requests.values()]]).toEqual([false, true, [kept]])
    requests.settle(kept.sequence)
    expect(requests.received).toBe(0)
    expect([requests.settle(given.sequence), requests.received]).toEqual([null, 2])
    expect(requests.takeAbandoned(given.sequence)).toEqual(lock(1))
    expect(requests.takeAbandoned(given.sequence)).toBeUndefined()
  })

  it("that were given up are not asked of another keeper, and hold nothing back there (S4)", () => {
    const requests = new PendingRequests()
    requests.abandon(add(requests, lock(1)))
    requests.forgetAbandoned()
    expect([requests.received, requests.takeAbandoned(1)]).toEqual([1, undefined])
  })

  it("may open a session, also where nobody waits for that any more", () => {
    const requests = new PendingRequests()
    const opening = add(requests, OPEN)
    expect([requests.isOpening(A), requests.isOpening(B)]).toEqual([true, false])
    requests.abandon(opening)
    expect(requests.isOpening(A)).toBe(true)
    requests.settle(opening.sequence)
    requests.takeAbandoned(opening.sequence)
    expect(requests.isOpening(A)).toBe(false)
  })

  it("are found by what they are under, and a withdrawal by what it withdraws (L4)", () => {
    const requests = new PendingRequests()
    const withdrawal = add(requests, WITHDRAW)
    expect([requests.under(A, REQUEST), requests.withdrawalOf(A, REQUEST)]).toEqual([undefined, withdrawal])
    add(requests, AWAIT)
    expect([requests.under(A, REQUEST), requests.under(B, REQUEST)]).toEqual([AWAIT, undefined])
    expect([requests.withdrawalOf(B, REQUEST), requests.withdrawalOf(A, 2 as never)]).toEqual([undefined, undefined])
  })

  it("say whether a grant is being given back, and whether a claim's end is being reported (O5, L5)", () => {
    const reports: readonly Command[] = [
      { kind: "completeRun", session: A, token: TOKEN, result: 1 },
      { kind: "returnRun", session: A, token: TOKEN, started: true },
      { ...WRITE, complete: { token: TOKEN, result: 1 } },
    ]
    for (const report of reports) {
      const requests = new PendingRequests()
      add(requests, WRITE)
      expect(requests.isReported(A, TOKEN)).toBe(false)
      add(requests, report)
      expect([requests.isReported(A, TOKEN), requests.isReported(B, TOKEN)]).toEqual([true, false])
      expect(requests.isReported(A, 8 as Token)).toBe(false)
      expect(requests.isGivenBack(A, TOKEN)).toBe(false)
    }
    const requests = new PendingRequests()
    add(requests, { kind: "releaseLock", session: A, token: TOKEN })
    expect([requests.isGivenBack(A, TOKEN), requests.isGivenBack(B, TOKEN)]).toEqual([true, false])
    expect(requests.isReported(A, TOKEN)).toBe(false)
  })
})
