/** Cells: updates alone and in crowds, and transactions of which some are overtaken by another commit. */
import { Mutex } from "async-mutex"
import { Effect, TxRef } from "effect"
import type { Holdfast } from "holdfast"
import { openMemoryStore } from "./holdfast.ts"
import { compare, type Contender, type Effort } from "./measure.ts"
import type { Table } from "./report.ts"

const UPDATES_AT_ONCE = 1_000
/** Of ten transactions, how many are overtaken once. */
const CONFLICTS_IN_TEN = [0, 1, 9]

export async function* measureCells(effort: Effort): AsyncGenerator<Table> {
  const hf = await openMemoryStore()
  yield await measureUpdate(hf, effort)
  yield await measureUpdatesAtOnce(hf, effort)
  for (const conflictsInTen of CONFLICTS_IN_TEN) {
    yield await measureTransact(hf, conflictsInTen, effort)
  }
  await hf?.close()
}

async function measureUpdate(hf: Holdfast | undefined, effort: Effort): Promise<Table> {
  const guarded = new GuardedNumber()
  const ref = TxRef.makeUnsafe(0)
  const contenders: Contender[] = [
    { name: "a variable behind async-mutex", run: () => guarded.update(addOne) },
    { name: "effect TxRef", run: () => Effect.runPromise(TxRef.update(ref, addOne)) },
  ]
  if (hf !== undefined) {
    const cell = hf.cell<number>("bench/update", { initial: 0 })
    contenders.unshift({ name: "holdfast", isReference: true, run: () => cell.update(addOne) })
  }
  return { title: "Cell, one update after the other", op: "update", rows: await compare(contenders, effort) }
}

async function measureUpdatesAtOnce(hf: Holdfast | undefined, effort: Effort): Promise<Table> {
  const guarded = new GuardedNumber()
  const ref = TxRef.makeUnsafe(0)
  const contenders: Contender[] = [
    {
      name: "a variable behind async-mutex",
      opCount: UPDATES_AT_ONCE,
      run: () => atOnce(() => guarded.update(addOne)),
    },
    {
      name: "effect TxRef",
      opCount: UPDATES_AT_ONCE,
      run: () => atOnce(() => Effect.runPromise(TxRef.update(ref, addOne))),
    },
  ]
  if (hf !== undefined) {
    const cell = hf.cell<number>("bench/update-at-once", { initial: 0 })
    contenders.unshift({
      name: "holdfast",
      isReference: true,
      opCount: UPDATES_AT_ONCE,
      run: () => atOnce(() => cell.update(addOne)),
    })
  }
  const title = `Cell, ${UPDATES_AT_ONCE.toLocaleString("en-US")} updates of one cell at once`
  return { title, op: "update", rows: await compare(contenders, effort) }
}

/** A transfer between two cells. An overtaken one has read `from` when somebody else commits a change to it. */
async function measureTransact(hf: Holdfast | undefined, conflictsInTen: number, effort: Effort): Promise<Table> {
  const mutex = new Mutex()
  let balanceFrom = 0
  let balanceTo = 0
  const contenders: Contender[] = []
  if (hf !== undefined) {
    const from = hf.cell<number>(`bench/from/${conflictsInTen}`, { initial: 0 })
    const to = hf.cell<number>(`bench/to/${conflictsInTen}`, { initial: 0 })
    let count = 0
    contenders.push({
      name: "holdfast",
      isReference: true,
      run: () => {
        count += 1
        let isToBeOvertaken = count % 10 < conflictsInTen
        return hf.transact(async (tx) => {
          const a = await tx.get(from)
          const b = await tx.get(to)
          if (isToBeOvertaken) {
            isToBeOvertaken = false
            await hf.detached(() => from.update(addOne))
          }
          tx.set(from, a - 1)
          tx.set(to, b + 1)
        })
      },
    })
  }
  contenders.push({
    name: "2 variables behind one async-mutex, which has no conflicts",
    run: () =>
      mutex.runExclusive(async () => {
        balanceFrom -= 1
        balanceTo += 1
        return await Promise.resolve(balanceFrom + balanceTo)
      }),
  })
  const title = `Transaction over 2 cells, ${conflictsInTen * 10} % overtaken once`
  return { title, op: "transaction", rows: await compare(contenders, effort) }
}

class GuardedNumber {
  readonly #mutex = new Mutex()
  #value = 0

  async update(change: (value: number) => number): Promise<number> {
    return await this.#mutex.runExclusive(() => {
      this.#value = change(this.#value)
      return this.#value
    })
  }
}

async function atOnce(update: () => Promise<unknown>): Promise<void> {
  await Promise.all(Array.from({ length: UPDATES_AT_ONCE }, () => update()))
}

function addOne(value: number): number {
  return value + 1
}
