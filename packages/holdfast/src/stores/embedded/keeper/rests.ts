/**
 * Which batch an outcome or event rests on: nobody learns of a fact before what it rests on is durable (C5, O2, O3, S3).
 *
 * What only tells of locks rests on nothing: grants end with the machine's run. That a claim is over, or is to pause, rests
 * on why it is: told of what its keeper then forgets, a body would end while its run went on as before. A claim that its own
 * caller asked for may start at once where the run is `pure`, as it can be computed again. A claim of a `once` run is durable
 * before its body starts, so that no power loss forgets that it did (O10); of an `idempotent` one, the generation, which is
 * the key it passes to the outside. The result of a `pure` run is told once it is in the live log: only power loss can take
 * it back, and then it is computed again (O3).
 */
import {
  type Command,
  type CommitCells,
  type Effects,
  type ErrorCode,
  generationOf,
  type Outcome,
  type RunId,
  runIdentityOf,
  type StoreEvent,
} from "../../../kernel/index.ts"
import type { Durability } from "./durability.ts"

const TELLING_CODES: ReadonlySet<ErrorCode> = new Set(["RUN_UNKNOWN", "RUN_SUPERSEDED", "STALE_ATTEMPT", "FENCED"])

/** What is asked of the kernel about runs. */
export interface RunEffects {
  /** The effects a resident run declares; undefined where it is not resident. */
  effectsOf(run: RunId): Effects | undefined
}

/** The batch an outcome rests on. */
export function restOfOutcome(
  durability: Durability,
  runs: RunEffects,
  asked: {
    readonly command: Command
    readonly outcome: Outcome
    /** The outcome, with all it says, is in the live log. */
    readonly isWritten: boolean
    /** What the run asked for rested on before. */
    readonly before: number | null
  },
): number {
  const { command, outcome, isWritten, before } = asked
  if (isWritten) return 0
  switch (outcome.kind) {
    case "committed":
      return command.kind === "commitCells" ? restOfCommit(durability, command) : 0
    case "recorded":
      return durability.restOfAll
    case "settled":
      return restOfRun(durability, outcome.run)
    case "claimed":
      return restOfClaim(durability, runs, { run: outcome.claim.run, before })
    case "enqueued":
      return restOfRun(durability, outcome.run)
    case "run":
      // That there is none may be news, too: it was forgotten.
      if (outcome.view === null) return isLook(command) ? durability.restOfNews(`run:${command.identity}`) : 0
      return restOfRun(durability, outcome.view.run)
    case "cells":
      return command.kind === "watchCells" && command.pattern.kind === "name"
        ? durability.restOf(`cell:${command.pattern.name}`)
        : 0
    case "status":
      return isLook(command) ? durability.restOfNews(`run:${command.identity}`) : restOfDone(durability, command)
    case "retrying":
    case "done":
      return restOfDone(durability, command)
    case "refused":
      // Each says that a run was forgotten, replaced or taken over, or that a claim or grant is.
      return TELLING_CODES.has(outcome.code) ? durability.restOfAll : 0
    default:
      return 0
  }
}

/** It asks what is known of an identity, and changes nothing. */
function isLook(command: Command): command is Extract<Command, { readonly kind: "readRun" | "peekRun" }> {
  return command.kind === "readRun" || command.kind === "peekRun"
}

/** The batch an event rests on. */
export function restOfEvent(durability: Durability, runs: RunEffects, event: StoreEvent): number {
  switch (event.kind) {
    case "runSettled":
      return restOfRun(durability, event.run)
    case "runChanged":
      return restOfRun(durability, event.view.run)
    case "runAssigned":
      return restOfClaim(durability, runs, { run: event.claim.run, before: null })
    case "cellChanged":
      return durability.restOf(`cell:${event.cell.name}`)
    case "requestRefused":
      // A watcher hears that its run is gone after what it was still to hear of it.
      return event.code === "RUN_SUPERSEDED" ? durability.restOfAll : 0
    case "claimControl":
      return durability.restOfAll
    case "lockGranted":
    case "grantLost":
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

/**
 * The batch that must be durable before the claim's body may start. `before` is what the run rested on before the command
 * that handed it to its own caller; null where it was handed to somebody who waited.
 */
export function restOfClaim(
  durability: Durability,
  runs: RunEffects,
  { run, before }: { readonly run: RunId; readonly before: number | null },
): number {
  switch (runs.effectsOf(run)) {
    case "pure":
      return before ?? restOfRun(durability, run)
    case "idempotent":
      return before === null
        ? restOfRun(durability, run)
        : Math.max(before, durability.restOfGeneration(generationOf(run)))
    default:
      return restOfRun(durability, run)
  }
}

function restOfRun(durability: Durability, run: RunId): number {
  const identity = runIdentityOf(run)
  return identity === undefined ? 0 : durability.restOfNews(`run:${identity}`)
}

/** Where a command found nothing to change, it tells of what others did, which may not be durable yet. */
function restOfDone(durability: Durability, command: Command): number {
  switch (command.kind) {
    case "completeRun":
    case "failRun":
    case "returnRun":
    case "controlRun":
    case "putResult":
    case "forgetResult":
    case "discardResult":
    case "resizeLock":
      return durability.restOfAll
    case "flushRun": {
      const identity = runIdentityOf(command.run)
      return identity === undefined ? 0 : durability.restOf(`run:${identity}`)
    }
    case "endSession":
      // Closing flushes (S1).
      return durability.restOfAll
    default:
      return 0
  }
}
