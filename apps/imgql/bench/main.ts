/**
 * Benchmarks: `npm run bench -w apps/imgql -- [SECTION ...] [--volume FILE] [--rounds N] [--only NAME,NAME]`; all sections
 * if none is named. Figures of a machine that has other work are of no use but for the time of all threads together.
 */
import { availableParallelism, cpus, loadavg } from "node:os"
import { parseArgs } from "node:util"
import { benchKernels } from "./kernels.ts"
import { benchProcesses } from "./processes.ts"
import { benchRecipe } from "./recipe.ts"
import { benchScheduler } from "./scheduler.ts"
import type { Section } from "./section.ts"
import { benchSweep } from "./sweep.ts"

const SECTIONS: Readonly<Record<string, Section>> = {
  kernels: benchKernels,
  recipe: benchRecipe,
  sweep: benchSweep,
  scheduler: benchScheduler,
  processes: benchProcesses,
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      volume: { type: "string" },
      rounds: { type: "string", default: "7" },
      only: { type: "string" },
    },
  })
  const names = positionals.length > 0 ? positionals : Object.keys(SECTIONS)
  const options = {
    volume: values.volume ?? null,
    rounds: Number(values.rounds),
    only: values.only?.split(",") ?? null,
  }
  console.log(`Node ${process.version}, ${String(availableParallelism())} cores (${cpus()[0]?.model ?? "unknown"})`)
  for (const name of names) {
    const section = SECTIONS[name]
    if (section === undefined) {
      throw new Error(`There is no section "${name}"; there are ${Object.keys(SECTIONS).join(", ")}.`)
    }
    console.log(`\n${name}; load ${loadavg()[0]?.toFixed(1) ?? "unknown"} as it starts\n`)
    await section(options)
  }
}

await main()
