/** Cells used at random, and what must hold of what was seen of them. */
import { HoldfastError } from "../../src/kernel/index.ts"
import { History, unseen, type Unseen } from "../../src/race/checks/history.ts"
import { checkLinearizable, describeWindow, type Model, type ModelStep } from "../../src/race/checks/linearizability.ts"
import type { Cell, Holdfast } from "../../src/runtime/index.ts"
import type { Machine } from "./machine.ts"
import type { Program, Task } from "./program.ts"

const NAMES = ["x", "y"]

/** Every write has an id of its own, so that its place among the others shows; a cell without a value reads as 0. */
type Id = number

const NOTHING: Id = 0

type CellInput =
  | { readonly kind: "read"; readonly name: string }
  | { readonly kind: "set" | "delete"; readonly name: string; readonly id: Id }
  /** `by` is the program whose updates may be combined with it. */
  | { readonly kind: "update"; readonly name: string; readonly id: Id; readonly by: string | null }

type CellOutput =
  | { readonly kind: "value"; readonly version: number; readonly id: Id }
  /** What the update that took effect was applied to. */
  | { readonly kind: "updated"; readonly from: Id }
  | { readonly kind: "written"; readonly version: number }

/** Updates of one program may share a version, so that it is known within bounds until somebody sees it. */
interface CellState {
  readonly least: number
  readonly most: number
  readonly id: Id
  /** Who may go on within this version; null where nobody can. */
  readonly by: string | null
}

/** A cell: every commit makes the next version (C1), and an update is of the value it replaces (C2). */
const cellModel: Model<CellState, CellInput, CellOutput> = {
  init: { least: 0, most: 0, id: NOTHING, by: null },
  key: ({ least, most, id, by }) => `${String(least)} ${String(most)} ${String(id)} ${String(by)}`,
  partition: ({ name }) => name,
  step: stepCell,
}

const REFUSED: ModelStep<CellState> = { ok: false }

function stepCell(state: CellState, input: CellInput, output: CellOutput | Unseen): ModelStep<CellState> {
  const { least, most, id } = state
  if (input.kind === "read") {
    if (output === unseen) return { ok: true, state }
    if (output.kind !== "value" || output.id !== id || output.version < least || output.version > most) return REFUSED
    const isKnown = least === most
    return { ok: true, state: isKnown ? state : { ...state, least: output.version, most: output.version } }
  }
  const written = input.kind === "delete" ? NOTHING : input.id
  if (input.kind === "update") {
    if (output !== unseen && (output.kind !== "updated" || output.from !== id)) return REFUSED
    const isShared = input.by !== null && input.by === state.by
    return { ok: true, state: { least: isShared ? least : least + 1, most: most + 1, id: written, by: input.by } }
  }
  if (output === unseen) return { ok: true, state: { least: least + 1, most: most + 1, id: written, by: null } }
  if (output.kind !== "written" || output.version <= least || output.version > most + 1) return REFUSED
  return { ok: true, state: { least: output.version, most: output.version, id: written, by: null } }
}

/** What one watch was told. */
interface Watch {
  readonly name: string
  readonly program: Program
  last: number
  isOver: boolean
}

interface Account {
  readonly balance: number
  /** The transfers it took part in. */
  readonly transfers: readonly number[]
}

interface Transfer {
  readonly id: number
  readonly from: string
  readonly to: string
  readonly state: "done" | "refused" | "unknown"
  readonly returnedAt: number
}

const ACCOUNTS = ["account/0", "account/1", "account/2"]
const START = 100

export class CellWork {
  readonly #machine: Machine
  readonly #history = new History<CellInput, CellOutput>()
  readonly #refused = new Set<number>()
  readonly #watches: Watch[] = []
  readonly #transfers = new Map<number, Transfer>()
  /** What was merged into the relaxed counter: for certain, and perhaps. */
  #merged = 0
  #lastId = 0

  constructor(machine: Machine) {
    this.#machine = machine
  }

  async act(task: Task): Promise<void> {
    const name = task.pick(NAMES)
    switch (
      task.pick([
        "read",
        "read",
        "update",
        "update",
        "set",
        "delete",
        "transact",
        "transfer",
        "transfer",
        "look",
        "watch",
        "merge",
      ])
    ) {
      case "read":
        return await this.#read(task, name)
      case "update":
        return await this.#update(task, name)
      case "set":
        return await this.#set(task, name)
      case "delete":
        return await this.#delete(task, name)
      case "transact":
        return await this.#transact(task, name)
      case "transfer":
        return await this.#transfer(task)
      case "look":
        return await this.#look(task)
      case "watch":
        this.#watch(task, name)
        return
      default:
        return await this.#merge(task)
    }
  }

