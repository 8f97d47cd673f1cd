/**
 * How long kernels take on volumes of about nine million voxels, on one thread and two.
 *
 *     npx tsx apps/imgql/bench/kernels.ts [--rounds N] [--only NAME,NAME] [volume.nii.gz]
 *
 * The package must be built: threads run what is in `dist`. Times are medians of the wall time, in milliseconds; `cpu` is what all threads
 * together used for it. Where the machine has other work, wall times say little, and the cpu time is the better figure.
 */
import { availableParallelism, cpus, loadavg } from "node:os"
import { parseArgs } from "node:util"
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
import { KernelPool } from "../src/threads/pool.ts"
import { makeHead, readHead } from "./volume.ts"

/** ITK 5.2.1 on two cores, on the real head. */
const ITK: Readonly<Record<string, number>> = {
  BinaryThreshold: 13,
  near: 391,
  interior: 821,
  dt: 530,
  lcc: 336,
  through: 325,
  maxvol: 286,
  otsu: 228,
  gradient: 177,
  percentiles: 138,
  crossCorrelation: 3173,
  "100 thresholds counted": 1722,
}

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

interface Figures {
  readonly wall: number
  readonly cpu: number
}

async function measure(run: Run, threads: number, rounds: number): Promise<Figures> {
  const pool = new KernelPool(threads)
  // The first rounds start the threads and compile the loops.
  await run(pool)
  await run(pool)
  const walls: number[] = []
  const used: number[] = []
  for (let round = 0; round < rounds; round += 1) {
    const before = process.cpuUsage()
    const start = performance.now()
    await run(pool)
    walls.push(performance.now() - start)
    const { user, system } = process.cpuUsage(before)
    used.push((user + system) / 1000)
  }
  await pool.close()
  return { wall: medianOf(walls), cpu: medianOf(used) }
}

function medianOf(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { rounds: { type: "string", default: "5" }, only: { type: "string" } },
  })
  const [path] = positionals
  const head = path === undefined ? makeHead() : readHead(path)
  const wanted = values.only?.split(",")
  console.log(
    `${path === undefined ? "the volume made here" : path}: ${head.size.join("x")} ${head.type}; Node ${process.version}, ` +
      `${String(availableParallelism())} cores (${cpus()[0]?.model ?? "unknown"}), load ${loadavg()[0]?.toFixed(1) ?? ""}`,
  )
  console.log(`${"".padEnd(28)}1 thread   cpu  2 threads   cpu   ITK on 2`)
  for (const [name, run] of await listRuns(head)) {
    if (wanted !== undefined && !wanted.includes(name)) continue
    const one = await measure(run, 1, Number(values.rounds))
    const two = await measure(run, 2, Number(values.rounds))
    const figures = [one.wall, one.cpu, two.wall, two.cpu].map((ms, at) => ms.toFixed(0).padStart(at % 2 === 0 ? 8 : 6))
    console.log(`${name.padEnd(28)}${figures.join("  ")}   ${String(ITK[name] ?? "").padStart(6)}`)
  }
}

await main()
