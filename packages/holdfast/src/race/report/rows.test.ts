import { describe, expect, it } from "vitest"
import type { TraceEntry } from "../trace.ts"
import { toRows } from "./rows.ts"

function entry(kind: TraceEntry["kind"], actor: string, label: string, more: Partial<TraceEntry> = {}): TraceEntry {
  return { kind, actor, label, atMs: 0, accesses: [], result: null, ...more }
}

/** The rows in short: who, what, and what came back. */
function summarize(trace: readonly TraceEntry[]): string[] {
  return toRows(trace).rows.map(({ number, kind, actor, label, result }) => {
    const back = result === null ? "" : ` -> ${result}`
    return `T${number} ${actor} ${kind === "answer" ? "answer of " : ""}${label}${back}`
  })
}

describe("rows", () => {
  it("are one for a call and its answer where nothing of others lies in between", () => {
    const trace = [
      entry("step", "a", "read x", { result: "1" }),
      entry("answer", "a", "read x"),
      entry("step", "b", "read x", { result: "2" }),
      entry("step", "a", "write x", { result: "undefined" }),
      entry("answer", "b", "read x"),
      entry("answer", "a", "write x"),
    ]
    expect(summarize(trace)).toEqual([
      "T1 a read x -> 1",
      "T2 b read x",
      "T3 a write x",
      "T4 b answer of read x -> 2",
      "T5 a answer of write x",
    ])
    expect(toRows(trace).rowOf).toEqual([1, 1, 2, 3, 4, 5])
  })

  it("keep what was touched when the answer arrived", () => {
    const access = (resource: string) => ({ resource, mode: "read", value: null }) as const
    const trace = [
      entry("step", "a", "read", { accesses: [access("file f")] }),
      entry("answer", "a", "read", { accesses: [access("variable v")] }),
    ]
    expect(toRows(trace).rows.map(({ accesses }) => accesses.map(({ resource }) => resource))).toEqual([
      ["file f", "variable v"],
    ])
  })

  it("keep apart what time came in between of", () => {
    const trace = [
      entry("step", "a", "read", { result: "1" }),
      entry("timer", "a", "the next timer", { atMs: 5 }),
      entry("answer", "a", "read", { atMs: 5 }),
    ]
    expect(summarize(trace)).toEqual(["T1 a read", "T2 a the next timer", "T3 a answer of read -> 1"])
    expect(toRows(trace).rows.map(({ passedMs }) => passedMs)).toEqual([0, 5, 0])
  })

  it("do not guess which of several equal calls an answer belongs to", () => {
    const trace = [
      entry("step", "a", "get", { result: "1" }),
      entry("step", "a", "get", { result: "2" }),
      entry("step", "b", "go"),
      entry("answer", "a", "get"),
      entry("answer", "a", "get"),
      entry("step", "a", "get", { result: "3" }),
      entry("answer", "a", "get"),
    ]
    expect(summarize(trace)).toEqual([
      "T1 a get -> 1",
      "T2 a get -> 2",
      "T3 b go",
      "T4 a answer of get",
      "T5 a answer of get",
      "T6 a get -> 3",
    ])
  })

  it("are there for an answer nobody called for, and a call that was never answered", () => {
    expect(summarize([entry("answer", "a", "x"), entry("step", "a", "y", { result: "1" })])).toEqual([
      "T1 a answer of x",
      "T2 a y -> 1",
    ])
  })
})
