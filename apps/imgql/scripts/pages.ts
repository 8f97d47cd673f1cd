/** Writes the parts of `docs/` that programs make: their texts, what they print, and pictures. */
import { copyFileSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { DOCS, drawHead, makeExamplesFolder, PAGES, PICTURES, renewPage } from "../test/page.ts"

const folder = await makeExamplesFolder()
try {
  for (const page of PAGES) {
    const path = join(DOCS, page)
    writeFileSync(path, await renewPage(readFileSync(path, "utf8"), folder))
  }
  for (const picture of PICTURES) copyFileSync(join(folder, "output", picture), join(DOCS, "pictures", picture))
  writeFileSync(join(DOCS, "pictures/head.png"), await drawHead(folder))
} finally {
  rmSync(folder, { recursive: true, force: true })
}
