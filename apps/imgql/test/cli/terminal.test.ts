/** What is asked and typed at a terminal. */
import { open } from "holdfast"
import { describe, expect, it, onTestFinished } from "vitest"
import { clearCache } from "../../src/cli/cache-command.ts"
import { Stopped } from "../../src/cli/console.ts"
import { ask } from "../../src/cli/question.ts"
import { runRepl } from "../../src/cli/repl-command.ts"
import { makeFolder } from "../program-run.ts"
import { CTRL_C, CTRL_D, makeTerminal, type Terminal } from "./terminal.ts"
import { write } from "./world.ts"

describe("a question", () => {
  it("has y and yes for a yes, and no for any other answer or none", async () => {
    for (const [keys, expected] of [
      ["y\r", true],
      ["YES\r", true],
      [" yes \r", true],
      ["n\r", false],
      ["\r", false],
      ["yess\r", false],
      [CTRL_D, false],
    ] as const) {
      const { console, type, saw } = makeTerminal("/")
      const answer = ask("Forget it?", console)
      await saw(/Forget it\? \[y\/N\] /)
      type(keys)
      expect({ keys, answer: await answer }).toEqual({ keys, answer: expected })
    }
  })

  it("is stopped by Ctrl-C like any command", async () => {
    const { console, type, saw } = makeTerminal("/")
    const answer = ask("Forget it?", console).catch((error: unknown) => error)
    await saw(/\[y\/N\]/)
    type(CTRL_C)
    expect(await answer).toEqual(new Stopped("SIGINT"))
  })

  it("is asked by cache clear, which forgets nothing unless the answer is yes", async () => {
    const folder = await makeFolder()
    const store = `file:${folder}/store`
    const kept = await open(store)
    onTestFinished(async () => void (await kept.close()))
    const one = kept.operation("imgql/test.one", { version: 1, effects: "pure", run: () => 1 })
    await one()
    for (const [answer, said, left] of [
      ["n", "nothing was forgotten", 1],
      ["y", "forgot 1 result ", 0],
    ] as const) {
      const { console, type, saw, text } = makeTerminal(folder)
      const clearing = clearCache({ store, isConfirmed: false }, console)
      await saw(/Forget 1 result \(.* of images\) of file:.*\? \[y\/N\] /)
      type(`${answer}\r`)
      await clearing
      expect(text()).toContain(said)
      expect(await kept.runs()).toHaveLength(left)
    }
  })
})

describe("the repl at a terminal", () => {
  const PROMPT = /imgql> (?:.\[8G)?$/

  async function makeRepl(): Promise<Terminal & { readonly ended: Promise<number> }> {
    const folder = await makeFolder()
    write(folder, "slow.imgql", `import "test" print "first" 1 print "slow" spin(1, 1000000)`)
    const terminal = makeTerminal(folder)
    const command = { store: "memory:", threads: 1, maxMemoryBytes: 2 ** 28, readFolders: [] }
    const ended = runRepl(command, terminal.console)
    await terminal.saw(PROMPT)
    return { ...terminal, ended }
  }

  it("goes on after Ctrl-C has stopped an expression or a program, and says so once", async () => {
    const { type, saw, text, ended } = await makeRepl()
    type(`import "test"\r`)
    await saw(PROMPT)
    type("spin(1, 1000000)\r")
    await saw(/1 running/)
    type(CTRL_C)
    await saw(/stopped\n/)
    await saw(PROMPT)
    const before = text().length
    type(":run slow.imgql\r")
    await saw(/1 running/)
    type(CTRL_C)
    await saw(/imgql: stopped: 0 of 1 operations are done and kept/)
    await saw(PROMPT)
    expect(text().slice(before)).toContain("first=1\n")
    expect(text().slice(before)).not.toContain("failed")
    expect(
      text()
        .slice(before)
        .match(/stopped/g),
    ).toHaveLength(1)
    type("20 + 22\r")
    await saw(/42\n/)
    type(CTRL_D)
    expect(await ended).toBe(0)
  })

  it("forgets what is typed half on Ctrl-C, and says what it cannot load or run", async () => {
    const { type, saw, ended } = await makeRepl()
    type("[1,\r")
    await saw(/ {3}\.\.\. /)
    type(CTRL_C)
    await saw(PROMPT)
    type("7\r")
    await saw(/7\n/)
    type(":load nowhere.imgql\r")
    await saw(/cannot import `nowhere\.imgql`: there is no such file \[E_IMPORT\]/)
    await saw(PROMPT)
    type(":run nowhere.imgql\r")
    await saw(/"nowhere\.imgql", but there is no such file; name an \.imgql file \[E_FILE\]/)
    await saw(PROMPT)
    type(":quit\r")
    expect(await ended).toBe(0)
  })
})
