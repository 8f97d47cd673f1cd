/** The commands beside `run`, as real processes. */
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it, onTestFinished, vi } from "vitest"
import { makeFolder, makeRamp } from "../program-run.ts"
import { imgql, refusalOf, start, write } from "./world.ts"

const VERSION = String(
  (JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: unknown }).version,
)

describe("imgql", () => {
  it("says its version, and what each command takes, with examples", async () => {
    const folder = await makeFolder()
    expect(await imgql(folder, "version")).toMatchObject({ code: 0, out: `imgql ${VERSION}\n` })
    expect(await imgql(folder, "--version")).toMatchObject({ code: 0, out: `${VERSION}\n` })
    const help = await imgql(folder, "--help")
    const commands = ["run", "check", "repl", "view", "list-primitives", "phantom", "cache", "version"]
    for (const command of commands) expect(help.out).toMatch(new RegExp(`^  ${command}\\b`, "m"))
    expect(help).toMatchObject({ code: 0, err: "" })
    expect((await imgql(folder, "help", "run")).out).toContain("Examples:")
    expect(await imgql(folder)).toMatchObject({ code: 2, out: "" })
  })

  it("refuses what no command can do with what it can, and ends with 2", async () => {
    const folder = await makeFolder()
    write(folder, "program.imgql", `print "a" 1`)
    const cases: readonly (readonly [readonly string[], string])[] = [
      [["help", "rum"], 'there is no command "rum"; imgql help lists those there are [E_USAGE]'],
      [["phantom", "--size", "1x1x1"], "Expected three whole numbers from 8 to 2048, as in 240x240x155. [E_USAGE]"],
      [["run", "program.imgql", "--store", "file:program.imgql/a/b"], "run with --no-cache [E_STORE]"],
      [["cache", "clear"], "there is no terminal to ask at; say --yes [E_USAGE]"],
    ]
    for (const [words, expected] of cases) {
      expect(await refusalOf(folder, ...words)).toContain(expected)
    }
    const { code, err, out } = await imgql(folder, "help", "rum")
    expect({ code, out }).toEqual({ code: 2, out: "" })
    expect(err).toMatch(/^imgql: error: .* \[E_USAGE\]\n$/)
    const phantom = await imgql(folder, "phantom", "program.imgql/sample", "--size", "8x8x8")
    expect(phantom).toMatchObject({ code: 1, out: "" })
    expect(phantom.err).toContain("[FILE_NOT_WRITABLE]")
  })

  it("refuses to run without a store where there is no place either for what memory does not hold", async () => {
    const folder = await makeFolder()
    write(folder, "program.imgql", `print "a" 1`)
    vi.stubEnv("TMPDIR", join(folder, "missing"))
    onTestFinished(() => void vi.unstubAllEnvs())
    const refusal = await refusalOf(folder, "run", "program.imgql", "--no-cache")
    expect(refusal).toContain("there is no place for what does not fit in memory: cannot write")
    expect(refusal).toContain("the folder it is in is not there")
    expect(refusal).toContain("set TMPDIR to a folder that can be written, or run without --no-cache [E_STORE]")
  })

  it("check tells problems with their places, or how many goals there are", async () => {
    const folder = await makeFolder()
    write(folder, "good.imgql", `let x = 1 print "x" x print "y" x + 1`)
    write(folder, "bad.imgql", `let x = 1\nprint "x" xx`)
    expect(await imgql(folder, "check", "good.imgql")).toMatchObject({
      code: 0,
      out: "good.imgql: no problems, 2 goals\n",
    })
    const bad = await imgql(folder, "check", "bad.imgql")
    expect(bad).toMatchObject({ code: 2, out: "" })
    expect(bad.err).toContain("bad.imgql:2:11: error:")
  })

  it("list-primitives lists all by namespace, or those of one, with what each takes and does", async () => {
    const folder = await makeFolder()
    const all = await imgql(folder, "list-primitives")
    const strings = await imgql(folder, "list-primitives", "strings")
    expect(strings.lines.slice(0, 2)).toEqual([
      "strings.concat(parts...: string|number|boolean): string",
      "    Strings, numbers and truth written one after the other.",
    ])
    expect(all.out).toContain(strings.out)
    const namespaces = all.lines.filter((line) => !line.startsWith(" ")).map((line) => line.replace(/\..*$/, ""))
    const changes = namespaces.filter((each, at) => each !== namespaces[at - 1])
    expect(changes).toEqual([...new Set(namespaces)])
    expect(all.lines.filter((line) => line.trim() === "")).toEqual([])
    const wrong = await imgql(folder, "list-primitives", "string")
    expect(wrong).toMatchObject({ code: 2 })
    expect(wrong.err).toContain('did you mean "strings"?')
    const started = start(folder, "list-primitives")
    started.child.stdout.destroy()
    expect((await started.ended).err).toBe("")
  })

  it("view makes a picture of an image, and says what is no image", async () => {
    const folder = await makeFolder(makeRamp([12, 10, 8]))
    const planes = await imgql(folder, "view", "head.nii.gz")
    expect(planes.out).toMatch(/^saved .*head\.nii\.gz\.png \([\d,]+ bytes\)\n$/)
    const signature = "89504e470d0a1a0a"
    expect(readFileSync(join(folder, "head.nii.gz.png")).subarray(0, 8).toString("hex")).toBe(signature)
    const flags = ["--mask", "head.nii.gz", "--slices", "4", "--size", "32", "--window", "0,9", "-o", "out.png"]
    expect(await imgql(folder, "view", "head.nii.gz", ...flags)).toMatchObject({ code: 0, err: "" })
    expect(readFileSync(join(folder, "out.png")).subarray(0, 8).toString("hex")).toBe(signature)
    expect((await imgql(folder, "view", "head.nii.gz", "-o", "out.jpg")).err).toContain("ends in .png")
    const missing = await imgql(folder, "view", "nowhere.nii")
    expect(missing).toMatchObject({ code: 1, out: "" })
    expect(missing.err).toContain("[FILE_MISSING]")
  })

  it("cache info says what the store has, and of which primitives", async () => {
    const folder = await makeFolder(makeRamp([40, 40, 24]))
    const none = await imgql(folder, "cache", "info")
    expect(none).toMatchObject({ code: 2 })
    expect(none.err).toContain("there is no store in")
    // Looking makes no store of a folder that is something else.
    const other = await imgql(folder, "cache", "info", "--store", "file:.")
    expect(other).toMatchObject({ code: 2, out: "" })
    expect(other.err).toContain("there is no store in")
    expect(readdirSync(folder)).toEqual(["head.nii.gz"])
    write(folder, "program.imgql", `import "simpleitk" print "v" volume(near(ReadImage("head.nii.gz") >. 3))`)
    const first = await imgql(folder, "run", "program.imgql", "--max-cache", "1G")
    expect(first.code).toBe(0)
    const info = await imgql(folder, "cache", "info", "--json")
    const known = JSON.parse(info.out) as { operations: number; byPrimitive: Record<string, number> }
    expect(known).toMatchObject({
      images: { bytes: expect.any(Number), budgetBytes: 2 ** 30 },
      byPrimitive: { "vox1.near": 1, "vox1.volume": 1 },
      oldest: expect.stringMatching(/^\d{4}-/),
      users: [],
    })
    expect(Object.values(known.byPrimitive).reduce((sum, count) => sum + count, 0)).toBe(known.operations)
    expect((await imgql(folder, "cache", "info")).out).toMatch(/^ {2}vox1\.near +1$/m)
    expect((await imgql(folder, "cache", "info", "--store", "memory:")).err).toContain("[E_USAGE]")
  })

  it("cache clear asks, and forgets every result", async () => {
    const folder = await makeFolder(makeRamp([12, 10, 8]))
    write(folder, "program.imgql", `import "simpleitk" print "v" volume(near(ReadImage("head.nii.gz") >. 3))`)
    const first = await imgql(folder, "run", "program.imgql")
    const asked = await imgql(folder, "cache", "clear")
    expect(asked).toMatchObject({ code: 2, out: "" })
    expect(asked.err).toContain("say --yes")
    const cleared = await imgql(folder, "cache", "clear", "--yes")
    expect(cleared.out).toMatch(/^forgot \d+ results \(.* of images\)\n$/)
    expect(JSON.parse((await imgql(folder, "cache", "info", "--json")).out)).toMatchObject({ operations: 0 })
    expect((await imgql(folder, "run", "program.imgql")).counts).toEqual(first.counts)
  })
})
