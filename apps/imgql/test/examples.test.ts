/** The examples, run as people run them, and the pages that show them. */
import { readdirSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import sharp from "sharp"
import { describe, expect, it, onTestFinished } from "vitest"
import { runImgql } from "./imgql-process.ts"
import { DOCS, drawHead, EXAMPLES, listPrograms, makeExamplesFolder, PAGES, PICTURES, renewPage } from "./page.ts"

/** Many processes on a machine that has other work: a bound for those that hang, and no more. */
const TIMEOUT = { timeout: 900_000 }
// The sample where the values do not matter.
const SMALL = ["--size", "64x64x40"]

const PROGRAMS = listPrograms()
const IMPORTED = new Set(["measures.imgql", "paint.imgql"])

async function makeFolder(...phantomArgs: readonly string[]): Promise<string> {
  const folder = await makeExamplesFolder(...phantomArgs)
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

async function pixelsOf(png: Uint8Array): Promise<{ size: string; values: Uint8Array }> {
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true })
  return { size: `${info.width}x${info.height}x${info.channels}`, values: new Uint8Array(data) }
}

describe("docs", () => {
  // Where they are not, `npm run pages -w apps/imgql` writes them anew; look at what changed.
  it("show the programs as they are, what they print and the pictures they make", TIMEOUT, async () => {
    const folder = await makeFolder()
    for (const name of PAGES) {
      const page = readFileSync(join(DOCS, name), "utf8")
      expect(await renewPage(page, folder)).toBe(page)
    }
    for (const picture of PICTURES) {
      const made = await pixelsOf(readFileSync(join(folder, "output", picture)))
      expect({ picture, ...(await pixelsOf(readFileSync(join(DOCS, "pictures", picture)))) }).toEqual({
        picture,
        ...made,
      })
    }
    const head = await pixelsOf(await drawHead(folder))
    const shown = await pixelsOf(readFileSync(join(DOCS, "pictures/head.png")))
    expect(shown.size).toBe(head.size)
    // It is resized, which processors may round differently.
    const worst = shown.values.reduce((most, value, at) => Math.max(most, Math.abs(value - (head.values[at] ?? 0))), 0)
    expect(worst).toBeLessThanOrEqual(2)
  })

  it("show every example, and pictures that are quick to load", () => {
    const page = readFileSync(join(DOCS, "examples.md"), "utf8")
    for (const name of PROGRAMS) expect(page).toContain(`\`\`\`imgql file=${name}\n`)
    const pictures = readdirSync(join(DOCS, "pictures"))
    expect(pictures.toSorted()).toEqual([...PICTURES, "head.png"].toSorted())
    for (const picture of pictures) {
      expect(page).toContain(`src="pictures/${picture}"`)
      expect(readFileSync(join(DOCS, "pictures", picture)).length).toBeLessThan(60_000)
    }
  })
})

describe("the examples", () => {
  it(
    "find the lesion, share what they have in common, and leave nothing to compute in a second run",
    TIMEOUT,
    async () => {
      const folder = await makeFolder(...SMALL)
      let isHeadStored = false
      for (const name of PROGRAMS.filter((each) => !IMPORTED.has(each))) {
        const first = await runImgql(folder, "run", name)
        expect({ name, code: first.code, err: first.err }).toEqual({ name, code: 0, err: "" })
        const [ran = 0, , stored = 0] = first.counts ?? []
        if (ran > 0) {
          expect({ name, isShared: stored > 0 }).toEqual({ name, isShared: isHeadStored })
          isHeadStored = true
        }
        const second = await runImgql(folder, "run", name)
        expect({ name, ran: second.counts?.[0], kernels: second.kernels }).toEqual({ name, ran: 0, kernels: 0 })
        expect(second.out.slice(0, -1)).toEqual(first.out.slice(0, -1))
        if (name === "tumor.imgql") expect(numberAfter("Dice=", first.out)).toBeGreaterThan(0.9)
        if (name === "sweep.imgql") {
          expect(numberAfter("its Dice=", first.out)).toBeGreaterThan(0.95)
          // Of 200 counts, most are found together with others.
          expect(ran - first.kernels).toBeGreaterThan(150)
        }
      }
    },
  )

  it("run as many operations as the page says", TIMEOUT, async () => {
    const page = readFileSync(join(DOCS, "examples.md"), "utf8")
    const rows = [...page.matchAll(/^\| \[`(\w+)`\]\(\S+\) +\|[^|]+\| (\d+) +\|$/gm)]
    const expected = rows.map(([, name, count]) => ({ name: `${name ?? ""}.imgql`, ran: Number(count) }))
    const folder = await makeFolder("--size", "24x24x16")
    const found = []
    for (const { name } of expected) {
      const { code, err, counts } = await runImgql(folder, "run", `dedup/${name}`, "--no-cache")
      expect({ name, code, err }).toEqual({ name, code: 0, err: "" })
      found.push({ name, ran: counts?.[0] })
    }
    expect(found).toEqual(expected)
    expect(expected.map(({ name }) => name).toSorted()).toEqual(readdirSync(join(EXAMPLES, "dedup")).toSorted())
  })
})

function numberAfter(start: string, lines: readonly string[]): number {
  return Number(lines.find((line) => line.startsWith(start))?.slice(start.length))
}
