import { describe, expect, it } from "vitest"
import { specOf } from "../../test/exploration/scope.ts"
import { Driver, refusal } from "../../test/kernel/driver.ts"
import { cellQueueName, type CommitCells, type Outcome, type RequestId, type SessionId, type Token } from "./index.ts"

type Parts = Partial<Omit<CommitCells, "kind" | "session">>

function commit(d: Driver, parts: Parts, session = "s1"): Outcome {
  const empty = { holding: [], reads: [], writes: [], starts: [], step: null, complete: null }
  return d.send({ kind: "commitCells", session: session as SessionId, ...empty, ...parts })
}

function put(name: string, value: number) {
  return { kind: "put", name, value } as const
}

function read(d: Driver, ...names: string[]) {
  const outcome = d.send({ kind: "readCells", session: "s1" as SessionId, names, head: false })
  return outcome.kind === "cells" ? outcome.cells.map(({ version, value }) => [version, value]) : []
}

describe("versions (C1)", () => {
  it("advance by one a commit and cell, over deletions too; a recreated cell continues (C1)", () => {
    const d = new Driver()
    expect(read(d, "x")).toEqual([[0, null]])
    expect(commit(d, { writes: [put("x", 1), put("y", 1)] })).toEqual({
      kind: "committed",
      versions: [
        { name: "x", version: 1 },
        { name: "y", version: 1 },
      ],
      starts: [],
    })
    commit(d, { writes: [{ kind: "delete", name: "x" }] })
    expect(read(d, "x", "y")).toEqual([
      [2, null],
      [1, 1],
    ])
    commit(d, { writes: [put("x", 5)] })
    expect(read(d, "x")).toEqual([[3, 5]])
  })

  it("are written at most once a cell in a commit (C1)", () => {
    const d = new Driver()
    refusal(commit(d, { writes: [put("x", 1), put("x", 2)] }), "ARGUMENT_INVALID")
    expect(read(d, "x")).toEqual([[0, null]])
  })
})

describe("reads (C3)", () => {
  it("must be current, absence included, or nothing is written (C3)", () => {
    const d = new Driver()
    const guarded = { reads: [{ name: "x", version: 0 }], writes: [put("x", 1), put("y", 1)] }
    expect(commit(d, guarded)).toMatchObject({ kind: "committed" })
    expect(commit(d, guarded)).toEqual({ kind: "conflict", name: "x", expected: 0, found: 1 })
    expect(read(d, "x", "y")).toEqual([
      [1, 1],
      [1, 1],
    ])
  })
})

describe("fences (L8)", () => {
  it("refuse a commit unless every grant and claim it carries is live, whoever's in its scope chain (L8)", () => {
    const d = new Driver()
    const mine = d.grant("s1", "a", { leaseMs: 10 })
    const theirs = d.grant("s2", "b")
    expect(commit(d, { holding: [mine], writes: [put("x", 1)] })).toMatchObject({ kind: "committed" })
    expect(commit(d, { holding: [mine, theirs], writes: [put("x", 2)] })).toMatchObject({ kind: "committed" })
    refusal(commit(d, { holding: [9_999 as Token] }), "FENCED")
    d.end("s2")
    refusal(commit(d, { holding: [mine, theirs], writes: [put("x", 3)] }), "FENCED")
    d.pass(10)
    expect(refusal(commit(d, { holding: [mine], writes: [put("x", 3)] }), "FENCED")).toContain("nothing was written")
    expect(read(d, "x")).toEqual([[2, 2]])
  })

  it("refuse a step or a completion under a grant, or under a claim that is over (L8, O5)", () => {
    const d = new Driver()
    const grant = d.grant("s1", "a")
    refusal(commit(d, { step: { token: grant, name: "s", outcome: 1 } }), "FENCED")
    refusal(commit(d, { complete: { token: grant, result: 1 } }), "FENCED")
    const claim = d.claim("s1", specOf("work", "1"))
    d.control(claim.run, "cancel")
    refusal(commit(d, { step: { token: claim.token, name: "s", outcome: 1 } }), "FENCED")
  })
})

describe("a contended cell (C2)", () => {
  it("is written by whoever its queue serves, and by nobody past them (C2)", () => {
    const d = new Driver()
    const served = d.grant("s1", cellQueueName("x"))
    d.park("s2", cellQueueName("x"))
    expect(commit(d, { writes: [put("x", 1)] }, "s2")).toEqual({ kind: "contended", name: "x" })
    expect(commit(d, { writes: [put("x", 1)], holding: [served] })).toMatchObject({ kind: "committed" })
    expect(commit(d, { writes: [put("y", 1)] }, "s2")).toMatchObject({ kind: "committed" })
  })
})

describe("merges", () => {
  it("keep the larger, add up, or take the last, whatever came in between (C2)", () => {
    const d = new Driver()
    const merge = (name: string, kind: "max" | "counter" | "last", value: number | Uint8Array) =>
      commit(d, { writes: [{ kind: "merge", name, merge: kind, value }] })
    for (const value of [3, 1, 3, 5]) merge("m", "max", value)
    for (const value of [3, -1]) merge("c", "counter", value)
    for (const value of [3, new Uint8Array([1])]) merge("l", "last", value)
    // A report that changes nothing is no version.
    expect(read(d, "m", "c", "l")).toEqual([
      [2, 5],
      [2, 2],
      [2, new Uint8Array([1])],
    ])
    commit(d, { writes: [{ kind: "delete", name: "m" }] })
    merge("m", "max", -4)
    expect(read(d, "m")).toEqual([[4, -4]])
  })

  it("need numbers on both sides where they compute", () => {
    const d = new Driver()
    commit(d, { writes: [{ kind: "put", name: "x", value: new Uint8Array([1]) }] })
    const write = { kind: "merge", name: "x", merge: "max", value: 1 } as const
    expect(refusal(commit(d, { writes: [write] }), "VALUE_INVALID")).toContain("merges by max")
    refusal(commit(d, { writes: [{ ...write, name: "y", value: new Uint8Array([1]) }] }), "VALUE_INVALID")
    expect(commit(d, { writes: [{ ...write, merge: "last" }] })).toMatchObject({ kind: "committed" })
  })
})

