/** What a participant is asked, and what it answers. */

/** Take part in a program as these actors, all at once. */
export interface Order {
  readonly race: number
  readonly url: string
  readonly folder: string
  readonly actors: readonly number[]
}

/** Null, or what went wrong. */
export interface Reply {
  readonly error: string | null
}
