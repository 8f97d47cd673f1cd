/** Writes the files of `test/goldens/files/imgql`, which ITK then reads: see test/goldens/generator/README.md. */
import { existsSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import { saveValue } from "../src/files/save.ts"
import { BY_IMGQL, inputOf, WRITTEN } from "../test/golden-files.ts"
import { makeInput } from "../test/golden-inputs.ts"

mkdirSync(BY_IMGQL, { recursive: true })
for (const name of WRITTEN) {
  // Files of DICOM have numbers that no two files share.
  if (name.endsWith(".dcm") && existsSync(join(BY_IMGQL, name))) continue
  await saveValue(makeInput(inputOf(name)), { root: BY_IMGQL, name })
}
