/** `holdfast doctor`: what it finds in a store, what it mends, and that it ends no process but a keeper that is stuck. */
import { spawn } from "node:child_process"
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import Database from "better-sqlite3"
import { describe, expect, it } from "vitest"
import { open } from "./built-open.ts"
import { usePlaces } from "./places.ts"
import { run } from "./recorded-console.ts"

const places = usePlaces()

/** A store with a row in every table, closed. */
async function makeStore(): Promise<string> {
  const dir = places.make()
  const keeper = await places.keep(dir)
  const hf = await open(`file:${dir}`)
  await hf.cell("x").set({ a: 1 })
  await hf.semaphore("permits", 3).try()
  const square = hf.operation("square", { version: 1, effects: "pure", run: (_ctx, x: number) => x * x })
  await square(3)
  await hf.close()
  keeper.child.kill("SIGTERM")
  await keeper.exit()
  return dir
}

function contentsOf(dir: string): string {
  const files = readdirSync(dir).filter((name) => statSync(join(dir, name)).isFile() && !name.endsWith("-shm"))
  return files.map((name) => `${name} ${readFileSync(join(dir, name)).toString("base64")}`).join("\n")
}

describe("holdfast doctor", () => {
  it("finds nothing in a sound store, and changes nothing", async () => {
    const dir = await makeStore()
    const before = contentsOf(dir)
    expect(await run(["doctor", dir])).toEqual({ exitCode: 0, out: `${dir}\nnothing found\n`, err: "" })
    expect(contentsOf(dir).replaceAll(/journal\.db-wal \n?/g, "")).toBe(before.replaceAll(/journal\.db-wal \n?/g, ""))
  })

  it("works on a store that is open, says who keeps it, and repairs it only when it is closed", async () => {
    const dir = await makeStore()
    const keeper = await places.keep(dir)
    const { exitCode, out } = await run(["doctor", dir])
    expect({ exitCode, out }).toEqual({
      exitCode: 0,
      out: `${dir}\nkept by process ${String(keeper.pid)} (running)\nnothing found\n`,
    })
    const refused = await run(["doctor", dir, "--repair"])
    expect(refused).toMatchObject({ exitCode: 69, out: "" })
    expect(refused.err).toContain(`must be closed to be repaired, but process ${String(keeper.pid)} keeps it`)
  })

  it.each([
    ["cells", "UPDATE cells SET value = x'00'", "cells x: the checksum does not match the row"],
    ["runs", "UPDATE runs SET attempt = 9", "the checksum does not match the row"],
    ["limits", "UPDATE limits SET permits = 4", "limits permits: the checksum does not match the row"],
    ["meta", "UPDATE meta SET value = '9' WHERE key = 'token_ceiling'", "token_ceiling"],
    ["replies", "INSERT INTO replies VALUES ('c', 1, x'00', 0)", "replies c 1: the checksum does not match the row"],
  ])("names what is altered in %s, and leaves it as it is even where it repairs (S2)", async (_table, change, what) => {
    const dir = await makeStore()
    const database = new Database(join(dir, "journal.db"))
    database.exec(change)
    database.close()
    for (const words of [
      ["doctor", dir],
      ["doctor", dir, "--repair"],
    ]) {
      const { exitCode, out } = await run(words)
      expect(exitCode).toBe(74)
      expect(out).toContain(what)
      expect(out).toContain("restore a backup")
    }
  })

  it("computes counts anew, closes the store to others and removes what is left behind, where it is to repair", async () => {
    const dir = await makeStore()
    const database = new Database(join(dir, "journal.db"))
    database.exec("UPDATE counts SET count = count + 1 WHERE status = 'completed'")
    database.close()
    chmodSync(join(dir, "journal.db"), 0o644)
    writeFileSync(join(dir, "keeper.json"), "{", { mode: 0o600 })
    writeFileSync(join(dir, "live.log.new"), "", { mode: 0o600 })
    const found = await run(["doctor", dir, "--json"])
    expect(found.exitCode).toBe(74)
    const keys = (JSON.parse(found.out) as { findings: { key: string }[] }).findings.map(({ key }) => key)
    expect(keys.toSorted()).toEqual(["journal.db", "keeper.json", "live.log.new", "square 1 completed"])
    const repaired = await run(["doctor", dir, "--repair"])
    expect(repaired.exitCode).toBe(0)
    // SQLite makes its log and the log's index with the mode of the database, so these two may be found as well.
    expect(repaired.out).toMatch(/^[456] found, all of it repaired$/m)
    expect(await run(["doctor", dir])).toMatchObject({ exitCode: 0, out: `${dir}\nnothing found\n` })
  })

  it("ends a keeper that is stopped, and its clients go on with the next (L2)", async () => {
    const dir = places.make()
    const keeper = await places.keep(dir)
    const hf = await open(`file:${dir}`)
    await hf.cell("x").set(1)
    const grant = await hf.lock("a").acquire()
    await keeper.freeze()
    const read = hf.cell("x").get()
    const { exitCode, out } = await run(["doctor", dir, "--evict"])
    expect(exitCode).toBe(0)
    expect(out).toContain(`ended process ${String(keeper.pid)}, which kept the store`)
    expect(await keeper.exit()).toBe("SIGKILL")
    expect(await read).toBe(1)
    expect(grant.isHeld).toBe(true)
    await hf.close()
  })

  it("leaves a keeper that answers alone, unless it is forced", async () => {
    const dir = places.make()
    const keeper = await places.keep(dir)
    const refused = await run(["doctor", dir, "--evict"])
    expect(refused).toMatchObject({ exitCode: 2, out: "" })
    expect(refused.err).toContain(`process ${String(keeper.pid)}, which keeps "${dir}", answers; add --force`)
    expect(keeper.child.exitCode).toBe(null)
    expect((await run(["doctor", dir, "--evict", "--force"])).exitCode).toBe(0)
    expect(await keeper.exit()).toBe("SIGKILL")
  })

  it("never ends a process that does not hold the keeper's lock, whatever the announcement says", async () => {
    const dir = await makeStore()
    const bystander = spawn("sleep", ["60"])
    const announced = {
      protocol: 1,
      socket: join(dir, "no.sock"),
      instance: "i",
      incarnation: "k",
      pid: bystander.pid,
      startTime: null,
      build: "b",
      bootId: null,
    }
    writeFileSync(join(dir, "keeper.json"), JSON.stringify(announced), { mode: 0o600 })
    const { exitCode, out } = await run(["doctor", dir, "--evict", "--force"])
    expect(exitCode).toBe(0)
    expect(out).toContain("nobody keeps the store, so nobody was ended")
    // Of two keepers it is the one that holds the lock, not the one that is announced.
    const keeper = await places.keep(dir)
    writeFileSync(join(dir, "keeper.json"), JSON.stringify(announced), { mode: 0o600 })
    await keeper.freeze()
    expect((await run(["doctor", dir, "--evict"])).out).toContain(`ended process ${String(keeper.pid)}`)
    expect(bystander.exitCode).toBe(null)
    bystander.kill()
  })

  it("makes nothing where no store is", async () => {
    const dir = places.make()
    expect(await run(["doctor", dir, "--repair"])).toMatchObject({ exitCode: 69, out: "" })
  })
})
