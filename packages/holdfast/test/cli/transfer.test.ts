/** `holdfast export` and `import`: nothing is lost on the way, and nothing that is not whole is taken. */
import { createHash } from "node:crypto"
import { readdirSync, rmSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it, vi } from "vitest"
import { systemEnv } from "../../src/env/index.ts"
import { exportStore, findFolder } from "../../src/stores/embedded/index.ts"
import { BuiltCommand } from "./built-command.ts"
import { open } from "./built-open.ts"
import { usePlaces } from "./places.ts"
import { run } from "./recorded-console.ts"

const places = usePlaces()

const VALUES: Readonly<Record<string, unknown>> = {
  null: null,
  true: true,
  text: "Text with \u{1F600}, \0 and \u2028",
  "whole number": 7,
  fraction: 0.1,
  "-0": -0,
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  bigint: 2n ** 80n,
  date: new Date(1_700_000_000_000),
  bytes: Uint8Array.of(0, 1, 255),
  floats: Float64Array.of(0.5, Number.NaN),
  map: new Map<unknown, unknown>([
    ["a", 1],
    [2, { b: [3] }],
  ]),
  set: new Set([1, "1"]),
  object: { b: [1, { c: "d" }], a: { "": null } },
  "number in an object": { cbor: "x", json: 1, number: "NaN" },
  large: "y".repeat(500_000),
}

/** A store with every kind of value, a deleted cell, a limit, and runs of several states; its keeper is killed. */
async function makeStore(): Promise<{ readonly dir: string; readonly text: string }> {
  const dir = places.make()
  const keeper = await places.keep(dir)
  const hf = await open(`file:${dir}`)
  for (const [name, value] of Object.entries(VALUES)) await hf.cell(name).set(value)
  await hf.cell("gone").set(1)
  await hf.cell("gone").delete()
  await hf.cell("thrice").set(1)
  await hf.cell("thrice").set(2)
  await hf.cell("thrice").set(3)
  await (await hf.semaphore("permits", 3).acquire()).release()
  const echo = hf.operation("echo", { version: 2, effects: "pure", run: (_ctx, value: unknown) => value })
  await echo(VALUES["map"])
  await echo(VALUES["large"])
  const failing = hf.operation("failing", {
    version: 1,
    effects: "once",
    run: () => {
      throw new TypeError("on purpose \ud800")
    },
  })
  await failing().catch(() => undefined)
  const waiting = hf.operation("waiting", { version: 1, effects: "idempotent", run: () => undefined })
  await hf.start(waiting, [])
  await hf.close()
  const { exitCode, out, err } = await run(["export", dir])
  expect({ exitCode, err }).toEqual({ exitCode: 0, err: "" })
  keeper.child.kill("SIGKILL")
  await keeper.exit()
  return { dir, text: out }
}

function largeFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true })
    .map(String)
    .filter((name) => name.length > 60)
}

