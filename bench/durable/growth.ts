/** How cost grows with what is stored: settled runs and idle cells, which the keeper should not notice. */
import { execFile } from "node:child_process"
import { statSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { type Effort, medianOf } from "../measure.ts"
import type { Grid } from "../report.ts"
import { formatMs } from "./contest.ts"
import type { DurableOptions } from "./engines.ts"
import { fillStore } from "./fill.ts"
import { killKeepers } from "./takeover.ts"
import { World } from "./world.ts"

const OPENINGS = 3
const CLAIMS = 50
const KILLS = 3
/** Runs whose retention is over when the store is opened. */
const EXPIRED_RUNS = 10_000
/** A program that opens a store and does nothing with it: what it takes of memory a second later, in bytes. */
const IDLE = `
  import { setTimeout } from "node:timers/promises"
  import { open } from "holdfast"
  await open(process.argv[1])
  await setTimeout(1_000)
  process.stdout.write(String(process.memoryUsage.rss()))
  process.exit()
`
/** How often the count of runs is looked at while they are swept. */
const LOOK_MS = 20

export async function* measureGrowth(_: Effort, { sizes }: DurableOptions): AsyncGenerator<Grid> {
  const rows: string[][] = []
  for (const size of sizes) rows.push(await measureSize(size))
  const columns = [
    "runs and cells, of each",
    "filled in",
    "on disk",
    "open",
    "process, idle",
    "start to body",
    "takeover of the keeper",
    `${EXPIRED_RUNS.toLocaleString("en-US")} runs swept`,
    "updates meanwhile",
  ]
  yield { title: "How cost grows with what is stored", columns, rows }
}

async function measureSize(size: number): Promise<string[]> {
  await using world = await World.open()
  const folder = world.storeFolder
  // Makes the store.
  await (await world.startHoldfast()).kill()
  const since = performance.now()
  fillStore({ folder, operation: "step", from: 0, to: size, hasCells: true, expiredMs: null })
  const filledMs = performance.now() - since

  const openMs: number[] = []
  const claimMs: number[] = []
  for (let i = 0; i < OPENINGS; i += 1) {
    const host = await world.startHoldfast()
    openMs.push(await host.ask("openMs"))
    await host.ask("work", 1)
    for (let run = 0; run < CLAIMS; run += 1) {
      const [{ startedMs }, bodyMs] = await Promise.all([host.ask("startOne"), host.ask("nextBody")])
      claimMs.push(bodyMs - startedMs)
    }
    await host.kill()
  }
  const idleBytes = await measureIdle(folder)
  const takeoverMs = await killKeepers(world, KILLS)
  const { sweptMs, updateMs } = await measureSweep(world, size)
  return [
    size.toLocaleString("en-US"),
    `${(filledMs / 1_000).toFixed(1)} s`,
    formatMiB(statSync(join(folder, "journal.db")).size),
    formatMs(medianOf(openMs)),
    formatMiB(idleBytes),
    formatMs(medianOf(claimMs)),
    formatMs(medianOf(takeoverMs)),
    formatMs(sweptMs),
    formatMs(updateMs),
  ]
}

/** In a program without this one's loader of TypeScript, which is some 30 MiB of its own. */
async function measureIdle(folder: string): Promise<number> {
  const args = ["--input-type=module", "--eval", IDLE, `file:${folder}`]
  const { NODE_OPTIONS: _, ...env } = process.env
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: import.meta.dirname, env })
  return Number(stdout)
}

async function measureSweep(world: World, size: number): Promise<{ sweptMs: number; updateMs: number }> {
  const kept = await (await world.startHoldfast()).ask("countCompleted")
  await world.killAll()
  const [from, to] = [size, size + EXPIRED_RUNS]
  fillStore({ folder: world.storeFolder, operation: "swept", from, to, hasCells: false, expiredMs: 1 })
  const host = await world.startHoldfast()
  // It sweeps from the moment it opens, so that is where the time begins.
  const updating = host.ask("keepUpdating")
  let sweptMs = await host.ask("sinceOpenMs")
  while ((await host.ask("countCompleted")) > kept) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS))
    sweptMs = await host.ask("sinceOpenMs")
  }
  const updates = await host.ask("stopUpdating")
  await updating
  return { sweptMs, updateMs: medianOf(updates.map(({ startedMs, endedMs }) => endedMs - startedMs)) }
}

function formatMiB(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20).toLocaleString("en-US")} MiB`
}