  // One cell

  async #read(task: Task, name: string): Promise<void> {
    const call = this.#history.invoke(task.name, { kind: "read", name })
    await task.attempt(
      `reads ${name}`,
      async () => await cellOf(task.hf, name).read(),
      (result) => {
        if (result.kind === "done")
          call.returned({ kind: "value", version: result.value.version, id: result.value.value })
      },
    )
  }

  async #update(task: Task, name: string): Promise<void> {
    const id = this.#nextId()
    let from = NOTHING
    const call = this.#history.invoke(task.name, { kind: "update", name, id, by: task.program.name })
    const update = async (): Promise<Id> =>
      await cellOf(task.hf, name).update((value) => {
        from = value
        return id
      })
    await task.attempt(`updates ${name} to ${String(id)}`, update, (result) => {
      if (result.kind === "done") call.returned({ kind: "updated", from })
      else if (result.kind === "refused") this.#refused.add(id)
    })
  }

  async #set(task: Task, name: string): Promise<void> {
    const id = this.#nextId()
    const call = this.#history.invoke(task.name, { kind: "set", name, id })
    await task.attempt(
      `sets ${name} to ${String(id)}`,
      async () => await cellOf(task.hf, name).set(id),
      (result) => {
        if (result.kind === "done") call.returned({ kind: "written", version: result.value })
        else if (result.kind === "refused") this.#refused.add(id)
      },
    )
  }

  async #delete(task: Task, name: string): Promise<void> {
    const id = this.#nextId()
    const call = this.#history.invoke(task.name, { kind: "delete", name, id })
    await task.attempt(
      `deletes ${name}`,
      async () => await cellOf(task.hf, name).delete(),
      (result) => {
        if (result.kind === "done") call.returned({ kind: "written", version: result.value })
        else if (result.kind === "refused") this.#refused.add(id)
      },
    )
  }

  async #transact(task: Task, name: string): Promise<void> {
    const id = this.#nextId()
    let from = NOTHING
    const call = this.#history.invoke(task.name, { kind: "update", name, id, by: null })
    const transact = async (): Promise<void> => {
      await task.hf.transact(async (tx) => {
        const cell = cellOf(task.hf, name)
        from = await tx.get(cell)
        if (task.chance(3)) await task.pause(5)
        tx.set(cell, id)
      })
    }
    await task.attempt(`transacts ${name} to ${String(id)}`, transact, (result) => {
      if (result.kind === "done") call.returned({ kind: "updated", from })
      else if (result.kind === "refused") this.#refused.add(id)
    })
  }

  // Several

  async #transfer(task: Task): Promise<void> {
    const id = this.#nextId()
    const from = task.pick(ACCOUNTS)
    const to = task.pick(ACCOUNTS.filter((name) => name !== from))
    const amount = 1 + task.random.nextBelow(10)
    const move = async (): Promise<void> => {
      await task.hf.transact(async (tx) => {
        const [source, target] = [accountOf(task.hf, from), accountOf(task.hf, to)]
        const [left, right] = await tx.getAll([source, target])
        tx.set(source, { balance: left.balance - amount, transfers: [...left.transfers, id] })
        tx.set(target, { balance: right.balance + amount, transfers: [...right.transfers, id] })
      })
    }
    this.#transfers.set(id, { id, from, to, state: "unknown", returnedAt: Infinity })
    await task.attempt(`transfers ${String(id)}`, move, ({ kind }) => {
      this.#transfers.set(id, { id, from, to, state: kind, returnedAt: this.#machine.tick() })
    })
  }

  async #look(task: Task): Promise<void> {
    const askedAt = this.#machine.tick()
    const look = async (): Promise<readonly Account[]> =>
      await task.hf.read(ACCOUNTS.map((name) => accountOf(task.hf, name)))
    await task.attempt("looks at the accounts", look, (result) => {
      if (result.kind === "done") this.#checkAccounts(result.value, askedAt)
    })
  }

  /** One instant of all accounts: nothing half done, nothing lost, nothing twice (C3, C5). */
  #checkAccounts(accounts: readonly Account[], askedAt: number): void {
    const sum = accounts.reduce((total, { balance }) => total + balance, 0)
    if (sum !== START * ACCOUNTS.length) this.#machine.fault(`C3: the accounts hold ${String(sum)} together`)
    for (const { id, from, to, state, returnedAt } of this.#transfers.values()) {
      const counts = ACCOUNTS.map((_, index) => accounts[index]?.transfers.filter((each) => each === id).length ?? 0)
      const total = counts.reduce((all, count) => all + count, 0)
      const isWhole = counts[ACCOUNTS.indexOf(from)] === 1 && counts[ACCOUNTS.indexOf(to)] === 1 && total === 2
      if (total > 0 && !isWhole) this.#machine.fault(`C3: transfer ${String(id)} shows as ${counts.join(", ")}`)
      if (total === 0 && state === "done" && returnedAt < askedAt)
        this.#machine.fault(`C5: transfer ${String(id)} is lost`)
      if (total > 0 && state === "refused")
        this.#machine.fault(`S4: transfer ${String(id)} was refused and took effect`)
    }
  }

  /** Merges are for speed: none counts twice, whatever is lost. */
  async #merge(task: Task): Promise<void> {
    const cell = task.hf.cell<number>("relaxed", { relaxed: "counter", initial: 0 })
    this.#merged += 1
    await task.attempt(
      "merges",
      async () => {
        await cell.merge(1)
      },
      () => undefined,
    )
    await task.attempt(
      "reads what was merged",
      async () => await cell.get(),
      (result) => {
        if (result.kind === "done" && result.value > this.#merged) {
          this.#machine.fault(`S4: ${String(result.value)} of ${String(this.#merged)} merges took effect`)
        }
      },
    )
  }

  // Watching

  #watch(task: Task, name: string): void {
    const { program } = task
    const watch: Watch = { name, program, last: -1, isOver: false }
    this.#watches.push(watch)
    program.task("watch", async (watcher) => {
      const controller = new AbortController()
      this.#enough.add(controller)
      try {
        for await (const { version } of cellOf(watcher.hf, name).watch({ signal: controller.signal })) {
          if (!program.isAlive) continue
          this.#machine.note(() => `${watcher.name} sees ${name} at ${String(version)}`)
          if (version <= watch.last)
            this.#machine.fault(`C4: ${watcher.name} saw ${String(version)} after ${String(watch.last)}`)
          watch.last = version
          if (watcher.chance(4)) await watcher.pause(20)
        }
      } catch (error) {
        if (!(error instanceof HoldfastError) || !ENDS.has(error.code)) throw error
      }
      this.#enough.delete(controller)
      watch.isOver = true
    })
  }

  /** Ends what watches. */
  readonly #enough = new Set<AbortController>()

  /** Whether everybody who watches has seen the newest (C4). */
  async checkWatches(hf: Holdfast): Promise<boolean> {
    const watching = this.#watches.filter(({ program, isOver }) => !isOver && program.isAlive && !program.isOver)
    for (const name of new Set(watching.map((watch) => watch.name))) {
      const { version } = await cellOf(hf, name).read()
      if (watching.some((watch) => watch.name === name && watch.last < version)) return false
    }
    return true
  }

  stopWatching(): void {
    for (const controller of this.#enough) controller.abort()
  }

  /** Reads everything once more, for the histories. */
  async look(task: Task): Promise<void> {
    for (const name of NAMES) await this.#read(task, name)
    await this.#look(task)
    await task.attempt(
      "reads what is guarded",
      async () => await task.hf.cell<{ token: number; high: number }>("guarded").get(),
      (result) => {
        if (result.kind === "done" && result.value !== undefined && result.value.token < result.value.high) {
          this.#machine.fault(
            `L8: the guarded cell was written with token ${String(result.value.token)} after ${String(result.value.high)}`,
          )
        }
      },
    )
  }

  /** What must hold of all that was seen. */
  check(): readonly string[] {
    const operations = this.#history.operations.filter(({ input, returnedAt }) => {
      if (returnedAt !== null) return true
      return input.kind !== "read" && !this.#refused.has(input.id)
    })
    const result = checkLinearizable(operations, cellModel, { maxSteps: 50_000 })
    return result.ok === false ? [`C1, C2, C5: ${describeWindow(result.window)}`] : []
  }

  #nextId(): Id {
    this.#lastId += 1
    return this.#lastId
  }
}

const ENDS: ReadonlySet<string> = new Set(["SESSION_LOST", "CLOSED", "STORE_UNAVAILABLE", "STORE_FULL"])

function cellOf(hf: Holdfast, name: string): Cell<Id> {
  return hf.cell<Id>(name, { initial: NOTHING })
}

function accountOf(hf: Holdfast, name: string): Cell<Account> {
  return hf.cell<Account>(name, { initial: { balance: START, transfers: [] } })
}
