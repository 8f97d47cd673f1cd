/** `holdfast keeper` as a process: takes turns, drains, and keeps what programs rest on. */
import { readdirSync } from "node:fs"
import { describe, expect, it } from "vitest"
import { runBuilt } from "./built-command.ts"
import { open } from "./built-open.ts"
import { usePlaces } from "./places.ts"

const places = usePlaces()

describe("holdfast keeper", () => {
  it("keeps a store for others, and leaves nothing behind but the store when it is told to end (S1)", async () => {
    const dir = places.make()
    const keeper = await places.keep(dir)
    expect(keeper.out).toMatch(new RegExp(`^keeping ${dir} \\(process ${String(keeper.pid)}, build [^)]+\\)\\n$`))
    const hf = await open(`file:${dir}`)
    await hf.cell("x").set(1)
    await hf.close()
    keeper.child.kill("SIGTERM")
    expect(await keeper.exit()).toBe(0)
    expect(keeper.err).toBe("")
    expect(readdirSync(dir)).not.toContain("keeper.json")
  })

  it.each(["SIGTERM", "SIGINT"] as const)(
    "drains on %s under load: what was acknowledged is there, and its clients go on with the next (S1, S4)",
    async (signal) => {
      const dir = places.make()
      const first = await places.keep(dir)
      const second = places.start(["keeper", dir])
      await second.printed(`waiting: process ${String(first.pid)} keeps ${dir}`)
      const hf = await open(`file:${dir}`)
      const acknowledged: number[] = []
      const over = new AbortController()
      const write = async (writer: number): Promise<void> => {
        for (let count = 1; !over.signal.aborted; count++) {
          await hf.cell(`w/${String(writer)}`).update((value) => Number(value ?? 0) + 1)
          acknowledged[writer] = count
        }
      }
      const writers = Array.from({ length: 16 }, (_, writer) => write(writer))
      while (acknowledged.length < 16) await hf.inspect()
      first.child.kill(signal)
      expect(await first.exit()).toBe(0)
      // Whoever keeps it next, a client that stood by or the keeper that waits: what was asked meanwhile is answered.
      await hf.cell("after").set(true)
      over.abort()
      await Promise.all(writers)
      for (const [writer, count] of acknowledged.entries()) {
        expect(await hf.cell(`w/${String(writer)}`).get()).toBe(count)
      }
      await hf.close()
      await second.printed("keeping")
      expect((await runBuilt(["keeper", "--no-wait", dir])).exitCode).toBe(69)
      second.child.kill("SIGTERM")
      expect(await second.exit()).toBe(0)
    },
  )

  it("says at once that another keeps the store where it is not to wait", async () => {
    const dir = places.make()
    const keeper = await places.keep(dir)
    const { exitCode, out, err } = await runBuilt(["keeper", "--no-wait", dir])
    expect({ exitCode, out }).toEqual({ exitCode: 69, out: "" })
    expect(err).toMatch(/^holdfast: STORE_UNAVAILABLE: /)
    expect(err).toContain(`process ${String(keeper.pid)}`)
  })

  it("that waits for its turn ends when it is told to", async () => {
    const dir = places.make()
    await places.keep(dir)
    const second = places.start(["keeper", dir])
    await second.printed("waiting")
    second.child.kill("SIGINT")
    expect(await second.exit()).toBe(0)
  })

  it("takes its turn when the one before is killed (L2)", async () => {
    const dir = places.make()
    const first = await places.keep(dir)
    const second = places.start(["keeper", dir])
    await second.printed("waiting")
    first.child.kill("SIGKILL")
    await second.printed("keeping")
  })
})
