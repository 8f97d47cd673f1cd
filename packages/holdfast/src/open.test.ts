/** Opening a store by its URL. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, relative } from "node:path"
import { describe, expect, it } from "vitest"
import { faultOf, Gate, settle } from "../test/runtime-world.ts"
import { createSimulatedEnv } from "./env/simulated-env.ts"
import { open } from "./open.ts"

describe("open", () => {
  it('"memory:" is a store of the call\'s own, gone when closed', async () => {
    const [one, two] = [await open("memory:"), await open("memory:")]
    await one.lock("a").run(async () => {
      expect(await two.lock("a").run(() => "free")).toBe("free")
    })
    await one.cell("x").set(1)
    expect(await two.cell("x").get()).toBeUndefined()
    await Promise.all([one.close(), two.close()])
  })

  it('"memory:NAME" is one that all who open the name share, until the last has closed it (L1, L6)', async () => {
    const env = createSimulatedEnv({ seed: 1 })
    const [one, two] = [await open("memory:shop", { env }), await open("memory:shop", { env, label: "two" })]
    const other = await open("memory:other", { env })
    await one.cell("x").set("kept")
    const grant = await one.lock("a").acquire()
    expect(await two.lock("a").try()).toBeUndefined()
    expect(await other.lock("a").try()).toBeDefined()
    expect((await two.inspect()).sessions.map(({ label }) => label)).toEqual([`pid ${String(process.pid)}`, "two"])
    const next = two.lock("a").acquire()
    await one.close()
    expect(grant.isHeld).toBe(false)
    expect((await next).isHeld).toBe(true)
    const three = await open("memory:shop", { env })
    expect(await three.cell("x").get()).toBe("kept")
    await Promise.all([two.close(), three.close(), two.close(), other.close()])
    const later = await open("memory:shop", { env })
    expect(await later.cell("x").get()).toBeUndefined()
    await later.close()
    expect(env.pendingTimers).toEqual([])
  })

  it("a store opened by name anew is not forgotten when a straggler of the old one closes (S1)", async () => {
    const env = createSimulatedEnv({ seed: 1 })
    const old = await open("memory:shop", { env })
    const gate = new Gate()
    const stuck = old.lock("a").run(async () => {
      await gate.opened
    })
    const closing = old.close()
    await settle()
    // Still closing, so this is the same store, and it outlives the first.
    const second = await open("memory:shop", { env })
    expect(await second.lock("a").try()).toBeUndefined()
    gate.open()
    await stuck
    await closing
    const third = await open("memory:shop", { env })
    await second.cell("x").set(1)
    expect(await third.cell("x").get()).toBe(1)
    await Promise.all([second.close(), third.close()])
  })

  it('"file:DIR" is one that everybody who opens the folder shares, and stays (L1, L6, S1)', async () => {
    const folder = mkdtempSync(join(tmpdir(), "holdfast-open-"))
    const url = `file:${relative(process.cwd(), join(folder, "store"))}`
    const [one, two] = [await open(url, { label: "one" }), await open(url, { check: true })]
    const grant = await one.lock("a").acquire()
    await one.cell("x").set("kept")
    expect(await two.lock("a").try()).toBeUndefined()
    expect((await two.inspect()).sessions.map(({ label }) => label)).toEqual(["one", `pid ${String(process.pid)}`])
    const next = two.lock("a").acquire()
    await one.close()
    expect(grant.isHeld).toBe(false)
    expect((await next).isHeld).toBe(true)
    await two.close()
    const later = await open(`file:${join(folder, "store")}`)
    expect(await later.cell("x").get()).toBe("kept")
    await later.close()
    rmSync(folder, { recursive: true })
  })

  it("asserts every invariant on demand", async () => {
    const hf = await open("memory:", { check: true })
    await Promise.all([1, 2, 3].map(() => hf.lock("a").run(async () => await hf.cell("x").set(1))))
    await hf.close()
  })

  it.each([
    ["no string", 5, {}, "ARGUMENT_INVALID"],
    ["null", null, {}, "ARGUMENT_INVALID"],
    ["nothing", undefined, {}, "ARGUMENT_INVALID"],
    ["an empty URL", "", {}, "STORE_UNAVAILABLE"],
    ["a store there is not", "redis://localhost", {}, "STORE_UNAVAILABLE"],
    ["a word without a colon", "memory", {}, "STORE_UNAVAILABLE"],
    ["no folder", "file:", {}, "ARGUMENT_INVALID"],
    ["a folder that is none", "file:/dev/null", {}, "STORE_UNAVAILABLE"],
    ["a name that is too long", `memory:${"x".repeat(513)}`, {}, "ARGUMENT_INVALID"],
    ["a name with NUL", "memory:a\0b", {}, "ARGUMENT_INVALID"],
    ["options that are none", "memory:", null, "ARGUMENT_INVALID"],
    ["a label that is no text", "memory:", { label: 5 }, "ARGUMENT_INVALID"],
    ["an empty label", "memory:", { label: "" }, "ARGUMENT_INVALID"],
  ] as const)("refuses %s", async (_, url, options, code) => {
    await faultOf(open(url as never, options as never), code)
  })
})
