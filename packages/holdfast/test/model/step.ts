/**
 * One step of a random test: a verb and a few numbers, made into a command by what is known when its turn comes. A
 * sequence of steps therefore still makes sense when fast-check leaves some of them out to shrink a failure.
 */
import fc from "fast-check"
import { cellQueueName } from "../../src/kernel/index.ts"
import type { CellWrite, Command, RequestId, RunSpec, SessionId, Token, WorkerId } from "../../src/kernel/index.ts"
import { put, specOf } from "../conformance/client.ts"
import type { Capability } from "../conformance/store-harness.ts"
import type { Knowledge, KnownSession } from "./knowledge.ts"

/** How often each verb comes up, relative to the others. */
const WEIGHTS = {
  openSession: 6,
  endSession: 2,
  endExecutor: 7,
  closeConnection: 1,
  advance: 6,
  acquireLock: 16,
  tryLock: 3,
  withdrawRequest: 5,
  releaseLock: 9,
  renewLock: 2,
  resizeLock: 2,
  claimRun: 12,
  enqueueRun: 6,
  awaitRun: 5,
  openWorker: 3,
  closeWorker: 1,
  takeRun: 7,
  completeRun: 6,
  failRun: 4,
  returnRun: 2,
  controlRun: 5,
  reportProgress: 2,
  readRun: 2,
  peekRun: 2,
  listRuns: 1,
  watchRun: 2,
  putResult: 2,
  forgetResult: 2,
  discardResult: 2,
  readCells: 2,
  listCells: 1,
  commitCells: 12,
  watchCells: 2,
  inspect: 1,
  evictBlobs: 1,
} as const

export type Verb = keyof typeof WEIGHTS

export interface Step {
  readonly verb: Verb
  /** Chooses the session. */
  readonly actor: number
  /** Choose everything else. */
  readonly picks: readonly number[]
}

/** What a step comes to. */
export type Act =
  | { readonly kind: "command"; readonly link: number; readonly command: Command }
  | { readonly kind: "close"; readonly link: number }
  | { readonly kind: "advance"; readonly ms: number }

/** How many connections a test has, and how many sessions it opens at most at a time. */
export const LINK_COUNT = 3
const SESSION_BOUND = 6
/** More than any command chooses by. */
const PICK_COUNT = 24

const LOCK_NAMES = ["a", "b", "c", "pool", "wide pool", cellQueueName("x")]
const CELL_NAMES = ["x", "y", "task/1", "task/2"]
const OPERATIONS = ["plain", "limited", "keyed", "once"]

/**
 * Some sequences keep to a part of the port, where they get further than chance would take them (swarm testing; Groce
 * and others, 2012): three deaths of one run in a row, say, or deep queues.
 */
const FOCI: readonly (readonly Verb[] | null)[] = [
  null,
  [
    "openSession",
    "endSession",
    "closeConnection",
    "advance",
    "acquireLock",
    "tryLock",
    "withdrawRequest",
    "releaseLock",
    "renewLock",
    "resizeLock",
  ],
  [
    "openSession",
    "endSession",
    "advance",
    "claimRun",
    "enqueueRun",
    "awaitRun",
    "openWorker",
    "closeWorker",
    "takeRun",
    "completeRun",
    "failRun",
    "returnRun",
    "controlRun",
    "withdrawRequest",
    "acquireLock",
  ],
  ["openSession", "endExecutor", "advance", "claimRun", "enqueueRun", "awaitRun", "openWorker", "takeRun"],
  ["openSession", "commitCells", "watchCells", "readCells", "acquireLock", "releaseLock", "claimRun", "endExecutor"],
]

/** Sequences of steps that a store with these capabilities can take. */
export function sequenceArbitrary(capabilities: ReadonlySet<Capability>, bound: number): fc.Arbitrary<Step[]> {
  return fc.oneof(
    ...FOCI.map((focus) =>
      fc.array(stepArbitrary(capabilities, focus), { minLength: 1, maxLength: bound, size: "max" }),
    ),
  )
}

function stepArbitrary(capabilities: ReadonlySet<Capability>, focus: readonly Verb[] | null): fc.Arbitrary<Step> {
  // The keys of the table are the verbs.
  const verbs = (Object.entries(WEIGHTS) as [Verb, number][]).filter(
    ([verb]) => isOffered(verb, capabilities) && (focus === null || focus.includes(verb)),
  )
  return fc.record({
    verb: fc.oneof(...verbs.map(([verb, weight]) => ({ weight, arbitrary: fc.constant(verb) }))),
    actor: fc.nat(SESSION_BOUND - 1),
    picks: fc.array(fc.nat(999), { minLength: PICK_COUNT, maxLength: PICK_COUNT }),
  })
}

