/**
 * What a player does all the time: small loops over all three primitives, each of which says what it is about to do and
 * what came of it. Nothing here may fail: whatever does is a fault.
 */
import { setTimeout as sleep } from "node:timers/promises"
import type { Holdfast, HoldfastError } from "../../../src/index.ts"
import {
  ACCOUNT_START,
  ACCOUNTS,
  LOCKS,
  operationOf,
  type OperationName,
  ownCell,
  PERMITS,
  SEMAPHORE,
  SHARED_CELLS,
  WINDOW,
} from "../words.ts"
import type { Operations } from "./operations.ts"
import { accuse, say, sinceBoot } from "./say.ts"
import { Witness } from "./witness.ts"

export interface WorkloadOptions {
  readonly hf: Holdfast
  readonly operations: Operations
  readonly player: string
  readonly witnesses: string
  /** An integer in [0, limit). */
  readonly random: (limit: number) => number
  readonly isHoldfastError: (error: unknown) => error is HoldfastError
}

const PAUSE_MS = 4
const INSIDE_MS = 2
const OBSERVED_MS = 5

export class Workload {
  readonly #options: WorkloadOptions
  readonly #locks: ReadonlyMap<string, Witness>
  readonly #permits: Witness
  #isGoing = false
  #base = 0
  #loops: Promise<void>[] = []
  #own = 0
  #asked = new Set<number>()
  readonly #underWay = new Set<string>()

  constructor(options: WorkloadOptions) {
    this.#options = options
    this.#locks = new Map(LOCKS.map((name) => [name, new Witness(options.witnesses, name, 1)]))
    this.#permits = new Witness(options.witnesses, SEMAPHORE, PERMITS)
    void this.#observe()
  }

  go(base: number): void {
    this.#base = base
    this.#asked = new Set()
    this.#isGoing = true
    const steps = [this.#lock, this.#permit, this.#countOwn, this.#countShared, this.#transfer, this.#ask, this.#ask]
    this.#loops = steps.map((step) => this.#loop(step.name, () => step.call(this)))
  }

  /** What has not come to an end, for people. */
  get underWay(): string {
    return [...this.#underWay].join(", ")
  }

  async rest(): Promise<void> {
    this.#isGoing = false
    await Promise.all(this.#loops)
  }

  async #loop(name: string, step: () => Promise<void>): Promise<void> {
    while (this.#isGoing) {
      const what = `${name} since ${sinceBoot().toFixed(0)} ms`
      this.#underWay.add(what)
      try {
        await step()
        this.#underWay.delete(what)
      } catch (error) {
        if (this.#isClosed(error)) return
        accuse("unexpected errors", `${this.#options.player} ${name}: ${describe(error)}`)
        return
      }
      await sleep(this.#options.random(PAUSE_MS))
    }
  }

  #isClosed(error: unknown): boolean {
    return this.#options.isHoldfastError(error) && error.code === "CLOSED"
  }

  // The steps

  async #lock(): Promise<void> {
    const { hf, random } = this.#options
    const name = LOCKS[random(LOCKS.length)] ?? ""
    const witness = this.#locks.get(name)
    await hf.lock(name).run(async ({ token }) => {
      say({ kind: "granted", lock: name, token })
      await witness?.enter(token)
      try {
        if (random(2) === 0) await sleep(random(INSIDE_MS))
        // Carries the grant: refused if anybody else had it meanwhile.
        else await this.#update(`guarded/${name}`)
      } finally {
        // Whatever happens inside, the lock is given back afterwards.
        witness?.leave(token)
      }
    })
  }

  async #permit(): Promise<void> {
    const { hf, random } = this.#options
    await hf.semaphore(SEMAPHORE, PERMITS).run(async ({ token }) => {
      await this.#permits.enter(token)
      await sleep(random(INSIDE_MS))
      this.#permits.leave(token)
    })
  }

  async #countOwn(): Promise<void> {
    const cell = ownCell(this.#options.player)
    const value = await this.#update(cell)
    this.#own += 1
    if (value === this.#own) return
    const fault = value < this.#own ? "acknowledged writes lost" : "commits counted twice"
    accuse(fault, `${cell}: its only writer wrote ${String(this.#own)} times and finds ${String(value)}`)
  }

  async #countShared(): Promise<void> {
    await this.#update(SHARED_CELLS[this.#options.random(SHARED_CELLS.length)] ?? "")
  }

  async #update(name: string): Promise<number> {
    const began = sinceBoot()
    say({ kind: "update-began", cell: name })
    const value = await this.#options.hf.cell(name, { initial: 0 }).update((count) => count + 1)
    // Its only writes add one each, so that the value says the version too.
    say({ kind: "update-done", cell: name, version: value, began, at: sinceBoot() })
    return value
  }

  async #transfer(): Promise<void> {
    const { hf, random } = this.#options
    const [from = "", to = ""] = [ACCOUNTS[random(ACCOUNTS.length)], ACCOUNTS[random(ACCOUNTS.length)]]
    if (from === to) return
    const source = hf.cell(from, { initial: ACCOUNT_START })
    const target = hf.cell(to, { initial: ACCOUNT_START })
    try {
      await hf.transact(async (tx) => {
        await tx.update(source, (left) => left - 1)
        await tx.update(target, (held) => held + 1)
      })
    } catch (error) {
      // Losing every race is an answer too.
      if (!this.#options.isHoldfastError(error) || error.code !== "CONFLICT") throw error
    }
  }

  async #ask(): Promise<void> {
    const { operations, random } = this.#options
    const number = this.#base + random(WINDOW)
    if (this.#asked.has(number) && random(4) > 0) return
    this.#asked.add(number)
    const op = operationOf(number)
    if (op === "job") {
      const handle = await operations.job.start([number])
      say({ kind: "enqueued", number })
      await this.#result(op, number, handle.result())
    } else {
      await this.#result(op, number, operations[op](number))
    }
  }

  async #result(op: OperationName, number: number, result: Promise<{ readonly nonce: string }>): Promise<void> {
    const what = `${op}(${String(number)})`
    this.#underWay.add(what)
    try {
      const { nonce } = await result
      say({ kind: "result", op, number, nonce })
    } catch (error) {
      if (!this.#options.isHoldfastError(error) || !isVerdict(error.code)) throw error
      say({ kind: "refused", op, number, code: error.code })
    } finally {
      this.#underWay.delete(what)
    }
  }

  /** Watches a cell for as long as there is a store: versions rise and are never taken back. */
  async #observe(): Promise<void> {
    const [name = ""] = SHARED_CELLS
    let last = 0
    let saidAt = 0
    try {
      for await (const { version } of this.#options.hf.cell(name, { initial: 0 }).watch()) {
        if (version < last)
          accuse("acknowledged writes lost", `${name}: version ${String(version)} after ${String(last)}`)
        last = version
        if (sinceBoot() - saidAt < OBSERVED_MS) continue
        saidAt = sinceBoot()
        say({ kind: "observed", cell: name, version })
      }
    } catch (error) {
      if (!this.#isClosed(error)) accuse("unexpected errors", `a watch of ${name}: ${describe(error)}`)
    }
  }
}

/** How a run may end whose process was killed under it; the harness judges whether it was. */
function isVerdict(code: string): boolean {
  return code === "RUN_INTERRUPTED" || code === "RUN_CRASHED"
}

export function describe(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
}
