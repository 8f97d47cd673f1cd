/**
 * Threshold sweeps: 100 thresholds of one image beside one threshold, in the kernel and as a user runs it; 20 images with 100
 * thresholds each, whose counts or masks are asked for; and each of them again, when all is stored.
 *
 * The image is the head of `--volume`, or one that is made here; the 20 are those of the folder in IMGQL_BENCH_CASES
 * (`case_000_image.nii.gz` and on), or phantoms.
 */
import { copyFileSync } from "node:fs"
import { join } from "node:path"
import { makePhantom } from "../src/files/phantom.ts"
import { saveValue } from "../src/files/save.ts"
import type { Image } from "../src/image/image.ts"
import type { Selection } from "../src/kernels/selection.ts"
import { sweep } from "../src/kernels/sweep.ts"
import { volume } from "../src/kernels/statistics.ts"
import { binaryThreshold } from "../src/kernels/threshold.ts"
import { KernelPool } from "../src/threads/pool.ts"
import { type CommandRun, forget, inFolder, runCommand } from "./command.ts"
import { type SectionOptions, summarize, time, type Times } from "./section.ts"
import { makeHead, readHead } from "./volume.ts"

const THRESHOLDS = 100
const CASES = 20
const CASE_SIZE = [96, 96, 64] as const
const THREADS = 2

export async function benchSweep(options: SectionOptions): Promise<void> {
  const head = options.volume === null ? makeHead() : readHead(options.volume)
  await compareKernels(head, options.rounds)
  await inFolder(async (folder) => {
    await saveValue(head, { root: folder, name: "head.nii.gz" })
    compareCommands(folder, options.rounds)
  })
  await inFolder(async (folder) => {
    await layOutCases(folder)
    sweepCases(folder, "counts", "volume(image(c) >. (8 * t))")
    sweepCases(folder, "masks", "BinaryThreshold(image(c), 8 * t, 2000, 1, 0)")
  })
}

/** A threshold and its count, then all of them at once. */
async function compareKernels(head: Image, rounds: number): Promise<void> {
  const pool = new KernelPool(THREADS)
  const selections = Array.from({ length: THRESHOLDS }, (_, at): Selection => limitsAt(at))
  const one = await best(rounds, async () => {
    const mask = await pool.run(binaryThreshold, [head], limitsAt(60))
    await pool.run(volume, [mask], {})
  })
  const all = await best(rounds, async () => await pool.run(sweep, [head], { selections, areClassesKept: false }))
  await pool.close()
  console.log(
    `in the kernel, on ${head.size.join("x")} ${head.type}, ${String(THREADS)} threads, best of ${String(rounds)}`,
  )
  console.log(`  one threshold and its count      ${ms(one.wallMs)} ms, cpu ${ms(one.cpuMs)}`)
  console.log(`  ${String(THRESHOLDS)} thresholds and their counts  ${ms(all.wallMs)} ms, cpu ${ms(all.cpuMs)}`)
  console.log(
    `  ratio ${(all.wallMs / one.wallMs).toFixed(2)}, of cpu times ${(all.cpuMs / one.cpuMs).toFixed(2)}; the aim is 5\n`,
  )
}

function limitsAt(lower: number): Extract<Selection, { readonly kind: "threshold" }> {
  return { kind: "threshold", lower, upper: 200, inside: 1, outside: 0 }
}

async function best(rounds: number, run: () => Promise<unknown>): Promise<Times> {
  // The first starts the threads and compiles the loops.
  await run()
  const times: Times[] = []
  for (let round = 0; round < rounds; round += 1) times.push(await time(run))
  return summarize(times)
}

function compareCommands(folder: string, rounds: number): void {
  const fastest = (count: number): CommandRun => {
    const runs = Array.from({ length: rounds }, () => {
      forget(folder)
      return runCommand(folder, countingProgram(count))
    })
    return runs.reduce((least, run) => (run.wallMs < least.wallMs ? run : least))
  }
  console.log(`imgql run on that image, best of ${String(rounds)}, whole process`)
  tell("1 threshold, cold", fastest(1))
  tell(`${String(THRESHOLDS)} thresholds, cold`, fastest(THRESHOLDS))
  tell(`${String(THRESHOLDS)} thresholds, warm`, runCommand(folder, countingProgram(THRESHOLDS)))
  console.log("")
}

/** How many values lie from each threshold up. */
function countingProgram(count: number): string {
  return `
    import "simpleitk"
    let head = ReadImage("head.nii.gz")
    print "counts" for t in range(60, ${String(60 + count)}) do volume(BinaryThreshold(head, t, 200, 1, 0))`
}

async function layOutCases(folder: string): Promise<void> {
  const given = process.env["IMGQL_BENCH_CASES"]
  console.log(
    given === undefined
      ? `imgql run on ${String(CASES)} phantoms of ${CASE_SIZE.join("x")}, ${String(THRESHOLDS)} thresholds each`
      : `imgql run on ${String(CASES)} images given, ${String(THRESHOLDS)} thresholds each`,
  )
  for (let at = 0; at < CASES; at += 1) {
    if (given === undefined) {
      await saveValue(makePhantom({ size: CASE_SIZE, seed: at + 1 }).flair, {
        root: folder,
        name: `case-${String(at)}.nii.gz`,
      })
    } else {
      copyFileSync(
        join(given, `case_${String(at).padStart(3, "0")}_image.nii.gz`),
        join(folder, `case-${String(at)}.nii.gz`),
      )
    }
  }
}

function sweepCases(folder: string, what: string, body: string): void {
  const program = `
    import "simpleitk"
    import "strings"
    let image(c) = ReadImage(format_string("case-{:d}.nii.gz", c))
    print "all" for c in range(${String(CASES)}) do for t in range(${String(THRESHOLDS)}) do ${body}`
  forget(folder)
  tell(`${what}, cold`, runCommand(folder, program))
  const { wallMs } = runCommand(folder, program)
  const warm = runCommand(folder, program)
  tell(`${what}, warm`, warm.wallMs < wallMs ? warm : { ...warm, wallMs })
}

function tell(name: string, { wallMs, cpuMs, ran, stored, kernels }: CommandRun): void {
  console.log(
    `  ${name.padEnd(24)}${ms(wallMs)} ms, cpu ${ms(cpuMs)} ms; ${String(ran)} operations ran in ${String(kernels)} kernels, ${String(stored)} were stored`,
  )
}

function ms(value: number): string {
  return value.toFixed(0).padStart(6)
}
