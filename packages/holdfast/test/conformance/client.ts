/**
 * A session of a store under test, with a word for each thing tests do. It keeps every event it was sent, waits for
 * events without polling and with a bound, and counts what was exercised.
 */
import { deepStrictEqual } from "node:assert"
import { expect } from "vitest"
import { identify, identifyKey } from "../../src/kernel/index.ts"
import type {
  AcquireLock,
  CellWrite,
  ClaimView,
  Command,
  CommitCells,
  ControlRun,
  RequestId,
  RunId,
  RunSpec,
  RunView,
  SessionId,
  Settlement,
  StoreEvent,
  Token,
  Value,
  WorkerId,
} from "../../src/kernel/index.ts"
import { systemEnv } from "../../src/env/index.ts"
import type { Store, StoreOutcome } from "../../src/store/index.ts"
import type { StoreWorld } from "./store-harness.ts"

/** An event that has not come after this long, in real time, will not come; well below the bound of a test. */
const EVENT_BOUND_MS = 3_000

/** What a suite has seen a store do, for the test that nothing was left out. */
export interface Exercised {
  readonly commands: Set<string>
  readonly outcomes: Set<string>
  readonly events: Set<string>
  readonly refusals: Set<string>
}

type WithoutSession<C> = C extends { readonly session: SessionId } ? Omit<C, "session"> : never
/** A command as a client gives it: the session is its own. */
export type OwnCommand = WithoutSession<Command>

type OutcomeOf<K extends StoreOutcome["kind"]> = Extract<StoreOutcome, { readonly kind: K }>
type EventOf<K extends StoreEvent["kind"]> = Extract<StoreEvent, { readonly kind: K }>

/** A request that was made, and what it came to at once. */
export interface Asked {
  readonly request: RequestId
  readonly outcome: StoreOutcome
}

/** A store under test, as tests see it. */
export class TestWorld {
  readonly exercised: Exercised
  readonly #world: StoreWorld
  #sessions = 0

  constructor(world: StoreWorld, exercised: Exercised) {
    this.#world = world
    this.exercised = exercised
  }

  /** A session with a connection of its own. */
  async open(label = "client"): Promise<Client> {
    const link = await this.link()
    return await link.open(label)
  }

  /** Several sessions, each with a connection of its own. */
  async openMany(count: number): Promise<Client[]> {
    const clients: Client[] = []
    for (let at = 0; at < count; at++) clients.push(await this.open(`client ${String(at)}`))
    return clients
  }

  /** A connection. */
  async link(): Promise<Link> {
    return new Link(this, await this.#world.connect())
  }

  nextSession(): SessionId {
    this.#sessions += 1
    return `session-${String(this.#sessions)}` as SessionId // Brand constructor.
  }

  async advance(ms: number): Promise<void> {
    await this.#world.advance(ms)
  }
}

/** A connection that hands each event to the client it is for. */
export class Link {
  readonly store: Store
  readonly world: TestWorld
  readonly #clients = new Map<SessionId, Client>()
  /** Events for sessions this connection never opened: there must be none. */
  readonly strays: StoreEvent[] = []

  constructor(world: TestWorld, store: Store) {
    this.world = world
    this.store = store
    store.onEvent((event) => {
      this.world.exercised.events.add(event.kind)
      const client = this.#clients.get(event.session)
      if (client === undefined) this.strays.push(event)
      else client.receive(event)
    })
  }

  async execute(command: Command): Promise<StoreOutcome> {
    const { commands, outcomes, refusals } = this.world.exercised
    commands.add(command.kind)
    const outcome = await this.store.execute(command)
    outcomes.add(outcome.kind)
    if (outcome.kind === "refused") refusals.add(outcome.code)
    return outcome
  }

