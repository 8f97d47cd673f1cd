/**
 * The cell table: named values with versions, commits over many of them, watchers.
 *
 *     version 0 (never was) ──put──▶ 1 ──put, merge, delete──▶ 2 ──▶ …        a deletion is a version without a value
 *
 * 1. A commit checks everything before it changes anything: fences (L8), the step not recorded yet (O10), versions read
 *    (C3), cells queued for by others (C2), what its merges and starts need. Then all of it is applied (C1).
 * 2. Versions of a cell only rise, by one a commit, over deletions too.
 * 3. Every watcher is told of every version in order; a reader downstream may skip, never go back (C4).
 */
import { assertInvariant } from "./assert.ts"
import type { CellWrite, CommitCells, Merge, WatchCells } from "./command.ts"
import type { Context } from "./context.ts"
import type { Token } from "./ids.ts"
import type { LockTable } from "./lock-table.ts"
import { cellQueueName } from "./names.ts"
import type { CellView, Outcome, Refused } from "./outcome.ts"
import { refuse } from "./refuse.ts"
import type { RunTable } from "./run-table.ts"
import { type CellRow, type CellWatch, type Session, unregister } from "./state.ts"
import type { Value } from "./value.ts"
import type { WorkingSet } from "./working-set.ts"

export class CellTable {
  readonly #context: Context
  readonly #cells: WorkingSet<CellRow>
  readonly #locks: LockTable
  readonly #runs: RunTable
  readonly #named = new Map<string, Set<CellWatch>>()
  readonly #prefixed = new Set<CellWatch>()

  constructor(options: { context: Context; cells: WorkingSet<CellRow>; locks: LockTable; runs: RunTable }) {
    this.#context = options.context
    this.#cells = options.cells
    this.#locks = options.locks
    this.#runs = options.runs
  }

  read(names: readonly string[]): Outcome {
    return { kind: "cells", cells: names.map((name) => this.#view(name)) }
  }

  /** Cells that have a value and whose name starts with the prefix, in order of name. */
  list(prefix: string, limit: number): CellView[] {
    const cells: CellView[] = []
    for (const [name, row] of this.#cells.entries()) {
      if (row.value !== null && name.startsWith(prefix)) cells.push({ name, ...row })
    }
    cells.sort((a, b) => (a.name < b.name ? -1 : 1))
    return cells.slice(0, limit)
  }

  commit(session: Session, command: CommitCells): Outcome {
    const stopped = this.#precheck(session, command)
    if (stopped !== null) return stopped
    const versions = command.writes.map((write) => ({ name: write.name, version: this.#write(write) }))
    if (command.step !== null) {
      this.#runs.recordStep(command.step.token, command.step.name, command.step.outcome)
    }
    const starts = command.starts.map((spec) => {
      const { run, created } = this.#runs.start(session, spec, false)
      return { run, created }
    })
    if (command.complete !== null) this.#runs.complete(session, command.complete.token, command.complete.result)
    this.#context.observe?.({
      kind: "commit.applied",
      at: this.#context.now,
      session: session.id,
      cells: versions.map((entry) => entry.name),
    })
    return { kind: "committed", versions, starts }
  }

  /** Registers a watch and answers with what there is now, so that nothing is missed in between (C4). */
  watch(session: Session, command: WatchCells): Outcome {
    const { pattern, request } = command
    const watch: CellWatch = { kind: "cellWatch", session, request, pattern }
    session.requests.set(request, watch)
    if (pattern.kind === "prefix") {
      this.#prefixed.add(watch)
      return { kind: "cells", cells: this.list(pattern.prefix, Number.MAX_SAFE_INTEGER) }
    }
    const watches = this.#named.get(pattern.name) ?? new Set()
    this.#named.set(pattern.name, watches.add(watch))
    return this.read([pattern.name])
  }

  unwatch(watch: CellWatch): void {
    const { pattern, session, request } = watch
    unregister(session, request, watch)
    if (pattern.kind === "prefix") {
      this.#prefixed.delete(watch)
      return
    }
    const watches = this.#named.get(pattern.name)
    watches?.delete(watch)
    if (watches?.size === 0) this.#named.delete(pattern.name)
  }

  /** Asserts C1 and C4's bookkeeping. */
  check(): void {
    for (const [name, row] of this.#cells.entries()) {
      assertInvariant(
        Number.isSafeInteger(row.version) && row.version >= 1,
        "C1",
        `cell "${name}" has version ${String(row.version)}`,
      )
    }
    for (const watch of this.#prefixed) {
      assertInvariant(watch.session.requests.get(watch.request) === watch, "C4", "a prefix watcher is not registered")
    }
    for (const [name, watches] of this.#named) {
      assertInvariant(watches.size > 0, "C4", `cell "${name}" keeps an empty set of watchers`)
      for (const watch of watches) {
        assertInvariant(
          watch.session.requests.get(watch.request) === watch,
          "C4",
          "a watcher is known but not registered",
        )
      }
    }
  }

  #precheck(session: Session, command: CommitCells): Outcome | null {
    const fenced = this.#checkFences(session, command)
    if (fenced !== null) return fenced
    if (command.step !== null) {
      const outcome = this.#runs.recordedStep(command.step.token, command.step.name)
      if (outcome !== undefined) return { kind: "recorded", outcome }
    }
    for (const { name, version } of command.reads) {
      const found = this.#cells.get(name)?.version ?? 0
      if (found === version) continue
      this.#context.observe?.({ kind: "commit.conflict", at: this.#context.now, session: session.id, cell: name })
      return { kind: "conflict", name, expected: version, found }
    }
    return this.#checkWrites(command)
  }

  /** Each grant of the scope chain must be live, and a claim that the commit speaks for must be this session's (L8, O5). */
  #checkFences(session: Session, command: CommitCells): Refused | null {
    for (const token of command.holding) {
      if (this.#context.holders.get(token) === undefined) return this.#refuseFenced(session, token)
    }
    for (const token of [command.step?.token, command.complete?.token]) {
      if (token !== undefined && session.claims.get(token)?.live !== true) return this.#refuseFenced(session, token)
    }
    return null
  }

  #refuseFenced(session: Session, token: Token): Refused {
    this.#context.observe?.({ kind: "commit.fenced", at: this.#context.now, session: session.id, token })
    return refuse(
      "FENCED",
      `the commit rests on token ${String(token)}, which is no longer held: its lease ended, its run went on without it, or its session ended; nothing was written`,
      { token },
    )
  }

  #checkWrites(command: CommitCells): Outcome | null {
    const { writes } = command
    if (writes.length > 1 && new Set(writes.map((write) => write.name)).size !== writes.length) {
      return refuse("ARGUMENT_INVALID", "a commit writes each cell at most once")
    }
    for (const write of writes) {
      const queued = this.#locks.exclusiveHolder(cellQueueName(write.name))
      if (queued !== undefined && !command.holding.includes(queued)) return { kind: "contended", name: write.name }
      const invalid = write.kind === "merge" ? this.#checkMerge(write.name, write.merge, write.value) : null
      if (invalid !== null) return invalid
    }
    return this.#runs.refuseStarts(command.starts)
  }

