/**
 * `npm run bench -- [SECTION…] [--quick] [--json] [--no-peers] [--sizes N,N…]`: runs the named sections, `memory` by default. `memory` is locks, operations
 * and cells; `durable` is every section of a `file:` store, and `race` the race kit.
 */
import { parseArgs } from "node:util"
import { measureCells } from "./cells.ts"
import { measureCommits } from "./durable/commits.ts"
import type { DurableOptions } from "./durable/engines.ts"
import { measureFileLocks } from "./durable/file-locks.ts"
import { measureGrowth } from "./durable/growth.ts"
import { measureQueue } from "./durable/queue.ts"
import { measureRuns } from "./durable/runs.ts"
import { measureTakeover } from "./durable/takeover.ts"
import { measureWake } from "./durable/wake.ts"
import { measureLocks } from "./locks.ts"
import { describeMachine } from "./machine.ts"
import { NORMAL_EFFORT, QUICK_EFFORT, type Effort } from "./measure.ts"
import { measureOperations } from "./operations.ts"
import { measureRaces } from "./race.ts"
import { type Grid, printGrid, printMachine, printTable, type Table } from "./report.ts"

type Section = (effort: Effort, options: DurableOptions) => AsyncGenerator<Table | Grid>

const MEMORY = new Map<string, Section>([
  ["locks", measureLocks],
  ["operations", measureOperations],
  ["cells", measureCells],
])
const DURABLE = new Map<string, Section>([
  ["file-locks", measureFileLocks],
  ["commits", measureCommits],
  ["runs", measureRuns],
  ["queue", measureQueue],
  ["wake", measureWake],
  ["takeover", measureTakeover],
  ["growth", measureGrowth],
])
const SECTIONS = new Map([...MEMORY, ...DURABLE, ["race", measureRaces]])
const GROUPS = new Map([
  ["memory", [...MEMORY.keys()]],
  ["durable", [...DURABLE.keys()]],
])

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    json: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    "no-peers": { type: "boolean", default: false },
    sizes: { type: "string", default: "1000,10000,100000" },
  },
})
const names = (positionals.length > 0 ? positionals : ["memory"]).flatMap((name) => GROUPS.get(name) ?? [name])
const effort = values.quick ? QUICK_EFFORT : NORMAL_EFFORT
const sizes = values.sizes.split(",").map(Number)
if (sizes.some((size) => !Number.isSafeInteger(size) || size < 1)) {
  throw new Error(`expected --sizes like 1000,10000, found "${values.sizes}"`)
}
const machine = describeMachine()
const tables: (Table | Grid)[] = []
if (!values.json) {
  printMachine(machine)
}
for (const name of names) {
  const measureSection = SECTIONS.get(name)
  if (measureSection === undefined) {
    throw new Error(`expected a section of ${[...GROUPS.keys(), ...SECTIONS.keys()].join(", ")}, found "${name}"`)
  }
  for await (const table of measureSection(effort, { peers: !values["no-peers"], sizes })) {
    tables.push(table)
    if (!values.json) {
      if ("columns" in table) printGrid(table)
      else printTable(table)
    }
  }
}
if (values.json) {
  console.log(JSON.stringify({ machine, tables }, null, 2))
}
