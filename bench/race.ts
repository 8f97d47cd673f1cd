/** How many schedules a second the race kit runs, and how many it takes for all orders there are. */
import { explore, type ExploreOptions, type Scenario, writes } from "holdfast/race"
import type { Effort } from "./measure.ts"
import type { Grid } from "./report.ts"

interface Case {
  readonly name: string
  readonly scenario: Scenario
  readonly options: ExploreOptions
}

/** Actors that each take steps which say that they touch one thing each, every other of which is shared. */
function createSteps(actorCount: number, stepCount: number): Scenario {
  return async ({ actor, step }) => {
    await Promise.all(
      Array.from({ length: actorCount }, async (_, number) => {
        await actor(`actor ${number}`, async () => {
          for (let index = 0; index < stepCount; index += 1) {
            // Of six actors with all steps on one thing there are more orders than a day has seconds.
            const touched = index === 0 ? writes(`own ${number}`) : writes(`shared ${(number >> 1) + index}`)
            await step("goes", () => undefined, [touched])
          }
        })
      }),
    )
  }
}

/** Actors that each update one cell of a store once. */
function createUpdates(actorCount: number): Scenario {
  return async ({ actor, open }) => {
    await Promise.all(
      Array.from({ length: actorCount }, async (_, number) => {
        await actor(`actor ${number}`, async () => {
          const hf = await open()
          await hf.cell("count", { initial: 0 }).update((count) => count + 1)
        })
      }),
    )
  }
}

const CASES: readonly Case[] = [
  { name: "2 actors x 2 steps, every order", scenario: createSteps(2, 2), options: {} },
  { name: "3 actors x 2 steps, every order", scenario: createSteps(3, 2), options: {} },
  { name: "6 actors x 3 steps, reduced", scenario: createSteps(6, 3), options: { shares: "declared" } },
  { name: "2 sessions that update a cell, reduced", scenario: createUpdates(2), options: { shares: "declared" } },
  { name: "3 sessions that update a cell, reduced", scenario: createUpdates(3), options: { shares: "declared" } },
]

export async function* measureRaces(effort: Effort): AsyncGenerator<Grid> {
  const rows: string[][] = []
  for (const { name, scenario, options } of CASES) {
    const all = await explore(scenario, { ...options, maxSchedules: 1_000_000 })
    if (!all.exhausted) throw new Error(`expected all schedules of "${name}" to have run, found more than a million`)
    const perSecond: number[] = []
    for (let round = 0; round < effort.rounds; round += 1) {
      const before = process.cpuUsage()
      let schedules = 0
      let cpuMs = 0
      while (cpuMs < effort.roundMs) {
        const { schedules: ran, redundant } = await explore(scenario, { ...options, maxSchedules: 1_000_000 })
        schedules += ran + redundant
        const { user, system } = process.cpuUsage(before)
        cpuMs = (user + system) / 1_000
      }
      perSecond.push((1_000 * schedules) / cpuMs)
    }
    const best = Math.max(...perSecond)
    rows.push([name, all.schedules.toLocaleString("en-US"), all.redundant.toLocaleString("en-US"), format(best)])
  }
  yield {
    title: "The race kit: schedules for each second of processor time, the best round",
    columns: ["scenario", "schedules there are", "redundant", "schedules/s"],
    rows,
  }
}

function format(perSecond: number): string {
  const TWO_DIGITS = 10 ** Math.max(0, Math.floor(Math.log10(perSecond)) - 1)
  return (Math.round(perSecond / TWO_DIGITS) * TWO_DIGITS).toLocaleString("en-US")
}