  async open(label = "client"): Promise<Client> {
    const client = new Client(this, this.world.nextSession(), label)
    this.#clients.set(client.session, client)
    expectKind(await this.execute({ kind: "openSession", session: client.session, label }), "done")
    return client
  }
}

export class Client {
  readonly link: Link
  readonly session: SessionId
  readonly label: string
  /** Everything this session was told, in order. */
  readonly log: StoreEvent[] = []
  #unread: StoreEvent[] = []
  #requests = 0
  readonly #bells = new Set<() => void>()

  constructor(link: Link, session: SessionId, label: string) {
    this.link = link
    this.session = session
    this.label = label
  }

  receive(event: StoreEvent): void {
    this.log.push(event)
    this.#unread.push(event)
    for (const bell of this.#bells) bell()
  }

  async send(command: OwnCommand): Promise<StoreOutcome> {
    return await this.link.execute({ ...command, session: this.session })
  }

  nextRequest(): RequestId {
    this.#requests += 1
    return this.#requests as RequestId // Brand constructor.
  }

  /** The first event not taken yet that passes `test`; waits for it if it has not come. */
  async take(what: string, test: (event: StoreEvent) => boolean): Promise<StoreEvent> {
    const found = this.#takeUnread(test)
    if (found !== undefined) return found
    return await new Promise((resolve, reject) => {
      const bell = (): void => {
        const event = this.#takeUnread(test)
        if (event === undefined) return
        this.#bells.delete(bell)
        clearTimeout(timer)
        resolve(event)
      }
      const timer = setTimeout(() => {
        this.#bells.delete(bell)
        reject(new Error(`${this.session} was never told ${what}; it was told ${JSON.stringify(this.log)}`))
      }, EVENT_BOUND_MS)
      this.#bells.add(bell)
    })
  }

  #takeUnread(test: (event: StoreEvent) => boolean): StoreEvent | undefined {
    const at = this.#unread.findIndex(test)
    return at === -1 ? undefined : this.#unread.splice(at, 1)[0]
  }

  /** The next event of a kind, for a request where one is given. */
  async event<K extends StoreEvent["kind"]>(kind: K, request?: RequestId): Promise<EventOf<K>> {
    const event = await this.take(`${kind}${request === undefined ? "" : ` of request ${String(request)}`}`, (each) => {
      return each.kind === kind && (request === undefined || ("request" in each && each.request === request))
    })
    return event as EventOf<K> // The test above looked at the kind.
  }

  /** Waits until everything said to this session so far has arrived: events come in order, so one more is a marker. */
  async catchUp(): Promise<void> {
    const name = `marker of ${this.session}`
    const first = await this.lock(name)
    const request = await this.queue(name)
    await this.release(first)
    await this.release(await this.granted(request))
  }

