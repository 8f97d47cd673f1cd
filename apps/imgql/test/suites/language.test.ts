/** Scopes, loops and depth on the real engine, with a store and without. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { makeFolder, makeRamp, runHere } from "../program-run.ts"

const STORES = ["none", "kept"] as const

describe("a program on the real engine", () => {
  it.each(STORES)("has nested lets, loops and closures as they are written (store: %s)", async (store) => {
    const cases: readonly (readonly [string, string])[] = [
      ["let a = 1 in a + 1", "2"],
      ["let a = 1 in let b = a + 1 in a + b", "3"],
      ["let a = 1 in let a = a + 10 in a + 5", "16"],
      ["(let a = 2 in a * 3) + (let a = 5 in a)", "11"],
      ["let a = (let b = 4 in b * b) in a - 1", "15"],
      ["for i in range(3) do let k = i * 2 in k + i", "[0, 3, 6]"],
      ["let k = 100 in for i in range(2) do let k = k + i in for j in [k] do j + i", "[[100], [102]]"],
      ["outer(7)", "[[7, 8], [14, 15]]"],
      ["twice(3) + twice(twice(1))", "10"],
      ["for f in [1, 2, 3] do scaled(f)", "[10, 20, 30]"],
      ["filter i in range(6) do i > 2 && (i < 5)", "[3, 4]"],
      ["fold + for i in range(5) do fold * range(1, i + 1)", "34"],
      ["fold min for i in [3, 1, 2] do i * 10", "10"],
      ["(for i in range(10) do i * i)[2:5][1]", "9"],
    ]
    const head = `let by = 10
      let scaled(f) = f * by
      let by = 1000
      let twice(n) = n * 2
      let outer(n) = for i in range(1, 3) do for j in range(2) do n * i + j\n`
    const goals = cases.map(([expression], at) => `print "${String(at)}" ${expression}`)
    const { lines, failures } = await runHere(await makeFolder(), head + goals.join("\n"), { store })
    expect(failures).toEqual([])
    expect(lines).toEqual(cases.map(([, value], at) => `${String(at)}=${value}`))
  })

  it.each(STORES)("does not grow with how often functions call each other: depth 10 (store: %s)", async (store) => {
    const levels = Array.from(
      { length: 10 },
      (_, at) => `let f${String(at + 1)}(a) = mask(near(f${String(at)}(a)), near(f${String(at)}(a)))
        let g${String(at + 1)}(n) = g${String(at)}(n) + g${String(at)}(n + 1) - g${String(at)}(n)`,
    )
    const program = `import "simpleitk" let f0(a) = BinaryThreshold(a, 3, 9)\nlet g0(n) = n\n${levels.join("\n")}
      print "volume" volume(f10(ReadImage("head.nii.gz"))) print "sum" g10(0)`
    const { ran, nodes, lines, failures } = await runHere(await makeFolder(makeRamp([6, 5, 4])), program, { store })
    // A threshold, ten times near and mask, and a volume.
    expect({ ran, failures }).toEqual({ ran: 22, failures: [] })
    expect(lines).toEqual(["volume=120", "sum=10"])
    expect(nodes).toBeLessThan(2_000)
  })

  it("adds up a chain of a hundred Fibonacci numbers", async () => {
    const chain = Array.from({ length: 99 }, (_, at) => `let f${at + 2} = f${at + 1} + f${at}`).join("\n")
    const { lines } = await runHere(await makeFolder(), `let f0 = 0\nlet f1 = 1\n${chain}\nprint "f" f100`)
    expect(lines).toEqual([`f=${String(354_224_848_179_262_000_000)}`])
  })

  it.each(STORES)("goes through a chain of 10,000 images, each made of the one before (store: %s)", async (store) => {
    const length = 10_000
    const chain = Array.from({ length }, (_, at) => `let a${at + 1} = a${at} +. 1`).join("\n")
    const program = `import "simpleitk"\nlet a0 = ReadImage("head.nii.gz")\n${chain}\nprint "most" max(a${String(length)})`
    const { ran, lines, failures } = await runHere(await makeFolder(makeRamp([2, 2, 2])), program, { store })
    expect(failures).toEqual([])
    expect({ ran, lines }).toEqual({ ran: length + 1, lines: [`most=${String(length + 2)}`] })
  })

  it("saves one file after the other where both have one name, however long each takes", async () => {
    const folder = await makeFolder()
    const program = `import "test" save "x.txt" spin(1, 100) save "x.txt" 2 save "./x.txt" 3`
    expect((await runHere(folder, program)).failures).toEqual([])
    expect(readFileSync(join(folder, "x.txt"), "utf8")).toBe("3\n")
  })

  it("refuses to show or save what lies in lists without end, and goes on", async () => {
    const deep = `${"[".repeat(20_000)}1${"]".repeat(20_000)}`
    const edge = `${"[".repeat(1_000)}1${"]".repeat(1_000)}`
    const program = `print "deep" ${deep} save "deep.json" ${deep} print "edge" ${edge} print "after" 1`
    const { lines, failures } = await runHere(await makeFolder(), program)
    expect(lines).toEqual([`edge=${edge}`, "after=1"])
    const expected = "expected lists in lists at most 1000 deep, found more; print or save a part of it"
    expect(failures).toEqual([expected, expected])
  })

  it("keeps a failure to what needs it, in the middle of a loop too", async () => {
    const program = `import "strings"
      print "some" (for i in range(4) do format_string("{:d}", i / 2))[2]
      print "all" for i in range(4) do format_string("{:d}", i / 2)
      print "after" 1`
    const { lines, failures } = await runHere(await makeFolder(), program)
    expect(lines).toEqual(["some=1", "after=1"])
    expect(failures).toEqual(['format_string: "d" is for whole numbers, found 0.5'])
  })
})
