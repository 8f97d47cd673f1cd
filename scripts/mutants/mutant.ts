/** A planted bug: one edit of one source file that the suites named with it must catch. */
export interface Mutant {
  /** Short and unique, kebab-case. */
  readonly id: string
  /** The invariants it breaks, as numbered in packages/holdfast/test/invariants.ts. */
  readonly invariants: readonly string[]
  /** The source file, relative to packages/holdfast/src. */
  readonly file: string
  /** The exact text replaced; it must stand in the file exactly once. Short, so that other edits rarely touch it. */
  readonly find: string
  readonly replace: string
  /** Test files expected to fail, relative to packages/holdfast: the fastest that do. */
  readonly suites: readonly string[]
}

/** Bugs of one source file that the same suites catch, save where a bug names others. */
export function plantIn(
  file: string,
  suites: readonly string[],
  bugs: readonly (Omit<Mutant, "file" | "suites"> & Partial<Pick<Mutant, "suites">>)[],
): readonly Mutant[] {
  return bugs.map((bug) => ({ file, suites, ...bug }))
}

/** The environment variable that names the mutant a test run is to carry. */
export const MUTANT_VARIABLE = "HOLDFAST_MUTANT"

/** The source with the bug planted. @throws Error when the text to replace does not stand there exactly once. */
export function plant(mutant: Mutant, source: string): string {
  const { id, file, find, replace } = mutant
  const parts = source.split(find)
  if (parts.length !== 2) {
    throw new Error(
      `mutant ${id}: expected ${JSON.stringify(find)} once in ${file}, found it ${String(parts.length - 1)} times; change its \`find\` to what the source says now`,
    )
  }
  return parts.join(replace)
}
