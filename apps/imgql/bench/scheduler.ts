/**
 * Nodes a second, from a new process to its end, on a `file:` store, results kept. A node is an expression of the graph that
 * was made and evaluated: calls, loops, lists and arithmetic, which are no runs of the store. Images and what is computed
 * on them are, and are measured by themselves. Published of the original: 9,201 nodes a second at 50,000 of them, 6,817 at
 * 300,000, 5,805 at 1,200,000; its graphs are not ours node by node, and its machine is another.
 */
import { saveValue } from "../src/files/save.ts"
import { makeVoxels, plainGrid } from "../src/image/image.ts"
import { type CommandRun, forget, inFolder, runCommand } from "./command.ts"

const PUBLISHED: Readonly<Record<number, number>> = { 50_000: 9_201, 300_000: 6_817, 1_200_000: 5_805 }
/** What the loop below makes of one item: the item, its call, a product and a sum, each a value, and the sum so far. */
const NODES_AN_ITEM = 11
const RUNS = 2_000

export async function benchScheduler(): Promise<void> {
  await inFolder((folder) => {
    const idle = runCommand(folder, `print "x" 1`)
    console.log(`a process that prints a number: ${idle.wallMs.toFixed(0)} ms, cpu ${idle.cpuMs.toFixed(0)} ms\n`)
    console.log(`${"".padEnd(30)}     nodes        ms   nodes/s   published   ratio`)
    for (const [count, published] of Object.entries(PUBLISHED)) {
      const items = Math.ceil(Number(count) / NODES_AN_ITEM)
      tell(
        "a loop and a fold over it",
        coldRun(folder, `print "x" fold + (for i in range(${String(items)}) do i * 2 + 1)`),
        published,
      )
    }
    tell("a chain of 10,000", coldRun(folder, chain(10_000)), null)
    tell("a chain of 100,000", coldRun(folder, chain(100_000)), null)
    tell("function_explosion, depth 10", coldRun(folder, explosion(10)), null)
    tell("function_explosion, depth 100", coldRun(folder, explosion(100)), null)
  })
  await inFolder(async (folder) => {
    const voxels = makeVoxels("float32", 16 * 16 * 16)
    for (let at = 0; at < voxels.length; at += 1) voxels[at] = at % 977
    await saveValue(
      { ...plainGrid([16, 16, 16]), type: "float32", components: 1, voxels },
      { root: folder, name: "small.nii" },
    )
    const program = `
      import "simpleitk"
      let img = ReadImage("small.nii")
      print "x" fold + (for i in range(${String(RUNS)}) do volume(near(img >. (i / 4))))`
    console.log(`\nruns of the store, three for each of ${String(RUNS)} values of an image of 16x16x16`)
    for (const name of ["cold", "warm"]) {
      const { wallMs, cpuMs, ran, stored } = runCommand(folder, program)
      const rate = (ran + stored) / (wallMs / 1_000)
      console.log(
        `  ${name}: ${String(ran)} ran, ${String(stored)} stored, ${wallMs.toFixed(0)} ms, cpu ${cpuMs.toFixed(0)} ms, ${rate.toFixed(0)} a second`,
      )
    }
  })
}

function coldRun(folder: string, program: string): CommandRun {
  forget(folder)
  return runCommand(folder, program)
}

function chain(length: number): string {
  const links = Array.from({ length }, (_, at) => `let x${String(at + 1)} = x${String(at)} + 1`)
  return ["let x0 = 0", ...links, `print "x" x${String(length)}`].join("\n")
}

/** Each level calls the one below three times: 3 to the power of the depth calls, were they not the same ones. */
function explosion(depth: number): string {
  const levels = Array.from({ length: depth }, (_, at) => {
    const below = `f${String(at)}`
    return `let f${String(at + 1)}(x) = ${below}(x) + ${below}(x + 1) - ${below}(x)`
  })
  return ["let f0(x) = x", ...levels, `print "x" f${String(depth)}(0)`].join("\n")
}

function tell(name: string, { nodes, wallMs }: CommandRun, published: number | null): void {
  const rate = nodes / (wallMs / 1_000)
  const compared =
    published === null ? "" : `${String(published).padStart(12)}${(rate / published).toFixed(1).padStart(8)}`
  console.log(
    `${name.padEnd(30)}${String(nodes).padStart(10)}${wallMs.toFixed(0).padStart(10)}${rate.toFixed(0).padStart(10)}${compared}`,
  )
}
