import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { explore, type ScheduleFailure, type Scenario } from "../explore.ts"
import type { TraceEntry } from "../trace.ts"
import { describeFailure } from "./timeline.ts"
import { widthOf } from "./text.ts"

async function failureOf(scenario: Scenario): Promise<ScheduleFailure> {
  const { failure } = await explore(scenario)
  if (failure === null) throw new Error("expected a schedule to fail, but none did")
  return failure
}

function failureWith(trace: readonly Partial<TraceEntry>[], error: unknown = new Error("wrong")): ScheduleFailure {
  const whole = trace.map((entry): TraceEntry => ({
    kind: "step",
    actor: "a",
    label: "go",
    atMs: 0,
    accesses: [],
    result: null,
    ...entry,
  }))
  return { choices: [1, 0], seed: 3, preemptions: 1, trace: whole, error }
}

/** The lines between the error and the findings. */
function drawnRows(text: string): string[] {
  return text.split("\n\n")[1]?.split("\n") ?? []
}

describe("a timeline", () => {
  it("shows who did what, what came of it, which accesses conflict, and what was lost", async () => {
    const failure = await failureOf(async ({ actor, step, variable }) => {
      const balance = variable("balance", 100)
      const withdraw = async (amount: number): Promise<void> => {
        const seen = await step("reads the balance", async () => balance.get(), [])
        await step("writes the balance", () => balance.set(seen - amount), [])
      }
      await Promise.all([actor("cafe", () => withdraw(3)), actor("rent", () => withdraw(50))])
      if (balance.get() !== 47) throw new Error(`expected 47, found ${balance.get()}`)
    })
    expect(describeFailure(failure)).toBe(
      [
        "Error: expected 47, found 97",
        "",
        "    cafe                  rent",
        "    |                     |",
        "T1  R reads the balance   |",
        "    |   → 100             |",
        "    |   ^ read before T3  |",
        "T2  |                     o reads the balance",
        "    |                     |   → 100",
        "T3  |                     W writes the balance",
        "    |                     |   = 50",
        "    |                     |   ^ LOST at T4",
        "T4  W writes the balance  |",
        "    |   = 97              |",
        "    |   ^ overwrites T3   |",
        "",
        "Lost update of variable balance: the value 50 that rent wrote (T3) was overwritten by cafe (T4), which had",
        "  read it before (T1)",
        "",
        `replay it with { seed: 1, replay: ${JSON.stringify(failure.choices)} }`,
      ].join("\n"),
    )
  })

  it("has rows for kills, freezes, timers and late answers, and lanes that show who is gone", () => {
    const text = describeFailure(
      failureWith([
        { actor: "a", label: "asks" },
        { actor: "b", label: "works" },
        { kind: "fault", actor: "b", label: "freezes" },
        { kind: "answer", actor: "a", label: "asks" },
        { kind: "timer", actor: "a", label: "the next timer", atMs: 30.004 },
        { kind: "step", actor: "b", label: "wakes up", atMs: 30.004 },
        { kind: "timer", actor: "", label: "the next timer", atMs: 30.004 },
        { kind: "fault", actor: "a", label: "is killed", atMs: 30.004 },
        { kind: "step", actor: "b", label: "goes on", atMs: 30.004 },
      ]),
    )
    expect(drawnRows(text)).toEqual([
      "    a                   b",
      "    |                   |",
      "T1  o asks              |",
      "T2  |                   o works",
      "T3  |                   ~ freezes",
      "T4  | ... asks answers  :",
      "T5  @ timer, at 30 ms   :",
      "T6  |                   o wakes up",
      "T7  @ timer",
      "T8  X is killed         |",
      "T9                      o goes on",
    ])
  })

  it("marks and claims nothing without accesses", () => {
    const text = describeFailure(failureWith([{ actor: "a" }, { actor: "b" }, { actor: "a" }]))
    expect(text).not.toMatch(/\^| [RW] |overwr|lost/i)
    expect(text.split("\n\n")).toHaveLength(3)
  })

  it("says so where nothing was scheduled, and shows what was thrown, whatever it is", () => {
    expect(describeFailure(failureWith([], "a string"))).toBe(
      "thrown: a string\n\nIt happened before the first step.\n\nreplay it with { seed: 3, replay: [1,0] }",
    )
    expect(describeFailure(failureWith([], new TypeError("one\n  two\u001B[31m")))).toContain(
      String.raw`TypeError: one` + "\n" + String.raw`  two\u001b[31m`,
    )
  })

  it("is a list where there are too many actors for columns", () => {
    const actors = ["one", "two", "three", "four", "five", "six"]
    const text = describeFailure(
      failureWith(actors.map((actor) => ({ actor, label: `does ${"something long ".repeat(3)}`, result: "1" }))),
    )
    expect(drawnRows(text).slice(0, 4)).toEqual([
      "T1  one    o does something long something long something long",
      "               → 1",
      "T2  two    o does something long something long something long",
      "               → 1",
    ])
    const short = describeFailure(failureWith(actors.map((actor) => ({ actor }))))
    expect(drawnRows(short)[0]).toBe("    one   two   three  four  five  six")
  })

  it("leaves out the middle of long schedules, but nothing that is marked", () => {
    const trace = Array.from({ length: 1_000 }, (_, index): Partial<TraceEntry> => ({ label: `step ${index + 1}` }))
    const touch = (index: number, actor: string, mode: "read" | "write"): void => {
      trace[index] = { ...trace[index], actor, accesses: [{ resource: "x", mode, value: null }] }
    }
    touch(100, "a", "read")
    touch(500, "b", "write")
    touch(900, "a", "write")
    const rows = drawnRows(describeFailure(failureWith(trace)))
    expect(rows.filter((row) => row.includes("more ..."))).toHaveLength(4)
    expect(rows.join("\n")).toContain("... 40 more ...")
    for (const number of [60, 101, 501, 901, 941]) expect(rows.some((row) => row.startsWith(`T${number} `))).toBe(true)
    expect(rows.some((row) => row.startsWith("T61 "))).toBe(false)
  })

  it("is never wider than 110 characters, whoever the actors are and whatever they call things", () => {
    const text = fc.oneof(fc.string({ unit: "grapheme", maxLength: 90 }), fc.string({ unit: "binary", maxLength: 20 }))
    const access = fc.record({
      resource: fc.constantFrom("x", "y", "file of a rather long name that is not cut"),
      mode: fc.constantFrom("read" as const, "write" as const),
      value: fc.option(text),
    })
    const layouts = new Set<string>()
    fc.assert(
      fc.property(
        fc.array(text, { minLength: 1, maxLength: 7 }).chain((actors) =>
          fc.array(
            fc.record({
              kind: fc.constantFrom("step" as const, "answer" as const, "timer" as const, "fault" as const),
              actor: fc.constantFrom(...actors),
              label: text,
              atMs: fc.nat(),
              accesses: fc.array(access, { maxLength: 2 }),
              result: fc.option(text),
            }),
            { minLength: 1, maxLength: 12 },
          ),
        ),
        (trace) => {
          const drawn = describeFailure(failureWith(trace))
          layouts.add(drawnRows(drawn)[1]?.includes("|") === true ? "lanes" : "list")
          for (const line of drawn.split("\n")) {
            expect(widthOf(line)).toBeLessThanOrEqual(110)
            expect(line).toBe(line.trimEnd())
            // oxlint-disable-next-line eslint/no-control-regex -- That none is left is the point.
            expect(line).not.toMatch(/[\u0000-\u001F\u007F-\u009F\u202A-\u202E\u2066-\u2069]/)
          }
        },
      ),
      { numRuns: 50 },
    )
    expect([...layouts].toSorted()).toEqual(["lanes", "list"])
  })
})
