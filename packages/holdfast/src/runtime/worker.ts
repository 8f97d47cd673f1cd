/**
 * A worker: slots of this session that take queued runs.
 *
 *     open ──drain()──▶ draining (nothing new is taken) ──bodies have ended, or the bound is over──▶ closed
 *
 * 1. Bodies that compute, plus slots that ask for a run, never exceed `concurrency`. A body that awaits other runs gives
 *    its slot up meanwhile (L7); when it goes on, nothing new is taken until the count is back within the bound.
 */
import { type ClaimView, HoldfastError, type RequestId, type WorkerId } from "../kernel/index.ts"
import { checkCount, checkDuration } from "./bounds.ts"
import type { Execution } from "./execution.ts"
import type { Operation } from "./operation.ts"
import { refusalError, unexpected } from "./refusal.ts"
import type { StoreOutcome } from "../store/index.ts"
import type { Runs } from "./runs.ts"

/** How a worker works. */
export interface WorkOptions {
  /** How many bodies compute at once. Default 1. */
  readonly concurrency?: number
}

/** How a worker ends. */
export interface DrainOptions {
  /** How long bodies may go on before their signals are aborted, in milliseconds. Default: as long as they take. */
  readonly graceMs?: number
}

/** Any operation, whatever its arguments. */
export type AnyOperation = Pick<Operation<never, unknown>, "operationName" | "version" | "definition">

/** Slots of this session that take queued runs until drained. */
export class Worker implements AsyncDisposable {
  readonly #runs: Runs
  readonly #id: WorkerId
  readonly #concurrency: number
  readonly #asking = new Set<RequestId>()
  readonly #bodies = new Set<Execution>()
  #awaiting = 0
  #state: "open" | "draining" | "closed" = "open"
  #drained: (() => void)[] = []

  private constructor(runs: Runs, concurrency: number) {
    this.#runs = runs
    this.#concurrency = concurrency
    this.#id = runs.session.nextRequest() as number as WorkerId // Any number of this session's that is used once.
  }

  /** @internal Opens the worker in the store and starts to take. */
  static async open(runs: Runs, operations: readonly AnyOperation[], options: WorkOptions): Promise<Worker> {
    const { concurrency = 1 } = options
    checkCount(concurrency, "concurrency")
    if (!Array.isArray(operations) || operations.length === 0) {
      throw new HoldfastError("ARGUMENT_INVALID", "work takes an array of operations, at least one")
    }
    const worker = new Worker(runs, concurrency)
    const { session } = runs
    const outcome = await session.execute({
      kind: "openWorker",
      session: session.id,
      worker: worker.#id,
      operations: operations.map(({ operationName, version }) => ({ operation: operationName, version })),
    })
    if (outcome.kind === "refused") throw refusalError(outcome)
    worker.#fill()
    return worker
  }

  /** Takes nothing new, lets bodies end, and closes. Idempotent. */
  async drain(options: DrainOptions = {}): Promise<void> {
    const { graceMs } = options
    if (graceMs !== undefined) checkDuration(graceMs, "graceMs", { zero: true })
    await this.stop()
    const { timers } = this.#runs.session.env
    const timer = graceMs === undefined ? null : timers.after(graceMs, () => {
      this.#abort()
    })
    await this.#whenEmpty()
    timer?.cancel()
    this.#state = "closed"
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain()
  }

  /** @internal Takes nothing new. */
  async stop(): Promise<void> {
    if (this.#state !== "open") return
    this.#state = "draining"
    const { session } = this.#runs
    for (const request of this.#asking) this.#runs.forgetTaken(request)
    this.#asking.clear()
    await session.execute({ kind: "closeWorker", session: session.id, worker: this.#id })
  }

  #abort(): void {
    const reason = new HoldfastError("CLOSED", "the worker is closing and its grace is over")
    for (const body of this.#bodies) body.abort(reason)
  }

  async #whenEmpty(): Promise<void> {
    if (this.#bodies.size === 0) return
    await new Promise<void>((resolve) => {
      this.#drained.push(resolve)
    })
  }

  #fill(): void {
    while (this.#state === "open" && this.#computing + this.#asking.size < this.#concurrency) this.#ask()
  }

  get #computing(): number {
    return this.#bodies.size - this.#awaiting
  }

  #ask(): void {
    const { session } = this.#runs
    const request = session.nextRequest()
    this.#asking.add(request)
    this.#runs.expectTaken(request, (claim) => {
      this.#asking.delete(request)
      this.#start(claim)
    })
    const outcome = session.execute({ kind: "takeRun", session: session.id, request, worker: this.#id })
    if (outcome instanceof Promise) session.background(this.#answeredLater(request, outcome))
    else this.#answered(request, outcome)
  }

  async #answeredLater(request: RequestId, outcome: Promise<StoreOutcome>): Promise<void> {
    this.#answered(request, await outcome)
  }

  /** `parked` leaves the slot asking; its claim comes by event. */
  #answered(request: RequestId, outcome: StoreOutcome): void {
    if (outcome.kind === "parked") return
    this.#runs.forgetTaken(request)
    this.#asking.delete(request)
    if (outcome.kind === "claimed") this.#start(outcome.claim)
    // A worker that was closed while it asked is refused, and has nothing more to do.
    else if (this.#state === "open") throw outcome.kind === "refused" ? refusalError(outcome) : unexpected("takeRun", outcome)
  }

  #start(claim: ClaimView): void {
    const definition = this.#runs.definitionOf(claim)
    if (definition === undefined || this.#state !== "open") {
      this.#runs.session.background(this.#runs.giveBack(claim))
      return
    }
    let isAwaiting = false
    const body = this.#runs.execute(claim, definition, {
      awaiting: (now) => {
        isAwaiting = now
        this.#awaiting += now ? 1 : -1
        if (now) this.#fill()
        else this.#shed()
      },
      ended: () => {
        if (isAwaiting) this.#awaiting -= 1
        this.#bodies.delete(body)
        this.#fill()
        if (this.#bodies.size === 0) this.#wakeDrain()
      },
    })
    this.#bodies.add(body)
  }

  /** A body goes on: slots that only ask are withdrawn until the bound holds again. */
  #shed(): void {
    for (const request of this.#asking) {
      if (this.#computing + this.#asking.size <= this.#concurrency) return
      this.#asking.delete(request)
      this.#runs.withdrawTaker(request)
    }
  }

  #wakeDrain(): void {
    const drained = this.#drained
    this.#drained = []
    for (const resolve of drained) resolve()
  }
}
