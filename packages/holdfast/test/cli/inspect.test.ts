/** `holdfast inspect`: of a store that is open, of one that nobody has open, and as a live view in a terminal. */
import { spawn } from "node:child_process"
import { existsSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { PROGRAM, runBuilt } from "./built-command.ts"
import { open } from "./built-open.ts"
import { usePlaces } from "./places.ts"
import { recordConsole, run } from "./recorded-console.ts"
import { runCommand } from "../../src/cli/run-command.ts"

const places = usePlaces()

describe("holdfast inspect", () => {
  it("shows who holds what and who waits, what became of runs, and that results were at hand", async () => {
    const dir = places.make()
    await places.keep(dir)
    const hf = await open(`file:${dir}`, { label: "the program" })
    const square = hf.operation("square", { version: 1, effects: "pure", run: (_ctx, x: number) => x * x })
    await square(3)
    await square(3)
    await hf.lock("docs").acquire()
    const waiting = hf.lock("docs").acquire({ waitMs: 60_000 })
    const { exitCode, out, err } = await run(["inspect", dir])
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: "" })
    expect(out).toMatch(/docs +the program +\d+ +[\d.]+ \w+ +the program/)
    expect(out).toMatch(/runs +0 pending, 0 running, 1 completed/)
    const { results, locks, sessionCount } = JSON.parse((await run(["inspect", dir, "--json"])).out)
    expect(results).toMatchObject({ computed: 1 })
    expect(locks).toMatchObject([{ name: "docs", holderCount: 1, waiterCount: 1 }])
    // Whoever looks is no session.
    expect(sessionCount).toBe(1)
    waiting.catch(() => undefined)
    await hf.close()
  })

  it("works on a store nobody has open, from another process, and leaves it to the next", async () => {
    const dir = places.make()
    const hf = await open(`file:${dir}`)
    await hf.cell("x").set(1)
    await hf.cell("y").set(1)
    await hf.cell("y").delete()
    await hf.close()
    const { exitCode, out, err } = await runBuilt(["inspect", dir])
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: "" })
    expect(out).toContain("cells     1, 0 in memory")
    expect(out).toContain("Locks: none")
    const again = await open(`file:${dir}`)
    expect(await again.cell("x").get()).toBe(1)
    await again.close()
  })

  it("starts no store where none is", async () => {
    const dir = places.make()
    const { exitCode, out, err } = await run(["inspect", dir])
    expect({ exitCode, out }).toEqual({ exitCode: 69, out: "" })
    expect(err).toBe(`holdfast: STORE_UNAVAILABLE: "${dir}" should hold a store, but is not there; check the path\n`)
    expect(existsSync(dir)).toBe(false)
  })

  it("names a keeper that is stopped, within its bound", async () => {
    const dir = places.make()
    const keeper = await places.keep(dir)
    await keeper.freeze()
    const { exitCode, err } = await run(["inspect", dir])
    expect(exitCode).toBe(69)
    expect(err).toContain(`process ${String(keeper.pid)} (frozen)`)
    expect(err).toContain("holdfast doctor DIR --evict")
  })

  it("prints the next picture when something changed, and goes on with the next keeper", async () => {
    const dir = places.make()
    const keeper = await places.keep(dir)
    const { console, interrupt, whenPrinted, text } = recordConsole()
    const watching = runCommand(["inspect", dir, "--watch", "--json"], console)
    await whenPrinted(`"pid":${String(keeper.pid)}`)
    const hf = await open(`file:${dir}`)
    await hf.lock("seen").acquire()
    await whenPrinted('"name":"seen"')
    const second = places.start(["keeper", dir])
    await second.printed("waiting")
    keeper.child.kill("SIGKILL")
    await whenPrinted('"revision"')
    await hf.lock("later").acquire()
    await whenPrinted('"name":"later"')
    interrupt()
    expect(await watching).toBe(0)
    expect(text.err()).toBe("")
    for (const line of text.out().trimEnd().split("\n")) expect(JSON.parse(line)).toHaveProperty("revision")
    await hf.close()
  })

  it("draws a live view in a terminal, ends on q, and gives the terminal back as it was", async () => {
    const dir = places.make()
    await places.keep(dir)
    const hf = await open(`file:${dir}`)
    const words = [process.execPath, PROGRAM, "inspect", dir, "--watch"].map((word) => `'${word}'`).join(" ")
    // A real pseudo terminal: its settings are printed before and after.
    const terminal = spawn("script", [
      "-qec",
      `stty cols 120 rows 40; stty -a > '${dir}.before'; ${words}; stty -a | diff - '${dir}.before' && echo same`,
      "/dev/null",
    ])
    let shown = ""
    const whenShown = async (text: string): Promise<void> => {
      while (!shown.includes(text)) await new Promise((resolve) => terminal.stdout.once("data", resolve))
    }
    terminal.stdout.on("data", (chunk: Buffer) => {
      shown += chunk.toString()
    })
    await whenShown("Locks: none")
    expect(shown).toContain("\u001B[?1049h")
    await hf.lock("drawn").acquire()
    await whenShown("drawn")
    terminal.stdin.write("q")
    const code = await new Promise((resolve) => terminal.on("close", resolve))
    expect(code).toBe(0)
    expect(shown).toContain("\u001B[?1049l")
    expect(shown).toContain("same")
    await hf.close()
  })
})
