/** What a command came to, as a timeline shows it; "undefined" where there is nothing to tell. */
import { decodeValue, type Settlement, type Value } from "../kernel/index.ts"
import type { StoreOutcome } from "../store/index.ts"
import { showValue } from "./access.ts"

export function describeOutcome(outcome: StoreOutcome): string {
  switch (outcome.kind) {
    case "refused":
      return `refused: ${outcome.code}`
    case "done":
    case "released":
    case "withdrawn":
      return "undefined"
    case "granted":
      return `granted, token ${String(outcome.token)}`
    case "parked":
      return "waits"
    case "settled":
      return describeSettlement(outcome.settlement)
    case "claimed":
      return `is to compute it, attempt ${String(outcome.claim.attempt)}`
    case "joined":
      return "waits for the run under way"
    case "enqueued":
      return outcome.created ? "a new run" : `a run that is ${outcome.status}`
    case "retrying":
      return "to be tried again"
    case "status":
      return outcome.status
    case "cells":
      return outcome.cells
        .map(({ value, version }) =>
          version === 0 ? "nothing yet" : `${showStored(value)}, version ${String(version)}`,
        )
        .join("; ")
    case "committed":
      return outcome.versions.map(({ version }) => `version ${String(version)}`).join("; ")
    case "conflict":
      return `conflict: expected version ${String(outcome.expected)}, found ${String(outcome.found)}`
    case "contended":
      return "contended, is to queue"
    case "recorded":
      return `was recorded before: ${showStored(outcome.outcome)}`
    default:
      return showValue(outcome)
  }
}

/** Whether the command changed nothing, so that all it touched it only read. */
export function isTurnedDown({ kind }: StoreOutcome): boolean {
  return kind === "refused" || kind === "conflict" || kind === "busy" || kind === "unheld"
}

function describeSettlement(settlement: Settlement): string {
  if (settlement.kind === "completed") return showStored(settlement.result)
  if (settlement.kind === "failed") return `failed: ${settlement.failure.message}`
  return settlement.kind
}

/** A value as a store keeps it, as {@link showValue} shows it. */
export function showStored(value: Value | null): string {
  try {
    return showValue(value === null ? undefined : decodeValue(value))
  } catch {
    // It stands for something that is known elsewhere.
    return showValue(value)
  }
}
