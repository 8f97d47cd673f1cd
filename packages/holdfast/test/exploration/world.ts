/**
 * A kernel with the programs of a scope around it, and what those programs know: what they hold, what they wait for,
 * what they were told. All of that is compared with the kernel after every step, without looking into it.
 */
import {
  type ClaimView,
  type Command,
  Kernel,
  type KernelSnapshot,
  type Outcome,
  type RequestId,
} from "../../src/kernel/index.ts"
import {
  type RunId,
  type RunSpec,
  type Settlement,
  type StoreEvent,
  type Token,
  type WorkerId,
} from "../../src/kernel/index.ts"
import { canonicalize } from "./canonical.ts"
import type { Explorable } from "./explorer.ts"
import { type Action, type Actor, type Body, type Intervention, type Scope, sessionOf } from "./scope.ts"

export type WorldStep =
  | {
      readonly kind: "act"
      readonly isProgress: false
      readonly actor: string
      readonly index: number
      readonly action: Action
    }
  | { readonly kind: "release" | "withdraw"; readonly isProgress: boolean; readonly actor: string }
  | { readonly kind: "end"; readonly isProgress: boolean; readonly actor: string; readonly how: Body["ends"][number] }
  | { readonly kind: "take"; readonly isProgress: true; readonly worker: number }
  | {
      readonly kind: "intervene"
      readonly isProgress: boolean
      readonly index: number
      readonly intervention: Intervention
    }
  | { readonly kind: "advance"; readonly isProgress: boolean }

interface Held {
  readonly kind: "grant" | "claim"
  readonly token: Token
  readonly names: readonly string[]
  readonly mode: "exclusive" | "shared"
  readonly permits: number
  isLost: boolean
}

/** An actor as it stands. */
interface Player {
  readonly id: string
  readonly session: string
  readonly menu: readonly Action[]
  readonly depth: number
  readonly ends: Body["ends"]
  readonly chain: Held[]
  readonly run: RunId | null
  /** The worker whose slot a body is in. */
  readonly worker: number | null
  blocked: { readonly request: RequestId; readonly action: Action; readonly run: RunId | null } | null
  reads: Record<string, { version: number; value: number }>
}

interface SnapshotSession {
  readonly id: string
  readonly grants: readonly { readonly token: Token }[]
  readonly claims: readonly { readonly token: Token }[]
  readonly requests: readonly { readonly kind: string; readonly request: RequestId }[]
}

const UNCHANGED: ReadonlySet<Outcome["kind"]> = new Set([
  "refused",
  "busy",
  "conflict",
  "contended",
  "recorded",
  "unheld",
])

export class World implements Explorable<WorldStep> {
  readonly #scope: Scope
  readonly #kernel = new Kernel({ backed: false })
  readonly #players = new Map<string, Player>()
  /** Free slots that ask, by worker: their requests. */
  readonly #asking: Set<RequestId>[] = []
  readonly #uses = new Map<string, number>()
  readonly #cells = new Map<string, { version: number; value: number }>()
  readonly #recorded = new Set<string>()
  /** How each run ended, as far as anyone was told. */
  readonly #settled = new Map<RunId, string>()
  /** Once runs whose body was cut off and that nobody decided about yet. */
  readonly #cutOff = new Map<string, RunId>()
  readonly #path: WorldStep[] = []
  #now = 1_000
  #lastToken = 0
  /** True after a step that was turned down: nothing may have changed. */
  isUnchanged = false
  /** Set to make the next request without telling what it holds: the oracle for refusals. */
  #isBlind = false
  #taken: KernelSnapshot | null = null

  constructor(scope: Scope) {
    this.#scope = scope
    const sessions = new Set([
      ...scope.actors.map((actor) => actor.session),
      ...scope.workers.map((worker) => worker.session),
    ])
    for (const session of sessions) this.#open(session)
  }

