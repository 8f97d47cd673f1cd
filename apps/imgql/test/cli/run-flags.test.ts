/** What `imgql run` takes beside the program, as a real process. */
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { makeFolder, makeRamp } from "../program-run.ts"
import { imgql, refusalOf, write } from "./world.ts"

const PROGRAM = `import "simpleitk"
import "vox1"
let img = ReadImage("head.nii.gz")
let low = BinaryThreshold(img, 3, 9, 1, 0)
print "volume" volume(near(low))
print "list" [min(img), max(img) / 0, low]
print "name" "x"
print "bad" volume(ReadImage("nowhere.nii"))
save "low.nii.gz" low
`

async function makeWorld(program: string): Promise<string> {
  const folder = await makeFolder(makeRamp([12, 10, 8]))
  write(folder, "program.imgql", program)
  return folder
}

/** What is read of a document in these tests. */
interface Report {
  readonly goals: readonly { readonly label: string; readonly status: string; readonly value?: unknown }[]
  readonly execution: Readonly<Record<string, number | boolean>>
  readonly cache: Readonly<Record<string, number | string>> | null
}

function parse(text: string): Report {
  return JSON.parse(text) as Report // What imgql writes; each test looks at what it needs.
}

describe("imgql run", () => {
  it("--json writes one document with goals, values, errors and places, and nothing else", async () => {
    const folder = await makeWorld(PROGRAM)
    const { code, out, err } = await imgql(folder, "run", "program.imgql", "--json")
    expect({ code, err }).toEqual({ code: 1, err: "" })
    const report = parse(out)
    expect(report).toMatchObject({ file: "program.imgql", problems: [], error: null, printed: [] })
    const [volume, list, name, bad, low] = report.goals
    expect(volume).toMatchObject({
      goal: "print",
      label: "volume",
      status: "done",
      location: { file: "program.imgql", line: 5, column: 1 },
    })
    const image = { kind: "image", size: [12, 10, 8], spacing: [1, 1, 1], type: "uint8", components: 1 }
    expect(list?.value).toEqual([0, "Infinity", { ...image, digest: expect.stringMatching(/^[0-9a-f]{64}$/) }])
    expect(name?.value).toBe("x")
    expect(bad).toMatchObject({
      status: "failed",
      error: { code: "FILE_MISSING", location: { file: "program.imgql", line: 8, column: 20 } },
    })
    expect(low).toMatchObject({ status: "done", saved: { path: expect.stringMatching(/low\.nii\.gz$/), lost: [] } })
    expect(report.execution).toMatchObject({ success: false, failedOperations: 0, completedOperations: 5 })
    expect(report.cache).toMatchObject({ ran: 5, joined: 0, stored: 0 })

    write(folder, "program.imgql", `print "a" volum(1)`)
    const wrong = await imgql(folder, "run", "program.imgql", "--json")
    expect({ code: wrong.code, err: wrong.err }).toEqual({ code: 2, err: "" })
    expect(parse(wrong.out)).toMatchObject({
      problems: [{ code: "E_UNKNOWN_CALLABLE", location: { file: "program.imgql", line: 1, column: 11 } }],
      goals: [],
      cache: null,
    })
  })

  it("says how often a result was shared within the program", async () => {
    const image = 'import "simpleitk"\nlet mask = BinaryThreshold(ReadImage("head.nii.gz"), 3, 9, 1, 0)\n'
    const folder = await makeWorld(`${image}print "four" for k in range(4) do mask`)
    write(folder, "once.imgql", `${image}save "once.nii.gz" mask`)
    const [four, once] = [
      await imgql(folder, "run", "program.imgql", "--json", "--no-cache"),
      await imgql(folder, "run", "once.imgql", "--json", "--no-cache"),
    ]
    expect([parse(four.out).cache, parse(once.out).cache]).toMatchObject([
      { ran: 1, shared: 3 },
      { ran: 1, shared: 0 },
    ])
  })

  it("--fresh computes anew what the program reaches, and only that", async () => {
    const folder = await makeWorld(`import "simpleitk"
print "a" volume(near(BinaryThreshold(ReadImage("head.nii.gz"), 3, 9, 1, 0)))`)
    write(folder, "other.imgql", `import "simpleitk" print "b" volume(near(ReadImage("head.nii.gz") >. 4))`)
    const [first, other] = [await imgql(folder, "run", "program.imgql"), await imgql(folder, "run", "other.imgql")]
    expect(first.counts).toEqual([3, 0, 0])
    const fresh = await imgql(folder, "run", "program.imgql", "--fresh")
    expect(fresh.counts).toEqual([3, 0, 0])
    expect(fresh.lines[0]).toBe(first.lines[0])
    const again = await imgql(folder, "run", "other.imgql")
    expect(again.lines[0]).toBe(other.lines[0])
    expect(again.counts?.[0]).toBe(0)
  })

  it("--save-task-graph, --save-syntax and --no-execute show a program without running it", async () => {
    const folder = await makeWorld(PROGRAM)
    const flags = ["--no-execute", "--save-task-graph", "graph.json", "--save-syntax", "syntax.imgql"]
    expect(await imgql(folder, "run", "program.imgql", ...flags)).toMatchObject({ code: 0, out: "", err: "" })
    expect(existsSync(join(folder, "low.nii.gz"))).toBe(false)
    expect(readFileSync(join(folder, "syntax.imgql"), "utf8")).toContain("let low = BinaryThreshold(img, 3, 9, 1, 0)\n")
    const graph: unknown = JSON.parse(readFileSync(join(folder, "graph.json"), "utf8"))
    const nodes = [
      { name: "head.nii.gz", kind: "file", uses: 3 },
      // Wanted by near, by the list and by save.
      {
        name: "BinaryThreshold",
        uses: 3,
        inputs: [{ node: 0 }, { value: 3 }, { value: 9 }, { value: 1 }, { value: 0 }],
        location: "program.imgql:4:11",
      },
      { name: "near", uses: 1, inputs: [{ node: 1 }] },
      { name: "volume", uses: 1 },
      { name: "min" },
      { name: "max" },
      // What the division of an unknown number comes to is not known either.
      { name: "division", inputs: [{ node: 5 }, { value: 0 }] },
      { kind: "sequence", inputs: [{ node: 4 }, { node: 6 }, { node: 1 }] },
      { name: "nowhere.nii", kind: "file" },
      { name: "volume" },
    ]
    expect(graph).toMatchObject({ isCut: false, nodes })
    expect(graph).toHaveProperty("goals.2.input.value", "x")

    await imgql(folder, "run", "program.imgql", "--no-execute", "--save-task-graph", "graph.dot")
    const dot = readFileSync(join(folder, "graph.dot"), "utf8")
    expect(dot).toMatch(/^digraph imgql \{\n/)
    expect(dot).toContain('n1 [label="BinaryThreshold(·, 3, 9, 1, 0)\\nprogram.imgql:4:11\\n3 uses"')
    expect(dot).toContain("  n0 -> n1\n")
    expect(dot).toContain("  n3 -> g0\n")
  })

  it("--profile writes a trace with sums by primitive and place", async () => {
    const folder = await makeWorld(PROGRAM)
    await imgql(folder, "run", "program.imgql", "--profile", "trace.json", "--threads", "1", "--store", "memory:")
    const trace = JSON.parse(readFileSync(join(folder, "trace.json"), "utf8")) as {
      readonly traceEvents: readonly { readonly ph: string; readonly name: string; readonly dur?: number }[]
      readonly imgql: { readonly byPrimitive: readonly { readonly name: string; readonly count: number }[] }
    }
    const spans = trace.traceEvents.filter(({ ph }) => ph === "X")
    expect(spans.map(({ name }) => name)).toEqual(expect.arrayContaining(["near", "volume", "BinaryThreshold"]))
    expect(spans.every(({ dur = 0 }) => dur >= 1)).toBe(true)
    const counted = Object.fromEntries(trace.imgql.byPrimitive.map(({ name, count }) => [name, count]))
    expect(counted).toEqual({ near: 1, volume: 1, BinaryThreshold: 1, min: 1, max: 1 })
    expect(trace.imgql).toMatchObject({
      eventsLeftOut: 0,
      byLocation: expect.arrayContaining([expect.objectContaining({ name: "program.imgql:4:11", count: 1 })]),
      byKernel: expect.arrayContaining([expect.objectContaining({ count: 1 })]),
      byFilesAndStore: expect.arrayContaining([expect.objectContaining({ name: "read", count: 1 })]),
    })
  })

  it("--store and --no-cache say where results stay, and the cache folder of the user is the default", async () => {
    const folder = await makeWorld(`import "simpleitk" print "max" max(ReadImage("head.nii.gz"))`)
    expect((await imgql(folder, "run", "program.imgql", "--no-cache")).counts).toEqual([1, 0, 0])
    expect(existsSync(join(folder, "cache"))).toBe(false)
    expect((await imgql(folder, "run", "program.imgql", "--store", "file:mine")).counts).toEqual([1, 0, 0])
    expect((await imgql(folder, "run", "program.imgql", "--store", `file:${folder}/mine`)).counts).toEqual([0, 0, 1])
    expect(existsSync(join(folder, "cache"))).toBe(false)
    expect((await imgql(folder, "run", "program.imgql")).counts).toEqual([1, 0, 0])
    expect(existsSync(join(folder, "cache", "imgql", "store"))).toBe(true)
  })

  it("--max-cache none is no bound, and the next run leaves it at that", async () => {
    const folder = await makeWorld(`import "simpleitk" print "max" max(ReadImage("head.nii.gz"))`)
    for (const flags of [["--max-cache", "none"], []]) {
      expect(await imgql(folder, "run", "program.imgql", ...flags)).toMatchObject({ code: 0, err: "" })
    }
    const { out } = await imgql(folder, "cache", "info", "--json")
    // A new store has one without the flag.
    expect(JSON.parse(out)).toMatchObject({ images: { budgetBytes: null } })
  })

  it("says before it computes anything that a profile cannot be written", async () => {
    const folder = await makeWorld(PROGRAM)
    for (const target of ["no/where.json", "."]) {
      const { code, out, err } = await imgql(folder, "run", "program.imgql", "--profile", target)
      expect({ code, out }).toEqual({ code: 2, out: "" })
      expect(err).toMatch(/^imgql: error: expected to write ".*", but .* \[E_FILE\]\n$/)
    }
    expect(existsSync(join(folder, "cache"))).toBe(false)
  })

  it("tells a reason once, with the places of all goals that failed for it, and what failed apart from what ran", async () => {
    const folder = await makeWorld(`import "simpleitk" import "test"
let img = ReadImage("nowhere.nii")
print "a" max(img)
print "b" for t in range(3) do volume(img >. t)
save "c.nii" near(img)
print "other" max(ReadImage("elsewhere.nii"))
print "bad" avg(ReadImage("head.nii.gz"), ReadImage("head.nii.gz") >. 99)
print "good" spin(7, 0)`)
    const { code, err, lines } = await imgql(folder, "run", "program.imgql", "--no-cache")
    expect(code).toBe(1)
    expect(err.match(/nowhere\.nii", found none/g)).toHaveLength(1)
    expect(err).toContain('program.imgql:2:11: error: print "a" failed: expected a file')
    expect(err).toContain('program.imgql:6:19: error: print "other" failed: expected a file')
    const others = 'print "b" (program.imgql:4:1), save "c.nii" (program.imgql:5:1)'
    expect(err).toContain(`2 other goals failed for the reason told at program.imgql:2:11: ${others} [E_FAILED]\n`)
    expect(lines[0]).toBe("good=7")
    // The threshold, of which the mean has nothing to be of, and the number.
    expect(lines[1]).toMatch(/^1 of 6 goals: 2 operations ran in \d+ kernels, .* shared, 1 failed, in [\d.]+ s$/)
  })

  it("--progress live draws one line on stderr, which is gone when it ends", async () => {
    const folder = await makeWorld(PROGRAM)
    const { err, lines } = await imgql(folder, "run", "program.imgql", "--progress", "live")
    expect(err).toContain("\u001B[2K")
    expect(err).toMatch(/\d+%  /)
    expect(lines[0]).toMatch(/^volume=\d+$/)
  })

  it("refuses what a flag cannot be, with what it can be, and ends with 2", async () => {
    const folder = await makeWorld(`print "a" 1`)
    const cases: readonly (readonly [readonly string[], string])[] = [
      [["run", "program.imgql", "--threads", "0"], "Expected a whole number from 1 to 1024. [E_USAGE]"],
      [["run", "program.imgql", "--max-memory", "much"], "Expected a number of bytes, as in 512M or 8G. [E_USAGE]"],
      [["run", "program.imgql", "--max-cache", "-1"], 'as in 20G, or "none". [E_USAGE]'],
      [["run", "program.imgql", "--store", "results"], 'found "results"; did you mean "file:results"? [E_USAGE]'],
      [["run", "program.imgql", "--save-task-graph", "g.png"], "Expected a file that ends in .dot or .json. [E_USAGE]"],
      [["run", "program.imgql", "--progress", "loud"], "Allowed choices are auto, live, plain, off. [E_USAGE]"],
      [["run", "program.imgql", "--thread", "2"], "(Did you mean --threads?) [E_USAGE]"],
      [["rum", "program.imgql"], "(Did you mean run?) [E_USAGE]"],
      [["run"], "missing required argument 'file' [E_USAGE]"],
      [["run", "nowhere.imgql"], "there is no such file; name an .imgql file [E_FILE]"],
      [["run", "program.imgql", "--save-syntax", "no/where.json"], "[E_FILE]"],
    ]
    for (const [words, expected] of cases) {
      expect(await refusalOf(folder, ...words)).toContain(expected)
    }
  })
})
