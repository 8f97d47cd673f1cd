import { describe, expect, it } from "vitest"
import type { Access } from "../access.ts"
import type { TraceEntry } from "../trace.ts"
import { findRaces } from "./findings.ts"
import { toRows } from "./rows.ts"

/** A schedule in short: `a r x=1` is a row in which actor a reads 1 from x, `a w x` one that writes it, `a` neither. */
function findIn(...moves: readonly string[]): ReturnType<typeof findRaces> {
  const trace = moves.map((move) => {
    const [actor = "", ...touches] = move.split(" ")
    const accesses: Access[] = []
    for (let index = 0; index + 1 < touches.length; index += 2) {
      const [resource = "", value = null] = touches[index + 1]?.split("=") ?? []
      accesses.push({ resource: resource.replaceAll("_", " "), mode: touches[index] === "r" ? "read" : "write", value })
    }
    return { kind: "step" as const, actor, label: move, atMs: 0, accesses, result: null }
  })
  return findRaces(toRows(trace).rows)
}

function kindsIn(...moves: readonly string[]): string[] {
  return findIn(...moves).map(({ kind }) => kind)
}

describe("a lost update", () => {
  it("is told with who wrote what, who overwrote it, and what that one had read", () => {
    expect(findIn("b r x=0", "a r x=0", "a w x=1", "b w x=2")).toEqual([
      {
        kind: "lost-update",
        text: "Lost update of x: the value 1 that a wrote (T3) was overwritten by b (T4), which had read it before (T1)",
        accesses: [
          { row: 1, actor: "b", mode: "read", resource: "x", value: "0", note: "read before T3" },
          { row: 3, actor: "a", mode: "write", resource: "x", value: "1", note: "LOST at T4" },
          { row: 4, actor: "b", mode: "write", resource: "x", value: "2", note: "overwrites T3" },
        ],
      },
    ])
  })

  it("is told without a value nobody knows", () => {
    expect(findIn("b r x", "a w x", "b w x")[0]?.text).toBe(
      "Lost update of x: what a wrote (T2) was overwritten by b (T3), which had read it before (T1)",
    )
  })

  it("is told of whoever saves what it wrote itself before", () => {
    expect(findIn("a w x=1", "b r x", "b w x=2", "a w x=3")).toMatchObject([
      {
        kind: "lost-update",
        text: "Lost update of x: the value 2 that b wrote (T3) was overwritten by a (T4), which had not read it since its own write (T1)",
      },
    ])
    expect(findIn("a w x=1", "b r x", "b w x=2", "a w x")).toEqual([])
  })

  it.each([
    { name: "whoever reads again", moves: ["b r x", "a w x", "b r x", "b w x"] },
    { name: "whoever reads and writes in one step", moves: ["a r x w x", "b r x w x", "a r x w x"] },
    { name: "one actor", moves: ["a r x", "a w x", "a w x"] },
    { name: "different things", moves: ["b r x", "a w y", "b w x"] },
  ])("is not claimed of $name", ({ moves }) => {
    expect(kindsIn(...moves)).not.toContain("lost-update")
  })
})

describe("a write that was declared", () => {
  it.each(["false", "UniqueError: there is one", "TypeError: no"])("is none where its call answered %s", (result) => {
    const touch = (actor: string, mode: "read" | "write", answer: string | null): TraceEntry => ({
      kind: "step",
      actor,
      label: "go",
      atMs: 0,
      accesses: [{ resource: "x", mode, value: null }],
      result: answer,
    })
    const findings = (answer: string | null): unknown =>
      findRaces(toRows([touch("b", "read", "0"), touch("a", "write", null), touch("b", "write", answer)]).rows)
    expect(findings(null)).toMatchObject([{ kind: "lost-update" }])
    expect(findings(result)).toEqual([])
  })
})

