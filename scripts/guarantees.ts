/**
 * Writes the table invariant x store into docs/guarantees.md, from vitest's JSON results of the whole suite: those of
 * the last `npm test`, or the files named as arguments. Refuses where a promise is broken or nothing proves it.
 */
import { readFileSync, writeFileSync } from "node:fs"
import { guaranteesOf, guaranteeTable, type TestResults } from "../packages/holdfast/test/guarantee-table.ts"

const PAGE = new URL("../docs/guarantees.md", import.meta.url)
const [BEGIN, END] = ["<!-- table: begin -->", "<!-- table: end -->"]

const files = process.argv.length > 2 ? process.argv.slice(2) : [".cache/vitest.json"]
// Written by vitest; what has another shape has no tests, and proves nothing.
const guarantees = guaranteesOf(files.map((file) => JSON.parse(readFileSync(file, "utf8")) as TestResults))

for (const { id, proofs } of guarantees) {
  console.log(`${id.padEnd(4)} tests that passed: memory: ${proofs["memory:"]}, file: ${proofs["file:"]}`)
}
const bad = guarantees.filter(({ verdicts }) => Object.values(verdicts).some((verdict) => /^[A-Z]/.test(verdict)))
if (bad.length > 0) {
  console.error(
    `every promise should be proven by a test that passed; these are not: ${bad
      .map(({ id, verdicts }) => `${id} (memory: ${verdicts["memory:"]}, file: ${verdicts["file:"]})`)
      .join(", ")}; run the whole suite with "npm test" first`,
  )
  process.exit(1)
}
const page = readFileSync(PAGE, "utf8")
const [before, after] = [page.indexOf(BEGIN), page.indexOf(END)]
if (before < 0 || after < before) throw new Error(`docs/guarantees.md should hold ${BEGIN} and ${END}, in this order`)
writeFileSync(PAGE, `${page.slice(0, before)}${BEGIN}\n\n${guaranteeTable(guarantees)}\n\n${page.slice(after)}`)
