/**
 * The segmentation of `examples/tumor.imgql`, without its pictures, on a phantom of 240 x 240 x 155 voxels: the command as a user runs it, from a new process
 * with nothing stored; what its kernels take; and the same stages on ITK, with whether they come to the same.
 */
import { spawnSync } from "node:child_process"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { readImage } from "../src/files/read.ts"
import { buildItk } from "./itk.ts"
import { inFolder } from "./command.ts"
import type { SectionOptions, Times } from "./section.ts"
import { summarize } from "./section.ts"
import { layOutTumor, stageOf, STAGES, tumorAlone, tumorWithStages } from "./tumor-stages.ts"

const SIZE = [240, 240, 155] as const
const THREADS = "2"
const PROGRAM = fileURLToPath(new URL("../bin/imgql.js", import.meta.url))

export async function benchRecipe({ rounds }: SectionOptions): Promise<void> {
  await inFolder(async (folder) => {
    await layOutTumor(folder, SIZE)
    const what = "examples/tumor.imgql, but for its pictures, on the phantom at"
    console.log(`${what} ${SIZE.join("x")}, ${THREADS} threads, ms`)
    writeFileSync(join(folder, "alone.imgql"), tumorAlone())
    const times = Array.from({ length: rounds }, () => runProgram(folder, "alone.imgql"))
    const { wallMs, cpuMs } = summarize(times)
    console.log(`imgql run --no-cache: ${wallMs.toFixed(0)}, of all its threads ${cpuMs.toFixed(0)}`)
    await compareStages(folder)
  })
}

/** A new process, and the time of its threads as the shell that starts it has it. */
function runProgram(folder: string, program: string): Times {
  const startedMs = performance.now()
  const args = [process.execPath, PROGRAM, "run", program, "--no-cache", "--threads", THREADS]
  const script = `"$@" >&2 || exit 1; times`
  const { status, stdout, stderr } = spawnSync("sh", ["-c", script, "sh", ...args], { cwd: folder, encoding: "utf8" })
  if (status !== 0) throw new Error(`imgql failed: ${stderr}`)
  const [user, system] = [...(stdout.trim().split("\n").at(-1) ?? "").matchAll(/(\d+)m([\d.]+)s/g)].map(
    ([, minutes, seconds]) => 60_000 * Number(minutes) + 1000 * Number(seconds),
  )
  return { wallMs: performance.now() - startedMs, cpuMs: (user ?? Number.NaN) + (system ?? Number.NaN) }
}

async function compareStages(folder: string): Promise<void> {
  const itk = buildItk()
  if (itk === null) return
  writeFileSync(join(folder, "stages.imgql"), tumorWithStages())
  runProgram(folder, "stages.imgql")
  let [wallMs, cpuMs] = [0, 0]
  console.log(`\n${"ITK".padEnd(14)}    wall     cpu     voxels  equal`)
  for (const [name = "", wall, cpu, voxels, digest] of itk("recipe", [
    join(folder, "sample/head-flair.nii.gz"),
    THREADS,
  ])) {
    if (!(name in STAGES)) throw new Error(`ITK has a stage "${name}" that the program has not.`)
    const ours = stageOf(await readImage(join(folder, `stages/${name}.nii`), { maxBytes: 2 ** 30 }))
    const isEqual = ours.digest === digest && ours.voxels === Number(voxels)
    wallMs += Number(wall)
    cpuMs += Number(cpu)
    const figures = [Number(wall).toFixed(0).padStart(8), Number(cpu).toFixed(0).padStart(7)]
    console.log(
      `${name.padEnd(14)}${figures.join(" ")} ${String(voxels).padStart(10)}  ${isEqual ? "yes" : `no: ${ours.digest}`}`,
    )
  }
  console.log(`${"all".padEnd(14)}${wallMs.toFixed(0).padStart(8)} ${cpuMs.toFixed(0).padStart(7)}`)
}
