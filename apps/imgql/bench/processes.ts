/**
 * Processes that share a store: one process that computes kernels that have nothing to do with each other, and four that
 * are started together on one program, each of which computes what no other is at. What all of them ran is what one runs;
 * each of the four has its own start, of which a process that prints a number tells the time.
 */
import { saveValue } from "../src/files/save.ts"
import { makeVoxels, plainGrid } from "../src/image/image.ts"
import { type CommandRun, forget, inFolder, runCommand, runTogether } from "./command.ts"
import type { SectionOptions } from "./section.ts"

const PROCESSES = 4
const KERNELS = 16
const SIZE = [48, 40, 32] as const
/** As many as there are processes for every core of the machine that the figures are of, or more. */
const ONE_THREAD = ["--threads", "1"]

export async function benchProcesses({ rounds }: SectionOptions): Promise<void> {
  const voxels = makeVoxels("uint8", SIZE[0] * SIZE[1] * SIZE[2])
  for (let at = 0; at < voxels.length; at += 1) voxels[at] = (at * 7) % 81
  const program = `
    import "simpleitk"
    let img = ReadImage("ramp.nii.gz")
    print "best" for i in range(${String(KERNELS)}) do
      max(crossCorrelation(3, img, img, BinaryThreshold(img, i, 60, 1, 0), 0, 80, 20))`
  await inFolder(async (folder) => {
    await saveValue({ ...plainGrid(SIZE), type: "uint8", components: 1, voxels }, { root: folder, name: "ramp.nii.gz" })
    runCommand(folder, `print "x" 1`)
    tell(
      "a number, where the store is there",
      best(Array.from({ length: rounds }, () => [runCommand(folder, `print "x" 1`)])),
    )
    const rows = [
      { name: "one process, one thread", count: 1, args: ONE_THREAD },
      { name: `${String(PROCESSES)} processes, one thread each`, count: PROCESSES, args: ONE_THREAD },
      { name: "one process, a thread a core", count: 1, args: [] },
      { name: `${String(PROCESSES)} processes, a thread a core`, count: PROCESSES, args: [] },
    ]
    for (const { name, count, args } of rows) {
      const runs: (readonly CommandRun[])[] = []
      for (let round = 0; round < rounds; round += 1) {
        forget(folder)
        runs.push(await runTogether(folder, program, { count, args }))
      }
      tell(`${String(KERNELS)} correlations, ${name}`, best(runs))
    }
  })
}

/** The round that was over first. */
function best(rounds: readonly (readonly CommandRun[])[]): readonly CommandRun[] {
  return rounds.reduce((least, round) => (wallOf(round) < wallOf(least) ? round : least))
}

function wallOf(runs: readonly CommandRun[]): number {
  return Math.max(...runs.map(({ wallMs }) => wallMs))
}

function tell(name: string, runs: readonly CommandRun[]): void {
  const sum = (of: (run: CommandRun) => number): number => runs.reduce((total, run) => total + of(run), 0)
  const counts = `${String(sum(({ ran }) => ran))} operations ran in ${String(sum(({ kernels }) => kernels))} kernels`
  console.log(`  ${name.padEnd(52)}${ms(wallOf(runs))} ms, cpu ${ms(sum(({ cpuMs }) => cpuMs))} ms; ${counts}`)
}

function ms(value: number): string {
  return value.toFixed(0).padStart(6)
}
