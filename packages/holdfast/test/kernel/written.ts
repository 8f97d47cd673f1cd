/** What kernels wrote of rows and live state, and from which the next one takes up their work. */
import {
  assertInvariant,
  Kernel,
  type LiveKey,
  type LiveRow,
  type RestoredState,
  type RowKey,
  type RunRow,
  type StoredRow,
} from "../../src/kernel/index.ts"

type Row = NonNullable<StoredRow["row"]>

export class Written {
  readonly #rows = new Map<RowKey, Row>()
  readonly #live = new Map<LiveKey, LiveRow>()

  /** Writes what changed in a kernel since it was last asked. */
  take(kernel: Kernel): void {
    for (const { key, row } of kernel.takeChanges()) {
      if (row === null) this.#rows.delete(key)
      else this.#rows.set(key, structuredClone(row))
    }
    for (const { key, row } of kernel.takeLiveChanges()) {
      if (row === null) assertInvariant(this.#live.delete(key), "L4", `${key} was never written`)
      else this.#live.set(key, structuredClone(row))
    }
  }

  /** Gives a kernel the rows that its `need` asked for. */
  load(kernel: Kernel, need: { readonly keys: readonly RowKey[]; readonly scan: "runs" | "cells" | null }): void {
    const rows = need.keys.map((key) => ({ key, row: structuredClone(this.#rows.get(key)) ?? null }))
    // A key and the row stored under it belong together: both came from one change.
    kernel.load(rows as StoredRow[], need.scan)
  }

  /** A kernel that takes up the work of one that is gone; `change` says how what was written differs from all it did. */
  successorOf(gone: Kernel, change: (state: RestoredState) => RestoredState = (state) => state): Kernel {
    const { now, lastToken, lastArrival } = gone.snapshot()
    const live = structuredClone([...this.#live.values()])
    const runs = [...this.#rows.values()].filter(isOpenRun).map((row) => structuredClone(row))
    const state = change({
      now,
      lastToken,
      lastArrival,
      live,
      claimed: [],
      completed: [],
      runs: runs.toSorted((a, b) => a.arrival - b.arrival),
    })
    const names = state.live.flatMap((row) =>
      row.kind === "grant" ? row.names : row.kind === "ticket" ? row.command.names : [],
    )
    const kernel = new Kernel({ backed: true })
    this.load(kernel, { keys: [...new Set(names)].map((name) => `limit:${name}` as const), scan: null })
    kernel.restore(state)
    kernel.check()
    return kernel
  }

  /** Forgets a row as if it had never been written. */
  lose(key: RowKey): void {
    this.#rows.delete(key)
  }

  hasLive(key: LiveKey): boolean {
    return this.#live.has(key)
  }
}

/** What was written, without some of its live rows. */
export function without(state: RestoredState, isGone: (row: LiveRow) => boolean): RestoredState {
  return { ...state, live: state.live.filter((row) => !isGone(row)) }
}

function isOpenRun(row: Row): row is RunRow {
  return typeof row === "object" && "identity" in row && (row.status === "pending" || row.status === "running")
}
