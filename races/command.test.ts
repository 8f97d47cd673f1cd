import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Exploration, ScheduleFailure } from "holdfast/race"
import { describe, expect, it } from "vitest"
import { races } from "./catalog.ts"
import { runCommand } from "./command.ts"
import { drawTable, summarize } from "./results.ts"
import { type Outcome, runRace } from "./run.ts"

async function run(...words: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  let out = ""
  let err = ""
  const code = await runCommand(words, { out: (text) => void (out += text), err: (text) => void (err += text) })
  return { code, out, err }
}

describe("npm run races", () => {
  it("prints a race, its document, how many schedules it took, and the sum", async () => {
    const { code, out, err } = await run("--only", "14")
    expect({ code, err }).toEqual({ code: 0, err: "" })
    const [head = "", row = "", , total = ""] = out.split("\n")
    expect(head.trim()).toMatch(/^race +seed +broken after +proven fixed +redundant +time$/)
    expect(row.trim()).toMatch(/^14 +lost update by load, modify, save +003 +\d+ +[\d,]+ +[\d,]+ +[\d.]+ s +right$/)
    expect(total).toMatch(
      /^1 race in [\d.]+ s, all of them right: broken in \d+ schedules, proven fixed in [\d,]+ \(and/,
    )
  })

  it("prints data, with the failing schedule", async () => {
    const { code, out } = await run("--only", "14", "--json")
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({
      right: true,
      races: [
        {
          number: 14,
          folder: "14-lost-update",
          seed: "003",
          provenFixed: { exhausted: true },
          wrong: null,
          failures: [{ format: "holdfast-race-1", actors: ["script", "audio"], findings: [{ kind: "lost-update" }] }],
        },
      ],
    })
  })

  it("writes a page", async () => {
    const folder = mkdtempSync(join(tmpdir(), "races-"))
    try {
      const file = join(folder, "races.html")
      expect((await run("--only", "14", "--html", file)).code).toBe(0)
      expect(readFileSync(file, "utf8")).toMatch(
        /^<!doctype html>[^]*<td>003<\/td>[^]*<svg[^]*Lost update of file task\.json/,
      )
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it.each([
    [["--fast"], "unknown option '--fast'"],
    [["--only", "99"], 'found "99"'],
    [["--html"], "argument missing"],
    [["--only", "14", "--html", "/proc/races.html"], "expected a place for the page, found none: ENOENT"],
    [["14"], "too many arguments"],
  ])("says what it does not understand of %j", async (words, message) => {
    const { code, out, err } = await run(...words)
    expect({ code, out }).toEqual({ code: 2, out: "" })
    expect(err).toMatch(/^races: [^\n]+; see "npm run races -- --help"\n$/)
    expect(err).toContain(message)
  })

  it("explains itself", async () => {
    const { code, out } = await run("--help")
    expect(code).toBe(0)
    for (const flag of ["--only", "--json", "--html", "--pages"]) expect(out).toContain(flag)
  })
})

describe("a race that is wrong", () => {
  const [race] = races
  if (race === undefined) throw new Error("expected a race")
  const passing = { scenario: async () => {}, options: {} }
  const failing = {
    scenario: async () => {
      throw new Error("broken")
    },
    options: {},
  }

  it.each([
    { name: "broken by nothing", broken: passing, fixed: passing, wrong: "none of 1 schedules broke" },
    { name: "fixed but failing", broken: failing, fixed: failing, wrong: "the fixed program broke in schedule 1" },
    {
      name: "not exhausted",
      broken: failing,
      fixed: { scenario: passing.scenario, options: { maxSchedules: 0 } },
      wrong: "has more schedules than the 0 that ran",
    },
  ])("is told: $name", async ({ broken, fixed, wrong }) => {
    const outcome = await runRace({ ...race, broken, fixed })
    expect(outcome.wrong).toContain(wrong)
    expect(drawTable([outcome])).toContain(`WRONG: ${outcome.wrong}`)
    expect(summarize([outcome])).toContain("1 of them WRONG")
  })

  it("is not told of one that is right", () => {
    const failure: ScheduleFailure = { choices: [], trace: [], seed: 1, preemptions: 0, error: "x" }
    const exploration: Exploration = { schedules: 1_234, redundant: 5, exhausted: true, failure: null }
    const outcome: Outcome = { race, broken: { ...exploration, failure }, fixed: exploration, tookMs: 20, wrong: null }
    expect(summarize([outcome, outcome])).toBe(
      "2 races in 0.04 s, all of them right: broken in 2,468 schedules, proven fixed in 2,468 (and 10 redundant ones cut off)",
    )
  })
})
