/** Every golden result of ITK against the primitive it is of, computed in any number of parts. */
import { describe, expect, it } from "vitest"
import { connectedComponent } from "../src/kernels/components.ts"
import { otsu } from "../src/kernels/otsu.ts"
import { type Call, olderInput, readCalls, readOlder } from "./golden-calls.ts"
import { differences } from "./golden-comparison.ts"
import { makeInput } from "./golden-inputs.ts"
import { computeCall } from "./primitive-call.ts"
import { runApart } from "./run-apart.ts"

const OLDER = readOlder()
const CALLS = readCalls()

describe("the inputs of the golden results", () => {
  it.each(OLDER.filter(({ primitive }) => primitive === "image" || primitive === "mask"))(
    "are made anew: $name",
    (golden) => {
      const [, , name = ""] = golden.name.split("_")
      const input = makeInput(olderInput(golden, name))
      expect({ size: input.size, spacing: input.spacing, type: input.type }).toEqual({
        size: golden.size,
        spacing: golden.spacing,
        type: golden.dtype,
      })
      expect(Array.from(input.voxels)).toEqual(
        Array.from(Array.isArray(golden.values) ? golden.values : [], (value) => Math.fround(value)),
      )
    },
  )
})

describe("the golden results of ITK", () => {
  it("are all here", () => {
    expect(OLDER).toHaveLength(146)
    expect(CALLS.length).toBeGreaterThan(700)
  })

  it.each(CALLS)("are met: $name", async (call) => {
    for (const parts of [1, 2, 5]) expect(await found(call, parts)).toEqual([])
  })

  it.each(OLDER.filter(({ primitive }) => primitive === "lcc"))("count components: $name", (golden) => {
    const [, , name = ""] = golden.name.split("_")
    const labels = runApart(connectedComponent, [makeInput(olderInput(golden, name))], { isFullyConnected: true }, 2)
    expect(Math.max(...labels.voxels)).toBe(golden.components)
  })

  it.each(OLDER.filter(({ primitive }) => primitive === "otsu"))("have their threshold: $name", (golden) => {
    const [, , ...names] = golden.name.split("_")
    const inputs = names.slice(0, 2).map((name) => makeInput(olderInput(golden, name)))
    const { threshold } = runApart(otsu, inputs, { bins: Number(golden.args["nbins"]) }, 2)
    const expected = golden.threshold ?? Number.NaN
    // ITK keeps the edges of bins in float32.
    expect(Math.abs(threshold - expected)).toBeLessThanOrEqual(1e-6 * Math.abs(expected))
  })
})

async function found(call: Call, parts: number): Promise<string[]> {
  if (call.expected.kind !== "refused") return differences(call, await computeCall(call, parts))
  try {
    await computeCall(call, parts)
    return ["ITK refuses it"]
  } catch {
    return []
  }
}
