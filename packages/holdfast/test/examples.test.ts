/**
 * Every file under examples/ runs, as a program of its own, against the built package: what the documents show is what
 * works. A comment `// prints TEXT` in an example is a promise about its output, in order. Examples of tests are run by
 * their own framework: that of vitest with all tests, and that of node:test here.
 */
import { execFile } from "node:child_process"
import { readFileSync, readdirSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { describe, expect, it } from "vitest"

const ROOT: string = fileURLToPath(new URL("../../../", import.meta.url))
const FOLDER: string = join(ROOT, "examples")
const EXAMPLES: readonly string[] = readdirSync(FOLDER).filter((name) => /(?<!\.test)\.ts$/.test(name))

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

describe("an example of tests", () => {
  it("passes under node:test", { timeout: BOUND_MS + 5_000 }, async () => {
    const args = ["--import", "tsx", "--test", "--test-reporter", "tap", join(FOLDER, "race-node.test.ts")]
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: ROOT, timeout: BOUND_MS })
    expect(stdout).toMatch(/^# pass 2$[^]*^# fail 0$/m)
  })
})

function runProgram(file: string): Promise<{ stdout: string; stderr: string }> {
  return promisify(execFile)(process.execPath, ["--import", "tsx", file], { cwd: ROOT, timeout: BOUND_MS })
}