  /** Asserts that nothing is left unread that `test` picks, after everything said so far has arrived. */
  async expectNothing(test: (event: StoreEvent) => boolean = () => true): Promise<void> {
    await this.catchUp()
    deepStrictEqual(this.#unread.filter(test), [])
  }

  /** Asserts that a request was not answered so far. */
  async expectUnanswered(request: RequestId): Promise<void> {
    await this.expectNothing((event) => "request" in event && event.request === request)
  }

  async end(reason: "closed" | "died" = "died", unstarted: readonly Token[] = []): Promise<void> {
    expectKind(await this.send({ kind: "endSession", reason, unstarted }), "done")
  }

  // Locks

  async acquire(names: string | readonly string[], options: Partial<AcquireLock> = {}): Promise<Asked> {
    const request = this.nextRequest()
    const outcome = await this.send({
      kind: "acquireLock",
      request,
      names: typeof names === "string" ? [names] : names,
      mode: "exclusive",
      permits: 1,
      limit: null,
      leaseMs: null,
      holding: [],
      wait: true,
      ...options,
    })
    return { request, outcome }
  }

  /** Acquires what must be free. */
  async lock(names: string | readonly string[], options: Partial<AcquireLock> = {}): Promise<Token> {
    const { outcome } = await this.acquire(names, options)
    return expectKind(outcome, "granted").token
  }

  /** Queues for what must not be free. */
  async queue(names: string | readonly string[], options: Partial<AcquireLock> = {}): Promise<RequestId> {
    const { request, outcome } = await this.acquire(names, options)
    expectKind(outcome, "parked")
    return request
  }

  /** Acquires, however long it takes. */
  async lockEventually(names: string | readonly string[], options: Partial<AcquireLock> = {}): Promise<Token> {
    const { request, outcome } = await this.acquire(names, options)
    return outcome.kind === "granted" ? outcome.token : await this.granted(request)
  }

  async granted(request: RequestId): Promise<Token> {
    const { token } = await this.event("lockGranted", request)
    return token
  }

  async release(token: Token): Promise<void> {
    expectKind(await this.send({ kind: "releaseLock", token }), "released")
  }

  async withdraw(request: RequestId, reason: "timeout" | "abort" | "done" = "abort") {
    return expectKind(await this.send({ kind: "withdrawRequest", request, reason }), "withdrawn")
  }

  // Runs

  async ask(spec: RunSpec, options: { holding?: readonly Token[]; force?: boolean } = {}): Promise<Asked> {
    const request = this.nextRequest()
    const { holding = [], force = false } = options
    return { request, outcome: await this.send({ kind: "claimRun", request, spec, holding, force }) }
  }

  /** Asks for a run that must be there to be executed. */
  async claim(spec: RunSpec, options: { holding?: readonly Token[]; force?: boolean } = {}): Promise<ClaimView> {
    const { outcome } = await this.ask(spec, options)
    return expectKind(outcome, "claimed").claim
  }

  /** Asks for a run that somebody else executes. */
  async join(spec: RunSpec, options: { holding?: readonly Token[] } = {}): Promise<RequestId> {
    const { request, outcome } = await this.ask(spec, options)
    expectKind(outcome, "joined")
    return request
  }

  async enqueue(spec: RunSpec, force = false) {
    return expectKind(await this.send({ kind: "enqueueRun", spec, force }), "enqueued")
  }

  async awaitRun(run: RunId, options: { holding?: readonly Token[]; execute?: boolean } = {}): Promise<Asked> {
    const request = this.nextRequest()
    const { holding = [], execute = false } = options
    return { request, outcome: await this.send({ kind: "awaitRun", request, run, holding, execute }) }
  }

  async settled(request: RequestId): Promise<Settlement> {
    const { settlement } = await this.event("runSettled", request)
    return settlement
  }

  async assigned(request: RequestId): Promise<ClaimView> {
    const { claim } = await this.event("runAssigned", request)
    return claim
  }

  async complete(token: Token, result: Value = 1): Promise<void> {
    const outcome = await this.send({ kind: "completeRun", token, result })
    deepStrictEqual(outcome, { kind: "status", status: "completed" })
  }

  async fail(token: Token, message = "no luck", final = false): Promise<StoreOutcome> {
    const failure = { code: "RUN_FAILED", name: "Error", message, stack: null } as const
    return await this.send({ kind: "failRun", token, failure, final })
  }

  async control(run: RunId, action: ControlRun["action"]): Promise<StoreOutcome> {
    return await this.send({ kind: "controlRun", run, action })
  }

  async readRun(spec: RunSpec): Promise<RunView | null> {
    return expectKind(await this.send({ kind: "readRun", identity: spec.identity }), "run").view
  }

  /** What is known of the newest run, in one word or one result. */
  async peek(spec: RunSpec): Promise<StoreOutcome> {
    return await this.send({ kind: "peekRun", identity: spec.identity })
  }

  // Workers

  async openWorker(operations: readonly string[], { id = 1, slots = 1 } = {}): Promise<WorkerId> {
    const worker = id as WorkerId // Brand constructor.
    const list = operations.map((operation) => ({ operation, version: 1 }))
    expectKind(await this.send({ kind: "openWorker", worker, operations: list, slots }), "done")
    return worker
  }

  async takeRun(worker: WorkerId): Promise<Asked> {
    const request = this.nextRequest()
    return { request, outcome: await this.send({ kind: "takeRun", request, worker }) }
  }

  /** Takes a run that must be there. */
  async takeNow(worker: WorkerId): Promise<ClaimView> {
    const { outcome } = await this.takeRun(worker)
    return expectKind(outcome, "claimed").claim
  }

  /** Waits for a run that must not be there. */
  async parkSlot(worker: WorkerId): Promise<RequestId> {
    const { request, outcome } = await this.takeRun(worker)
    expectKind(outcome, "parked")
    return request
  }

  // Cells

  async commit(commit: Partial<CommitCells>): Promise<StoreOutcome> {
    const nothing = { holding: [], reads: [], writes: [], starts: [], step: null, complete: null }
    return await this.send({ kind: "commitCells", ...nothing, ...commit })
  }

  /** Commits what must be accepted; returns the versions. */
  async write(...writes: readonly CellWrite[]): Promise<number[]> {
    return expectKind(await this.commit({ writes }), "committed").versions.map(({ version }) => version)
  }

  async put(name: string, value: Value): Promise<number> {
    const [version] = await this.write(put(name, value))
    return version ?? 0
  }

  /** What one cell holds, as [version, value]. */
  async get(name: string, head = false): Promise<readonly [version: number, value: Value | null]> {
    const { cells } = expectKind(await this.send({ kind: "readCells", names: [name], head }), "cells")
    return [cells[0]?.version ?? -1, cells[0]?.value ?? null]
  }

  async watch(pattern: string | { readonly prefix: string }) {
    const request = this.nextRequest()
    const outcome = await this.send({
      kind: "watchCells",
      request,
      pattern:
        typeof pattern === "string" ? { kind: "name", name: pattern } : { kind: "prefix", prefix: pattern.prefix },
    })
    return { request, cells: expectKind(outcome, "cells").cells }
  }

  /** Versions of one cell this watch was told of so far, in order of arrival. */
  versionsSeen(request: RequestId, name: string): number[] {
    return this.log.flatMap((event) =>
      event.kind === "cellChanged" && event.request === request && event.cell.name === name ? [event.cell.version] : [],
    )
  }
}

/** Asserts what an outcome is. */
export function expectKind<K extends StoreOutcome["kind"]>(outcome: StoreOutcome, kind: K): OutcomeOf<K> {
  expect(outcome).toMatchObject({ kind })
  return outcome as OutcomeOf<K> // Asserted above.
}

/** Asserts that an outcome is a refusal with this code, and that it says something. */
export function expectRefused(outcome: StoreOutcome, code: string): OutcomeOf<"refused"> {
  expect(outcome).toMatchObject({ kind: "refused", code })
  const refusal = outcome as OutcomeOf<"refused"> // Asserted above.
  expect(refusal.message).not.toBe("")
  return refusal
}

export function put(name: string, value: Value): CellWrite {
  return { kind: "put", name, value }
}

/** A run of `operation` with one argument, kept and tried once unless the options say otherwise. */
export function specOf(operation: string, arg: number | string = 0, options: Partial<RunSpec> = {}): RunSpec {
  const named = { name: operation, version: options.version ?? 1 }
  const { key = null } = options
  return {
    identity: key === null ? identify(named, [arg], systemEnv.sha256) : identifyKey(named, key, systemEnv.sha256),
    operation,
    version: 1,
    args: typeof arg === "number" ? arg : new TextEncoder().encode(arg),
    key,
    effects: "pure",
    retry: { maxAttempts: 1, initialMs: 0, factor: 1, maxMs: 0 },
    concurrency: null,
    keyed: null,
    attemptTimeoutMs: null,
    retainMs: null,
    abandon: "keep",
    priority: 0,
    delayMs: 0,
    ...options,
  }
}
