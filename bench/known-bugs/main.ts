/** Runs every known bug against its peer and against Holdfast and prints docs/known-bugs.md's table. */
import { openMemoryStore } from "../holdfast.ts"
import { knownBugs } from "./cases.ts"
import { describeObservation, type KnownBug, type Observation } from "./known-bug.ts"

interface Cell {
  readonly text: string
  readonly isBroken: boolean
}

const NOT_RUN: Cell = { text: "not run", isBroken: false }

const hf = await openMemoryStore()
const rows: string[] = []
let peersBroken = 0
let holdfastBroken = 0
for (const bug of knownBugs) {
  const peer =
    bug.notRun === null ? await see(bug, () => bug.peerRun()) : { ...NOT_RUN, text: `not run: ${bug.notRun}` }
  const holdfast = hf === undefined ? NOT_RUN : await see(bug, () => bug.holdfastRun(hf))
  peersBroken += Number(peer.isBroken)
  holdfastBroken += Number(holdfast.isBroken)
  rows.push(`| ${bug.peer} ${bug.version} | ${bug.defect} | ${peer.text} | ${holdfast.text} |`)
}
await hf?.close()

console.log("| peer | defect | the peer: what was seen | Holdfast: what was seen |")
console.log("|---|---|---|---|")
console.log(rows.join("\n"))
console.log()
console.log(
  `${knownBugs.length} cases on Node ${process.version}. The defect was seen in ${peersBroken} peers' runs ` +
    `and ${holdfastBroken} of Holdfast's.`,
)
process.exitCode = holdfastBroken > 0 ? 1 : 0

async function see(bug: KnownBug, run: () => Promise<Observation>): Promise<Cell> {
  try {
    const observation = await run()
    const isBroken = bug.broken(observation)
    return { text: `${isBroken ? "**broken**" : "right"}: ${describeObservation(observation)}`, isBroken }
  } catch (error) {
    return { text: `**failed**: ${error instanceof Error ? error.message : String(error)}`, isBroken: true }
  }
}
