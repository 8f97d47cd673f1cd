/** The programs the original failed on: what is written many times runs once, wherever and by however many it is run. */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { describe, expect, it } from "vitest"
import { run } from "../process-run.ts"
import { makeFolder, makeRamp, runHere } from "../program-run.ts"

interface Case {
  readonly name: string
  readonly program: string
  /** How many operations run, however often they are written. */
  readonly ran: number
  /** What is printed, where that is no image. */
  readonly lines?: readonly string[]
  /** How many items the list that is printed has. */
  readonly items?: number
}

const HEAD = 'import "simpleitk"\nimport "test"\nlet img = ReadImage("head.nii.gz")\n'

const CASES: readonly Case[] = [
  {
    name: "test_dedup",
    program: 'print "data" for i in range(1,5) do BinaryThreshold(img,10,20,1,0)',
    ran: 1,
    items: 4,
  },
  {
    name: "test_small_dedup",
    program: 'print "data" for i in range(1,3) do BinaryThreshold(img,10,20,1,0)',
    ran: 1,
    items: 2,
  },
  {
    name: "test_large_dedup",
    program: 'print "data" for i in range(1,10) do BinaryThreshold(img,10,20,1,0)',
    ran: 1,
    items: 9,
  },
  {
    name: "test_dedup_debug",
    program:
      'print "one" BinaryThreshold(img,10,20,1,0)\nprint "data" for i in range(1,5) do BinaryThreshold(img,10,20,1,0)',
    ran: 1,
    items: 4,
  },
  {
    name: "test_variant_dedup",
    program: 'print "data" for i in range(10,13) do BinaryThreshold(img,i,20,1,0)',
    ran: 3,
    items: 3,
  },
  {
    name: "test_loop_variant_debug",
    program: 'print "data" for i in range(0,3) do BinaryThreshold(img,10+i,20,1,0)',
    ran: 3,
    items: 3,
  },
  {
    name: "test_simpleitk",
    program:
      'let all = for i in range(0,499) do Multiply(BinaryThreshold(img,10,20,1,0), img)\nprint "data" for each in all do MinimumMaximum(each)',
    ran: 3,
    items: 499,
  },
  {
    name: "test_simpleitk_small",
    program: 'print "x" for i in range(0,5) do impure(0)',
    ran: 1,
    lines: ["impure(0)", "x=[0, 0, 0, 0, 0]"],
  },
  {
    name: "test",
    program: 'print "twice" (timewaste(20,20) + timewaste(20,20)) / timewaste(20,20)',
    ran: 1,
    lines: ["twice=2"],
  },
  {
    name: "test_simple_for",
    program: 'print "x" for i in range(0,5) do i + 10',
    ran: 0,
    lines: ["x=[10, 11, 12, 13, 14]"],
  },
  { name: "closure_basic_test", program: 'print "x" for i in range(0,3) do +(i, 1)', ran: 0, lines: ["x=[1, 2, 3]"] },
]

describe("a program that repeats itself", () => {
  it.each(
    CASES.flatMap((each) => [
      { ...each, store: "none", threads: 1 } as const,
      { ...each, store: "none", threads: 4 } as const,
      { ...each, store: "kept", threads: 4 } as const,
    ]),
  )(
    "$name runs $ran operations (store: $store, threads: $threads)",
    async ({ program, ran, lines, items, store, threads }) => {
      const folder = await makeFolder(makeRamp([24, 20, 16]))
      const found = await runHere(folder, HEAD + program, { store, threads })
      expect(found).toMatchObject({ ran, joined: 0, stored: 0, failures: [] })
      if (lines !== undefined) expect(found.lines).toEqual(lines)
      if (items !== undefined) expect(itemsOf(found.lines.at(-1))).toHaveLength(items)
      if (store === "none") return
      const again = await runHere(folder, HEAD + program, { store, threads })
      expect(again).toMatchObject({ ran: 0, kernels: [] })
      expect(again.lines).toEqual(found.lines.filter((line) => !line.startsWith("impure")))
    },
  )

  it.each(CASES.filter(({ ran }) => ran > 0))(
    "$name runs $ran operations between four processes that are started together",
    async ({ program, ran, lines }) => {
      const folder = await makeFolder(makeRamp([24, 20, 16]))
      writeFileSync(join(folder, "program.imgql"), HEAD + program)
      const ended = await Promise.all(Array.from({ length: 4 }, async () => await run(folder, "--threads", "1")))
      for (const { code, err } of ended) expect({ code, err }).toEqual({ code: 0, err: "" })
      expect(ended.reduce((sum, { counts }) => sum + (counts?.[0] ?? 0), 0)).toBe(ran)
      const told = ended.map(({ out }) => out.filter((line) => line.includes("=")))
      for (const one of told) expect(one).toEqual(told[0])
      const said = ended.flatMap(({ out }) => out.filter((line) => line.startsWith("impure")))
      expect(said).toEqual((lines ?? []).filter((line) => line.startsWith("impure")))
    },
  )

  it("runs the kernels of one operation, not of each that is written", async () => {
    const folder = await makeFolder(makeRamp([24, 20, 16]))
    const one = await runHere(folder, `${HEAD} print "x" BinaryThreshold(img,10,20,1,0)`)
    const many = await runHere(folder, `${HEAD} print "x" for i in range(1000) do BinaryThreshold(img,10,20,1,0)`)
    expect(many.kernels).toEqual(one.kernels)
    expect(one.kernels.length).toBeGreaterThan(0)
  })
})

/** Images, or pairs of numbers in brackets, of a list that is printed. */
function itemsOf(line = ""): string[] {
  const inside = line.replace(/^data=\[(.*)\]$/, "$1")
  return inside.match(/Image\([^)]*\)|\[[^[\]]*\]/g) ?? []
}
