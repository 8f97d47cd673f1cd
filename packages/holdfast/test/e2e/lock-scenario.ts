/**
 * One program over any lock, for the explorer: actors ask, stay inside for a step, and leave; some lose their patience.
 * Whatever the schedule, nobody may be inside beside somebody who excludes them, nobody may pass anybody, the history
 * must be that of a lock, and nothing may be left behind.
 */
import { getEventListeners } from "node:events"
import { History } from "../../src/race/checks/history.ts"
import type { Scenario } from "../../src/race/explore.ts"
import type { ScenarioContext } from "../../src/race/world.ts"
import { isHoldfastError } from "../../src/kernel/index.ts"
import { checkLinearizable, type Model } from "../../src/race/checks/linearizability.ts"
import {
  createSemaphoreModel,
  createSharedLockModel,
  type GrantState,
  lockModel,
  type LockOutput,
} from "../../src/race/checks/models.ts"

/** One request of an actor. */
export interface Ask {
  readonly mode: "exclusive" | "shared"
  readonly permits: number
  /** Null waits as long as it takes; 0 asks without waiting. */
  readonly waitMs: number | null
  /** True where the wait is aborted at a moment the explorer picks, which may be before or after it. */
  readonly isAborted: boolean
}

/** A program: how much fits in at once, and what each actor asks for, one after the other. */
export interface Plan {
  readonly limit: number
  readonly actors: Readonly<Record<string, readonly Ask[]>>
}

/** A held lock. */
export interface Held {
  readonly token: number
  release(): Promise<void>
}

/** A lock under test. */
export interface Locker {
  /** Asks; rejects when the wait ended without a grant. */
  ask(actor: string, ask: Ask, signal: AbortSignal): Promise<Held>
  /** Tokens in the order in which their requests reached whoever decides, for those that were granted. */
  arrivals(): readonly number[]
  /** Asserts that nothing is left: called when every actor is done. */
  finish(): Promise<void>
}

export type MakeLocker = (context: ScenarioContext, plan: Plan) => Promise<Locker>

export function exclusive(options: Partial<Ask> = {}): Ask {
  return { mode: "exclusive", permits: 1, waitMs: null, isAborted: false, ...options }
}

export function shared(options: Partial<Ask> = {}): Ask {
  return { ...exclusive(options), mode: "shared" }
}

/** The program of a plan over a lock. */
export function scenarioOf(plan: Plan, makeLocker: MakeLocker): Scenario {
  return async (context) => {
    const run = new Run(context, plan, await makeLocker(context, plan))
    await Promise.all(Object.entries(plan.actors).map(async ([actor, asks]) => await run.actor(actor, asks)))
    await run.finish()
  }
}

const OUT_OF_PATIENCE = "out of patience"

type Input =
  | { kind: "acquire"; name: string; holder: string; permits: number; mode: "exclusive" | "shared" }
  | { kind: "release"; name: string; token: number }

class Run {
  readonly #context: ScenarioContext
  readonly #plan: Plan
  readonly #locker: Locker
  readonly #history = new History<Input, LockOutput>()
  readonly #signals: AbortSignal[] = []
  #used = 0

  constructor(context: ScenarioContext, plan: Plan, locker: Locker) {
    this.#context = context
    this.#plan = plan
    this.#locker = locker
  }

  async actor(name: string, asks: readonly Ask[]): Promise<void> {
    const { stepAs, actor } = this.#context
    await actor(name, async () => {
      for (const ask of asks) {
        const controller = new AbortController()
        this.#signals.push(controller.signal)
        const patience = ask.isAborted
          ? actor(`the patience of ${name}`, async () => {
              await stepAs(`the patience of ${name}`, "ends")
              controller.abort(OUT_OF_PATIENCE)
            })
          : null
        await stepAs(name, "asks")
        await this.#once(name, ask, controller.signal)
        await patience
      }
    })
  }

  async finish(): Promise<void> {
    await this.#locker.finish()
    for (const signal of this.#signals) {
      if (getEventListeners(signal, "abort").length > 0) throw new Error("a listener was left on a signal")
    }
    this.#checkOrder()
    this.#checkHistory()
  }

  async #once(name: string, ask: Ask, signal: AbortSignal): Promise<void> {
    const { mode } = ask
    const permits = mode === "exclusive" ? this.#plan.limit : ask.permits
    const call = this.#history.invoke(name, { kind: "acquire", name: "lock", holder: name, permits, mode })
    let held: Held
    try {
      held = await this.#locker.ask(name, ask, signal)
    } catch (error) {
      if (!isExpected(error, ask)) throw error
      call.returned({ kind: ask.waitMs === 0 && !signal.aborted ? "busy" : "gaveUp" })
      return
    }
    call.returned({ kind: "granted", token: held.token })
    this.#used += permits
    if (this.#used > this.#plan.limit) throw new Error(`L1: ${this.#used} are inside where ${this.#plan.limit} fit`)
    await this.#context.stepAs(name, "leaves")
    this.#used -= permits
    const release = this.#history.invoke(name, { kind: "release", name: "lock", token: held.token })
    await held.release()
    release.returned({ kind: "released" })
  }

  /** L3: tokens, which are given in the order of grants, are given in the order of arrival. */
  #checkOrder(): void {
    const arrivals = this.#locker.arrivals()
    const sorted = arrivals.toSorted((left, right) => left - right)
    if (arrivals.join() !== sorted.join()) throw new Error(`L3: granted out of turn: ${arrivals.join(", ")}`)
  }

  #checkHistory(): void {
    // The grant of somebody who has left is held until it is given back: others find it busy, and the history does not
    // show by whom.
    const mayBeGhosts = Object.values(this.#plan.actors).some((asks) => asks.some(mayLeave))
    const operations = this.#history.operations.map((operation) =>
      mayBeGhosts && operation.returnedAt !== null && operation.output.kind === "busy"
        ? { ...operation, output: { kind: "gaveUp" } as const }
        : operation,
    )
    const result = checkLinearizable(operations, modelOf(this.#plan))
    if (result.ok !== true) throw new Error(`the history is no lock's: ${JSON.stringify(operations)}`)
  }
}

function modelOf({ limit, actors }: Plan): Model<GrantState, Input, LockOutput> {
  if (limit === 1) return lockModel
  const takesMany = Object.values(actors).some((asks) => asks.some(({ permits }) => permits > 1))
  return takesMany ? createSemaphoreModel(limit) : createSharedLockModel(limit)
}

function mayLeave({ isAborted, waitMs }: Ask): boolean {
  return isAborted || (waitMs !== null && waitMs > 0)
}

/** How a wait may end without a grant. */
function isExpected(error: unknown, { isAborted, waitMs }: Ask): boolean {
  if (error === OUT_OF_PATIENCE) return isAborted
  return waitMs !== null && isHoldfastError(error, "LOCK_TIMEOUT")
}
