import { describe, expect, it } from "vitest"
import type { Command, Kernel, RequestId, SessionHolding, SessionId, Token } from "../../../kernel/index.ts"
import type { StoreOutcome } from "../../../store/index.ts"
import type { KeptState } from "./kept-state.ts"
import type { Peer } from "./peer.ts"
import { isKept, recall, withItsClaim } from "./recall.ts"

const SESSION = "s" as SessionId // Brand constructor.
const REQUEST = 5 as RequestId // Brand constructor.
const PEER = { client: "c" } as Peer // Only its name is asked for.
const CLAIM = { token: 9 as Token } as SessionHolding["claims"][number]["claim"] // Passed on as it is.
const NOTHING: SessionHolding = { grants: [], claims: [], waiting: [] }
const GRANTED: StoreOutcome = { kind: "granted", token: 7 as Token, at: 1 }
const PARKED = { kind: "parked" } as StoreOutcome // Its other fields are passed on as they are.
const CLAIMED: SessionHolding = { ...NOTHING, claims: [{ request: REQUEST, claim: CLAIM }] }
const HELD: SessionHolding = { ...NOTHING, grants: [{ token: 7 as Token, request: REQUEST, at: 4 }] }

/** Asks again under sequence 1, which was answered so first, by a keeper that holds this for the session. */
function again(kind: Command["kind"], first: StoreOutcome | undefined, holding: SessionHolding | null) {
  const state = {
    kernel: kernelOf(holding),
    replies: { find: (client: string, sequence: number) => (client === "c" && sequence === 1 ? first : undefined) },
  } as KeptState // Nothing else is asked.
  const command = { kind, session: SESSION, request: REQUEST } as Command // Nothing else is looked at.
  return recall(state, PEER, { kind: "request", sequence: 1, isAgain: true, command })
}

function kernelOf(holding: SessionHolding | null): Kernel {
  return { holdingOf: (id: SessionId) => (id === SESSION ? holding : null) } as Kernel // Nothing else is asked.
}

describe("a lock that is asked for again", () => {
  it.each([
    ["that was never answered is asked for anew", undefined, HELD, undefined],
    ["is granted as it is now, though it was told to wait", PARKED, HELD, { kind: "granted", token: 7, at: 4 }],
    ["still waits", PARKED, { ...NOTHING, waiting: [REQUEST] }, PARKED],
    ["whose place is gone is asked for anew", PARKED, NOTHING, undefined],
    ["whose grant is gone is asked for anew", GRANTED, NOTHING, undefined],
    [
      "whose grant is gone, and which waits again elsewhere, is asked for anew",
      GRANTED,
      { ...NOTHING, waiting: [REQUEST] },
      undefined,
    ],
    ["of a session that is gone is asked for anew", GRANTED, null, undefined],
    ["that was refused is refused", { kind: "done" }, NOTHING, { kind: "done" }],
  ] as const)("%s (L1, S4)", (_what, first, holding, outcome) => {
    expect(again("acquireLock", first, holding)).toEqual(outcome)
  })

  it("gets no grant of another request (L1)", () => {
    const others = { ...NOTHING, grants: [{ token: 7 as Token, request: 6 as RequestId, at: 4 }] }
    expect(again("acquireLock", PARKED, others)).toBeUndefined()
  })
})

describe("a run that is taken again", () => {
  it("is the one that was handed out, whatever was told first; else one is taken anew (O1, S4)", () => {
    expect(again("takeRun", undefined, CLAIMED)).toEqual({ kind: "claimed", claim: CLAIM, waiting: false })
    expect(again("takeRun", PARKED, NOTHING)).toBeUndefined()
    expect(again("takeRun", PARKED, null)).toBeUndefined()
  })

  it("is executed by who joins it again and was handed it before, and by nobody else (O1)", () => {
    const joined = { kind: "joined" } as StoreOutcome // Passed on as it is.
    const claimRun = { kind: "claimRun", session: SESSION, request: REQUEST } as Command // Nothing else is looked at.
    const awaitRun = { ...claimRun, kind: "awaitRun" } as Command // As above.
    const other = { ...claimRun, request: 6 } as Command // As above.
    const handed = { kind: "claimed", claim: CLAIM, waiting: true }
    expect(withItsClaim(kernelOf(CLAIMED), claimRun, joined)).toEqual(handed)
    expect(withItsClaim(kernelOf(CLAIMED), awaitRun, joined)).toEqual(handed)
    expect(withItsClaim(kernelOf(CLAIMED), other, joined)).toBe(joined)
    expect(withItsClaim(kernelOf(NOTHING), claimRun, joined)).toBe(joined)
    expect(withItsClaim(kernelOf(CLAIMED), claimRun, GRANTED)).toBe(GRANTED)
  })
})

describe("anything else that comes again", () => {
  it("is answered as it was first, or is done (S4)", () => {
    expect(again("commitCells", { kind: "done" }, NOTHING)).toEqual({ kind: "done" })
    expect(again("commitCells", undefined, NOTHING)).toBeUndefined()
  })

  it("is kept where twice would be once too often (S4)", () => {
    const twice: readonly Command["kind"][] = ["commitCells", "acquireLock", "releaseLock", "completeRun", "enqueueRun"]
    expect(twice.map((kind) => isKept({ kind } as Command))).toEqual(twice.map(() => true)) // Only the kind is asked for.
    const looks: readonly Command["kind"][] = ["readCells", "readRun", "peekRun", "watchCells", "takeRun", "endSession"]
    expect(looks.map((kind) => isKept({ kind } as Command))).toEqual(looks.map(() => false)) // As above.
  })
})
