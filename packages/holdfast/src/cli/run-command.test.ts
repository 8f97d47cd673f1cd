import { createRequire } from "node:module"
import { describe, expect, it } from "vitest"
import { run } from "../../test/cli/recorded-console.ts"

const { version } = createRequire(import.meta.url)("../../package.json") as { readonly version: string }

describe("the holdfast command", () => {
  it("prints its version", async () => {
    expect(await run(["version"])).toEqual({ exitCode: 0, out: `${version}\n`, err: "" })
  })

  it("says what there is, and what each command takes", async () => {
    const whole = await run(["help"])
    expect(whole).toMatchObject({ exitCode: 0, err: "" })
    expect(whole.out).toContain("keeper [options] <dir>")
    const one = await run(["help", "keeper"])
    expect(one).toMatchObject({ exitCode: 0, err: "" })
    expect(one.out).toContain("--no-wait")
  })

  it.each([
    [[], "a command is missing"],
    [["kepeer", "x"], "unknown command 'kepeer'"],
    [["keeper"], "missing required argument 'dir'"],
    [["keeper", "x", "--wait-not"], "unknown option '--wait-not'"],
    [["version", "x"], "too many arguments"],
  ])("refuses %j with the code of a bad argument", async (words, what) => {
    const { exitCode, out, err } = await run(words)
    expect({ exitCode, out }).toEqual({ exitCode: 2, out: "" })
    expect(err).toMatch(/^holdfast: ARGUMENT_INVALID: .*; see "holdfast help"\n$/)
    expect(err).toContain(what)
  })
})
