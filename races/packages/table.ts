/** The races of published packages as a table: `npm run races -- --packages` prints it, and the guide shows it. */
import { cacheRaces } from "./caches.ts"
import { lockRaces } from "./locks.ts"
import { explorePackage, installedVersion, type PackageRace } from "./package-race.ts"

export const packageRaces: readonly PackageRace[] = [...cacheRaces, ...lockRaces]

/** Explores each and renders what was found, in Markdown as prettier writes it. */
export async function drawPackages(): Promise<string> {
  const rows = [["package", "race", "schedules until found"]]
  for (const { name, title, scenario, options } of packageRaces) {
    const { schedules, failure } = await explorePackage(scenario, options)
    rows.push([`${name} ${installedVersion(name)}`, title, failure === null ? "not found" : String(schedules)])
  }
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const lines = rows.map((row) => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`)
  const [head = "", ...body] = lines
  return [head, `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`, ...body].join("\n")
}
