// A known bug: a defect of a published package, as a program that shows it.
//
// One program (`observe`) and one verdict (`broken`) are written against a small interface, the subject. The peer and
// Holdfast each provide a subject, so what stands in the two columns of docs/known-bugs.md was seen by the same eyes.

import type { Holdfast } from "holdfast"
import { installedVersion } from "../installed.ts"

/** What was seen, as facts a table can print. */
export type Observation = Readonly<Record<string, boolean | number | string>>

export interface KnownBug {
  /** `peer/what-happens`, unique. */
  readonly id: string
  readonly peer: string
  readonly version: string
  /** One sentence: what the peer does wrong. */
  readonly defect: string
  /** Why the peer cannot run on this Node, or null where it can. */
  readonly notRun: string | null
  peerRun(): Promise<Observation>
  holdfastRun(hf: Holdfast): Promise<Observation>
  /** Whether an observation, of either column, shows the defect. */
  broken(observation: Observation): boolean
}

export interface KnownBugDefinition<Subject, Seen extends Observation> {
  readonly id: string
  readonly peer: string
  readonly defect: string
  readonly notRun?: string | null
  /** The version to print where the peer is not a package. */
  readonly version?: string
  readonly peerSubject: () => Subject | Promise<Subject>
  readonly holdfastSubject: (hf: Holdfast) => Subject | Promise<Subject>
  readonly observe: (subject: Subject) => Promise<Seen>
  readonly broken: (seen: Seen) => boolean
}

export function defineKnownBug<Subject, Seen extends Observation>(
  definition: KnownBugDefinition<Subject, Seen>,
): KnownBug {
  const { id, peer, defect, observe, broken } = definition
  return {
    id: `${peer}/${id}`,
    peer,
    version: definition.version ?? installedVersion(peer),
    defect,
    notRun: definition.notRun ?? null,
    async peerRun() {
      return await observe(await definition.peerSubject())
    },
    async holdfastRun(hf) {
      return await observe(await definition.holdfastSubject(hf))
    },
    broken(observation) {
      // `as`: an observation handed back here was made by this case's own `observe`.
      return broken(observation as Seen)
    },
  }
}

/** `{ maxInside: 2 }` as `max inside: 2`. */
export function describeObservation(observation: Observation): string {
  return Object.entries(observation)
    .map(([fact, value]) => {
      const words = fact.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
      return `${words}: ${typeof value === "boolean" ? (value ? "yes" : "no") : value}`
    })
    .join("; ")
}
