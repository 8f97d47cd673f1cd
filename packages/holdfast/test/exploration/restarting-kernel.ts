/** A kernel that dies after every command: the next one is restored from what was written of rows and live state. */
import {
  assertInvariant,
  type Command,
  Kernel,
  type LiveKey,
  type LiveRow,
  type Outcome,
  type RowKey,
  type RunRow,
  type StoredRow,
  type StoreEvent,
} from "../../src/kernel/index.ts"

type Row = NonNullable<StoredRow["row"]>

export class RestartingKernel {
  #kernel = new Kernel({ backed: true })
  readonly #rows = new Map<RowKey, Row>()
  readonly #live = new Map<LiveKey, LiveRow>()
  #events: readonly StoreEvent[] = []

  apply(command: Command, now: number): Outcome {
    let outcome = this.#kernel.apply(command, now)
    while (outcome.kind === "need") {
      this.#load(this.#kernel, outcome)
      outcome = this.#kernel.apply(command, now)
    }
    this.#events = this.#kernel.takeEvents()
    this.#write()
    this.#restart()
    return outcome
  }

  takeEvents(): readonly StoreEvent[] {
    return this.#events
  }

  /** The kernel of this moment. */
  get current(): Kernel {
    return this.#kernel
  }

  #write(): void {
    for (const { key, row } of this.#kernel.takeChanges()) {
      if (row === null) this.#rows.delete(key)
      else this.#rows.set(key, structuredClone(row))
    }
    for (const { key, row } of this.#kernel.takeLiveChanges()) {
      if (row === null) assertInvariant(this.#live.delete(key), "L4", `${key} was never written`)
      else this.#live.set(key, structuredClone(row))
    }
  }

  #restart(): void {
    const { now, lastToken, lastArrival } = this.#kernel.snapshot()
    const live = structuredClone([...this.#live.values()])
    const kernel = new Kernel({ backed: true })
    const names = live.flatMap((row) =>
      row.kind === "grant" ? row.names : row.kind === "ticket" ? row.command.names : [],
    )
    this.#load(kernel, { keys: [...new Set(names)].map((name) => `limit:${name}` as const), scan: null })
    const runs = [...this.#rows.values()].filter(isOpenRun).map((row) => structuredClone(row))
    kernel.restore({
      now,
      lastToken,
      lastArrival,
      live,
      claimed: [],
      runs: runs.toSorted((a, b) => a.arrival - b.arrival),
    })
    kernel.check()
    for (const session of kernel.awaySessions()) kernel.sessionReturned(session)
    kernel.check()
    // What was written stays written: restoring is no change.
    for (const { key } of kernel.takeLiveChanges()) assertInvariant(this.#live.has(key), "L4", `${key} came back`)
    this.#kernel = kernel
  }

  #load(kernel: Kernel, need: { readonly keys: readonly RowKey[]; readonly scan: "runs" | "cells" | null }): void {
    const rows = need.keys.map((key) => ({ key, row: structuredClone(this.#rows.get(key)) ?? null }))
    // A key and the row stored under it belong together: both came from one change.
    kernel.load(rows as StoredRow[], need.scan)
  }
}

function isOpenRun(row: Row): row is RunRow {
  return typeof row === "object" && "identity" in row && (row.status === "pending" || row.status === "running")
}