  /** Taken once a step: it costs more than the step. */
  #snapshot(): KernelSnapshot {
    this.#taken ??= this.#kernel.snapshot()
    return this.#taken
  }

  canonical(): string {
    return canonicalize(this.#snapshot(), {
      players: [...this.#players.values()].map(({ id, session, chain, run, worker, blocked, reads }) => ({
        who: run === null ? id : run.slice(0, run.lastIndexOf("@")),
        session,
        worker,
        blocked: blocked?.request ?? null,
        reads,
        chain: chain.map(({ kind, token, names, isLost }) => ({ kind, token, names, isLost })),
      })),
      cutOff: [...this.#cutOff.keys()].toSorted(),
      asking: this.#asking.map((asking) => [...asking]),
      uses: Object.fromEntries([...this.#uses].toSorted(([a], [b]) => (a < b ? -1 : 1))),
    })
  }

  isCalm(): boolean {
    return [...this.#players.values()].every((player) => player.blocked === null)
  }

  // What may happen next

  steps(): WorldStep[] {
    const steps: WorldStep[] = []
    for (const player of this.#players.values()) steps.push(...this.#stepsOf(player))
    for (const [index, worker] of this.#scope.workers.entries()) {
      if (this.#computing(index) + this.#askingOf(index).size < worker.slots) {
        steps.push({ kind: "take", isProgress: true, worker: index })
      }
    }
    const canLeaveZombie = this.#zombies() < this.#scope.zombies
    for (const [index, intervention] of this.#scope.interventions.entries()) {
      if (!canLeaveZombie && leavesZombie(intervention)) continue
      if (!this.#isLeft(`intervene ${String(index)}`, intervention.times)) continue
      // A paused run is one that somebody can resume.
      const isProgress = intervention.do === "control" && intervention.action === "resume"
      if (intervention.do === "control" && this.#runOf(intervention.spec) === null) continue
      steps.push({ kind: "intervene", isProgress, index, intervention })
    }
    if (this.#kernel.nextDeadline() !== undefined || this.#kernel.nextExpiry() !== undefined) {
      // Only delays end by themselves: that a lease or an attempt is cut off is no way out of a deadlock.
      const deadlines = this.#snapshot().deadlines as readonly { readonly kind: string }[]
      if (canLeaveZombie || deadlines[0]?.kind !== "attempt") {
        steps.push({ kind: "advance", isProgress: deadlines.some(({ kind }) => kind === "ready") })
      }
    }
    return steps
  }

  #stepsOf(player: Player): WorldStep[] {
    const { id, chain, blocked } = player
    const last = chain.at(-1)
    const isZombie = chain[0]?.kind === "claim" && chain[0].isLost
    if (blocked !== null) {
      // A body that lost its claim is aborted, and with it everything it waits for.
      return isZombie || this.#scope.canWithdraw ? [{ kind: "withdraw", isProgress: isZombie, actor: id }] : []
    }
    const steps: WorldStep[] = []
    if (last?.kind === "grant") steps.push({ kind: "release", isProgress: true, actor: id })
    if (last?.kind === "claim") {
      for (const [at, how] of player.ends.entries()) steps.push({ kind: "end", isProgress: at === 0, actor: id, how })
    }
    if (isZombie) return steps
    for (const [index, action] of player.menu.entries()) {
      if (!this.#isLeft(usesKey(player, index), action.times)) continue
      if (action.do === "acquire" && chain.filter(({ kind }) => kind === "grant").length >= player.depth) continue
      if (action.do === "await" && this.#runOf(action.spec) === null) continue
      if (action.do === "commit" && action.blind !== true && action.writes.some((name) => !(name in player.reads)))
        continue
      steps.push({ kind: "act", isProgress: false, actor: id, index, action })
    }
    return steps
  }

  #isLeft(key: string, times: number | undefined): boolean {
    return times === undefined || (this.#uses.get(key) ?? 0) < times
  }

  // What happens

  perform(step: WorldStep): void {
    this.isUnchanged = false
    this.#taken = null
    this.#refusal = null
    this.#path.push(step)
    switch (step.kind) {
      case "act":
        this.#act(this.#player(step.actor), step.action, usesKey(this.#player(step.actor), step.index))
        break
      case "release":
        this.#release(this.#player(step.actor))
        break
      case "withdraw":
        this.#withdraw(this.#player(step.actor))
        break
      case "end":
        this.#end(this.#player(step.actor), step.how)
        break
      case "take":
        this.#take(step.worker)
        break
      case "intervene":
        this.#intervene(step.intervention, `intervene ${String(step.index)}`)
        break
      case "advance":
        this.#now = Math.max(
          this.#now,
          Math.min(this.#kernel.nextDeadline() ?? Infinity, this.#kernel.nextExpiry() ?? Infinity),
        )
        this.#apply({ kind: "advanceTime" })
        break
    }
    this.#shed()
  }

  #act(player: Player, action: Action, uses: string): void {
    const session = sessionOf(player.session)
    const holding = this.#isBlind ? [] : player.chain.map(({ token }) => token)
    const request = this.#freeRequest(player.session)
    switch (action.do) {
      case "acquire": {
        const { names, mode = "exclusive", permits = 1, limit = null, leaseMs = null, wait = true } = action
        const outcome = this.#apply({
          kind: "acquireLock",
          session,
          request,
          names,
          mode,
          permits,
          limit,
          leaseMs,
          holding,
          wait,
        })
        if (outcome.kind === "granted") this.#hold(player, action, outcome.token)
        else if (outcome.kind === "parked") player.blocked = { request, action, run: null }
        else this.#turnedDown(outcome, ["refused", "busy"])
        break
      }
      case "claim": {
        const outcome = this.#apply({
          kind: "claimRun",
          session,
          request,
          spec: action.spec,
          holding,
          force: action.force ?? false,
        })
        this.#asked(player, action, request, outcome)
        break
      }
      case "await": {
        const run = this.#runOf(action.spec) as RunId // Offered only while there is one.
        const outcome = this.#apply({ kind: "awaitRun", session, request, run, holding, execute: action.execute })
        this.#asked(player, action, request, outcome)
        break
      }
      case "enqueue":
        this.#turnedDown(this.#apply({ kind: "enqueueRun", session, spec: action.spec, force: false }), [
          "refused",
          "enqueued",
        ])
        break
      case "read": {
        const outcome = this.#apply({ kind: "readCells", session, names: action.cells, head: false })
        if (outcome.kind !== "cells") throw unexpected(outcome)
        for (const { name, version, value } of outcome.cells) {
          const known = this.#cells.get(name)
          demand(
            version === (known?.version ?? 0) && (value ?? 0) === (known?.value ?? 0),
            "C5: a read serves another version",
          )
          player.reads[name] = { version, value: Number(value ?? 0) }
        }
        break
      }
      case "commit":
        this.#commit(player, action)
        break
    }
    if (!this.isUnchanged && action.times !== undefined) this.#uses.set(uses, (this.#uses.get(uses) ?? 0) + 1)
  }

  #asked(player: Player, action: Action, request: RequestId, outcome: Outcome): void {
    if (outcome.kind === "settled") {
      this.#told(outcome.run, outcome.settlement)
    } else if (outcome.kind === "claimed") {
      player.blocked = { request, action, run: outcome.claim.run }
      this.#startBody(player.session, outcome.claim, null)
    } else if (outcome.kind === "joined") {
      player.blocked = { request, action, run: outcome.run }
    } else {
      this.#turnedDown(outcome, ["refused"])
    }
  }

  /** Transactions as the naive model of cells has them: versions compared one by one, all writes or none. */
  #commit(player: Player, action: Extract<Action, { readonly do: "commit" }>): void {
    const claim = player.chain.find(({ kind }) => kind === "claim")
    const isGuarded = action.blind !== true
    const reads = isGuarded ? Object.entries(player.reads).map(([name, { version }]) => ({ name, version })) : []
    const writes = action.writes.map((name) =>
      isGuarded
        ? ({ kind: "put", name, value: (player.reads[name]?.value ?? 0) + 1 } as const)
        : ({ kind: "merge", merge: "counter", name, value: 1 } as const),
    )
    const step =
      action.step === undefined || claim === undefined ? null : { token: claim.token, name: action.step, outcome: 7 }
    const complete = action.complete === true && claim !== undefined ? { token: claim.token, result: 1 } : null
    const holding = player.chain.map(({ token }) => token)
    const stale = reads.find(({ name, version }) => (this.#cells.get(name)?.version ?? 0) !== version)
    const isContended = action.writes.some((name) => this.#isQueuedByOther(player, name))
    const recorded = step === null ? undefined : `${String(player.run)} ${step.name}`
    const outcome = this.#apply({
      kind: "commitCells",
      session: sessionOf(player.session),
      holding,
      reads,
      writes,
      starts: [],
      step,
      complete,
    })
    const expected = player.chain.some(({ isLost }) => isLost)
      ? "refused"
      : recorded !== undefined && this.#recorded.has(recorded)
        ? "recorded"
        : stale !== undefined
          ? "conflict"
          : isContended
            ? "contended"
            : "committed"
    demand(outcome.kind === expected, `C3, L8, O10: a naive map says ${expected}, the kernel ${outcome.kind}`)
    if (outcome.kind !== "committed") {
      if (outcome.kind === "conflict") player.reads = {}
      this.isUnchanged = outcome.kind !== "conflict"
      return
    }
    for (const { name, version } of outcome.versions) {
      const before = this.#cells.get(name) ?? { version: 0, value: 0 }
      // No update is lost: every commit adds one to what the last one left.
      this.#cells.set(name, { version: before.version + 1, value: before.value + 1 })
      demand(version === before.version + 1, "C1: a commit skips a version")
    }
    if (recorded !== undefined) this.#recorded.add(recorded)
    if (complete !== null) this.#players.delete(player.id)
    player.reads = {}
  }

  #isQueuedByOther(player: Player, cell: string): boolean {
    const queue = `\0cell:${cell}`
    for (const other of this.#players.values()) {
      const isHeld = other.chain.some(
        ({ names, isLost, mode }) => names.includes(queue) && !isLost && mode === "exclusive",
      )
      if (other !== player && isHeld) return true
    }
    return false
  }

  #release(player: Player): void {
    const held = player.chain.pop() as Held // Offered only while there is one.
    const outcome = this.#apply({ kind: "releaseLock", session: sessionOf(player.session), token: held.token })
    demand(outcome.kind === (held.isLost ? "unheld" : "released"), `L5: a release is ${outcome.kind}`)
  }

  #withdraw(player: Player): void {
    const { request } = player.blocked as NonNullable<Player["blocked"]> // Offered only while it waits.
    player.blocked = null
    const session = sessionOf(player.session)
    const outcome = this.#apply({ kind: "withdrawRequest", session, request, reason: "timeout" })
    demand(outcome.kind === "withdrawn" && outcome.found, "L4: a wait is not found")
  }

  #end(player: Player, how: Body["ends"][number]): void {
    const { token, isLost } = player.chain[0] as Held // A body's claim.
    const session = sessionOf(player.session)
    this.#players.delete(player.id)
    if (how === "return") this.#cut(player)
    const failure = { code: "RUN_FAILED", name: "Error", message: "", stack: null } as const
    const outcome = this.#apply(
      how === "complete"
        ? { kind: "completeRun", session, token, result: 1 }
        : how === "return"
          ? { kind: "returnRun", session, token, started: true }
          : { kind: "failRun", session, token, failure, final: false },
    )
    demand((outcome.kind === "refused") === isLost, `O5: the end of an attempt is ${outcome.kind}`)
  }

  #take(index: number): void {
    const worker = this.#scope.workers[index] as Scope["workers"][number] // Offered by index.
    const session = sessionOf(worker.session)
    const request = this.#freeRequest(worker.session)
    const outcome = this.#apply({ kind: "takeRun", session, request, worker: index as WorkerId })
    if (outcome.kind === "claimed") this.#startBody(worker.session, outcome.claim, index)
    else if (outcome.kind === "parked") this.#askingOf(index).add(request)
    else throw unexpected(outcome)
  }

  /** A body that goes on has its slot back: slots that only ask are withdrawn until the bound holds again. */
  #shed(): void {
    for (const [index, worker] of this.#scope.workers.entries()) {
      for (const request of this.#askingOf(index)) {
        if (this.#computing(index) + this.#askingOf(index).size <= worker.slots) break
        this.#askingOf(index).delete(request)
        this.#apply({ kind: "withdrawRequest", session: sessionOf(worker.session), request, reason: "done" })
      }
    }
  }

  #intervene(intervention: Intervention, uses: string): void {
    const session = sessionOf(this.#scope.actors[0]?.session ?? "")
    switch (intervention.do) {
      case "endSession":
        this.#leave(intervention.session)
        this.#apply({
          kind: "endSession",
          session: sessionOf(intervention.session),
          reason: intervention.reason,
          unstarted: [],
        })
        this.#open(intervention.session)
        break
      case "control": {
        const run = this.#runOf(intervention.spec) as RunId // Offered only while there is one.
        if (intervention.action === "retry" || intervention.action === "cancel") {
          this.#cutOff.delete(intervention.spec.identity)
        }
        this.#apply({ kind: "controlRun", session, run, action: intervention.action })
        break
      }
      case "forget":
        this.#cutOff.delete(intervention.spec.identity)
        this.#apply({ kind: "forgetResult", session, identity: intervention.spec.identity })
        break
      case "put":
        this.#cutOff.delete(intervention.spec.identity)
        this.#turnedDown(this.#apply({ kind: "putResult", session, spec: intervention.spec, result: 2 }), ["settled"])
        break
      case "resize": {
        const { name, limit } = intervention
        this.#turnedDown(this.#apply({ kind: "resizeLock", session, name, limit }), ["done", "refused"])
        break
      }
    }
    if (!this.isUnchanged && intervention.times !== undefined) this.#uses.set(uses, (this.#uses.get(uses) ?? 0) + 1)
  }

  // What actors are told

  #apply(command: Command): Outcome {
    const outcome = this.#kernel.apply(command, this.#now)
    if (outcome.kind === "granted") this.#issued(outcome.token)
    if (outcome.kind === "claimed") this.#issued(outcome.claim.token)
    for (const event of this.#kernel.takeEvents()) this.#tell(event)
    if (outcome.kind === "refused" && outcome.code === "DEADLOCK" && !this.#isBlind) this.#refusal = outcome.message
    return outcome
  }

  #tell(event: StoreEvent): void {
    const isOpen = this.#sessions.has(event.session)
    if (event.kind === "claimControl" && !isOpen) return
    demand(isOpen, `L6: ${event.kind} for a session that has ended`)
    switch (event.kind) {
      case "lockGranted": {
        this.#issued(event.token)
        const { player, action } = this.#answered(event)
        if (action.do === "acquire") this.#hold(player, action, event.token)
        break
      }
      case "requestRefused":
        this.#answered(event)
        break
      case "runSettled": {
        const { run } = this.#answered(event)
        demand(event.run === run, "O3: a waiter is told of another generation")
        this.#told(event.run, event.settlement)
        break
      }
      case "runAssigned":
        this.#issued(event.claim.token)
        this.#assigned(event.session, event.request, event.claim)
        break
      case "claimControl":
        if (event.action === "lost") this.#lose(event.token)
        break
      case "grantLost":
        this.#lose(event.token)
        break
      case "cellChanged":
      case "runChanged":
        break
    }
  }

  /** Every parked request is answered once: whoever is answered must have been waiting (L4, O4). */
  #answered(event: { readonly session: string; readonly request: RequestId }) {
    for (const player of this.#players.values()) {
      if (player.session !== event.session || player.blocked?.request !== event.request) continue
      const { action, run } = player.blocked
      player.blocked = null
      return { player, action, run }
    }
    throw new Error(`request ${String(event.request)} of ${event.session} is answered, and nobody waits for it (O4)`)
  }

  #assigned(session: string, request: RequestId, claim: ClaimView): void {
    for (const [index, worker] of this.#scope.workers.entries()) {
      if (worker.session !== session || !this.#askingOf(index).delete(request)) continue
      this.#startBody(session, claim, index)
      return
    }
    const waiter = [...this.#players.values()].find(
      (player) => player.session === session && player.blocked?.request === request,
    )
    demand(waiter?.blocked?.run === claim.run, "O6: a run is assigned to somebody else than its waiters")
    this.#startBody(session, claim, null)
  }

  #startBody(session: string, claim: ClaimView, worker: number | null): void {
    const body = this.#scope.bodies[claim.operation] ?? { menu: [], depth: 0, ends: ["complete"] }
    const id = `body ${String(claim.token)}`
    demand(this.#cutOff.get(claim.identity) !== claim.run, "O10: a once run is repeated without a decision")
    for (const other of this.#players.values()) {
      demand(other.run !== claim.run || other.chain[0]?.isLost === true, "O1: two live claims of one run")
    }
    const held: Held = { kind: "claim", token: claim.token, names: [], mode: "exclusive", permits: 0, isLost: false }
    const { menu, depth, ends } = body
    this.#players.set(id, {
      id,
      session,
      menu,
      depth,
      ends,
      chain: [held],
      run: claim.run,
      worker,
      blocked: null,
      reads: {},
    })
  }

  #hold(player: Player, action: Extract<Action, { readonly do: "acquire" }>, token: Token): void {
    const { names, mode = "exclusive", permits = 1 } = action
    player.chain.push({ kind: "grant", token, names, mode, permits, isLost: false })
  }

  #lose(token: Token): void {
    for (const player of this.#players.values()) {
      for (const held of player.chain) if (held.token === token) held.isLost = true
    }
  }

  /** What a run came to never changes, whoever is told (O2, O3). */
  #told(run: RunId, settlement: Settlement): void {
    if (settlement.kind === "forgotten" || settlement.kind === "interrupted" || settlement.kind === "failed") return
    const text = JSON.stringify(settlement)
    demand(text === (this.#settled.get(run) ?? text), `O3: a second result of ${run}`)
    this.#settled.set(run, text)
  }

  /** Tokens rise over everything that is ever handed out (L2). */
  #issued(token: Token): void {
    demand(token > this.#lastToken, "L2: a token does not rise")
    this.#lastToken = token
  }

  #turnedDown(outcome: Outcome, kinds: readonly Outcome["kind"][]): void {
    if (!kinds.includes(outcome.kind)) throw unexpected(outcome)
    this.isUnchanged = UNCHANGED.has(outcome.kind)
  }

  // Who is there

  readonly #sessions = new Set<string>()
  /** Why the last request was refused as a deadlock, if it was. */
  #refusal: string | null = null

  #open(session: string): void {
    this.#sessions.add(session)
    this.#apply({ kind: "openSession", session: sessionOf(session), label: session })
    for (const [index, actor] of this.#scope.actors.entries()) {
      if (actor.session === session) this.#enter(`actor ${String(index)}`, actor)
    }
    for (const [index, worker] of this.#scope.workers.entries()) {
      if (worker.session !== session) continue
      this.#asking[index] = new Set()
      const operations = worker.operations.map((operation) => ({ operation, version: 1 }))
      const { slots } = worker
      this.#apply({ kind: "openWorker", session: sessionOf(session), worker: index as WorkerId, operations, slots })
      // A worker asks for all its slots at once; from then on, it asks again some time after a slot came free.
      for (let slot = 0; slot < slots; slot += 1) this.#take(index)
    }
  }

  #enter(id: string, actor: Actor): void {
    const { session, menu, depth } = actor
    this.#players.set(id, {
      id,
      session,
      menu,
      depth,
      ends: [],
      chain: [],
      run: null,
      worker: null,
      blocked: null,
      reads: {},
    })
  }

  /** Everybody in the session is gone before the store learns of it. */
  #leave(session: string): void {
    this.#sessions.delete(session)
    for (const player of this.#players.values()) {
      if (player.session !== session) continue
      this.#players.delete(player.id)
      this.#cut(player)
    }
    for (const [index, worker] of this.#scope.workers.entries())
      if (worker.session === session) this.#askingOf(index).clear()
  }

  /** A body ends without having said how: what it did so far may have happened (O10). */
  #cut(player: Player): void {
    if (player.run === null || player.chain[0]?.isLost === true) return
    const identity = player.run.slice(0, player.run.lastIndexOf("@"))
    const operation = identity.slice("hf1:".length, identity.indexOf("/"))
    if (this.#scope.bodies[operation]?.effects === "once") this.#cutOff.set(identity, player.run)
  }

  #player(id: string): Player {
    return this.#players.get(id) as Player // Steps name actors that are there.
  }

  #askingOf(worker: number): Set<RequestId> {
    return (this.#asking[worker] ??= new Set())
  }

  /** Bodies of the worker that compute: one that awaits a run gives its slot up meanwhile. */
  #computing(worker: number): number {
    let count = 0
    for (const player of this.#players.values()) if (player.worker === worker && player.blocked?.run == null) count += 1
    return count
  }

  /** Bodies that go on though their claim is lost. */
  #zombies(): number {
    let count = 0
    for (const { chain } of this.#players.values()) if (chain[0]?.kind === "claim" && chain[0].isLost) count += 1
    return count
  }

  #freeRequest(session: string): RequestId {
    const used = new Set<number>()
    for (const player of this.#players.values())
      if (player.session === session && player.blocked !== null) used.add(player.blocked.request)
    for (const [index, worker] of this.#scope.workers.entries()) {
      if (worker.session === session) for (const request of this.#askingOf(index)) used.add(request)
    }
    let request = 1
    while (used.has(request)) request += 1
    return request as RequestId
  }

  #runOf(spec: RunSpec): RunId | null {
    const [session = ""] = this.#sessions
    const outcome = this.#kernel.apply(
      { kind: "readRun", session: sessionOf(session), identity: spec.identity },
      this.#now,
    )
    return outcome.kind === "run" ? (outcome.view?.run ?? null) : null
  }

  // What must hold

  check(): void {
    this.#kernel.check()
    const snapshot = this.#snapshot()
    for (const session of snapshot.sessions as readonly SnapshotSession[]) this.#checkSession(session)
    this.#checkExclusion(snapshot)
  }

  checkStep(): void {
    if (this.#refusal !== null) this.#checkRefusal()
  }

  /** What the kernel has registered is what actors hold and wait for: nothing more, nothing less (L4, L5, L6, O4). */
  #checkSession(session: SnapshotSession): void {
    const players = [...this.#players.values()].filter((player) => player.session === session.id)
    const held = (kind: Held["kind"]): Token[] =>
      players.flatMap(({ chain }) =>
        chain.filter((each) => each.kind === kind && (kind === "claim" || !each.isLost)).map(({ token }) => token),
      )
    demand(
      sameSet(
        session.grants.map(({ token }) => token),
        held("grant"),
      ),
      "L5, L6: grants are not those held",
    )
    demand(
      sameSet(
        session.claims.map(({ token }) => token),
        held("claim"),
      ),
      "O5, O6: claims are not those executed",
    )
    const asking = this.#scope.workers.flatMap((worker, index) =>
      worker.session === session.id ? [...this.#askingOf(index)] : [],
    )
    const waiting = players.flatMap(({ blocked }) => (blocked === null ? [] : [blocked.request]))
    demand(
      sameSet(
        session.requests.map(({ request }) => request),
        [...waiting, ...asking],
      ),
      "L4, O4: requests are not those waiting",
    )
  }

  /** Who is inside of what, as the actors have it (L1). */
  #checkExclusion(snapshot: KernelSnapshot): void {
    const inside = new Map<string, Held[]>()
    for (const player of this.#players.values()) {
      for (const held of player.chain) {
        if (!held.isLost) for (const name of held.names) inside.set(name, [...(inside.get(name) ?? []), held])
      }
    }
    for (const [name, all] of inside) {
      demand(all.length === 1 || all.every(({ mode }) => mode === "shared"), `L1: "${name}" has two holders`)
    }
    const locks = snapshot.locks as readonly { readonly holders: readonly unknown[] }[]
    demand(locks.filter(({ holders }) => holders.length > 0).length === inside.size, "L6: a lock is held by nobody")
  }

  /** A refusal is right only if the wait would never have ended: park it unseen, and let everybody else go on. */
  #checkRefusal(): void {
    const last = this.#path.at(-1)
    if (last?.kind !== "act" || (last.action.do === "acquire" && last.action.wait === false)) return
    const twin = new World(this.#scope)
    for (const step of this.#path.slice(0, -1)) twin.perform(step)
    twin.#isBlind = true
    twin.perform(last)
    const asker = twin.#player(last.actor)
    const { blocked, chain } = asker
    // Nobody asks twice for a name, not even where permits are left.
    const { action } = last
    if (action.do === "acquire" && chain.some(({ names }) => names.some((name) => action.names.includes(name)))) return
    demand(blocked !== null, "L7: a request that need not wait is refused")
    for (let round = 0; round < 100 && asker.blocked === blocked; round += 1) {
      const steps = twin.steps().filter((step) => step.isProgress && step.kind !== "withdraw")
      // Time passes only when nobody can do anything.
      const next = steps.find((step) => step.kind !== "advance") ?? steps[0]
      if (next === undefined) return
      twin.perform(next)
    }
    demand(asker.blocked === blocked, `L7: a wait that would have ended is refused: ${String(this.#refusal)}`)
  }
}

/** True for what can end a claim while its body goes on. */
function leavesZombie(intervention: Intervention): boolean {
  if (intervention.do === "control") return intervention.action === "cancel"
  return intervention.do === "forget" || intervention.do === "put"
}

function usesKey(player: Player, index: number): string {
  return `${player.run === null ? player.id : player.run.slice(0, player.run.lastIndexOf("@"))} ${String(index)}`
}

function demand(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message)
}

function sameSet(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((item) => b.includes(item))
}

function unexpected(outcome: Outcome): Error {
  return new Error(`unexpected outcome ${JSON.stringify(outcome)}`)
}
