/** Assertions that stay on in production: each names the invariant of the design it guards. */

/** A broken invariant: a bug in Holdfast, never the caller's fault. It stops the store before the damage can spread. */
export class InvariantError extends Error {
  /** The invariant's id in the design, such as `L1`, or `internal`. */
  readonly invariant: string

  constructor(invariant: string, message: string) {
    super(`invariant ${invariant} is broken: ${message}`)
    this.name = "InvariantError"
    this.invariant = invariant
  }
}

/** Throws an {@link InvariantError} unless `condition` holds. */
export function assertInvariant(condition: boolean, invariant: string, message: string): asserts condition {
  if (!condition) throw new InvariantError(invariant, message)
}

/** Marks a branch the types rule out. */
export function unreachable(value: never): never {
  throw new InvariantError("internal", `unreachable: ${JSON.stringify(value)}`)
}
