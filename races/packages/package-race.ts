/** A race in a published package, found by the kit in a program that uses the package as anybody would. */
import { createRequire } from "node:module"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { type Exploration, explore, type ExploreOptions, type Scenario } from "holdfast/race"

export interface PackageRace {
  readonly name: string
  /** What goes wrong, in a few words. */
  readonly title: string
  readonly scenario: Scenario
  readonly options: ExploreOptions
  /** The same program on Holdfast, which passes in every order; null where there is none. */
  readonly control: { readonly scenario: Scenario; readonly options: ExploreOptions } | null
}

/** Explores with the globals of the schedule, since packages take no env. */
export async function explorePackage(scenario: Scenario, options: ExploreOptions): Promise<Exploration> {
  return await explore(scenario, { ...options, globals: "simulated" })
}

/** The version of a package that is installed. */
export function installedVersion(name: string): string {
  for (const folder of createRequire(import.meta.url).resolve.paths(name) ?? []) {
    const file = join(folder, name, "package.json")
    if (!existsSync(file)) continue
    const { version } = JSON.parse(readFileSync(file, "utf8")) as { version: string } // Every package has one.
    return version
  }
  throw new Error(`expected "${name}" in node_modules, found it in none of the folders above; run npm ci`)
}
