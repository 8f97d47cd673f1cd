/** What a participant is told, and what it reports. */
import type { RealFault } from "../race.ts"

/** Take part in a program as these actors, all at once. */
export interface Order {
  readonly race: number
  readonly url: string
  readonly folder: string
  readonly actors: readonly number[]
  /** Where one of the actors is to report and wait; null where nobody is. */
  readonly fault: RealFault | null
}

export type Told =
  | { readonly kind: "act"; readonly order: Order }
  /** Whoever waits at its point goes on. */
  | { readonly kind: "goOn" }

export type Report =
  /** The participant can be told something. */
  | { readonly kind: "ready" }
  /** Its actors are acting. */
  | { readonly kind: "acting" }
  /** One of them has come to its point, and waits there. */
  | { readonly kind: "arrived" }
  /** All of them have acted; null, or what went wrong. */
  | { readonly kind: "done"; readonly error: string | null }
