import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { open } from "holdfast"
import { describe, expect, it, onTestFinished } from "vitest"
import { openStore, StoreAhead } from "./open-store.ts"

function world(): { readonly url: string; readonly folder: string; readonly label: string } {
  const folder = mkdtempSync(join(tmpdir(), "imgql-ahead-"))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return { url: "file:store", folder, label: "test" }
}

/** Who has the store open, besides who asks. */
async function usersOf(folder: string): Promise<readonly string[]> {
  const store = await open(`file:${join(folder, "store")}`, { label: "look" })
  const { sessions } = await store.inspect()
  await store.close()
  return sessions.map(({ label }) => label).filter((label) => label !== "look")
}

describe("a store that is opened ahead", () => {
  it("is none where there is none yet, and makes none", () => {
    const options = world()
    expect([StoreAhead.open(options), existsSync(join(options.folder, "store"))]).toEqual([null, false])
    expect(StoreAhead.open({ ...options, url: "memory:" })).toBeNull()
  })

  it("is whose who takes it, once, and stays open when it is left", async () => {
    const options = world()
    await (await openStore(options)).close()
    const ahead = StoreAhead.open(options)
    const store = await ahead?.take()
    await ahead?.leave()
    expect(await usersOf(options.folder)).toEqual(["test"])
    await expect(ahead?.take()).rejects.toThrow("taken once")
    await store?.close()
  })

  it("is closed where nobody takes it", async () => {
    const options = world()
    await (await openStore(options)).close()
    await StoreAhead.open(options)?.leave()
    expect(await usersOf(options.folder)).toEqual([])
  })

  it("fails for who takes it, and for nobody else", async () => {
    const options = { ...world(), url: `file:${import.meta.filename}` }
    const [taken, left] = [StoreAhead.open(options), StoreAhead.open(options)]
    await expect(taken?.take()).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" })
    await left?.leave()
  })
})
