/** What may be asked of an exploration: a misspelled strategy or a bound that is none would explore something else. */
import { HoldfastError } from "../kernel/errors.ts"
import type { ExploreOptions, Scenario } from "./explore.ts"

const STRATEGIES: readonly unknown[] = ["exhaustive", "pct", "random"]
const SHARES: readonly unknown[] = ["anything", "declared"]
const GLOBALS: readonly unknown[] = ["real", "simulated"]
const COUNTS = { maxSchedules: 0, maxPreemptions: 0, depth: 1, maxSteps: 1, maxFaults: 0 } as const
const FLAGS = ["timersAreSteps", "shrinks"] as const

/** @throws HoldfastError ARGUMENT_INVALID */
export function checkExploration(scenario: Scenario, options: ExploreOptions): void {
  if (typeof scenario !== "function") refuse("scenario", "an async function", scenario)
  if (!isObject(options)) refuse("options", "an object", options)
  const { strategy, shares, globals, seed, replay } = options
  if (strategy !== undefined && !STRATEGIES.includes(strategy)) refuse("strategy", oneOf(STRATEGIES), strategy)
  if (shares !== undefined && !SHARES.includes(shares)) refuse("shares", oneOf(SHARES), shares)
  if (globals !== undefined && !GLOBALS.includes(globals)) refuse("globals", oneOf(GLOBALS), globals)
  if (seed !== undefined && !Number.isSafeInteger(seed)) refuse("seed", "a safe integer", seed)
  for (const [name, least] of Object.entries(COUNTS)) {
    const value = options[name as keyof typeof COUNTS] // One of its own keys.
    if (value === undefined || isCount(value, least) || value === Infinity) continue
    refuse(name, `a whole number from ${String(least)}, or Infinity`, value)
  }
  if (options.depth === Infinity) refuse("depth", "a finite number", options.depth)
  for (const name of FLAGS) {
    const value = options[name]
    if (value !== undefined && typeof value !== "boolean") refuse(name, "true or false", value)
  }
  if (replay === undefined) return
  if (!Array.isArray(replay) || !replay.every((choice) => isCount(choice, 0))) {
    refuse("replay", "the choices of a failure, an array of whole numbers from 0", replay)
  }
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null
}

function isCount(value: unknown, least: number): boolean {
  return Number.isSafeInteger(value) && Number(value) >= least
}

function oneOf(values: readonly unknown[]): string {
  return `one of ${values.map((value) => JSON.stringify(value)).join(", ")}`
}

function refuse(what: string, expected: string, found: unknown): never {
  const shown = typeof found === "string" || Array.isArray(found) ? JSON.stringify(found) : String(found)
  throw new HoldfastError(
    "ARGUMENT_INVALID",
    `${what} of explore must be ${expected}, found ${shown}; mend or leave it out`,
  )
}
