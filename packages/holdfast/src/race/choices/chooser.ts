/** What decides which pending event happens next: the strategies are choosers, and so is a recording. */
import type { Access } from "../access.ts"

/** Something that can happen next. */
export interface Candidate {
  /** The same event in every schedule that leads to it by the same events of its actor. */
  readonly id: string
  readonly actor: string
  readonly label: string
  /** `value` is an alternative of {@link ScenarioContext.pick}, and no event. */
  readonly kind: "step" | "answer" | "timer" | "fault" | "value"
  /** True for what need not happen at all, such as a crash: no other event ever leads to its being considered. */
  readonly isOptional: boolean
}

/** An event that happened, with all that came of it until everything had settled. */
export interface SeenEvent {
  readonly id: string
  readonly actor: string
  /** The number of the event during which this one became possible; -1 is the start of the scenario. */
  readonly parent: number
  readonly accesses: readonly Access[]
  /** True where it was only possible once nothing else was: it comes after all that came before. */
  readonly isBarrier: boolean
}

/** Decides between candidates, for one schedule after the other. */
export interface Chooser {
  /**
   * The index of the candidate to take, or null when every schedule from here on equals one that has run. The first
   * candidate goes on with the actor of the event before where `goesOn` says so; taking another preempts that actor.
   */
  choose(candidates: readonly Candidate[], goesOn: boolean): number | null
  /** Tells what the event chosen last turned out to be. */
  observe(event: SeenEvent): void
  /** Throws when the schedule that just ended made fewer choices than it had to. */
  checkEnded(): void
  /** Prepares for the next schedule; false when there is none left. */
  startNext(): boolean
}

/** How a candidate is shown and compared. */
export function nameOf(candidate: Candidate): string {
  return candidate.kind === "timer" ? candidate.label : `${candidate.actor}: ${candidate.label}`
}

/** As {@link checkRepeated}, of what can happen; by far most of the time there is nothing to say. */
export function checkCandidates(expected: readonly Candidate[], found: readonly Candidate[]): void {
  const isRepeated =
    expected.length === found.length &&
    expected.every(({ actor, label }, index) => actor === found[index]?.actor && label === found[index].label)
  if (!isRepeated) checkRepeated(expected.map(nameOf), found.map(nameOf))
}

/** A scenario that depends on anything but its context makes the exploration meaningless, so it is refused. */
export function checkRepeated(expected: readonly string[], found: readonly string[]): void {
  if (expected.length === found.length && expected.every((name, index) => name === found[index])) return
  throw new ScenarioError(
    `the scenario is not deterministic: the same choices led to ${expected.join(" | ")} before and to ${found.join(" | ")} now; it must build its world inside itself and use only its env`,
  )
}

/** The scenario cannot be explored, which says nothing about what it tests. */
export class ScenarioError extends Error {
  override readonly name: string = "ScenarioError"
}

/** Nothing can happen any more, and the scenario is not over. */
export class HangError extends Error {}

/** The scenario takes more events than it may. */
export class EndlessError extends Error {}
