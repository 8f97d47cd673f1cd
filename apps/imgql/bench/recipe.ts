/**
 * The segmentation of `examples/tumor.imgql`, without its pictures, on a phantom of 240 x 240 x 155 voxels: the command as a user runs it, from a new process
 * with nothing stored; what its kernels take; and the same stages on ITK, with whether they come to the same.
 */
import { spawnSync } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { readImage } from "../src/files/read.ts"
import { buildItk } from "./itk.ts"
import type { SectionOptions } from "./section.ts"
import { layOutTumor, stageOf, STAGES, tumorAlone, tumorWithStages } from "./tumor-stages.ts"

const SIZE = [240, 240, 155] as const
const THREADS = "2"
const PROGRAM = fileURLToPath(new URL("../bin/imgql.js", import.meta.url))

export async function benchRecipe({ rounds }: SectionOptions): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "imgql-bench-"))
  try {
    await layOutTumor(folder, SIZE)
    console.log(
      `examples/tumor.imgql, but for its pictures, on the phantom at ${SIZE.join("x")}, ${THREADS} threads, ms`,
    )
    writeFileSync(join(folder, "alone.imgql"), tumorAlone())
    const walls: number[] = []
    for (let round = 0; round < rounds; round += 1) walls.push(runProgram(folder, "alone.imgql"))
    console.log(`imgql run --no-cache, best of ${String(rounds)}: ${Math.min(...walls).toFixed(0)}`)
    await compareStages(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function runProgram(folder: string, program: string): number {
  const startedMs = performance.now()
  const args = [PROGRAM, "run", program, "--no-cache", "--threads", THREADS]
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8" })
  if (status !== 0) throw new Error(`imgql ended with ${String(status)}: ${stderr}${stdout}`)
  return performance.now() - startedMs
}

async function compareStages(folder: string): Promise<void> {
  const itk = buildItk()
  if (itk === null) return
  writeFileSync(join(folder, "stages.imgql"), tumorWithStages())
  runProgram(folder, "stages.imgql")
  let total = 0
  console.log(`\n${"ITK".padEnd(14)}    wall     cpu     voxels  equal`)
  for (const [name = "", wall, cpu, voxels, digest] of itk("recipe", [
    join(folder, "sample/head-flair.nii.gz"),
    THREADS,
  ])) {
    if (!(name in STAGES)) throw new Error(`ITK has a stage "${name}" that the program has not.`)
    const ours = stageOf(await readImage(join(folder, `stages/${name}.nii`), { maxBytes: 2 ** 30 }))
    const isEqual = ours.digest === digest && ours.voxels === Number(voxels)
    total += Number(wall)
    const figures = [Number(wall).toFixed(0).padStart(8), Number(cpu).toFixed(0).padStart(7)]
    console.log(
      `${name.padEnd(14)}${figures.join(" ")} ${String(voxels).padStart(10)}  ${isEqual ? "yes" : `no: ${ours.digest}`}`,
    )
  }
  console.log(`${"all".padEnd(14)}${total.toFixed(0).padStart(8)}`)
}
