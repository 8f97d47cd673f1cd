/** Runs every example and shows what it prints: the first thing to do with a fresh clone. */
import { execFileSync } from "node:child_process"
import { readdirSync } from "node:fs"
import { fileURLToPath } from "node:url"

const folder = fileURLToPath(new URL("../examples/", import.meta.url))

for (const name of readdirSync(folder).filter((file) => /(?<!\.test)\.ts$/.test(file))) {
  console.log(`\nexamples/${name}`)
  execFileSync(process.execPath, ["--import", "tsx", `${folder}${name}`], { stdio: "inherit" })
}
