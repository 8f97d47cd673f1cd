/** A planted bug: one edit of one source file that the suites named with it must catch. */
export interface Mutant {
  /** Short and unique, kebab-case. */
  readonly id: string
  /** The invariants it breaks, as numbered in packages/holdfast/test/invariants.ts. */
  readonly invariants: readonly string[]
  /** The source file, relative to packages/holdfast/src. */
  readonly file: string
  /** The exact text replaced; it must stand in the file exactly once. */
  readonly find: string
  readonly replace: string
  /** Test files expected to fail, as vitest filters. */
  readonly suites: readonly string[]
}

/** The environment variable that names the mutant a test run is to carry. */
export const MUTANT_VARIABLE = "HOLDFAST_MUTANT"

/** The source with the bug planted. @throws Error when the text to replace does not stand there exactly once. */
export function plant(mutant: Mutant, source: string): string {
  const parts = source.split(mutant.find)
  if (parts.length !== 2) {
    throw new Error(`mutant ${mutant.id}: expected its text once in ${mutant.file}, found it ${String(parts.length - 1)} times`)
  }
  return parts.join(mutant.replace)
}
