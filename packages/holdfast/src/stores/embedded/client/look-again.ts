/**
 * News whose large value is missing. The keeper removes the file of what no row names any more, and a value may be replaced
 * between the word of it and the opening of its file: what is there now is looked at, and only what has not changed
 * meanwhile is damage (S2).
 */
import { isDeepStrictEqual } from "node:util"
import { type Command, runIdentityOf, type RunView, type StoreEvent } from "../../../kernel/index.ts"
import type { StoreOutcome } from "../../../store/index.ts"

/** Asks the keeper; the outcome has references in the place of large values. */
export type Look = (command: Command) => Promise<StoreOutcome>

/** What the command comes to now; null where it is the same as what was told, or nothing that can be asked again. */
export async function lookAgain(look: Look, command: Command, told: StoreOutcome): Promise<StoreOutcome | null> {
  const again = questionOf(command, told)
  if (again === null) return null
  const now = await look(again)
  if (command.kind === "watchRun" && now.kind === "run" && now.view?.run !== command.run) return null
  return isDeepStrictEqual(now, told) ? null : now
}

/** Whether there is something newer than what the event tells of, and so another event that tells it (C4). */
export async function isReplaced(look: Look, event: StoreEvent): Promise<boolean> {
  const { session } = event
  if (event.kind === "cellChanged") {
    const { name, version } = event.cell
    const now = await look({ kind: "readCells", session, names: [name], head: false })
    return now.kind === "cells" && now.cells.some((cell) => cell.version > version)
  }
  if (event.kind !== "runChanged") return false
  const { view } = event
  const now = await look({ kind: "readRun", session, identity: view.identity })
  return now.kind === "run" && now.view?.run === view.run && !isSameView(now.view, view)
}

/** A command that tells the same and leaves nothing behind. */
function questionOf(command: Command, told: StoreOutcome): Command | null {
  switch (command.kind) {
    case "readCells":
    case "listCells":
    case "readRun":
    case "listRuns":
      return command
    case "watchCells": {
      const names = told.kind === "cells" ? told.cells.map(({ name }) => name) : []
      return { kind: "readCells", session: command.session, names, head: false }
    }
    case "watchRun": {
      const identity = runIdentityOf(command.run)
      return identity === undefined ? null : { kind: "readRun", session: command.session, identity }
    }
    default:
      return null
  }
}

/** Who waits for a run is no change of it that a watcher is told of again. */
function isSameView(a: RunView, b: RunView): boolean {
  return isDeepStrictEqual({ ...a, waiters: 0 }, { ...b, waiters: 0 })
}
