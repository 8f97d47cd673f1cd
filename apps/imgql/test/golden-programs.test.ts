/**
 * Every golden result of ITK again, on the way a program takes: inputs are files, calls are text, the engine computes them
 * in its order and joins what it can, and results are saved.
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { decodeValue } from "../src/files/decode.ts"
import { saveValue } from "../src/files/save.ts"
import { type Argument, type Call, isInput, readCalls } from "./golden-calls.ts"
import { differences } from "./golden-comparison.ts"
import { makeInput } from "./golden-inputs.ts"
import { makeFolder, runHere } from "./program-run.ts"

const ENOUGH_BYTES = 2 ** 24
/** A hundred files are written and read by a library that must come up to speed first. */
const TIMEOUT_MS = 900_000

const CALLS = readCalls()
const IMPORTS = ["vox1", "simpleitk", "arrays", "geom"].map((namespace) => `import "${namespace}"`)

describe("a program", () => {
  it(
    "comes to the golden results of ITK",
    async () => {
      const folder = await makeFolder()
      const inputs = await writeInputs(folder)
      const goals = CALLS.map((call, at) => goalOf(call, at, inputs))
      const program = [...IMPORTS, ...goals].join("\n")
      const { failedGoals } = await runHere(folder, program)
      const failed = new Map(failedGoals.map(({ goal, message }) => [goal.label, message]))
      const wrong = CALLS.flatMap((call, at) => {
        const label = labelOf(at)
        const refusal = failed.get(label)
        if (call.expected.kind === "refused") return refusal === undefined ? [`${call.name}: ITK refuses it`] : []
        if (refusal !== undefined) return [`${call.name}: ${refusal}`]
        const found = decodeValue(readFileSync(join(folder, label)), { maxBytes: ENOUGH_BYTES })
        return differences(call, found).map((line) => `${call.name}: ${line}`)
      })
      expect(wrong).toEqual([])
      expect(CALLS.length).toBeGreaterThan(1000)
    },
    TIMEOUT_MS,
  )
})

/** The file of each input, by what the input is. */
async function writeInputs(folder: string): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>()
  for (const input of CALLS.flatMap(({ args }) => args.filter(isInput))) {
    const key = JSON.stringify(input)
    if (files.has(key)) continue
    const name = `input-${files.size}.nrrd`
    files.set(key, name)
    await saveValue(makeInput(input), { root: folder, name })
  }
  return files
}

function goalOf({ primitive, args }: Call, at: number, inputs: ReadonlyMap<string, string>): string {
  const name = primitive.slice(primitive.indexOf(".") + 1)
  return `save "${labelOf(at)}" ${name}(${args.map((argument) => show(argument, inputs)).join(", ")})`
}

function labelOf(at: number): string {
  return `result-${at}.bin`
}

function show(argument: Argument, inputs: ReadonlyMap<string, string>): string {
  if (isInput(argument)) return `ReadImage("${inputs.get(JSON.stringify(argument)) ?? ""}")`
  if (typeof argument === "object") return `[${argument.map((item) => show(item, inputs)).join(", ")}]`
  return JSON.stringify(argument)
}
