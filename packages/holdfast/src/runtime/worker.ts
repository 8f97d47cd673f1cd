/**
 * A worker: slots of this session that take queued runs.
 *
 *     open ──drain()──▶ draining (nothing new is taken) ──bodies have ended, or the bound is over──▶ closed
 *
 * 1. Bodies that compute, plus slots that ask for a run, never exceed `concurrency`. A body that awaits other runs gives
 *    its slot up meanwhile (L7); when it goes on, nothing new is taken until the count is back within the bound.
 * 2. A claim that comes for a slot that no longer asks is given back unstarted.
 */
import { type ClaimView, HoldfastError, type RequestId, type WorkerId } from "../kernel/index.ts"
import { checkCount, checkDuration, checkOptions } from "./bounds.ts"
import { type Definition, type Execution, isPassing } from "./execution.ts"
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
  /**
   * How long bodies may go on before their signals are aborted, and then again how long they may take to end, in
   * milliseconds; runs of those that have not are given back. Default: as long as they take.
   */
  readonly graceMs?: number
}

/** How long a slot waits that the store did not take; nobody tells when it works again. */
const ASK_AGAIN_MS = 100

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
    checkOptions(options)
    const { concurrency = 1 } = options
    checkCount(concurrency, "concurrency")
    if (!Array.isArray(operations) || operations.length === 0) {
      throw new HoldfastError("ARGUMENT_INVALID", "work takes an array of operations, at least one")
    }
    for (const operation of operations) checkOwn(runs, operation)
    const worker = new Worker(runs, concurrency)
    const { session } = runs
    const outcome = await session.execute({
      kind: "openWorker",
      session: session.id,
      worker: worker.#id,
      operations: operations.map(({ operationName, version }) => ({ operation: operationName, version })),
      slots: concurrency,
    })
    if (outcome.kind === "refused") throw refusalError(outcome)
    worker.#fill()
    return worker
  }

  /** Takes nothing new, lets bodies end, and closes. Idempotent. @throws HoldfastError ARGUMENT_INVALID */
  async drain(options: DrainOptions = {}): Promise<void> {
    checkOptions(options)
    const { graceMs } = options
    if (graceMs !== undefined) checkDuration(graceMs, "graceMs", { zero: true })
    await this.stop()
    if (graceMs === undefined) await this.#whenEmpty()
    else await this.#endWithin(graceMs)
    this.#state = "closed"
  }

  /** True once drained: nothing is taken and no body runs. */
  get isClosed(): boolean {
    return this.#state === "closed"
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain()
  }

  /** @internal Takes nothing new. */
  async stop(): Promise<void> {
    if (this.#state !== "open") return
    this.#state = "draining"
    const { session } = this.#runs
    // Claims that are under way still come, and are received as those of slots that no longer ask.
    this.#asking.clear()
    await session.execute({ kind: "closeWorker", session: session.id, worker: this.#id })
  }

  async #endWithin(graceMs: number): Promise<void> {
    if (await this.#isEmptyWithin(graceMs)) return
    const reason = new HoldfastError("CLOSED", "the worker is closing and its grace is over")
    for (const body of this.#bodies) body.abortToReturn(reason)
    if (await this.#isEmptyWithin(graceMs)) return
    await Promise.all([...this.#bodies].map((body) => body.surrender()))
  }

  async #isEmptyWithin(graceMs: number): Promise<boolean> {
    if (this.#bodies.size === 0) return true
    return await new Promise((resolve) => {
      const timer = this.#runs.session.env.timers.after(graceMs, () => {
        resolve(false)
      })
      this.#drained.push(() => {
        timer.cancel()
        resolve(true)
      })
    })
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
      this.#receive(request, claim)
    })
    const outcome = session.execute({ kind: "takeRun", session: session.id, request, worker: this.#id })
    if (outcome instanceof Promise) session.background(this.#answeredLater(request, outcome))
    else this.#answered(request, outcome)
  }

  async #answeredLater(request: RequestId, outcome: Promise<StoreOutcome>): Promise<void> {
    try {
      this.#answered(request, await outcome)
    } catch (error) {
      await this.#askLater(request, error)
    }
  }

  /** A disk that is full, or a keeper that is frozen for a while, must not leave the queue without its worker. */
  async #askLater(request: RequestId, error: unknown): Promise<void> {
    const { session } = this.#runs
    this.#runs.forgetTaken(request)
    if (!isPassing(error) || session.isClosed) {
      this.#lose()
      return
    }
    await new Promise<void>((resolve) => {
      session.env.timers.after(ASK_AGAIN_MS, resolve, { keepAlive: false })
    })
    // Its slot was kept until now, unless the worker has stopped.
    if (this.#asking.delete(request)) this.#fill()
  }

  /** `parked` leaves the slot asking; its claim comes by event. */
  #answered(request: RequestId, outcome: StoreOutcome): void {
    if (outcome.kind === "parked") return
    this.#runs.forgetTaken(request)
    if (outcome.kind === "claimed") {
      this.#receive(request, outcome.claim)
      return
    }
    this.#asking.delete(request)
    // A worker that was closed while it asked is refused, and has nothing more to do.
    if (this.#state !== "open") return
    if (outcome.kind !== "refused") throw unexpected("takeRun", outcome)
    this.#lose()
  }

  /** The session has ended in the store: there is nothing more to take, and nobody here to tell. */
  #lose(): void {
    this.#state = "closed"
    this.#asking.clear()
  }

  #receive(request: RequestId, claim: ClaimView): void {
    const isAsked = this.#asking.delete(request)
    const definition = this.#runs.definitionOf(claim)
    if (definition !== undefined && isAsked) this.#start(claim, definition)
    else this.#runs.session.background(this.#runs.giveBack(claim))
  }

  #start(claim: ClaimView, definition: Definition): void {
    let isAwaiting = false
    const body = this.#runs.execute(claim, definition, {
      observer: {
        awaiting: (now) => {
          isAwaiting = now
          this.#awaiting += now ? 1 : -1
          if (now) this.#fill()
          else this.#shed()
        },
        ended: () => {
          if (isAwaiting) this.#awaiting -= 1
          if (body !== null) this.#bodies.delete(body)
          this.#fill()
          if (this.#bodies.size === 0) this.#wakeDrain()
        },
      },
    })
    // Counted before it starts, which it does after this: its first steps may already await another run.
    if (body !== null) this.#bodies.add(body)
  }

  /** A body goes on: slots that only ask are withdrawn until the bound holds again. */
  #shed(): void {
    for (const request of this.#asking) {
      if (this.#computing + this.#asking.size <= this.#concurrency) return
      this.#asking.delete(request)
      this.#runs.session.background(this.#withdraw(request))
    }
  }

  /** Where the store no longer knows the request, its claim is under way and is received when it comes. */
  async #withdraw(request: RequestId): Promise<void> {
    const { session } = this.#runs
    const outcome = await session.execute({ kind: "withdrawRequest", session: session.id, request, reason: "done" })
    if (outcome.kind === "withdrawn" && outcome.found) this.#runs.forgetTaken(request)
  }

  #wakeDrain(): void {
    const drained = this.#drained
    this.#drained = []
    for (const resolve of drained) resolve()
  }
}

/** A worker executes what this session defines, and nothing else: claims of anything else would come back again and again. */
function checkOwn(runs: Runs, given: unknown): void {
  // Whatever was given: only an operation of this session has a definition that is known under its name.
  const operation = (given ?? {}) as Partial<AnyOperation>
  const { operationName = "", version = 0, definition } = operation
  if (definition !== undefined && runs.definitionOf({ operation: operationName, version }) === definition) return
  throw new HoldfastError(
    "OPERATION_UNKNOWN",
    `work takes operations defined with this open store; "${operationName}" is not`,
  )
}
