/**
 * What readers are shown: what is durable, and nothing newer (C5).
 *
 * 1. What lists rows is answered from the journal, once all that was applied is in it.
 * 2. Cells are shown as they were before changes that are not durable yet, all as of one moment (C3).
 */
import type { CellRow, Command } from "../../../kernel/index.ts"
import type { StoreOutcome } from "../../../store/index.ts"
import type { KeptState } from "./kept-state.ts"

/** How a listing is answered once all that was applied is stored; null where the command lists nothing. */
export function listingOf(state: KeptState, command: Command): (() => StoreOutcome) | null {
  const { kernel, journal } = state
  // A session that is over is refused by the kernel, as for everything else.
  if (!("session" in command) || !kernel.hasSession(command.session)) return null
  switch (command.kind) {
    case "listRuns":
      return () => ({
        kind: "runs",
        views: journal.listRuns(command.filter).map((row) => kernel.viewStored(row)),
      })
    case "listCells":
      return () => ({ kind: "cells", cells: journal.listCells(command.prefix, command.limit) })
    case "inspect":
      return () => inspect(state, command)
    case "watchCells": {
      const { pattern } = command
      if (pattern.kind !== "prefix") return null
      // Registered now, so that nothing after this moment is missed; what comes in between is told again.
      const outcome = state.apply(command)
      state.collect(command)
      return () =>
        outcome.kind === "cells"
          ? { kind: "cells", cells: journal.listCells(pattern.prefix, Number.MAX_SAFE_INTEGER) }
          : outcome
    }
    default:
      return null
  }
}

function inspect(state: KeptState, command: Command): StoreOutcome {
  const outcome = state.apply(command)
  if (outcome.kind !== "view") return outcome
  const { view } = outcome
  const blobs = state.blobs?.view ?? view.blobs
  return { kind: "view", view: { ...view, runs: { ...view.runs, byStatus: state.journal.countRuns() }, blobs } }
}

/** Cells as readers may see them: what is not durable yet as it was before, all as of one moment (C3, C5). */
export function asDurable({ durability, journal }: KeptState, outcome: StoreOutcome): StoreOutcome {
  if (outcome.kind !== "cells") return outcome
  const ahead = outcome.cells.map(({ name }) => `cell:${name}` as const).filter((key) => !durability.isDurable(key))
  if (ahead.length === 0) return outcome
  const stored = new Map(journal.load(ahead).map(({ key, row }) => [key, row]))
  const cells = outcome.cells.map((cell) => {
    if (!stored.has(`cell:${cell.name}`)) return cell
    // The row stored under a cell's key is a cell's.
    const row = (stored.get(`cell:${cell.name}`) ?? null) as CellRow | null
    return { name: cell.name, version: row?.version ?? 0, value: row?.value ?? null }
  })
  return { kind: "cells", cells }
}