/** All but what tells one export from another. */
function contentsOf(text: string): string[] {
  return text
    .split("\n")
    .filter((line) => line !== "" && !/^\{"(?:holdfast|end)"/.test(line))
    .toSorted()
}

describe("holdfast export and import", () => {
  it("carry every kind of value, versions, limits and runs over, byte for byte (C1, O2)", async () => {
    const { text } = await makeStore()
    const copy = places.make("copy")
    expect(await run(["import", copy], text)).toMatchObject({ exitCode: 0, err: "" })
    expect(contentsOf((await run(["export", copy])).out)).toEqual(contentsOf(text))
    expect(await run(["doctor", copy])).toMatchObject({ exitCode: 0, out: `${copy}\nnothing found\n` })
    await places.keep(copy)
    const hf = await open(`file:${copy}`)
    for (const [name, value] of Object.entries(VALUES)) expect(await hf.cell(name).get()).toEqual(value)
    expect(await hf.cell("gone").get()).toBe(undefined)
    const echo = hf.operation("echo", {
      version: 2,
      effects: "pure",
      run: (_ctx, _value: unknown): unknown => {
        throw new Error("it was computed before")
      },
    })
    expect(await echo(VALUES["map"])).toEqual(VALUES["map"])
    expect(await hf.runs({ status: "failed" })).toMatchObject([{ operation: "failing" }])
    expect(await hf.runs({ status: "pending" })).toMatchObject([{ operation: "waiting" }])
    await hf.close()
  })

  it("are of one moment: what is changed and gone while somebody reads is there to the end (S2)", async () => {
    const dir = places.make()
    await places.keep(dir)
    const hf = await open(`file:${dir}`)
    const texts = ["1", "2", "3"].map((digit) => digit.repeat(500_000))
    for (const [at, text] of texts.entries()) await hf.cell(`c/${String(at)}`).set(text)
    const lines: string[] = []
    for await (const line of exportStore(findFolder(dir, systemEnv), systemEnv)) {
      lines.push(line)
      if (lines.length > 1) continue
      for (const at of texts.keys()) await hf.cell(`c/${String(at)}`).set("changed since")
      await vi.waitUntil(() => largeFiles(join(dir, "blobs")).length === 0, { timeout: 30_000, interval: 20 })
    }
    const copy = places.make("copy")
    expect(await run(["import", copy], lines.join(""))).toMatchObject({ exitCode: 0, err: "" })
    const other = await open(`file:${copy}`)
    for (const [at, text] of texts.entries()) expect(await other.cell(`c/${String(at)}`).get()).toBe(text)
    await other.close()
    await hf.close()
    expect(readdirSync(dir).filter((name) => name.startsWith("export-"))).toEqual([])
  })

  it("write values as JSON where that is all they are", async () => {
    const { text } = await makeStore()
    const lines = text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { cell?: { name: string; value: unknown } })
    const packed = new Map(lines.flatMap(({ cell }) => (cell === undefined ? [] : [[cell.name, cell.value]])))
    expect(packed.get("object")).toEqual({ json: VALUES["object"] })
    expect(packed.get("whole number")).toEqual({ json: 7 })
    expect(packed.get("-0")).toEqual({ number: "-0" })
    expect(packed.get("map")).toHaveProperty("cbor")
    expect(packed.get("gone")).toBe(null)
  })

  it("refuse what is cut off, altered, newer, or no export, and leave the store as it was (S2)", async () => {
    const { text } = await makeStore()
    const lines = text.trimEnd().split("\n")
    const copy = places.make("copy")
    const cases: readonly (readonly [string, number])[] = [
      ["", 2],
      ["{}\n", 2],
      [lines.slice(0, -1).join("\n"), 74],
      [text.slice(0, -200), 74],
      [[...lines.slice(0, 3), ...lines.slice(4)].join("\n"), 74],
      [text.replace('"json":7', '"json":8'), 74],
      [`${text}${lines[1] ?? ""}\n`, 74],
      [text.replace('"format":1', '"format":2'), 78],
    ]
    for (const [input, code] of cases) {
      expect({ code: (await run(["import", copy], input)).exitCode, input: input.slice(0, 50) }).toEqual({
        code,
        input: input.slice(0, 50),
      })
    }
    expect(contentsOf((await run(["export", copy])).out)).toEqual([])
    expect((await run(["import", copy], text)).exitCode).toBe(0)
  })

  it("go into a store that holds something only to be merged: newer versions win, and what is open stays", async () => {
    const { dir, text } = await makeStore()
    expect(await run(["import", dir], text)).toMatchObject({ exitCode: 2 })
    const keeper = await places.keep(dir)
    const hf = await open(`file:${dir}`)
    await hf.cell("thrice").set("newer here")
    await hf.cell("only here").set(1)
    await hf.close()
    const busy = await run(["import", dir, "--merge"], text)
    expect(busy.exitCode).toBe(69)
    expect(busy.err).toContain(`process ${String(keeper.pid)} keeps it`)
    keeper.child.kill("SIGTERM")
    await keeper.exit()
    const unchanged = await run(["import", dir, "--merge"], text)
    expect(unchanged.out).toContain("imported 0 cells, 0 runs and 0 limits")
    const fresh = places.make("other")
    await places.keep(fresh)
    const other = await open(`file:${fresh}`)
    await other.cell("thrice").set("older there")
    await other.cell("only there").set(2)
    await other.close()
    const merged = await run(["import", dir, "--merge"], (await run(["export", fresh])).out)
    expect(merged.out).toContain("imported 1 cells, 0 runs and 0 limits")
    await places.keep(dir)
    const again = await open(`file:${dir}`)
    expect(await again.cell("thrice").get()).toBe("newer here")
    expect(await again.cell("only here").get()).toBe(1)
    expect(await again.cell("only there").get()).toBe(2)
    await again.close()
  })

  it("give no rows without the large values that these name (S2)", async () => {
    const { dir, text } = await makeStore()
    const store = findFolder(dir, systemEnv)
    const reading = exportStore(store, systemEnv)
    await reading.next()
    // As a repair does with what a process that is gone left behind.
    for (const name of readdirSync(dir)) if (name.startsWith("export-")) rmSync(join(dir, name), { recursive: true })
    await expect(reading.next()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" })
    const rows = text.split("\n").filter((line) => line !== "" && !line.startsWith('{"blob"'))
    const lacking = `${rows.slice(0, -1).join("\n")}\n`
    const { end } = JSON.parse(rows.at(-1) ?? "") as { readonly end: object } // The trailer of an export.
    const sha256 = createHash("sha256").update(lacking).digest("hex")
    const copy = places.make("lacking")
    const refused = await run(["import", copy], `${lacking}${JSON.stringify({ end: { ...end, sha256 } })}\n`)
    expect(refused.err).toContain("is missing or of another length")
    expect((await run(["import", copy], text)).exitCode).toBe(0)
  })

  it("end in peace where nobody reads on", async () => {
    const { dir } = await makeStore()
    const command = new BuiltCommand(["export", dir])
    command.child.stdout?.destroy()
    expect(await command.exit()).toBe(0)
    expect(command.err).toBe("")
  })
})
