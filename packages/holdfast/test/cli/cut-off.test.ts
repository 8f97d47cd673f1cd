/** Commands that are cut off, or have no room: nothing is left behind, and a good file is not called damaged. */
import { spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it, onTestFinished, vi } from "vitest"
import { open } from "./built-open.ts"
import { usePlaces } from "./places.ts"
import { run } from "./recorded-console.ts"

const places = usePlaces()
const isRoot: boolean = process.getuid?.() === 0

/** A store with large values, more of them than a pipe holds; its keeper goes on. */
async function makeStore(): Promise<string> {
  const dir = places.make()
  await places.keep(dir)
  const hf = await open(`file:${dir}`)
  for (const digit of ["1", "2", "3", "4"]) await hf.cell(digit).set(digit.repeat(1_000_000))
  await hf.close()
  return dir
}

function works(dir: string): string[] {
  return readdirSync(dir).filter((name) => /^(?:backup|export|import)-/.test(name))
}

/** An export that has begun, and waits for somebody to read on. */
async function startExport(dir: string): Promise<ReturnType<typeof places.start>> {
  const others = works(dir)
  const command = places.start(["export", dir])
  command.child.stdout?.pause()
  // No event tells that another process has made a folder.
  await vi.waitUntil(() => works(dir).some((name) => !others.includes(name)), { timeout: 30_000, interval: 10 })
  return command
}

describe("a command that is cut off", () => {
  it.each(["SIGINT", "SIGTERM"] as const)("by %s leaves nothing, and ends by it", async (signal) => {
    const dir = await makeStore()
    const command = await startExport(dir)
    command.child.kill(signal)
    command.child.stdout?.resume()
    expect(await command.exit()).toBe(signal)
    expect(works(dir)).toEqual([])
  })

  it("as nobody reads on leaves nothing", async () => {
    const dir = await makeStore()
    const command = await startExport(dir)
    command.child.stdout?.destroy()
    expect(await command.exit()).toBe(0)
    expect(works(dir)).toEqual([])
  })

  it("by SIGKILL leaves what the next one removes, and nobody takes another's work for that", async () => {
    const dir = await makeStore()
    const killed = await startExport(dir)
    const [left = ""] = works(dir)
    const atWork = run(["doctor", dir])
    expect(await atWork).toMatchObject({ exitCode: 0, out: expect.not.stringContaining(left) as string })
    killed.child.kill("SIGKILL")
    await killed.exit()
    expect((await run(["doctor", dir])).out).toContain(`stale: ${left}: was left by a command that was killed`)
    const next = await startExport(dir)
    expect(works(dir)).not.toContain(left)
    expect((await run(["gc", dir])).out).not.toContain("killed commands")
    next.child.kill("SIGKILL")
    await next.exit()
    expect((await run(["gc", dir])).out).toContain(`${dir}: removed what 1 killed commands left`)
    expect(works(dir)).toEqual([])
  })
})

describe("a place that cannot be written to", () => {
  it("is said in one line, and the backup is not called damaged", async () => {
    const dir = await makeStore()
    const file = places.make("b")
    expect((await run(["backup", dir, file])).exitCode).toBe(0)
    const noFolder = places.make("file")
    writeFileSync(noFolder, "")
    for (const words of [
      ["restore", file, join(noFolder, "copy")],
      ["restore", dir, places.make("copy")],
      ["backup", dir, join(noFolder, "b")],
    ]) {
      const { exitCode, err } = await run(words)
      expect({ words, exitCode }).toEqual({ words, exitCode: 69 })
      expect(err).toMatch(/^holdfast: STORE_UNAVAILABLE: .*\n$/)
    }
  })

  it.runIf(isRoot)("as it is full is STORE_FULL, and what was not whole is gone (S5)", async () => {
    const dir = await makeStore()
    const file = places.make("b")
    expect((await run(["backup", dir, file])).exitCode).toBe(0)
    const exported = await run(["export", dir])
    const mounted = mkdtempSync(join(tmpdir(), "holdfast-full-"))
    expect(spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", mounted]).status).toBe(0)
    onTestFinished(() => {
      spawnSync("umount", ["-l", mounted])
      rmSync(mounted, { recursive: true })
    })
    const restored = await run(["restore", file, join(mounted, "copy")])
    expect(restored).toMatchObject({ exitCode: 73, err: expect.stringContaining("ENOSPC") as string })
    expect(readdirSync(mounted)).toEqual([])
    const imported = await run(["import", join(mounted, "copy")], exported.out)
    expect(imported).toMatchObject({ exitCode: 73, err: expect.stringContaining("make room") as string })
    expect(works(join(mounted, "copy"))).toEqual([])
    expect(existsSync(join(mounted, "copy", "journal.db"))).toBe(true)
    expect(readFileSync(file).length).toBeGreaterThan(4_000_000)
  })
})
