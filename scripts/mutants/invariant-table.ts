/** Which proofs each invariant has: assertions in the sources, tests that name it, planted bugs that break it. */
import { readdirSync, readFileSync } from "node:fs"
import { INVARIANTS } from "../../packages/holdfast/test/invariants.ts"
import type { Mutant } from "./mutant.ts"

/** Prints the table for the package in a folder, whose path ends with a slash. */
export function printInvariants(folder: string, mutants: readonly Mutant[]): void {
  const asserted = readAll(`${folder}src/`, (name) => !name.endsWith(".test.ts")).flatMap(findAsserted)
  const named = [
    ...readAll(`${folder}src/`, (name) => name.endsWith(".test.ts")),
    // Suites that several test files share are no test files themselves; the list of all invariants names no test.
    ...readAll(`${folder}test/`, (name) => name !== "invariants.ts" && name !== "tidy.test.ts"),
  ].flatMap(findNamed)
  console.log("| invariant | assertions | tests that name it | mutants |")
  console.log("| --- | ---: | ---: | --- |")
  for (const { id, durableOnly } of INVARIANTS) {
    const planted = mutants.filter((mutant) => mutant.invariants.includes(id)).map((mutant) => mutant.id)
    const row = durableOnly === null ? planted.join(", ") : `only a durable store can break it: ${durableOnly}`
    console.log(`| ${id} | ${count(asserted, id)} | ${count(named, id)} | ${row} |`)
  }
}

/** The invariant of each assertion: the first id after the condition, on the same line or a later one. */
function findAsserted(source: string): string[] {
  const calls = source.split("assertInvariant(").slice(1)
  return calls.flatMap((call) => /"([LCOS]\d+)",/.exec(call)?.[1] ?? [])
}

/** The invariants that titles and comments name, once a line. */
function findNamed(test: string): string[] {
  const lines = test.split("\n").filter((line) => /["'`]|\/\/|^\s*(?:\/\*)?\*/.test(line))
  return lines.flatMap((line) => [...new Set(line.match(/\b[LCOS]\d+\b/g))])
}

function readAll(folder: string, isWanted: (name: string) => boolean): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".ts") && isWanted(entry.name))
    .map((entry) => readFileSync(`${entry.parentPath}/${entry.name}`, "utf8"))
}

function count(ids: readonly string[], id: string): string {
  return String(ids.filter((each) => each === id).length)
}
