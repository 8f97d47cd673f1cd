/**
 * A kernel whose memory holds nothing idle: after every command each row that changed goes to a backing map and every
 * idle row is let go, so that each command finds its rows missing, as after a restart of a store with far more data
 * than memory.
 *
 *     apply ─▶ need? ─▶ load exactly those rows ─▶ apply again ─▶ outcome ─▶ changes to the map ─▶ evict what is idle
 *
 * 1. What is stored is plain data: it is cloned on its way in and out, and frozen in between.
 * 2. A command needs a bounded number of rounds; afterwards only what is active is resident.
 * 3. Settled runs that are not resident are forgotten by sweeping the map, as a store with a table would.
 */
import {
  assertInvariant,
  type Command,
  Kernel,
  type Outcome,
  type RowKey,
  type StoredRow,
  type Transition,
} from "../../src/kernel/index.ts"
import type { Engine } from "../../src/stores/memory/index.ts"

/** One round may load the rows a command names and one table; then nothing is missing any more. */
const MAX_ROUNDS = 1

type Need = Extract<Outcome, { readonly kind: "need" }>
type Row = NonNullable<StoredRow["row"]>
type RunRow = Extract<Row, { readonly identity: unknown }>

export class EvictingEngine implements Engine {
  readonly #kernel = new Kernel({ backed: true })
  readonly #rows = new Map<RowKey, Row>()
  #now = 0

  apply(command: Command, now: number): Outcome {
    this.#now = Math.max(this.#now, now)
    this.#sweep()
    let outcome = this.#kernel.apply(command, now)
    for (let round = 1; outcome.kind === "need"; round++) {
      assertInvariant(round <= MAX_ROUNDS, "O9", `"${command.kind}" still needs ${JSON.stringify(outcome.keys)}`)
      this.#load(outcome)
      outcome = this.#kernel.apply(command, now)
    }
    this.#kernel.check()
    this.#store()
    this.#kernel.evictIdle(() => true)
    this.#expectOnlyActive()
    return outcome
  }

  check(): void {
    this.#kernel.check()
  }

  takeEvents(): ReturnType<Kernel["takeEvents"]> {
    return this.#kernel.takeEvents()
  }

  observe(observer: ((transition: Transition) => void) | null): void {
    this.#kernel.observe(observer)
  }

  nextDeadline(): number | undefined {
    return this.#kernel.nextDeadline()
  }

  nextExpiry(): number | undefined {
    let next = this.#kernel.nextExpiry() ?? Infinity
    for (const row of this.#rows.values()) if (isRun(row)) next = Math.min(next, expiryOf(row))
    return next === Infinity ? undefined : next
  }

  /** How many rows are stored, whether resident or not. */
  get storedRowCount(): number {
    return this.#rows.size
  }

  residentRowCount(): number {
    return this.#kernel.residentRows()
  }

  #load(need: Need): void {
    const keys = new Set(need.keys)
    const table = need.scan === null ? null : need.scan === "runs" ? "run:" : "cell:"
    if (table !== null) for (const key of this.#rows.keys()) if (key.startsWith(table)) keys.add(key)
    const rows = [...keys].map((key) => ({ key, row: structuredClone(this.#rows.get(key)) ?? null }))
    // A key and the row stored under it belong together: both came from one change.
    this.#kernel.load(rows as StoredRow[], need.scan)
  }

  #store(): void {
    for (const { key, row } of this.#kernel.takeChanges()) {
      if (row === null) this.#rows.delete(key)
      else this.#rows.set(key, freeze(structuredClone(row)))
    }
  }

  #sweep(): void {
    for (const [key, row] of this.#rows) if (isRun(row) && expiryOf(row) <= this.#now) this.#rows.delete(key)
  }

  /** Open runs, settled ones somebody watches, limits of locks in use; no cell is ever active. */
  #expectOnlyActive(): void {
    const { runs, limits, locks } = this.#kernel.snapshot() as unknown as Snapshot
    const used = new Set(locks.map(({ name }) => name))
    const idle = [
      ...runs.filter((run) => run.settledAt !== null && run.watches.length === 0),
      ...limits.filter(({ name }) => !used.has(name)),
    ]
    assertInvariant(idle.length === 0, "O9", `idle rows are resident: ${JSON.stringify(idle)}`)
    assertInvariant(
      this.#kernel.residentRows() === runs.length + limits.length,
      "O9",
      `${String(this.#kernel.residentRows())} rows are resident, ${String(runs.length + limits.length)} are active`,
    )
  }
}

/** The part of a kernel's snapshot looked at here. */
interface Snapshot {
  readonly runs: readonly { readonly settledAt: number | null; readonly watches: readonly unknown[] }[]
  readonly limits: readonly { readonly name: string }[]
  readonly locks: readonly { readonly name: string }[]
}

function isRun(row: Row): row is RunRow {
  return typeof row === "object" && "identity" in row
}

/** When a stored run is over; one that awaits a decision is kept. */
function expiryOf(row: RunRow): number {
  if (row.settledAt === null || row.retainMs === null || row.status === "interrupted" || row.pinned) return Infinity
  return row.settledAt + row.retainMs
}

/** Freezes in depth what can be frozen: the elements of typed arrays cannot. */
function freeze<T>(data: T): T {
  if (typeof data !== "object" || data === null || ArrayBuffer.isView(data)) return data
  for (const part of Object.values(data)) freeze(part)
  return Object.freeze(data)
}
