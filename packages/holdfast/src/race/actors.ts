/** Whoever takes the steps of a schedule, and what may befall them. */
import { HoldfastError } from "../kernel/errors.ts"
import type { Candidate } from "./choices/chooser.ts"

/** What can happen to an actor between any two of its steps. */
export type Fault = "kill" | "freeze"

/** Whoever runs a part of the scenario. */
export interface Actor {
  readonly name: string
  faults: readonly Fault[]
  /** How many steps it has parked at, answers included. */
  parks: number
  running: number
  lastLabel: string | null
  /** Whether it says when it has finished; of others only the steps are known. */
  isTracked: boolean
  isDead: boolean
  isFrozen: boolean
  /** Called when it is killed. */
  readonly onKilled: Set<() => void>
}

/** Something that may befall an actor now. */
export interface PossibleFault extends Candidate {
  readonly victim: Actor
  readonly fault: Fault
}

const LABELS: Readonly<Record<Fault, string>> = { kill: "is killed", freeze: "freezes" }

export class Actors {
  readonly #byName = new Map<string, Actor>()

  /** The actor of a name. */
  of(name: string, faults: readonly Fault[]): Actor {
    const known = this.#byName.get(name)
    if (known !== undefined) return known
    const actor: Actor = {
      name,
      faults,
      parks: 0,
      running: 0,
      lastLabel: null,
      isTracked: false,
      isDead: false,
      isFrozen: false,
      onKilled: new Set(),
    }
    this.#byName.set(name, actor)
    return actor
  }

  /**
   * The actor of a name, to run.
   *
   * @throws HoldfastError ARGUMENT_INVALID when another of that name runs, or was killed
   */
  start(name: string, faults: readonly Fault[]): Actor {
    const actor = this.of(name, faults)
    if (actor.running > 0 || actor.isDead) {
      throw new HoldfastError(
        "ARGUMENT_INVALID",
        `expected a name no other actor has, found "${name}", which ${actor.isDead ? "was killed" : "is running"}; give each its own, such as "${name}, second"`,
      )
    }
    actor.isTracked = true
    actor.faults = faults
    return actor
  }

  /** What may befall those that run. */
  possibleFaults(): PossibleFault[] {
    const possible: PossibleFault[] = []
    for (const victim of this.#byName.values()) {
      if (victim.running === 0 || victim.isDead) continue
      for (const fault of victim.faults) {
        if (fault === "freeze" && victim.isFrozen) continue
        const { name } = victim
        const id = `${fault} ${name}`
        possible.push({ id, actor: name, label: LABELS[fault], kind: "fault", isOptional: true, victim, fault })
      }
    }
    return possible
  }

  /** Who has not finished, for an error about a schedule that does not end. */
  describeOutstanding(): string {
    const actors = [...this.#byName.values()]
    const running = actors.filter((actor) => actor.running > 0 && !actor.isDead).map(describeActor)
    const untracked = actors.filter((actor) => !actor.isTracked && actor.lastLabel !== null)
    const maybeRunning = untracked.map((actor) => `${describeActor(actor)} (it may have finished)`)
    const names = [...running, ...maybeRunning]
    return names.length === 0 ? "no actor ever parked" : `outstanding: ${names.join(", ")}`
  }
}

/** Resolves with undefined when the actor is killed. */
export async function killingOf(actor: Actor): Promise<undefined> {
  await new Promise<void>((resolve) => actor.onKilled.add(resolve))
}

function describeActor({ name, lastLabel }: Actor): string {
  return lastLabel === null ? `"${name}" before its first step` : `"${name}" after its step "${lastLabel}"`
}
