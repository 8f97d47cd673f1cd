import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { describe, expect, it, onTestFinished } from "vitest"
import { listFolder } from "./listing.ts"

function makeTree(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "imgql-list-")))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  for (const name of [
    "in/b.nii",
    "in/a.nii",
    "in/.secret.nii",
    "in/.cache/x.nii",
    "in/p1/t1.nii",
    "in/p2/t1.nii",
    "in/p2/deep/t1.nii",
    "out/o.nii",
  ]) {
    mkdirSync(join(folder, name, ".."), { recursive: true })
    writeFileSync(join(folder, name), "")
  }
  symlinkSync(join(folder, "out"), join(folder, "in/link"))
  return folder
}

describe("a folder is listed", () => {
  it.each([
    ["*", false, ["a.nii", "b.nii", "link", "p1", "p2"]],
    ["*.nii", false, ["a.nii", "b.nii"]],
    ["*.nii", true, ["a.nii", "b.nii", "p1/t1.nii", "p2/deep/t1.nii", "p2/t1.nii"]],
    ["*/t1.nii", false, ["p1/t1.nii", "p2/t1.nii"]],
    ["**/t1.nii", false, ["p1/t1.nii", "p2/deep/t1.nii", "p2/t1.nii"]],
    ["p2/**", false, ["p2/deep", "p2/deep/t1.nii", "p2/t1.nii"]],
    [".*", false, [".cache", ".secret.nii"]],
    [".cache/*", false, [".cache/x.nii"]],
    ["link/*", false, []],
    ["nothing", false, []],
  ])(
    "by %s (recursive: %s), in order, hidden names and what links lead to left out",
    async (pattern, isRecursive, names) => {
      const folder = makeTree()
      const found = await listFolder("in", options(folder, { pattern, isRecursive }))
      expect(found).toEqual(names)
    },
  )

  it("with its whole names, where that is wanted", async () => {
    const folder = makeTree()
    const found = await listFolder("in/p1", { ...options(folder, { pattern: "*" }), isFull: true })
    expect(found).toEqual([join(folder, "in/p1/t1.nii")])
  })

  it("only within reach, through whatever links it is named", async () => {
    const folder = makeTree()
    const within = { ...options(join(folder, "in"), { pattern: "*" }) }
    for (const name of ["..", "../out", join(folder, "out"), "link"]) {
      await expect(listFolder(name, within)).rejects.toMatchObject({ code: "FILE_OUTSIDE" })
    }
    const reach = { folder: join(folder, "in"), others: [join(folder, "out")] }
    expect(await listFolder("link", { ...within, reach })).toEqual(["o.nii"])
    // A folder whose name begins like one within reach is another.
    mkdirSync(join(folder, "inner"))
    await expect(listFolder("../inner", within)).rejects.toMatchObject({ code: "FILE_OUTSIDE" })
  })
})

function options(
  folder: string,
  { pattern, isRecursive = false }: { readonly pattern: string; readonly isRecursive?: boolean },
): Parameters<typeof listFolder>[1] {
  const { signal } = new AbortController()
  return { pattern, isRecursive, isFull: false, reach: { folder, others: [] }, signal }
}
