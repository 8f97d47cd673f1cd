/** `holdfast doctor`: what it finds in a store, what it mends, and that it ends no process but a keeper that is stuck. */
import { spawn } from "node:child_process"
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs"
import { join } from "node:path"
import Database from "better-sqlite3"
import { describe, expect, it } from "vitest"
import { systemEnv } from "../../src/env/index.ts"
import type { Holdfast } from "../../src/index.ts"
import { ClientLock } from "../../src/stores/embedded/folder/client-lock.ts"
import { openFolder } from "../../src/stores/embedded/folder/folder.ts"
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

function draw(hf: Holdfast, calls: number[] = []) {
  return hf.operation("draw", {
    version: 1,
    effects: "pure",
    run: (_, seed: number) => {
      calls.push(seed)
      return String(seed).repeat(50_000)
    },
  })
}

/** A store with three large values, closed, and the files they are in. */
async function makeLargeStore(): Promise<{ dir: string; fileOf: Record<"cell" | "pure" | "once", string> }> {
  const dir = places.make()
  const hf = await open(`file:${dir}`)
  await hf.cell("precious").set("p".repeat(50_000))
  await draw(hf)(1)
  await hf.operation("charge", { version: 1, effects: "once", run: () => "c".repeat(50_000) })()
  await hf.close()
  const database = new Database(join(dir, "journal.db"), { readonly: true })
  const fileWhere = (condition: string): string => {
    const digest = database.prepare<[], string>(`SELECT digest FROM blob_refs WHERE ${condition}`).pluck().get() ?? ""
    return join(dir, "blobs", digest.slice(0, 2), digest)
  }
  const isRun = "CAST(owner AS TEXT) LIKE 'run:%'"
  const fileOf = {
    cell: fileWhere(`NOT ${isRun}`),
    pure: fileWhere("is_evictable = 1"),
    once: fileWhere(`${isRun} AND is_evictable = 0`),
  }
  database.close()
  return { dir, fileOf }
}

const damages = {
  flipped: (path: string) => {
    const bytes = readFileSync(path)
    bytes[20_000] = (bytes[20_000] ?? 0) ^ 1
    writeFileSync(path, bytes)
  },
  truncated: (path: string) => truncateSync(path, 20_000),
  removed: (path: string) => rmSync(path),
}

function contentsOf(dir: string): string {
  const files = readdirSync(dir).filter((name) => statSync(join(dir, name)).isFile() && !name.endsWith("-shm"))
  return files.map((name) => `${name} ${readFileSync(join(dir, name)).toString("base64")}`).join("\n")
}

