/** From trees to nodes and their values: the same as what the trees mean, and each computation once. */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { PlainPrograms } from "../plain-programs.ts"
import { interpret } from "./interpreter.ts"
import { buildProgram, printing } from "./random-program.ts"

/** So many that the last expression of a program still has some. */
const choices = fc.array(fc.nat({ max: 1_000 }), { minLength: 200, maxLength: 600, size: "max" })
/** Failing a program is a meaning, too; what is said of it is tested elsewhere. */
const FAILED = "failed"

async function run(programs: PlainPrograms, source: string): Promise<unknown> {
  return await programs.run(source).catch(() => FAILED)
}

function mean(source: string): unknown {
  try {
    return interpret(source)
  } catch {
    return FAILED
  }
}

describe("any program of numbers", () => {
  it("comes to what its tree means", async () => {
    let failed = 0
    await fc.assert(
      fc.asyncProperty(choices, async (list) => {
        const source = printing(buildProgram(list))
        const expected = mean(source)
        if (expected === FAILED) failed += 1
        expect({ source, value: await run(new PlainPrograms(), source) }).toEqual({ source, value: expected })
      }),
      { numRuns: 600 },
    )
    // Mostly failing programs would prove little.
    expect(failed).toBeLessThan(300)
    expect(failed).toBeGreaterThan(0)
  })

  it("computes the same thing once, however often and wherever it is written", async () => {
    await fc.assert(
      fc.asyncProperty(choices, async (list) => {
        const programs = new PlainPrograms()
        await run(programs, printing(buildProgram(list)))
        const calls = programs.calls.map((value) => (Object.is(value, -0) ? "-0" : String(value)))
        expect([...new Set(calls)]).toEqual(calls)
      }),
      { numRuns: 300 },
    )
  })

  it("computes nothing more when it is written again with other names beside itself, and comes to the same (O7)", async () => {
    await fc.assert(
      fc.asyncProperty(choices, async (list) => {
        const one = buildProgram(list)
        const other = buildProgram(list, { local: "_l", global: "_g" })
        const alone = new PlainPrograms()
        const value = await run(alone, printing(one))
        const both = new PlainPrograms()
        const definitions = `${one.definitions}\n${other.definitions}`
        const values = await run(both, printing({ definitions, result: `[${one.result}, ${other.result}]` }))
        expect(values).toEqual(value === FAILED ? FAILED : [value, value])
        if (value !== FAILED) expect(both.calls).toEqual(alone.calls)
      }),
      { numRuns: 300 },
    )
  })
})
