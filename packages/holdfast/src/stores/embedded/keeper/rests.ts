/**
 * Which batch an outcome or event rests on: nobody learns of a fact before what it rests on is durable (C5, O2, O3, S3).
 *
 * What only tells of locks rests on nothing: grants end with the machine's run. Results of `pure` runs may be told when
 * visible, as they can be computed again. A claim of a `once` run is durable before its body starts, so that no power
 * loss forgets that it did (O10); of an `idempotent` one, the generation, which is the key it passes to the outside.
 */
import {
  type ClaimView,
  type Command,
  type CommitCells,
  type Effects,
  generationOf,
  type Outcome,
  type RunId,
  runIdentityOf,
  type StoreEvent,
} from "../../../kernel/index.ts"
import type { Durability } from "./durability.ts"

/** What is asked of the kernel about runs. */
export interface RunEffects {
  /** The effects a resident run declares; undefined where it is not resident. */
  effectsOf(run: RunId): Effects | undefined
}

/** The batch an outcome rests on; `isChanged` says that its command changed rows. */
export function restOfOutcome(
  durability: Durability,
  runs: RunEffects,
  asked: { readonly command: Command; readonly outcome: Outcome; readonly isChanged: boolean },
): number {
  const { command, outcome, isChanged } = asked
  switch (outcome.kind) {
    case "committed":
      return command.kind === "commitCells" ? restOfCommit(durability, command) : 0
    case "recorded":
      return durability.restOfAll
    case "settled":
      return restOfSettlement(durability, runs, outcome)
    case "claimed":
      return restOfClaim(durability, runs, outcome.claim)
    case "enqueued":
      return restOfRun(durability, outcome.run)
    case "run":
      return outcome.view === null ? 0 : restOfRun(durability, outcome.view.run)
    case "cells":
      return command.kind === "watchCells" && command.pattern.kind === "name"
        ? durability.restOf(`cell:${command.pattern.name}`)
        : 0
    case "status":
    case "retrying":
    case "done":
      return restOfDone(durability, command, isChanged)
    default:
      return 0
  }
}

/** The batch an event rests on. */
export function restOfEvent(durability: Durability, runs: RunEffects, event: StoreEvent): number {
  switch (event.kind) {
    case "runSettled":
      return restOfSettlement(durability, runs, event)
    case "runChanged":
      return restOfRun(durability, event.view.run)
    case "runAssigned":
      return restOfClaim(durability, runs, event.claim)
    case "cellChanged":
      return durability.restOf(`cell:${event.cell.name}`)
    case "requestRefused":
      // A watcher hears that its run is gone after what it was still to hear of it.
      return event.code === "RUN_SUPERSEDED" ? durability.restOfAll : 0
    case "lockGranted":
    case "grantLost":
    case "claimControl":
      return 0
  }
}

/** A commit rests on itself and on every version it read, which may be the head that is not durable yet. */
function restOfCommit(durability: Durability, command: CommitCells): number {
  if (isRelaxed(command)) return 0
  let rest = 0
  for (const { name } of command.reads) rest = Math.max(rest, durability.restOf(`cell:${name}`))
  for (const { name } of command.writes) rest = Math.max(rest, durability.restOf(`cell:${name}`))
  const isMore = command.starts.length > 0 || command.step !== null || command.complete !== null
  return isMore ? Math.max(rest, durability.restOfAll) : rest
}

/** Merges alone are for speed: told when visible (C5). */
export function isRelaxed({ reads, writes, starts, step, complete }: CommitCells): boolean {
  return (
    reads.length === 0 &&
    starts.length === 0 &&
    step === null &&
    complete === null &&
    writes.length > 0 &&
    writes.every((write) => write.kind === "merge")
  )
}

function restOfSettlement(
  durability: Durability,
  runs: RunEffects,
  { run, settlement }: Extract<Outcome, { readonly kind: "settled" }> | Extract<StoreEvent, { kind: "runSettled" }>,
): number {
  const isPure = settlement.kind === "completed" && runs.effectsOf(run) === "pure"
  return isPure ? 0 : restOfRun(durability, run)
}

function restOfClaim(durability: Durability, runs: RunEffects, { run }: ClaimView): number {
  switch (runs.effectsOf(run)) {
    case "pure":
      return 0
    case "idempotent":
      return durability.restOfGeneration(generationOf(run))
    default:
      return restOfRun(durability, run)
  }
}

function restOfRun(durability: Durability, run: RunId): number {
  const identity = runIdentityOf(run)
  return identity === undefined ? 0 : durability.restOf(`run:${identity}`)
}

function restOfDone(durability: Durability, command: Command, isChanged: boolean): number {
  switch (command.kind) {
    case "completeRun":
    case "failRun":
    case "returnRun":
    case "controlRun":
    case "putResult":
    case "forgetResult":
    case "resizeLock":
      return isChanged ? durability.restOfAll : 0
    case "endSession":
      // Closing flushes (S1).
      return durability.restOfAll
    default:
      return 0
  }
}