function isOffered(verb: Verb, capabilities: ReadonlySet<Capability>): boolean {
  if (verb === "advance") return capabilities.has("virtual-time")
  if (verb === "inspect") return capabilities.has("inspect")
  if (verb.endsWith("Cells")) return capabilities.has("cells")
  if (/Run$|Runs$|Worker$|Result$|Progress$/.test(verb)) return capabilities.has("runs")
  return true
}

/** What the step means now, or null where it means nothing. */
export function resolveStep(step: Step, known: Knowledge, capabilities: ReadonlySet<Capability>): Act | null {
  const picks = new Picks(step.picks, capabilities.has("virtual-time"))
  if (step.verb === "advance") return { kind: "advance", ms: picks.of([1, 10, 50, 51, 100, 500]) }
  if (step.verb === "closeConnection") return picks.chance(3) ? { kind: "close", link: picks.below(LINK_COUNT) } : null
  if (step.verb === "openSession" || known.sessions.length === 0) {
    if (known.sessions.length >= SESSION_BOUND) return null
    // Now and then an id that is open already.
    const session = picks.chance(10) ? (known.sessions[0]?.id ?? known.nextSession()) : known.nextSession()
    return {
      kind: "command",
      link: picks.below(LINK_COUNT),
      command: { kind: "openSession", session, label: `label of ${session}` },
    }
  }
  const actor = actorOf(step, known.sessions)
  const command = commandOf(step.verb, { known, actor, picks, hasCells: capabilities.has("cells") })
  return { kind: "command", link: actor.link, command }
}

/** Prefers sessions that have what the verb is about; strangers come in by their tokens. */
function actorOf(step: Step, sessions: readonly KnownSession[]): KnownSession {
  const candidates = sessions.filter((session) => {
    if (EXECUTORS_VERBS.has(step.verb)) return session.claims.size > 0
    if (step.verb === "commitCells") return step.actor % 2 === 0 || session.claims.size > 0
    if (step.verb === "releaseLock" || step.verb === "renewLock") return session.grants.size > 0
    return step.verb !== "withdrawRequest" || session.pending.size > 0
  })
  const choice = candidates.length > 0 ? candidates : sessions
  return choice[step.actor % choice.length] as KnownSession // There is at least one session.
}

const EXECUTORS_VERBS: ReadonlySet<Verb> = new Set<Verb>([
  "endExecutor",
  "completeRun",
  "failRun",
  "returnRun",
  "reportProgress",
])

interface Scene {
  readonly known: Knowledge
  readonly actor: KnownSession
  readonly picks: Picks
  readonly hasCells: boolean
}

/** The numbers of a step, used up one after the other; the same choice always takes the same number of them. */
class Picks {
  readonly #numbers: readonly number[]
  readonly hasTime: boolean
  #used = 0

  constructor(numbers: readonly number[], hasTime: boolean) {
    this.#numbers = numbers
    this.hasTime = hasTime
  }