describe("holdfast doctor", () => {
  it("names a journal that is none, whatever lies beside it (S2)", async () => {
    const dir = await makeStore()
    writeFileSync(join(dir, "journal.db"), "no database\n")
    const { exitCode, out, err } = await run(["doctor", dir])
    expect({ exitCode, err }).toEqual({ exitCode: 74, err: "" })
    expect(out).toContain("is no SQLite database")
  })

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
    ["removed", (path: string) => rmSync(path)],
    [
      "removed and made again",
      (path: string) => {
        rmSync(path)
        writeFileSync(path, "", { mode: 0o600 })
      },
    ],
  ])(
    "repairs nothing where a keeper lives whose lock file was %s, and ends it where it is stopped (L1, S3)",
    async (_, change) => {
      const dir = await makeStore()
      const keeper = await places.keep(dir)
      // Stopped, it cannot hear of it.
      await keeper.freeze()
      change(join(dir, "keeper.lock"))
      const looked = await run(["doctor", dir])
      expect(looked.out).toContain(`kept by process ${String(keeper.pid)} (frozen)`)
      for (let time = 1; time <= 2; time += 1) {
        const refused = await run(["doctor", dir, "--repair"])
        expect(refused).toMatchObject({ exitCode: 69, out: "" })
        expect(refused.err).toContain(`must be closed to be repaired, but process ${String(keeper.pid)} keeps it`)
      }
      const { exitCode, out } = await run(["doctor", dir, "--evict", "--repair"])
      expect(out).toContain(`ended process ${String(keeper.pid)}, which kept the store`)
      expect(exitCode).toBe(0)
      expect(await keeper.exit()).toBe("SIGKILL")
    },
  )

  it("repairs nothing where a program has the store open that no keeper serves, and names it", async () => {
    const dir = await makeStore()
    const client = ClientLock.take(openFolder(dir, systemEnv), systemEnv)
    const refused = await run(["doctor", dir, "--repair"])
    client.close()
    expect(refused).toMatchObject({ exitCode: 69, out: "" })
    expect(refused.err).toContain(`must be closed to be repaired, but process ${String(process.pid)} has it open`)
    expect((await run(["doctor", dir, "--repair"])).exitCode).toBe(0)
  })

  it("repairs a store that was copied without its lock files", async () => {
    const dir = await makeStore()
    for (const name of ["keeper.lock", "clients.lock"]) rmSync(join(dir, name), { force: true })
    expect(await run(["doctor", dir])).toMatchObject({ exitCode: 0, out: `${dir}\nnothing found\n` })
    expect(await run(["doctor", dir, "--repair"])).toMatchObject({ exitCode: 0, out: `${dir}\nnothing found\n` })
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
    chmodSync(dir, 0o777)
    writeFileSync(join(dir, "keeper.json"), "{", { mode: 0o600 })
    writeFileSync(join(dir, "live.log.new"), "", { mode: 0o600 })
    const found = await run(["doctor", dir, "--json"])
    expect(found.exitCode).toBe(74)
    const keys = (JSON.parse(found.out) as { findings: { key: string }[] }).findings.map(({ key }) => key)
    expect(keys.toSorted()).toEqual([dir, "journal.db", "keeper.json", "live.log.new", "square 1 completed"])
    const repaired = await run(["doctor", dir, "--repair"])
    expect(repaired.exitCode).toBe(0)
    // SQLite makes its log and the log's index with the mode of the database, so these two may be found as well.
    expect(repaired.out).toMatch(/^[567] found, all of it repaired$/m)
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

  it.each(Object.entries(damages))(
    "forgets a result that can be computed again, where its file is %s, and nothing else (O9, S2)",
    async (_, damage) => {
      const { dir, fileOf } = await makeLargeStore()
      damage(fileOf.pure)
      const found = await run(["doctor", dir])
      expect(found.exitCode).toBe(74)
      expect(found.out).toMatch(
        /derived: blobs [0-9a-f]{64}: .*; a repair forgets 1 results, which can be computed again/,
      )
      const repaired = await run(["doctor", dir, "--repair"])
      expect(repaired.exitCode).toBe(0)
      expect(repaired.out).toContain("forgot 1 results, which can be computed again")
      expect(existsSync(fileOf.pure)).toBe(false)
      expect(await run(["doctor", dir])).toMatchObject({ exitCode: 0, out: `${dir}\nnothing found\n` })
      const hf = await open(`file:${dir}`)
      const calls: number[] = []
      expect(await draw(hf, calls)(1)).toBe("1".repeat(50_000))
      expect(calls).toEqual([1])
      expect(await hf.cell("precious").get()).toBe("p".repeat(50_000))
      await hf.close()
    },
  )

  it.each(Object.entries(damages))(
    "names who needed a file that nothing can make again, where it is %s, and leaves it (S2)",
    async (name, damage) => {
      const { dir, fileOf } = await makeLargeStore()
      damage(fileOf.cell)
      damage(fileOf.once)
      for (const words of [
        ["doctor", dir],
        ["doctor", dir, "--repair"],
      ]) {
        const { exitCode, out } = await run(words)
        expect(exitCode).toBe(74)
        expect(out).toContain("; cell precious needed it")
        expect(out).toMatch(/; run \S+ needed it/)
        expect(out).toContain("2 found, 0 repaired; what is damaged is named and not served: restore a backup")
      }
      expect([existsSync(fileOf.cell), existsSync(fileOf.once)]).toEqual([name !== "removed", name !== "removed"])
    },
  )

  it("removes files that no row names, those half written and those set aside, and no others (S3)", async () => {
    const { dir, fileOf } = await makeLargeStore()
    const orphan = join(dir, "blobs", "ab", "ab".repeat(32))
    const aside = join(dir, "blobs", "bad", "cd".repeat(32))
    const half = join(dir, "blobs", "new", "somebody.1")
    for (const name of ["ab", "bad"]) mkdirSync(join(dir, "blobs", name), { recursive: true, mode: 0o700 })
    for (const path of [orphan, half, aside]) writeFileSync(path, "rest", { mode: 0o600 })
    const found = await run(["doctor", dir])
    expect(found.exitCode).toBe(0)
    expect(found.out).toContain(`stale: blobs ${"ab".repeat(32)}: no row names this file`)
    expect(found.out).toContain("stale: blobs somebody.1: was being written by a process that is gone")
    expect(found.out).toContain(`stale: blobs ${"cd".repeat(32)}: was set aside as damaged, and nothing needs it`)
    expect([orphan, half, aside].map((path) => existsSync(path))).toEqual([true, true, true])
    expect((await run(["doctor", dir, "--repair"])).out).toContain("3 found, all of it repaired")
    expect([orphan, half, aside].map((path) => existsSync(path))).toEqual([false, false, false])
    for (const path of Object.values(fileOf)) expect(existsSync(path)).toBe(true)
  })

  it.each([
    "DELETE FROM blob_refs",
    "UPDATE blob_refs SET is_evictable = 1",
    "INSERT INTO blob_refs VALUES (x'72756e3a78', 'none', 5, 0, 0)",
    "UPDATE blobs SET refs = refs + 1",
    "UPDATE blob_totals SET bytes = bytes + 1",
  ])("makes the index of large values again of the rows, and keeps their files (S3): %s", async (change) => {
    const { dir, fileOf } = await makeLargeStore()
    const database = new Database(join(dir, "journal.db"))
    database.exec(change)
    database.close()
    const found = await run(["doctor", dir])
    expect(found.exitCode).toBe(74)
    expect(found.out).toContain("derived: blobs: the index of large values ")
    expect(await run(["doctor", dir, "--repair"])).toMatchObject({ exitCode: 0 })
    expect(await run(["doctor", dir])).toMatchObject({ exitCode: 0, out: `${dir}\nnothing found\n` })
    for (const path of Object.values(fileOf)) expect(existsSync(path)).toBe(true)
  })

  it("makes nothing where no store is", async () => {
    const dir = places.make()
    expect(await run(["doctor", dir, "--repair"])).toMatchObject({ exitCode: 69, out: "" })
  })
})
