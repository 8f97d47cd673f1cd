/**
 * Pages that show programs. A block of `imgql` is a program, with `file=NAME` a copy of that file; a block of `text` after it
 * is what it prints, or what is wrong with it. `npm run pages` writes these blocks, and a test holds that they are so.
 */
import { cpSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { readImage } from "../src/files/read.ts"
import { renderMosaic } from "../src/files/view.ts"
import { runImgql } from "./imgql-process.ts"

export const DOCS: string = fileURLToPath(new URL("../docs/", import.meta.url))
export const EXAMPLES: string = fileURLToPath(new URL("../examples/", import.meta.url))
/** The pages, each of which may use what programs before have computed. */
export const PAGES: readonly string[] = ["examples.md", "language.md"]
/** What the programs save, and is in `docs/pictures`. */
export const PICTURES: readonly string[] = ["tumor.png", "share.png", "sweep.png", "ventricles.png", "profile.png"]

const FENCE = /^```(imgql|text)([^\n]*)\n([\s\S]*?)^```$/gm
const OWN_NAME = "program.imgql"

/** The examples, without those in folders. Whoever tries them has a sample, a store and output beside them. */
export function listPrograms(): string[] {
  const entries = readdirSync(EXAMPLES, { withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name)
}

/** A folder with the examples, and the sample they are about. */
export async function makeExamplesFolder(...phantomArgs: readonly string[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "imgql-examples-"))
  for (const name of listPrograms()) cpSync(join(EXAMPLES, name), join(folder, name))
  cpSync(join(EXAMPLES, "dedup"), join(folder, "dedup"), { recursive: true })
  const { code, err } = await runImgql(folder, "phantom", ...phantomArgs)
  if (code !== 0) throw new Error(`expected a sample, but: ${err}`)
  return folder
}

/** The sample from the bottom to the top, the lesion in red. */
export async function drawHead(folder: string): Promise<Uint8Array> {
  const bounds = { maxBytes: 1 << 26 }
  const head = await readImage(join(folder, "sample/head-flair.nii.gz"), bounds)
  const mask = await readImage(join(folder, "sample/head-lesion.nii.gz"), bounds)
  // Black from where the air is, whose noise takes most of the bytes.
  return await renderMosaic(head, { mask, slices: 6, columns: 6, panelPixels: 110, window: { low: 64, high: 800 } })
}

/** The page with the programs as they are in `folder`, and what they print there now. */
export async function renewPage(page: string, folder: string): Promise<string> {
  const pieces: string[] = []
  let program: string | null = null
  let end = 0
  for (const { 0: block, 1: language = "", 2: marks = "", 3: body = "", index } of page.matchAll(FENCE)) {
    pieces.push(page.slice(end, index))
    end = index + block.length
    const file = /\bfile=(\S+)/.exec(marks)?.[1]
    if (language === "imgql") {
      program = file ?? OWN_NAME
      if (file === undefined) writeFileSync(join(folder, OWN_NAME), body)
      pieces.push(`\`\`\`${language}${marks}\n${readFileSync(join(folder, program), "utf8")}\`\`\``)
    } else {
      if (program === null) throw new Error(`expected a program before the text ${JSON.stringify(body)}, found none`)
      pieces.push(`\`\`\`${language}${marks}\n${await outputOf(program, folder)}\n\`\`\``)
      program = null
    }
  }
  return [...pieces, page.slice(end)].join("")
}

/** What a program prints, without where it saves files and how long it takes; of one that is not right, its problems. */
async function outputOf(program: string, folder: string): Promise<string> {
  const { code, out, err } = await runImgql(folder, "run", program)
  const lines = out.slice(0, -1).filter((line) => !line.startsWith("saved "))
  return [...lines, ...(code === 0 ? [] : [err.trim()])].join("\n")
}