  #checkMerge(name: string, merge: Merge, value: Value): Refused | null {
    if (merge === "last") return null
    const current = this.#cells.get(name)?.value ?? 0
    if (typeof current === "number" && typeof value === "number") return null
    return refuse(
      "VALUE_INVALID",
      `cell "${name}" merges by ${merge}, which needs numbers on both sides; found something else`,
      { name },
    )
  }

  /** Writes one cell and tells its watchers; returns the version it has now. */
  #write(write: CellWrite): number {
    const row = this.#cells.get(write.name)
    const value =
      write.kind === "delete" ? null : write.kind === "put" ? write.value : merged(write.merge, row?.value, write.value)
    // A merge that changes nothing is no write: progress reported twice is one version.
    if (write.kind === "merge" && write.merge === "max" && row !== undefined && row.value === value) return row.version
    const version = (row?.version ?? 0) + 1
    if (row === undefined) {
      this.#cells.set(write.name, { version, value })
    } else {
      row.version = version
      row.value = value
      this.#cells.touch(write.name)
    }
    this.#announce({ name: write.name, version, value })
    return version
  }

  #announce(cell: CellView): void {
    const named = this.#named.get(cell.name)
    if (named !== undefined) for (const watch of named) this.#tell(watch, cell)
    for (const watch of this.#prefixed) {
      if (watch.pattern.kind === "prefix" && cell.name.startsWith(watch.pattern.prefix)) this.#tell(watch, cell)
    }
  }

  #tell(watch: CellWatch, cell: CellView): void {
    this.#context.emit({ kind: "cellChanged", session: watch.session.id, request: watch.request, cell })
  }

  #view(name: string): CellView {
    const row = this.#cells.get(name)
    return { name, version: row?.version ?? 0, value: row?.value ?? null }
  }
}

function merged(merge: Merge, current: Value | null | undefined, value: Value): Value {
  if (merge === "last" || typeof value !== "number" || (current != null && typeof current !== "number")) return value
  if (current == null) return value
  return merge === "max" ? Math.max(current, value) : current + value
}
