import { describe, expect, it } from "vitest"
import { explore, type Scenario } from "./explore.ts"
import type { TraceEntry } from "./trace.ts"

/** The schedule in which nobody is put aside, as a failure shows it. */
async function traceOf(scenario: Scenario): Promise<readonly TraceEntry[]> {
  const shown = new Error("shows its trace")
  const { failure } = await explore(async (context) => {
    await scenario(context)
    throw shown
  })
  if (failure?.error !== shown) throw failure?.error ?? new Error("expected a failure, found none")
  return failure.trace
}

/** What each step touches, `>` for a write and `<` for a read; identities of runs are left out. */
function touchesOf(trace: readonly TraceEntry[]): string[] {
  return trace
    .filter(({ kind, label }) => kind === "step" && label !== "opens a session")
    .map(({ label, accesses }) => {
      const touched = accesses.map(({ resource, mode }) => {
        return `${mode === "write" ? ">" : "<"}${resource.replace(/^run .*/, "run")}`
      })
      return `${label}: ${touched.join(" ")}`
    })
}

describe("what a command touches", () => {
  it("is for a run its limit, too, from the claim to the end, and for a commit under it the run", async () => {
    const trace = await traceOf(async ({ actor, open }) => {
      await actor("a", async () => {
        const hf = await open()
        const limited = hf.operation("limited", {
          version: 1,
          effects: "pure",
          concurrency: 1,
          run: async (_, x: number) => await hf.cell("last", { initial: 0 }).set(x),
        })
        const free = hf.operation("free", { version: 1, effects: "pure", run: (_, x: number) => x })
        await limited(1)
        await free(1)
      })
    })
    expect(touchesOf(trace)).toEqual([
      "calls limited: >run >operation limited",
      "commits last: <run >cell last",
      "completes limited: >run >operation limited",
      "calls free: >run",
      "completes free: >run",
    ])
  })

  it("is for whatever is asked of a known result its run alone, and anything where its limits are unknown", async () => {
    const trace = await traceOf(async ({ actor, open }) => {
      await actor("a", async () => {
        const hf = await open()
        const run = (_: unknown, x: number): number => x
        const square = hf.operation("square", { version: 1, effects: "pure", run })
        const cell = hf.cell("c", { initial: 0 }).watch()
        await cell.next()
        await cell.return()
        await square.forget(2)
        await square.put([2], 4)
        await square.forget(2)
        const info = await square.handle(2).status()
        expect(info).toBeUndefined()
      })
    })
    expect(touchesOf(trace)).toEqual([
      "watches c: <cell c",
      "stops watching: ",
      "forgets a run: >*",
      "puts a result of square: >run",
      "forgets square: >run",
      "looks at square: <run",
    ])
  })
})

describe("a body handed over by an event", () => {
  it("runs as the actor whose session it is, also when that of the dead ends", async () => {
    const shown = new Error("shows its trace")
    const scenario: Scenario = async ({ actor, open, step }) => {
      const call = async (): Promise<void> => {
        const hf = await open()
        const square = hf.operation("square", {
          version: 1,
          effects: "pure",
          run: async ({ attempt }, x: number) => {
            await step(`attempt ${String(attempt)}`)
            return x * x
          },
        })
        await square(2)
        if ((await square.handle(2).status())?.attempt === 2) throw shown
      }
      await Promise.all([actor("a", call, { faults: ["kill"] }), actor("b", call)])
    }
    const { failure } = await explore(scenario, { shares: "declared" })
    expect(failure?.error).toBe(shown)
    const steps = failure?.trace.map(({ actor, label }) => `${actor}: ${label}`) ?? []
    expect(steps.slice(steps.indexOf("a: is killed"))).toEqual(
      expect.arrayContaining(["b: attempt 2", "b: completes square"]),
    )
  })
})