describe("other findings", () => {
  it("name a write between a check and the act that relies on it", () => {
    expect(findIn("b r claims=none", "a w claims=a", "b w results=b")).toMatchObject([
      {
        kind: "check-then-act",
        text: "Write between check and act: b read claims (T1) and wrote results (T3); in between, a wrote a to claims (T2)",
      },
    ])
    expect(kindsIn("b r claims", "a w claims", "b r claims", "b w results")).not.toContain("check-then-act")
    expect(kindsIn("b r claims", "b w results", "a w claims")).not.toContain("check-then-act")
  })

  it("name what was overwritten before its writer came back to it", () => {
    expect(findIn("a w tmp=A", "b w tmp=B", "a r tmp w file")).toMatchObject([
      {
        kind: "overwritten-before-use",
        text: "Overwritten before use: the value A that a wrote to tmp (T1) was overwritten by b (T2) before a came back to it (T3)",
      },
    ])
    // Whoever read it may have taken it up.
    expect(kindsIn("a w x", "b r x", "b w x", "a r x")).toEqual([])
  })

  it("name writes that crossed", () => {
    expect(findIn("a w db=1", "b w db=2", "b w cache=2", "a w cache=1")).toMatchObject([
      {
        kind: "crossed-writes",
        text: "Crossed writes: both b and a wrote db and cache, but db ends with the value 2 that b wrote (T2), and cache with the value 1 that a wrote (T4)",
        accesses: [{ row: 1 }, { row: 2 }, { row: 3 }, { row: 4 }],
      },
    ])
    expect(kindsIn("a w db", "b w db", "a w cache", "b w cache")).not.toContain("crossed-writes")
    expect(kindsIn("a w db", "b r db", "b w db", "b w cache", "a w cache")).not.toContain("crossed-writes")
  })

  it("name reads that another's two writes tore", () => {
    expect(findIn("b r x", "a w x", "a w y", "b r y")).toMatchObject([
      { kind: "torn-read", text: "Torn read: between b's reads of x (T1) and of y (T4), a wrote both (T2 and T3)" },
    ])
    expect(findIn("a w x", "b r y", "b r x", "a w y")).toMatchObject([
      {
        kind: "torn-read",
        text: "Torn read: b read y (T2) and x (T3) after a had written x (T1) and before it wrote y (T4)",
      },
    ])
    expect(findIn("b r x", "a w x w y", "b r y")[0]?.text).toMatch(/a wrote both \(T2\)$/)
    expect(kindsIn("b r x", "a w x", "a w y", "b r y", "b r x")).toEqual([])
    expect(kindsIn("a w x", "a w y", "b r x", "b r y", "a w x", "a w y")).toEqual([])
  })

  it("name a step of which nobody says what it touches, after a read that was no longer so", () => {
    expect(findIn("b r x=0", "a w x=1", "b")).toMatchObject([
      {
        kind: "stale-read",
        text: "Stale read acted on: b went on (T3) after a had written 1 to x (T2), which b had read before (T1) and did not read again",
      },
    ])
    expect(kindsIn("b r x", "a w x", "b r x", "b")).toEqual([])
    expect(kindsIn("b r x", "a w x")).toEqual([])
  })

  it("name what was overwritten unread only where there is nothing else", () => {
    expect(kindsIn("a w x=1", "b w x=2")).toEqual(["overwritten-unread"])
    expect(kindsIn("a w x=1", "b w x=2", "b r y", "a w y", "b w y")).toEqual(["lost-update"])
    expect(kindsIn("a w x=1", "c r x", "b w x=2")).toEqual([])
    expect(kindsIn("a w x", "b w x=2")).toEqual([])
  })
})

describe("nothing is found", () => {
  it.each([
    { where: "without accesses", moves: ["a", "b", "a", "b"] },
    { where: "in what may have touched anything", moves: ["b r *", "a w *", "b w *", "a"] },
    { where: "in locks", moves: ["b r lock_x", "a w lock_x", "b w lock_x", "b"] },
    { where: "in runs", moves: ["b r run_x", "a w run_x", "b w run_x", "b"] },
    { where: "in the waiting graph", moves: ["a w holdfast_waiting_graph", "b w holdfast_waiting_graph"] },
    { where: "in reads alone", moves: ["a r x", "b r x", "a r x"] },
    { where: "in what nobody did", moves: [" r x", "a w x", " w x"] },
  ])("$where", ({ moves }) => {
    expect(findIn(...moves)).toEqual([])
  })
})
