/** `npm run bench -- [locks] [operations] [cells] [--quick] [--json]`: runs the named sections, all of them by default. */
import { parseArgs } from "node:util"
import { measureCells } from "./cells.ts"
import { measureLocks } from "./locks.ts"
import { describeMachine } from "./machine.ts"
import { NORMAL_EFFORT, QUICK_EFFORT, type Effort } from "./measure.ts"
import { measureOperations } from "./operations.ts"
import { printMachine, printTable, type Table } from "./report.ts"

const SECTIONS = new Map<string, (effort: Effort) => AsyncGenerator<Table>>([
  ["locks", measureLocks],
  ["operations", measureOperations],
  ["cells", measureCells],
])

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: "boolean", default: false }, quick: { type: "boolean", default: false } },
})
const names = positionals.length > 0 ? positionals : [...SECTIONS.keys()]
const effort = values.quick ? QUICK_EFFORT : NORMAL_EFFORT
const machine = describeMachine()
const tables: Table[] = []
if (!values.json) {
  printMachine(machine)
}
for (const name of names) {
  const measureSection = SECTIONS.get(name)
  if (measureSection === undefined) {
    throw new Error(`expected a section of ${[...SECTIONS.keys()].join(", ")}, found "${name}"`)
  }
  for await (const table of measureSection(effort)) {
    tables.push(table)
    if (!values.json) {
      printTable(table)
    }
  }
}
if (values.json) {
  console.log(JSON.stringify({ machine, tables }, null, 2))
}
