/**
 * Transactions over several cells at random, and whether one order of all that took effect explains what each saw and
 * wrote, and agrees with real time (C3).
 *
 * A cell holds the names of all that ever wrote it, in order: its length is its version, and whatever is seen of it later
 * says who took effect, also where nobody was told.
 */
import { checkSerializable, type CommittedTransaction, describeAnomaly } from "../../src/race/checks/serializability.ts"
import type { Cell, Holdfast } from "../../src/runtime/index.ts"
import type { Machine } from "./machine.ts"
import type { Task } from "./program.ts"

const NAMES = ["ledger/0", "ledger/1", "ledger/2"]

type Ledger = readonly string[]

/** One time the function of a transaction ran: it took effect, or another run of it did, or none. */
interface Attempt {
  readonly id: string
  readonly invokedAt: number
  readonly reads: Map<string, Ledger>
  readonly writes: readonly string[]
  returnedAt: number
  /** By the store's word; null where nobody was told. */
  isDone: boolean | null
}

export class TransactionWork {
  readonly #machine: Machine
  readonly #attempts: Attempt[] = []

  constructor(machine: Machine) {
    this.#machine = machine
  }

  async act(task: Task): Promise<void> {
    if (task.chance(4)) await this.#look(task)
    else await this.#transact(task)
  }

  /** Reads some cells and writes some of those: none, so that only its reads count, or fewer than it read. */
  async #transact(task: Task): Promise<void> {
    const names = NAMES.filter(() => task.chance(2))
    if (names.length === 0) names.push(task.pick(NAMES))
    const writes = names.filter(() => !task.chance(3))
    const first = this.#attempts.length
    const own: Attempt[] = []
    const transact = async (): Promise<void> => {
      await task.hf.transact(async (tx) => {
        const attempt = this.#begin(`t${String(first)}.${String(own.length)} of ${task.name}`, writes)
        own.push(attempt)
        for (const name of names) {
          attempt.reads.set(name, await tx.get(ledgerOf(task.hf, name)))
          if (task.chance(3)) await task.pause(5)
        }
        for (const name of writes) {
          tx.set(ledgerOf(task.hf, name), [...(attempt.reads.get(name) ?? []), attempt.id])
        }
      })
    }
    await task.attempt(`transacts ${names.join("+")}, writing ${writes.join("+")}`, transact, ({ kind }) => {
      if (kind === "unknown") return
      const last = kind === "done" ? own.at(-1) : undefined
      for (const attempt of own) attempt.isDone = attempt === last
      if (last !== undefined) last.returnedAt = this.#machine.tick()
    })
  }

  /** All of them as of one moment. */
  async #look(task: Task): Promise<void> {
    const attempt = this.#begin(`look ${String(this.#attempts.length)} of ${task.name}`, [])
    await task.attempt(
      "looks at the ledgers",
      async () => await task.hf.read(NAMES.map((name) => ledgerOf(task.hf, name))),
      (result) => {
        if (result.kind !== "done") return
        NAMES.forEach((name, index) => attempt.reads.set(name, result.value[index] ?? []))
        attempt.isDone = true
        attempt.returnedAt = this.#machine.tick()
      },
    )
  }

  #begin(id: string, writes: readonly string[]): Attempt {
    const invokedAt = this.#machine.tick()
    const attempt = { id, invokedAt, reads: new Map<string, Ledger>(), writes, returnedAt: Infinity, isDone: null }
    this.#attempts.push(attempt)
    return attempt
  }

  /** Reads everything once more, for the history. */
  async look(task: Task): Promise<void> {
    await this.#look(task)
  }

  /** What must hold of all that was seen. */
  check(): readonly string[] {
    const done = this.#attempts.filter(({ isDone }) => isDone === true)
    const newest = new Map<string, Ledger>()
    for (const { reads } of done) {
      for (const [name, ledger] of reads) if (ledger.length >= (newest.get(name)?.length ?? 0)) newest.set(name, ledger)
    }
    // What one saw is what all see later, and more: nothing is lost, and nothing counts twice.
    for (const { id, reads } of done) {
      for (const [name, ledger] of reads) {
        if (ledger.some((each, index) => newest.get(name)?.[index] !== each))
          return [`C5: ${id} saw ${name} as ${ledger.join(", ")}, which became ${String(newest.get(name)?.join(", "))}`]
      }
    }
    for (const [name, ledger] of newest) {
      const twice = ledger.find((id, index) => ledger.indexOf(id) !== index)
      if (twice !== undefined) return [`S4: ${twice} wrote ${name} twice`]
    }
    const committed: CommittedTransaction[] = []
    for (const attempt of this.#attempts) {
      const found = committedOf(attempt, newest)
      if (typeof found === "string") return [found]
      if (found !== null) committed.push(found)
    }
    const result = checkSerializable(committed)
    return result.ok ? [] : [`C3: ${describeAnomaly(result.anomaly)}`]
  }
}

/** The transaction that took effect with this attempt, null where none did, or what is wrong with it. */
function committedOf(
  { id, invokedAt, returnedAt, reads, writes, isDone }: Attempt,
  newest: ReadonlyMap<string, Ledger>,
): CommittedTransaction | string | null {
  const placeOf = (name: string): number => newest.get(name)?.indexOf(id) ?? -1
  const isIn = writes.map((name) => placeOf(name) >= 0)
  if (isIn.includes(true) && isIn.includes(false)) return `C3: ${id} wrote some of ${writes.join(", ")} and not all`
  if (isIn.includes(true) && isDone === false) return `S4: ${id} took effect, and was refused or run again`
  if (isIn.includes(false) && isDone === true) return `C5: ${id} wrote ${writes.join(", ")}, which is lost`
  if (!isIn.includes(true) && isDone !== true) return null
  return {
    kind: "committed",
    id,
    invokedAt,
    returnedAt,
    reads: Array.from(reads, ([cell, ledger]) => ({ cell, version: ledger.length })),
    writes: writes.map((cell) => ({ cell, version: placeOf(cell) + 1 })),
  }
}

function ledgerOf(hf: Holdfast, name: string): Cell<Ledger> {
  return hf.cell<Ledger>(name, { initial: [] })
}
