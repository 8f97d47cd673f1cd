/** What is told of runs rests on the batch that made it true. */
import { describe, expect, it } from "vitest"
import { specOf } from "../../../../test/conformance/client.ts"
import { KeptWorld as World } from "../../../../test/simulation/kept-world.ts"
import type { Outcome, RequestId, RunId, SessionId } from "../../../kernel/index.ts"

const WRITER = "writer" as SessionId // Brand constructor.
const READER = "reader" as SessionId // Brand constructor.

describe("what is told of a run", () => {
  it("is durable, also where asking changed nothing: what a keeper forgets it has told nobody (O3, O9)", async () => {
    const world = new World()
    const [writer, reader] = [await world.open(WRITER), await world.open(READER)]
    const [spec, other] = [specOf("bill", 0, { effects: "idempotent" }), specOf("bill", 1, { effects: "idempotent" })]
    const started = writer.ask({ kind: "enqueueRun", session: WRITER, spec, force: false })
    writer.ask({ kind: "putResult", session: WRITER, spec: other, result: 1 })
    await world.flush()
    const { run } = writer.answer(started) as Extract<Outcome, { readonly kind: "enqueued" }>
    // While that is flushed, what follows gathers.
    writer.ask({ kind: "putResult", session: WRITER, spec: specOf("bill", 2), result: 2 })
    writer.ask({ kind: "controlRun", session: WRITER, run, action: "cancel" })
    writer.ask({ kind: "forgetResult", session: WRITER, identity: other.identity })
    const asked = [
      reader.ask({ kind: "controlRun", session: READER, run, action: "resume" }),
      reader.ask({ kind: "forgetResult", session: READER, identity: other.identity }),
      reader.ask({ kind: "readRun", session: READER, identity: other.identity }),
      reader.ask({ kind: "peekRun", session: READER, identity: other.identity }),
    ]
    expect(asked.map((sequence) => reader.answer(sequence))).toEqual([undefined, undefined, undefined, undefined])
    await world.flush()
    expect(asked.map((sequence) => reader.answer(sequence))).toEqual([
      { kind: "status", status: "canceled" },
      { kind: "done" },
      { kind: "run", view: null },
      { kind: "run", view: null },
    ])
  })
  it("is durable, also where it is why a request is refused (O3)", async () => {
    const world = new World()
    const [writer, reader] = [await world.open(WRITER), await world.open(READER)]
    const spec = specOf("bill", 0, { effects: "idempotent" })
    const put = { kind: "putResult", session: WRITER, spec, result: 1 } as const
    writer.ask(put)
    await world.flush()
    const found = reader.ask({ kind: "readRun", session: READER, identity: spec.identity })
    await world.flush()
    const { view } = reader.answer(found) as Extract<Outcome, { readonly kind: "run" }>
    const run = view?.run ?? ("" as RunId) // Brand constructor.
    writer.ask({ kind: "putResult", session: WRITER, spec: specOf("bill", 1), result: 2 })
    writer.ask({ kind: "forgetResult", session: WRITER, identity: spec.identity })
    const asked = reader.ask({ kind: "controlRun", session: READER, run, action: "cancel" })
    expect(reader.answer(asked)).toBeUndefined()
    await world.flush()
    expect(reader.answer(asked)).toMatchObject({ kind: "refused", code: "RUN_UNKNOWN" })
  })
  it("is durable, also where it is why a commit is fenced (O3, L8)", async () => {
    const world = new World()
    const [writer, reader] = [await world.open(WRITER), await world.open(READER)]
    const spec = specOf("bill", 0, { effects: "idempotent" })
    const request = 7 as RequestId // Brand constructor.
    const asked = reader.ask({ kind: "claimRun", session: READER, request, spec, holding: [], force: false })
    await world.flush()
    const { claim } = reader.answer(asked) as Extract<Outcome, { readonly kind: "claimed" }>
    writer.ask({ kind: "putResult", session: WRITER, spec: specOf("bill", 1), result: 2 })
    writer.ask({ kind: "controlRun", session: WRITER, run: claim.run, action: "cancel" })
    const writes = [{ kind: "put", name: "x", value: 1 }] as const
    const parts = { reads: [], writes, starts: [], step: null, complete: null }
    const fenced = reader.ask({ kind: "commitCells", session: READER, holding: [claim.token], ...parts })
    expect(reader.answer(fenced)).toBeUndefined()
    await world.flush()
    expect(reader.answer(fenced)).toMatchObject({ kind: "refused", code: "FENCED" })
  })
})
