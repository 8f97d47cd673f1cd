/**
 * How long kernels take on a volume of about nine million voxels, and ITK's filters for the same on the same number of threads, in
 * turns. Without `--volume` it is one that is made here. Ratios are above 1 where ours are faster.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Image } from "../src/image/image.ts"
import { lcc, maxvol, through } from "../src/kernels/components.ts"
import { crossCorrelation } from "../src/kernels/cross-correlation.ts"
import { dt } from "../src/kernels/distance.ts"
import { gradient } from "../src/kernels/gradient.ts"
import { interior, near } from "../src/kernels/morphology.ts"
import { otsu } from "../src/kernels/otsu.ts"
import { percentiles } from "../src/kernels/percentiles.ts"
import { sweep } from "../src/kernels/sweep.ts"
import { binaryThreshold } from "../src/kernels/threshold.ts"
import { intensity } from "../src/kernels/channels.ts"
import { arithmetic, mask } from "../src/kernels/arithmetic.ts"
import { comparison } from "../src/kernels/comparison.ts"
import { and } from "../src/kernels/logic.ts"
import { statistics, volume } from "../src/kernels/statistics.ts"
import { distanceLimitOf, withinDistance } from "../src/kernels/within-distance.ts"
import { KernelPool } from "../src/threads/pool.ts"
import { saveValue } from "../src/files/save.ts"
import { buildItk } from "./itk.ts"
import type { SectionOptions, Times } from "./section.ts"
import { summarize, time } from "./section.ts"
import { makeHead, readHead } from "./volume.ts"

type Run = (pool: KernelPool) => Promise<unknown>

async function listRuns(head: Image): Promise<ReadonlyMap<string, Run>> {
  const pool = new KernelPool(2)
  const floats = await pool.run(intensity, [head], {})
  const tissue = await pool.run(comparison, [head], { relation: ">=", constant: 60 })
  const bright = await pool.run(comparison, [head], { relation: ">=", constant: 150 })
  const body = await pool.run(comparison, [head], { relation: ">", constant: 10 })
  // Scans hold few different values; smooth images many.
  const smooth = await pool.run(gradient, [floats], {})
  await pool.close()
  const window = { lower: 60, upper: 140, inside: 1, outside: 0 }
  const selections = Array.from({ length: 100 }, (_, at) => ({
    ...window,
    kind: "threshold" as const,
    lower: at,
    upper: 200,
  }))
  const plus = { operation: "add", isDivisorCast: false, left: null, right: 1 } as const
  const runs: [string, Run][] = [
    ["BinaryThreshold", async (threads) => await threads.run(binaryThreshold, [head], window)],
    ["BinaryThreshold (float32)", async (threads) => await threads.run(binaryThreshold, [floats], window)],
    [
      "100 thresholds counted",
      async (threads) => await threads.run(sweep, [head], { selections, areClassesKept: false }),
    ],
    [
      "100 thresholds (float32)",
      async (threads) => await threads.run(sweep, [floats], { selections, areClassesKept: false }),
    ],
    ["near", async (threads) => await threads.run(near, [tissue], {})],
    ["interior", async (threads) => await threads.run(interior, [tissue], {})],
    ["dt", async (threads) => await threads.run(dt, [tissue], {})],
    ["within 5 mm", async (threads) => await runWithin(threads, tissue)],
    ["lcc", async (threads) => await threads.run(lcc, [tissue], {})],
    ["through", async (threads) => await threads.run(through, [bright, tissue], {})],
    ["maxvol", async (threads) => await threads.run(maxvol, [tissue], {})],
    ["otsu", async (threads) => await threads.run(otsu, [floats, body], { bins: 100 })],
    ["gradient", async (threads) => await threads.run(gradient, [floats], {})],
    ["percentiles", async (threads) => await threads.run(percentiles, [floats, body], { correction: 0.5 })],
    [
      "percentiles (many values)",
      async (threads) => await threads.run(percentiles, [smooth, body], { correction: 0.5 }),
    ],
    [
      "crossCorrelation",
      async (threads) =>
        await threads.run(crossCorrelation, [floats, floats, bright], { radius: 5, from: 0, to: 255, bins: 100 }),
    ],
    ["and", async (threads) => await threads.run(and, [tissue, body], {})],
    ["add a number", async (threads) => await threads.run(arithmetic, [floats], plus)],
    ["mask", async (threads) => await threads.run(mask, [floats, body], {})],
    ["volume", async (threads) => await threads.run(volume, [tissue], {})],
    ["Statistics", async (threads) => await threads.run(statistics, [floats], {})],
  ]
  return new Map(runs)
}

/** What `dt` and a comparison come to; where they are needed for it, both. */
async function runWithin(threads: KernelPool, region: Image): Promise<Image> {
  const comparing = { relation: "<=", constant: 5 } as const
  const limit = distanceLimitOf(region, { kind: "comparison", ...comparing })
  if (limit !== null) return await threads.run(withinDistance, [region], limit)
  return await threads.run(comparison, [await threads.run(dt, [region], {})], comparing)
}

/** Two, as in the figures for ITK that are published; our threads and theirs. */
const THREADS = 2

async function measure(run: Run, rounds: number): Promise<Times> {
  await using pool = new KernelPool(THREADS)
  // The first rounds start the threads and compile the loops.
  await run(pool)
  await run(pool)
  const times: Times[] = []
  for (let round = 0; round < rounds; round += 1) times.push(await time(async () => await run(pool)))
  return summarize(times)
}

export async function benchKernels({ volume: path, rounds, only }: SectionOptions): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "imgql-bench-"))
  try {
    const head = path === null ? makeHead() : readHead(path)
    const saved = path ?? (await saveValue(head, { root: folder, name: "head.nii" })).path
    const itk = buildItk()
    console.log(
      `${path ?? "the volume made here"}: ${head.size.join("x")} ${head.type}, ${String(THREADS)} threads, ms`,
    )
    console.log(`${"".padEnd(28)}    ours    cpu      ITK    cpu    ratio  of cpu`)
    for (const [name, run] of await listRuns(head)) {
      if (only !== null && !only.includes(name)) continue
      const ours = await measure(run, rounds)
      const [found] = itk?.("kernels", [saved, String(THREADS), String(rounds), name]) ?? []
      const theirs = found === undefined ? null : { wallMs: Number(found[1]), cpuMs: Number(found[2]) }
      console.log(formatRow(name, ours, Number.isFinite(theirs?.wallMs) ? theirs : null))
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function formatRow(name: string, ours: Times, theirs: Times | null): string {
  const figures = [ours.wallMs.toFixed(1).padStart(8), ours.cpuMs.toFixed(0).padStart(6)]
  if (theirs !== null) {
    figures.push(theirs.wallMs.toFixed(1).padStart(8), theirs.cpuMs.toFixed(0).padStart(6))
    figures.push(
      (theirs.wallMs / ours.wallMs).toFixed(1).padStart(8),
      (theirs.cpuMs / ours.cpuMs).toFixed(1).padStart(7),
    )
  }
  return `${name.padEnd(28)}${figures.join(" ")}`
}
