/** A kernel driven by hand: short commands, every invariant checked after each, events by whom they are for. */
import { expect } from "vitest"
import { type Command, Kernel, type Outcome, type RequestId, type RunId, type RunSpec } from "../../src/kernel/index.ts"
import type {
  ClaimView,
  ControlRun,
  ErrorCode,
  SessionId,
  StoreEvent,
  Token,
  Transition,
  WorkerId,
} from "../../src/kernel/index.ts"

/** What an acquire asks for beside its names. */
export interface Ask {
  readonly mode?: "exclusive" | "shared"
  readonly permits?: number
  readonly limit?: number | null
  readonly leaseMs?: number | null
  readonly holding?: readonly Token[]
  readonly wait?: boolean
}

const FAILURE = { code: "RUN_FAILED", name: "Error", message: "no", stack: null } as const

export class Driver {
  /** The kernel of this moment. */
  kernel: Kernel
  now = 1_000
  #request = 0
  #events: StoreEvent[] = []
  /** Set to keep what observers see. */
  readonly seen: Transition[] = []

  constructor(sessions: readonly string[] = ["s1", "s2", "s3"], options = { backed: false }) {
    this.kernel = new Kernel(options)
    for (const session of sessions) this.send({ kind: "openSession", session: session as SessionId, label: session })
  }

  observe(): void {
    this.kernel.observe((transition) => {
      this.seen.push(transition)
    })
  }

  send(command: Command): Outcome {
    const outcome = this.apply(command)
    this.collect()
    this.kernel.check()
    return outcome
  }

  protected apply(command: Command): Outcome {
    return this.kernel.apply(command, this.now)
  }

  /** Keeps what the kernel has to tell. */
  protected collect(): void {
    this.#events.push(...this.kernel.takeEvents())
  }

  /** Lets time pass. */
  pass(ms: number): void {
    this.now += ms
    this.send({ kind: "advanceTime" })
  }

  /** Everything told since the last call. */
  events(): readonly StoreEvent[] {
    const events = this.#events
    this.#events = []
    return events
  }

  // Locks

  acquire(session: string, names: string | readonly string[], ask: Ask = {}): Outcome {
    this.#request += 1
    return this.send({
      kind: "acquireLock",
      session: session as SessionId,
      request: this.#request as RequestId,
      names: typeof names === "string" ? [names] : names,
      mode: ask.mode ?? "exclusive",
      permits: ask.permits ?? 1,
      limit: ask.limit ?? null,
      leaseMs: ask.leaseMs ?? null,
      holding: ask.holding ?? [],
      wait: ask.wait ?? true,
    })
  }

  grant(session: string, names: string | readonly string[], ask: Ask = {}): Token {
    const outcome = this.acquire(session, names, ask)
    if (outcome.kind !== "granted") throw new Error(`not granted: ${JSON.stringify(outcome)}`)
    return outcome.token
  }

  park(session: string, names: string | readonly string[], ask: Ask = {}): RequestId {
    expectKind(this.acquire(session, names, ask), "parked")
    return this.#request as RequestId
  }

  release(session: string, token: Token): Outcome {
    return this.send({ kind: "releaseLock", session: session as SessionId, token })
  }

  withdraw(session: string, request: RequestId, reason: "timeout" | "abort" | "done" = "abort"): Outcome {
    return this.send({ kind: "withdrawRequest", session: session as SessionId, request, reason })
  }

  resize(name: string, limit: number): Outcome {
    return this.send({ kind: "resizeLock", session: "s1" as SessionId, name, limit })
  }

  /** The token of the grant this request was given by event, since events were last taken. */
  granted(request: RequestId): Token {
    const event = this.events().find((each) => each.kind === "lockGranted" && each.request === request)
    if (event?.kind !== "lockGranted") throw new Error(`request ${String(request)} was not granted`)
    return event.token
  }

  // Runs

  claimRun(session: string, spec: RunSpec, options: { holding?: readonly Token[]; force?: boolean } = {}): Outcome {
    this.#request += 1
    const { holding = [], force = false } = options
    const request = this.#request as RequestId
    return this.send({ kind: "claimRun", session: session as SessionId, request, spec, holding, force })
  }

  claim(session: string, spec: RunSpec, options: { holding?: readonly Token[]; force?: boolean } = {}): ClaimView {
    const outcome = this.claimRun(session, spec, options)
    if (outcome.kind !== "claimed") throw new Error(`not claimed: ${JSON.stringify(outcome)}`)
    return outcome.claim
  }

  join(session: string, spec: RunSpec, options: { holding?: readonly Token[] } = {}): RequestId {
    expectKind(this.claimRun(session, spec, options), "joined")
    return this.#request as RequestId
  }

  enqueue(session: string, spec: RunSpec, force = false): RunId {
    const outcome = this.send({ kind: "enqueueRun", session: session as SessionId, spec, force })
    if (outcome.kind !== "enqueued") throw new Error(`not enqueued: ${JSON.stringify(outcome)}`)
    return outcome.run
  }

  await(session: string, run: RunId, options: { holding?: readonly Token[]; execute?: boolean } = {}): Outcome {
    this.#request += 1
    const { holding = [], execute = false } = options
    const request = this.#request as RequestId
    return this.send({ kind: "awaitRun", session: session as SessionId, request, run, holding, execute })
  }

  /** The request the last command was sent with. */
  get lastRequest(): RequestId {
    return this.#request as RequestId
  }

  openWorker(session: string, worker: number, operations: readonly string[], slots = 1): Outcome {
    const defined = operations.map((operation) => ({ operation, version: 1 }))
    return this.send({
      kind: "openWorker",
      session: session as SessionId,
      worker: worker as WorkerId,
      operations: defined,
      slots,
    })
  }

  take(session: string, worker: number): Outcome {
    this.#request += 1
    const request = this.#request as RequestId
    return this.send({ kind: "takeRun", session: session as SessionId, request, worker: worker as WorkerId })
  }

  complete(session: string, token: Token): Outcome {
    return this.send({ kind: "completeRun", session: session as SessionId, token, result: 1 })
  }

  fail(session: string, token: Token, final = false): Outcome {
    return this.send({ kind: "failRun", session: session as SessionId, token, failure: FAILURE, final })
  }

  giveBack(session: string, token: Token): Outcome {
    return this.send({ kind: "returnRun", session: session as SessionId, token, started: true })
  }

  control(run: RunId, action: ControlRun["action"]): Outcome {
    return this.send({ kind: "controlRun", session: "s1" as SessionId, run, action })
  }

  end(session: string, reason: "closed" | "died" = "died"): void {
    this.send({ kind: "endSession", session: session as SessionId, reason, unstarted: [] })
  }

  /** The claim that was assigned by event, since events were last taken. */
  assigned(): ClaimView {
    const event = this.events().find((each) => each.kind === "runAssigned")
    if (event?.kind !== "runAssigned") throw new Error("nothing was assigned")
    return event.claim
  }
}

/** Expects a refusal with this code, and returns its message. */
export function refusal(outcome: Outcome, code: ErrorCode): string {
  if (outcome.kind !== "refused") throw new Error(`not refused: ${JSON.stringify(outcome)}`)
  expect(outcome.code).toBe(code)
  return outcome.message
}

function expectKind(outcome: Outcome, kind: Outcome["kind"]): void {
  expect(outcome).toMatchObject({ kind })
}