  below(bound: number): number {
    const number = this.#numbers[this.#used % this.#numbers.length] ?? 0
    // A number used again must not choose the same way again.
    const turn = Math.floor(this.#used / this.#numbers.length)
    this.#used += 1
    return (number + turn * 7) % bound
  }

  of<T>(items: readonly [T, ...T[]] | readonly T[]): T {
    return items[this.below(items.length)] as T
  }

  /** True once in `count` times; shrinks to false. */
  chance(count: number): boolean {
    return this.below(count) === count - 1
  }

  /** A duration, where the store's time can be driven; else none. */
  time(durations: readonly number[]): number | null {
    const index = this.below(durations.length + 2)
    return this.hasTime ? (durations[index] ?? null) : null
  }
}

function commandOf(verb: Exclude<Verb, "openSession" | "closeConnection" | "advance">, scene: Scene): Command {
  const { actor, picks } = scene
  const session = actor.id
  switch (verb) {
    case "endSession":
    case "endExecutor":
      return { kind: "endSession", session, reason: picks.below(4) === 0 ? "closed" : "died", unstarted: [] }
    case "acquireLock":
    case "tryLock":
      return acquireOf(scene, verb === "acquireLock")
    case "withdrawRequest":
      return {
        kind: "withdrawRequest",
        session,
        request: picks.chance(8) ? (999 as RequestId) : (pickOne([...actor.pending], picks) ?? (998 as RequestId)),
        reason: picks.of(["timeout", "abort", "done"]),
      }
    case "releaseLock":
      return { kind: "releaseLock", session, token: tokenOf(scene, actor.grants) }
    case "renewLock":
      return { kind: "renewLock", session, token: tokenOf(scene, actor.grants), leaseMs: 50 + picks.below(50) }
    case "resizeLock":
      return { kind: "resizeLock", session, name: picks.of(["pool", "wide pool", "a"]), limit: picks.below(5) }
    case "readCells":
      return { kind: "readCells", session, names: [picks.of(CELL_NAMES), picks.of(CELL_NAMES)], head: false }
    case "listCells":
      return { kind: "listCells", session, prefix: picks.of(["", "task/", "x"]), limit: 1 + picks.below(4) }
    case "commitCells":
      return commitOf(scene)
    case "watchCells":
      return {
        kind: "watchCells",
        session,
        request: nextRequest(scene),
        pattern: picks.chance(2)
          ? { kind: "prefix", prefix: picks.of(["task/", ""]) }
          : { kind: "name", name: picks.of(CELL_NAMES) },
      }
    case "inspect":
      return { kind: "inspect", session }
    case "evictBlobs":
      return { kind: "evictBlobs", session, maxBytes: picks.below(9) }
    case "openWorker":
    case "closeWorker":
    case "takeRun":
      return workerCommandOf(verb, scene)
    case "completeRun":
    case "failRun":
    case "returnRun":
    case "reportProgress":
      return reportOf(verb, scene)
    case "awaitRun":
    case "watchRun":
    case "controlRun":
    case "discardResult":
      return runCommandOf(verb, scene)
    case "claimRun":
    case "enqueueRun":
    case "readRun":
    case "peekRun":
    case "listRuns":
    case "putResult":
    case "forgetResult":
      return askOf(verb, scene)
  }
}

function acquireOf(scene: Scene, wait: boolean): Command {
  const { picks, actor } = scene
  const first = picks.of(LOCK_NAMES)
  const second = picks.of(LOCK_NAMES)
  const isShared = picks.below(3) > 0
  const isPool = first.endsWith("pool")
  return {
    kind: "acquireLock",
    session: actor.id,
    request: nextRequest(scene),
    names: picks.chance(4) ? [first, second] : [first],
    mode: isShared ? "shared" : "exclusive",
    permits: isPool && isShared ? 1 + picks.below(3) : picks.chance(20) ? 2 * picks.below(2) : 1,
    limit: isPool && picks.below(3) > 0 ? (first === "pool" ? 2 : 3 + (picks.chance(10) ? 1 : 0)) : null,
    leaseMs: picks.time([50, 120]),
    holding: holdingOf(scene),
    wait,
  }
}

function commitOf(scene: Scene): Command {
  const { picks, actor, known } = scene
  const claim = pickOne([...actor.claims], picks)
  const names = [picks.of(CELL_NAMES), picks.of(CELL_NAMES)].slice(0, 1 + picks.below(2))
  const isStep = claim !== undefined && picks.chance(2)
  const isLast = claim !== undefined && picks.chance(4)
  return {
    kind: "commitCells",
    session: actor.id,
    holding: holdingOf(scene),
    reads: picks.chance(2)
      ? names.map((name) => ({ name, version: (known.versions.get(name) ?? 0) + (picks.chance(6) ? 1 : 0) }))
      : [],
    writes: names.map((name) => writeOf(name, picks)),
    starts: picks.chance(4) ? [picksSpec(picks)] : [],
    step: isStep ? { token: claim, name: picks.of(["one", "one", "two"]), outcome: picks.below(9) } : null,
    complete: isLast ? { token: claim, result: picks.below(9) } : null,
  }
}

function writeOf(name: string, picks: Picks): CellWrite {
  const value = picks.chance(5) ? Uint8Array.of(picks.below(4)) : picks.below(5)
  switch (picks.below(5)) {
    case 0:
      return { kind: "delete", name }
    case 1:
      return { kind: "merge", name, merge: picks.of(["max", "counter", "last"]), value }
    default:
      return put(name, value)
  }
}

function workerCommandOf(verb: "openWorker" | "closeWorker" | "takeRun", scene: Scene): Command {
  const { picks, actor } = scene
  const session = actor.id
  const worker = (1 + picks.below(2)) as WorkerId // Brand constructor.
  if (verb === "closeWorker") return { kind: "closeWorker", session, worker }
  if (verb === "takeRun") return { kind: "takeRun", session, request: nextRequest(scene), worker }
  const offered = OPERATIONS.filter(() => picks.below(3) > 0)
  return {
    kind: "openWorker",
    session,
    worker,
    operations: offered.map((operation) => ({ operation, version: 1 })),
    slots: 1 + picks.below(2),
  }
}

function reportOf(verb: "completeRun" | "failRun" | "returnRun" | "reportProgress", scene: Scene): Command {
  const { picks, actor } = scene
  const session = actor.id
  const token = tokenOf(scene, actor.claims)
  switch (verb) {
    case "completeRun":
      return { kind: "completeRun", session, token, result: picks.below(9) }
    case "failRun": {
      const failure = { code: "RUN_FAILED", name: "Error", message: "no luck", stack: null } as const
      return { kind: "failRun", session, token, failure, final: picks.chance(4) }
    }
    case "returnRun":
      return { kind: "returnRun", session, token, started: true }
    case "reportProgress":
      return { kind: "reportProgress", session, token, progress: picks.below(100) }
  }
}

function runCommandOf(verb: "awaitRun" | "watchRun" | "controlRun" | "discardResult", scene: Scene): Command {
  const { picks, actor, known } = scene
  const session = actor.id
  const run = pickOne(known.runs, picks) ?? ("nothing@1" as never)
  switch (verb) {
    case "awaitRun": {
      const holding = holdingOf(scene)
      return { kind: "awaitRun", session, request: nextRequest(scene), run, holding, execute: picks.chance(2) }
    }
    case "watchRun":
      return { kind: "watchRun", session, request: nextRequest(scene), run }
    case "controlRun":
      return { kind: "controlRun", session, run, action: picks.of(ACTIONS) }
    case "discardResult":
      return { kind: "discardResult", session, run }
  }
}

const ACTIONS = ["cancel", "pause", "resume", "resume", "retry", "pin", "unpin"] as const

type AskVerb = "claimRun" | "enqueueRun" | "readRun" | "peekRun" | "listRuns" | "putResult" | "forgetResult"

function askOf(verb: AskVerb, scene: Scene): Command {
  const { picks, actor } = scene
  const session: SessionId = actor.id
  const spec = picksSpec(picks)
  switch (verb) {
    case "claimRun": {
      const holding = holdingOf(scene)
      return { kind: "claimRun", session, request: nextRequest(scene), spec, holding, force: picks.chance(8) }
    }
    case "enqueueRun":
      return { kind: "enqueueRun", session, spec, force: picks.chance(8) }
    case "readRun":
    case "peekRun":
      return { kind: verb, session, identity: spec.identity }
    case "listRuns": {
      const statuses = picks.chance(2) ? (["pending", "running"] as const) : null
      const operation = picks.chance(2) ? picks.of(OPERATIONS) : null
      return { kind: "listRuns", session, filter: { operation, statuses, limit: 1 + picks.below(20) } }
    }
    case "putResult":
      return { kind: "putResult", session, spec, result: picks.below(9) }
    case "forgetResult":
      return { kind: "forgetResult", session, identity: spec.identity }
  }
}

function picksSpec(picks: Picks): RunSpec {
  const operation = picks.of(OPERATIONS)
  const arg = picks.below(2)
  return specOf(operation, arg, {
    effects: operation === "once" ? "once" : "pure",
    concurrency: operation === "limited" ? (picks.chance(12) ? 3 : 2) : null,
    keyed: operation === "keyed" ? { key: picks.of(["k1", "k2"]), count: 1 } : null,
    retry: { maxAttempts: 1 + picks.below(3), initialMs: picks.time([0, 50]) ?? 0, factor: 2, maxMs: 200 },
    attemptTimeoutMs: picks.time([80]),
    retainMs: picks.time([100]),
    delayMs: picks.time([50]) ?? 0,
    abandon: picks.chance(4) ? "cancel" : "keep",
    priority: picks.below(3),
    ...(operation === "once" && picks.chance(2) ? keyed(arg, picks) : {}),
  })
}

/** A run named by a key, now and then one that was used with other arguments. */
function keyed(arg: number, picks: Picks): Partial<RunSpec> {
  return { key: `key ${String(arg)}`, args: picks.chance(4) ? 77 : arg }
}

/** Mostly a token of the actor's, now and then somebody else's, a dead one, or one that never was. */
function tokenOf({ picks, known }: Scene, own: ReadonlySet<Token>): Token {
  const wild = picks.chance(8)
  return (wild ? undefined : pickOne([...own], picks)) ?? pickOne(known.tokens, picks) ?? (1_000_000 as Token)
}

/** What the scope that asks is in: nothing, or some of what its session holds; now and then a token that is dead. */
function holdingOf({ picks, actor, known }: Scene): readonly Token[] {
  if (picks.below(3) === 0) return []
  const own = [...actor.grants, ...actor.claims].filter(() => picks.below(3) > 0)
  const dead = picks.chance(25) ? pickOne(known.tokens, picks) : undefined
  return dead === undefined ? own : [...own, dead]
}

/** A fresh request, now and then one in use. */
function nextRequest({ picks, actor }: Scene): RequestId {
  const used = picks.chance(25) ? pickOne([...actor.pending], picks) : undefined
  return used ?? ((actor.requests + 1) as RequestId) // Brand constructor.
}

function pickOne<T>(items: readonly T[], picks: Picks): T | undefined {
  return items.length === 0 ? undefined : picks.of(items)
}