describe("watchers (C4)", () => {
  it("get what there is now, then every version in order, by name and by prefix (C4)", () => {
    const d = new Driver()
    commit(d, { writes: [put("a/1", 1), put("b", 1)] })
    const watch = (request: number, pattern: { kind: "name"; name: string } | { kind: "prefix"; prefix: string }) =>
      d.send({ kind: "watchCells", session: "s2" as SessionId, request: request as RequestId, pattern })
    expect(watch(1, { kind: "name", name: "b" })).toMatchObject({ cells: [{ version: 1 }] })
    watch(2, { kind: "name", name: "b" })
    expect(watch(3, { kind: "prefix", prefix: "a/" })).toMatchObject({ cells: [{ name: "a/1" }] })
    refusal(watch(3, { kind: "prefix", prefix: "a/" }), "ARGUMENT_INVALID")
    commit(d, { writes: [put("b", 2), put("a/2", 1), put("c", 1)] })
    commit(d, { writes: [{ kind: "delete", name: "a/1" }] })
    const told = d
      .events()
      .map((event) => event.kind === "cellChanged" && [event.request, event.cell.name, event.cell.version])
    expect(told).toEqual([
      [1, "b", 2],
      [2, "b", 2],
      [3, "a/2", 1],
      [3, "a/1", 2],
    ])
    for (const request of [1, 2, 3]) expect(d.withdraw("s2", request as RequestId)).toMatchObject({ found: true })
    commit(d, { writes: [put("b", 3), put("a/1", 1)] })
    expect(d.events()).toEqual([])
    watch(4, { kind: "name", name: "b" })
    watch(5, { kind: "prefix", prefix: "" })
    d.end("s2")
    commit(d, { writes: [put("b", 4)] })
    expect(d.events()).toEqual([])
  })

  it("list cells that have a value, in order of name", () => {
    const d = new Driver()
    commit(d, { writes: [put("b", 1), put("a", 1), put("c", 1)] })
    commit(d, { writes: [{ kind: "delete", name: "c" }] })
    const list = (limit: number) => d.send({ kind: "listCells", session: "s1" as SessionId, prefix: "", limit })
    expect(list(9)).toMatchObject({ cells: [{ name: "a" }, { name: "b" }] })
    expect(list(1)).toMatchObject({ cells: [{ name: "a" }] })
  })
})

describe("what a commit carries", () => {
  it("starts runs in the same step, each once, and refuses a key with other arguments (O3)", () => {
    const d = new Driver()
    const [notify, keyed] = [specOf("notify", "1"), specOf("notify", "k", { key: "k", args: 1 })]
    expect(commit(d, { starts: [notify, keyed, notify] })).toMatchObject({
      starts: [{ created: true }, { created: true }, { created: false }],
    })
    refusal(commit(d, { writes: [put("x", 1)], starts: [{ ...keyed, args: 2 }] }), "KEY_MISMATCH")
    const fresh = specOf("notify", "fresh", { key: "fresh", args: 1 })
    refusal(commit(d, { writes: [put("x", 1)], starts: [fresh, { ...fresh, args: 2 }] }), "KEY_MISMATCH")
    expect(commit(d, { starts: [fresh, fresh] })).toMatchObject({ kind: "committed" })
    expect(read(d, "x")).toEqual([[0, null]])
  })

  it("records a step once: a body that runs again gets the stored outcome and writes nothing (O10)", () => {
    const d = new Driver()
    const retry = { maxAttempts: 2, initialMs: 0, factor: 1, maxMs: 0 }
    const first = d.claim("s1", specOf("work", "1", { retry }))
    const step = (token: Token) => ({ writes: [put("x", 1)], step: { token, name: "pay", outcome: 7 } })
    expect(commit(d, step(first.token))).toMatchObject({ kind: "committed" })
    d.fail("s1", first.token)
    const second = d.assigned()
    expect(second.steps).toEqual([{ name: "pay", outcome: 7 }])
    expect(commit(d, step(second.token))).toEqual({ kind: "recorded", outcome: 7 })
    expect(read(d, "x")).toEqual([[1, 1]])
    expect(
      commit(d, { ...step(second.token), step: { token: second.token, name: "other", outcome: 1 } }),
    ).toMatchObject({
      kind: "committed",
    })
  })

  it("completes a run together with its last writes, or does neither (O2)", () => {
    const d = new Driver()
    const claim = d.claim("s1", specOf("work", "1"))
    const last = { writes: [put("x", 1)], complete: { token: claim.token, result: 3 }, holding: [claim.token] }
    expect(commit(d, { ...last, reads: [{ name: "x", version: 7 }] })).toMatchObject({ kind: "conflict" })
    expect(commit(d, last)).toMatchObject({ kind: "committed" })
    expect(d.events()).toMatchObject([{ kind: "runSettled", settlement: { kind: "completed", result: 3 } }])
  })

  it("is seen by observers, refusals included", () => {
    const d = new Driver()
    d.observe()
    commit(d, { writes: [put("x", 1)] })
    commit(d, { reads: [{ name: "x", version: 0 }] })
    commit(d, { holding: [9_999 as Token] })
    expect(d.seen).toMatchObject([
      { kind: "commit.applied", cells: ["x"] },
      { kind: "commit.conflict", cell: "x" },
      { kind: "commit.fenced", token: 9_999 },
    ])
  })
})
