/**
 * `npm run races -- [--only N…] [--json] [--html FILE] [--pages | --packages]`: breaks every broken program, passes every fixed one, and
 * prints how many schedules each took. The exit code is 0 where each is as it must be, 1 where one is not, and 2 for words
 * that are not understood.
 */
import { writeFileSync } from "node:fs"
import { Command, CommanderError } from "commander"
import { renderPage } from "holdfast/race"
import { races } from "./catalog.ts"
import { drawPackages } from "./packages/table.ts"
import { writePage } from "./pages.ts"
import type { Race } from "./race.ts"
import { COLUMNS, drawTable, rowOf, summarize, toJson } from "./results.ts"
import { failuresOf, type Outcome, runRace } from "./run.ts"

/** Where the command writes. */
export interface Output {
  readonly out: (text: string) => void
  readonly err: (text: string) => void
}

interface Options {
  readonly only?: readonly string[]
  readonly json?: boolean
  readonly html?: string
  readonly pages?: boolean
  readonly packages?: boolean
}

/** Runs the command and answers with the process's exit code. */
export async function runCommand(words: readonly string[], output: Output): Promise<number> {
  const command = new Command("races")
    .description("Breaks every broken program of the races, and proves every fixed one in all schedules it has.")
    .option("--only <number...>", "only the races of these numbers")
    .option("--json", "as JSON, with the failing schedules")
    .option("--html <file>", "also write a page with a diagram of each failing schedule")
    .option("--pages", "write the failing schedule of each race into its README instead")
    .option("--packages", "the races that the kit finds in published packages instead")
    .allowExcessArguments(false)
    .exitOverride()
    .configureOutput({ writeOut: output.out, writeErr: ignore, outputError: ignore })
  try {
    command.parse([...words], { from: "user" })
    const options: Options = command.opts()
    if (options.packages === true) {
      output.out(`${await drawPackages()}\n`)
      return 0
    }
    const chosen = choose(options.only ?? null)
    if (options.pages !== true) return await runAll(chosen, options, output)
    for (const race of chosen) await writePage(race)
    return 0
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error
    if (error.exitCode === 0) return 0
    output.err(`races: ${error.message.replace(/^error: /, "")}; see "npm run races -- --help"\n`)
    return 2
  }
}

function choose(only: readonly string[] | null): readonly Race[] {
  if (only === null) return races
  return only.map((word) => {
    const race = races.find(({ number }) => String(number) === word)
    if (race !== undefined) return race
    const known = races.map(({ number }) => number).join(", ")
    throw new CommanderError(2, "races.unknown", `expected a race of ${known}, found "${word}"`)
  })
}

async function runAll(chosen: readonly Race[], { json = false, html }: Options, output: Output): Promise<number> {
  const outcomes: Outcome[] = []
  for (const race of chosen) outcomes.push(await runRace(race))
  if (html !== undefined) writePageTo(html, outcomes)
  if (json) output.out(`${JSON.stringify(toJson(outcomes), null, 2)}\n`)
  else output.out(`${drawTable(outcomes)}\n\n${summarize(outcomes)}\n`)
  return outcomes.every(({ wrong }) => wrong === null) ? 0 : 1
}

function writePageTo(file: string, outcomes: readonly Outcome[]): void {
  try {
    writeFileSync(file, pageOf(outcomes))
  } catch (error) {
    // Node's message names the file and what is wrong with its place.
    const why = error instanceof Error ? error.message : String(error)
    throw new CommanderError(2, "races.unwritten", `expected a place for the page, found none: ${why}`)
  }
}

function pageOf(outcomes: readonly Outcome[]): string {
  return renderPage({
    title: "Races, broken and fixed",
    introduction: [
      summarize(outcomes),
      "Below, the shortest schedule found in which each broken program fails. Hover over a dot for what it touched.",
    ],
    table: { columns: COLUMNS, rows: outcomes.map(rowOf) },
    failures: outcomes.flatMap(failuresOf),
  })
}

function ignore(): void {
  // What is wrong is said once, in the form of every fault.
}
