import { describe, expect, it } from "vitest"
import type { ScheduleFailure } from "../explore.ts"
import type { TraceEntry } from "../trace.ts"
import { reportFailure } from "./json.ts"
import { renderPage } from "./page.ts"

/** A lost update by actors whose names and labels would like to be more than text. */
function hostileFailure(text: string): ScheduleFailure {
  const touch = (actor: string, mode: "read" | "write"): TraceEntry => ({
    kind: "step",
    actor,
    label: text,
    atMs: 0,
    accesses: [{ resource: text, mode, value: text }],
    result: text,
  })
  return {
    choices: [1],
    seed: 1,
    preemptions: 1,
    trace: [touch(text, "read"), touch("b", "write"), touch(text, "write")],
    error: new Error(text),
  }
}

describe("a failure as data", () => {
  it("has this shape", () => {
    const report = reportFailure(hostileFailure("x"))
    expect(JSON.parse(JSON.stringify(report))).toEqual({
      format: "holdfast-race-1",
      error: { name: "Error", message: "x" },
      seed: 1,
      replay: [1],
      preemptions: 1,
      actors: ["x", "b"],
      rows: ["x", "b", "x"].map((actor, index) => ({
        number: index + 1,
        kind: "step",
        actor,
        label: "x",
        atMs: 0,
        passedMs: 0,
        result: "x",
        accesses: [{ resource: "x", mode: index === 0 ? "read" : "write", value: "x" }],
      })),
      findings: [
        {
          kind: "lost-update",
          text: "Lost update of x: the value x that b wrote (T2) was overwritten by x (T3), which had read it before (T1)",
          accesses: [
            { row: 1, actor: "x", mode: "read", resource: "x", value: "x", note: "read before T2" },
            { row: 2, actor: "b", mode: "write", resource: "x", value: "x", note: "LOST at T3" },
            { row: 3, actor: "x", mode: "write", resource: "x", value: "x", note: "overwrites T2" },
          ],
        },
      ],
    })
  })

  it("names what was thrown where it is no Error", () => {
    expect(reportFailure({ ...hostileFailure("x"), error: "a string" }).error).toEqual({
      name: null,
      message: "a string",
    })
  })
})

describe("a page", () => {
  it("shows whatever it is given as text", () => {
    const hostile = `</pre></script><script>alert(1)</script><img src=x onerror="alert(2)">'\`&amp;\u202E\u0000`
    const page = renderPage({
      title: hostile,
      introduction: [hostile],
      table: { columns: [hostile], rows: [[hostile]] },
      failures: [{ title: hostile, failure: hostileFailure(hostile) }],
    })
    expect(page).not.toMatch(/<script|<img|onerror="/)
    // Every tag is one of ours, and every attribute is closed.
    const tags = new Set([...page.matchAll(/<\/?([a-z0-9]+)/g)].map((match) => match[1]))
    const own =
      "html head meta title style body h1 h2 p div table thead tbody tr th td section svg text line g path circle details summary pre"
    expect([...tags].filter((tag) => !own.split(" ").includes(tag ?? ""))).toEqual([])
    for (const character of ["\u0000", "\u202E"]) expect(page).not.toContain(character)
    expect(page).toContain("&#60;img src=x onerror=&#34;alert(2)&#34;&#62;&#39;&#96;&#38;amp;")
  })

  it("needs nothing else, and forbids itself to ask for it", () => {
    const page = renderPage({ title: "races", failures: [{ title: "one", failure: hostileFailure("x") }] })
    expect(page.replaceAll("http://www.w3.org/2000/svg", "")).not.toMatch(/https?:|<script|<link|src=|url\(|@import/)
    expect(page).toContain("default-src 'none'")
    expect(page).toContain("prefers-color-scheme: dark")
  })

  it("draws a lane an actor, a dot a row and an arrow from access to access", () => {
    const page = renderPage({
      title: "races",
      failures: [
        { title: "one", failure: hostileFailure("x") },
        { title: "two", failure: hostileFailure("y") },
      ],
    })
    const [first = ""] = page.match(/<svg[^]*?<\/svg>/) ?? []
    expect(first.match(/class="lane"/g)).toHaveLength(2)
    expect(first.match(/<circle/g)).toHaveLength(3)
    expect(first.match(/class="arrow"/g)).toHaveLength(2)
    expect(first).toContain("<title>T2 b: x\nanswers x\nwrites x: x\nLOST at T3</title>")
    expect(page.match(/<svg/g)).toHaveLength(2)
    expect(page).toContain("replay it with")
  })
})
