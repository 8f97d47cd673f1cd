/** `holdfast backup` and `restore`: of a store at work, into another place, and of files that are no whole backup. */
import { execFileSync } from "node:child_process"
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { runBuilt } from "./built-command.ts"
import { open } from "./built-open.ts"
import { usePlaces } from "./places.ts"
import { run } from "./recorded-console.ts"

const places = usePlaces()

describe("holdfast backup and restore", () => {
  it("under write load hold everything acknowledged before the backup began, and pass the doctor (S2, S3)", async () => {
    const dir = places.make()
    await places.keep(dir)
    const hf = await open(`file:${dir}`)
    const large = "x".repeat(100_000)
    await hf.cell("large").set(large)
    const over = new AbortController()
    const acknowledged: number[] = []
    const write = async (writer: number): Promise<void> => {
      for (let count = 1; !over.signal.aborted; count++) {
        await hf.cell(`w/${String(writer)}`).set(count)
        acknowledged[writer] = count
      }
    }
    const writers = Array.from({ length: 8 }, (_, writer) => write(writer))
    while (acknowledged.filter(Boolean).length < 8) await hf.inspect()
    const before = [...acknowledged]
    const held = await hf.lock("token").acquire()
    const file = places.make("store.backup")
    const backup = await runBuilt(["backup", dir, file])
    expect(backup).toMatchObject({ exitCode: 0, err: "" })
    over.abort()
    await Promise.all(writers)
    await hf.close()
    expect(readdirSync(dir).filter((name) => name.startsWith("backup-"))).toEqual([])
    const copy = places.make("copy")
    expect(await run(["restore", file, copy])).toMatchObject({ exitCode: 0, err: "" })
    expect(await run(["doctor", copy])).toEqual({ exitCode: 0, out: `${copy}\nnothing found\n`, err: "" })
    await places.keep(copy)
    const restored = await open(`file:${copy}`)
    for (const [writer, count] of before.entries()) {
      expect(Number(await restored.cell(`w/${String(writer)}`).get())).toBeGreaterThanOrEqual(count)
    }
    expect(await restored.cell("large").get()).toBe(large)
    // No token of the store it was is handed out again.
    expect((await restored.lock("token").acquire()).token).toBeGreaterThan(held.token + 1e9)
    await restored.close()
  })

  it("are made while large values come and go all the time, without a word about it (S2, S3)", async () => {
    const dir = places.make()
    await places.keep(dir)
    const hf = await open(`file:${dir}`)
    const over = new AbortController()
    const counts = [0, 0, 0, 0]
    const churn = async (writer: number): Promise<void> => {
      for (; !over.signal.aborted; counts[writer] = (counts[writer] ?? 0) + 1) {
        const text = `${String(writer)}/${String(counts[writer])} `
        await hf.cell(`w/${String(writer)}`).set(text.repeat(9_000))
      }
    }
    const writers = counts.map((_, writer) => churn(writer))
    const copy = places.make("copy")
    for (let time = 0; time < 3; time += 1) {
      const before = [...counts]
      const file = places.make("store.backup")
      expect(await runBuilt(["backup", dir, file])).toMatchObject({ exitCode: 0, err: "" })
      // Values went on coming meanwhile, and those of before have gone.
      expect(counts.every((count, writer) => count > (before[writer] ?? 0))).toBe(true)
      rmSync(copy, { recursive: true, force: true })
      expect(await run(["restore", file, copy])).toMatchObject({ exitCode: 0, err: "" })
      expect(await run(["doctor", copy])).toEqual({ exitCode: 0, out: `${copy}\nnothing found\n`, err: "" })
      const exported = await runBuilt(["export", dir])
      expect(exported).toMatchObject({ exitCode: 0, err: "" })
    }
    over.abort()
    await Promise.all(writers)
    await hf.close()
    expect(readdirSync(dir).filter((name) => /^(?:backup|export)-/.test(name))).toEqual([])
  })

  it("replace nothing that is there", async () => {
    const dir = places.make()
    await places.keep(dir)
    const file = places.make("b")
    writeFileSync(file, "mine")
    expect(await run(["backup", dir, file])).toMatchObject({ exitCode: 2 })
    expect(readFileSync(file, "utf8")).toBe("mine")
    const other = places.make("b")
    expect((await run(["backup", dir, other])).exitCode).toBe(0)
    const refused = await run(["restore", other, dir])
    expect(refused.exitCode).toBe(2)
    expect(refused.err).toContain("must be restored into an empty place")
  })

  it("refuse a file that is cut off, altered, or something else, and leave nothing (S2)", async () => {
    const dir = places.make()
    const keeper = await places.keep(dir)
    const hf = await open(`file:${dir}`)
    await hf.cell("x").set("value")
    await hf.close()
    const file = places.make("b")
    expect((await run(["backup", dir, file])).exitCode).toBe(0)
    keeper.child.kill("SIGKILL")
    const whole = readFileSync(file)
    const copy = places.make("copy")
    const flipped = Buffer.from(whole)
    flipped[Math.floor(whole.length / 2)] = (flipped[Math.floor(whole.length / 2)] ?? 0) ^ 1
    const cases = [
      [whole.subarray(0, whole.length / 2), 74],
      [flipped, 74],
      [Buffer.from("no backup at all, and not even a tar file"), 74],
    ] as const
    for (const [contents, code] of cases) {
      const bad = places.make("bad")
      writeFileSync(bad, contents)
      expect((await run(["restore", bad, copy])).exitCode).toBe(code)
      expect(existsSync(copy)).toBe(false)
    }
    const stranger = places.make("tar")
    execFileSync("tar", ["cf", stranger, "-C", dir, "live.log"])
    expect((await run(["restore", stranger, copy])).exitCode).toBe(2)
    expect((await run(["restore", join(dir, "none"), copy])).exitCode).toBe(2)
    expect(readdirSync(join(copy, ".."))).toEqual([])
  })

  it("make nothing of a store that has lost a large value, and say which (S2)", async () => {
    const dir = places.make()
    const keeper = await places.keep(dir)
    const hf = await open(`file:${dir}`)
    await hf.cell("large").set("x".repeat(100_000))
    await hf.close()
    const whole = places.make("whole")
    expect((await run(["backup", dir, whole])).exitCode).toBe(0)
    const blobs = join(dir, "blobs")
    const [name = ""] = readdirSync(blobs, { recursive: true })
      .map(String)
      .filter((each) => each.length > 60)
    rmSync(join(blobs, name))
    const file = places.make("b")
    const refused = await run(["backup", dir, file])
    expect(refused.exitCode).toBe(74)
    expect(refused.err).toContain(`the large value ${name.slice(3)} of 100005 bytes should be in "${dir}"`)
    expect(existsSync(file)).toBe(false)
    expect(readdirSync(dir).filter((each) => each.startsWith("backup-"))).toEqual([])
    const exported = await run(["export", dir])
    expect(exported.exitCode).toBe(74)
    expect(exported.err).toContain(`the large value ${name.slice(3)}`)
    keeper.child.kill("SIGKILL")
    // A backup whose own list says that it has none, though its journal names one.
    const unpacked = places.make("unpacked")
    mkdirSync(unpacked)
    execFileSync("tar", ["xf", whole, "-C", unpacked])
    rmSync(join(unpacked, "blobs", name))
    const list = join(unpacked, "holdfast-backup.json")
    writeFileSync(list, readFileSync(list, "utf8").replace('"count": 1', '"count": 0'))
    execFileSync("tar", ["cf", file, "-C", unpacked, "holdfast-backup.json", "journal.db", "blobs"])
    const copy = places.make("copy")
    const restored = await run(["restore", file, copy])
    expect(restored.exitCode).toBe(74)
    expect(restored.err).toContain(`blob ${name.slice(3)}, which its journal names, is not in it`)
    expect(existsSync(copy)).toBe(false)
  })

  it("gc removes files that were set aside as damaged, once nothing needs them, and says how many (S2)", async () => {
    const dir = places.make()
    await places.keep(dir)
    const hf = await open(`file:${dir}`)
    const draw = hf.operation("draw", { version: 1, effects: "pure", run: () => "d".repeat(100_000) })
    await draw()
    await hf.cell("precious").set("p".repeat(100_000))
    const named = (): string[] =>
      readdirSync(join(dir, "blobs"), { recursive: true })
        .map(String)
        .filter((each) => each.length > 60)
    for (const name of named()) writeFileSync(join(dir, "blobs", name), "altered")
    const other = await open(`file:${dir}`)
    expect(
      await other.operation("draw", { version: 1, effects: "pure", run: () => "d".repeat(100_000) })(),
    ).toHaveLength(100_000)
    const aside = named().filter((name) => name.startsWith("bad"))
    expect(aside).toHaveLength(1)
    // As if whoever found the cell's file damaged had died before it put the file back.
    const [precious = ""] = named().filter(
      (name) => !name.startsWith("bad") && statSync(join(dir, "blobs", name)).size < 9,
    )
    renameSync(join(dir, "blobs", precious), join(dir, "blobs", "bad", precious.slice(3)))
    const collected = await run(["gc", dir])
    expect(collected).toMatchObject({ exitCode: 0, err: "" })
    expect(collected.out).toContain("removed 1 damaged files that were set aside and nothing needs")
    expect(readdirSync(join(dir, "blobs", "bad"))).toEqual([precious.slice(3)])
    await hf.cell("precious").set("new")
    expect((await run(["gc", dir])).out).toContain("removed 1 damaged files")
    expect((await run(["gc", dir])).out).not.toContain("damaged")
    expect(readdirSync(join(dir, "blobs", "bad"))).toEqual([])
    await other.close()
    await hf.close()
  })

  it("gc gives back the space of what is gone, while others work", async () => {
    const dir = places.make()
    await places.keep(dir)
    const hf = await open(`file:${dir}`)
    await Promise.all(Array.from({ length: 200 }, (_, index) => hf.cell(`c/${String(index)}`).set("y".repeat(20_000))))
    await Promise.all(Array.from({ length: 200 }, (_, index) => hf.cell(`c/${String(index)}`).set(null)))
    const sizesOf = async (): Promise<{ journalBytes: number; walBytes: number }> =>
      (JSON.parse((await run(["inspect", dir, "--json"])).out) as { sizes: { journalBytes: number; walBytes: number } })
        .sizes
    expect((await run(["gc", dir])).exitCode).toBe(0)
    const checkpointed = await sizesOf()
    expect(checkpointed.walBytes).toBe(0)
    expect((await run(["gc", dir, "--vacuum"])).exitCode).toBe(0)
    expect((await sizesOf()).journalBytes).toBeLessThan(checkpointed.journalBytes / 2)
    await hf.cell("after").set(1)
    expect(await hf.cell("c/7").get()).toBe(null)
    await hf.close()
  })

  it("gc forgets the oldest results that can be computed again, down to a bound and no further (O9)", async () => {
    const dir = places.make()
    await places.keep(dir)
    const hf = await open(`file:${dir}`)
    const calls: number[] = []
    const draw = hf.operation("draw", {
      version: 1,
      effects: "pure",
      run: (_, seed: number) => {
        calls.push(seed)
        return String(seed).repeat(100_000)
      },
    })
    await hf.cell("precious").set("p".repeat(100_000))
    for (const seed of [1, 2, 3]) await draw(seed)
    const { exitCode, out } = await run(["gc", dir, "--max-bytes", "250000"])
    expect(exitCode).toBe(0)
    expect(out).toContain("forgot 2 results of 195.3 KiB that can be computed again")
    expect((await hf.inspect()).blobs.count).toBe(2)
    expect([await draw(3), await draw(1)].map((text) => text.length)).toEqual([100_000, 100_000])
    expect(calls).toEqual([1, 2, 3, 1])
    // More than that goes nowhere: nothing can make the cell's value again.
    expect((await run(["gc", dir, "--max-bytes", "0"])).out).toContain("forgot 2 results")
    expect(await hf.cell("precious").get()).toHaveLength(100_000)
    for (const bad of ["-1", "1.5", "much", ""]) {
      const refused = await run(["gc", dir, `--max-bytes=${bad}`])
      expect(refused).toMatchObject({ exitCode: 2, out: "" })
      expect(refused.err).toContain("--max-bytes takes a whole number of bytes")
    }
    await hf.close()
  })
})
