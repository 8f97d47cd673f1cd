/** Primitives against tables of values derived by hand, on the real engine, and a row for each that has no golden of ITK. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { saveValue } from "../../src/files/save.ts"
import { PRIMITIVES } from "../../src/primitives/catalog.ts"
import { type RanHere, runHere } from "../program-run.ts"
import { makeTableInput, TABLE_INPUTS } from "./inputs.ts"
import { REFUSALS } from "./refusals.ts"
import { TABLE, type TableValue } from "./values.ts"

const ROWS = Object.entries(TABLE).flatMap(([primitive, rows]) =>
  rows.map(([expression, value]) => ({ primitive, expression, value })),
)
const NAMESPACES = ["simpleitk", "strings", "arrays", "geom", "test"]
const HEAD = [
  ...NAMESPACES.map((name) => `import "${name}"`),
  ...Object.keys(TABLE_INPUTS).map((name) => `let ${name} = ReadImage("${name}.mha")`),
]

/** No test is about time; this ends one that hangs. */
const HANGS_MS = 120_000

let parent = ""
let folder = ""
let values: RanHere
let refusals: RanHere

/** All rows are one program and all refusals another: what is shared among them is computed once. */
beforeAll(async () => {
  parent = mkdtempSync(join(tmpdir(), "imgql-tables-"))
  folder = join(parent, "run")
  mkdirSync(join(folder, "data", "sub"), { recursive: true })
  for (const [name, listed] of Object.entries(TABLE_INPUTS)) {
    await saveValue(makeTableInput(listed), { root: folder, name: `${name}.mha` })
  }
  writeFileSync(join(parent, "beside.txt"), "out of reach")
  writeData("data/numbers.json", '[1, [2.5, "a"], null, {"key": true}]\n')
  writeData("data/lines.txt", "first\r\n\nthird\n")
  writeData("data/sub/raw.bin", Buffer.from([0, 255, 10]))
  writeData("data/sub/more.json", "{}")
  const rows = ROWS.map(({ expression }, at) => `save "found/${at}.json" ${expression}`)
  values = await runHere(folder, [...HEAD, ...rows].join("\n"))
  writeData("data/broken.json", "[1, 2")
  writeData("data/numbers.pkl", "")
  writeData("data/latin.txt", Buffer.from([0xe9, 0x74, 0xe9]))
  symlinkSync(join(parent, "beside.txt"), join(folder, "data/link.txt"))
  refusals = await runHere(
    folder,
    [...HEAD, ...REFUSALS.map(([expression], at) => `print "${at}" ${expression}`)].join("\n"),
  )
}, HANGS_MS)

afterAll(() => rmSync(parent, { recursive: true, force: true }))

function writeData(name: string, content: string | Buffer): void {
  writeFileSync(join(folder, name), content)
}

describe("primitives", () => {
  it("come to a value in every row", () => {
    expect(values.failures).toEqual([])
    expect(values.lines.filter((line) => line.startsWith("said="))).toEqual(["said=[1, a]"])
  })

  it.each(ROWS.map((row, at) => ({ ...row, at })))("$expression", ({ at, value }) => {
    const found: unknown = JSON.parse(readFileSync(join(folder, `found/${at}.json`), "utf8"))
    expectValue(found, value)
  })

  it.each(REFUSALS.map(([expression, code, message], at) => ({ expression, code, message, at })))(
    "$expression is refused: $message",
    ({ at, code, message }) => {
      expect(refusals.failedGoals.find(({ goal }) => goal.label === String(at))).toMatchObject({
        code,
        message: expect.stringContaining(message) as string,
      })
    },
  )

  it("have a row each, unless they compute on images, where ITK says what they come to", () => {
    const names = new Set(PRIMITIVES.map(({ signature }) => `${signature.namespace}.${signature.name}`))
    expect(Object.keys(TABLE).filter((name) => !names.has(name))).toEqual([])
    const plain = [...names].filter((name) => !/^(?:vox1|simpleitk)\./.test(name) && TABLE[name] === undefined)
    expect(plain).toEqual([])
  })
})

/** Numbers to the last bits that the order of sums may change. */
function expectValue(found: unknown, value: TableValue): void {
  if (typeof value === "number") expect(found).toBeCloseTo(value, 12)
  else if (Array.isArray(value)) {
    expect(found).toHaveLength(value.length)
    // It has a length, as was just seen.
    for (const [at, each] of value.entries()) expectValue((found as unknown[])[at], each)
  } else if (typeof value === "object" && value !== null) expect(found).toMatchObject(value)
  else expect(found).toBe(value)
}
