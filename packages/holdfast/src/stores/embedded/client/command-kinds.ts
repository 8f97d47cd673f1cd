/** What commands and outcomes are to a client that may lose its keeper: which can be asked again, and what they leave. */
import type { Command, SessionId, StoreEvent } from "../../../kernel/index.ts"
import type { StoreOutcome } from "../../../store/index.ts"

/** Asking changes nothing that asking again would not. */
export function isHarmless({ kind }: Command): boolean {
  switch (kind) {
    case "readCells":
    case "listCells":
    case "readRun":
    case "peekRun":
    case "listRuns":
    case "flushRun":
    case "inspect":
    case "watchCells":
    case "watchRun":
    case "openSession":
    case "closeWorker":
    case "endSession":
      return true
    default:
      return false
  }
}

/** What it does outlives its session. */
export function isLasting({ kind }: Command): boolean {
  switch (kind) {
    case "commitCells":
    case "enqueueRun":
    case "completeRun":
    case "failRun":
    case "controlRun":
    case "reportProgress":
    case "putResult":
    case "forgetResult":
    case "discardResult":
    case "evictRuns":
    case "evictBlobs":
    case "resizeLock":
      return true
    default:
      return false
  }
}

/** The session begins or ends with this request, which is sent again. */
export function isEnding(command: Command, session: SessionId): boolean {
  return (command.kind === "openSession" || command.kind === "endSession") && command.session === session
}

/** It leaves its session something that holds or waits. */
export function isWait({ kind }: StoreOutcome): boolean {
  return kind === "granted" || kind === "parked" || kind === "joined" || kind === "claimed"
}

export function isLost(outcome: StoreOutcome): outcome is Extract<StoreOutcome, { readonly kind: "refused" }> {
  return outcome.kind === "refused" && outcome.code === "SESSION_LOST"
}

/** What comes under one request keeps its order. */
export function laneOf(news: Command | StoreEvent): string | null {
  if (!("request" in news) || news.kind === "withdrawRequest") return null
  return `${news.session} ${String(news.request)}`
}
