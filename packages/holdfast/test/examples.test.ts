/**
 * Every file under examples/ runs, as a program of its own, against the built package: what the documents show is what
 * works. A comment `// prints TEXT` in an example is a promise about its output, in order.
 */
import { execFile } from "node:child_process"
import { readFileSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { describe, expect, it } from "vitest"

const ROOT: string = fileURLToPath(new URL("../../../", import.meta.url))
const FOLDER: string = join(ROOT, "examples")
const EXAMPLES: readonly string[] = readdirSync(FOLDER).filter((name) => name.endsWith(".ts"))

/** A hung example fails by itself, before the test's own bound hides why. */
const BOUND_MS = 20_000

describe("examples", () => {
  it.each(EXAMPLES)("%s runs and prints what it says", { timeout: BOUND_MS + 5_000 }, async (name) => {
    const promised = [...readFileSync(join(FOLDER, name), "utf8").matchAll(/\/\/ prints (.*)$/gm)]
    const { stdout, stderr } = await runProgram(join(FOLDER, name))
    expect(stderr).toBe("")
    expect(stdout).toBe(promised.map((match) => `${match[1] ?? ""}\n`).join(""))
  })
})

function runProgram(file: string): Promise<{ stdout: string; stderr: string }> {
  return promisify(execFile)(process.execPath, ["--import", "tsx", file], { cwd: ROOT, timeout: BOUND_MS })
}
