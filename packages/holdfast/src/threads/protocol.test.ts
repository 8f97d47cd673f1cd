/**
 * Every interleaving of a few threads that take and release one lock, to exhaustion, with the code that runs on real
 * threads: each atomic operation is one step, and a thread may die before any of them.
 *
 * A thread is a chain of phases, each one call into the protocol. A step runs its phase again from the start, answers
 * the operations done before from a log, does one more on the modeled memory and stops there. What a phase knows is
 * exactly its log, so memory, phases and logs are the whole state, and equal states are visited once.
 */
import { describe, expect, it } from "vitest"
import {
  LAST_TICKET_AT,
  lockBytes,
  OWNER_AT,
  SharedWords,
  threadAt,
  ticketAt,
  TOKEN_LOW_AT,
  USED_AT,
  wakeAt,
  type Words,
} from "./lock-words.ts"
import {
  enroll,
  nextToken,
  release,
  repair,
  type Taken,
  takeTurn,
  tryTake,
  viewOwner,
  viewWaiting,
  withdraw,
} from "./protocol.ts"

/** `HOLDFAST_EXPLORE=full` also visits the larger scopes, some seven million states in about five minutes. */
const IS_FULL = process.env["HOLDFAST_EXPLORE"] === "full"
const FULL_BOUND_MS = 600_000

const once: Plan = { rounds: 1 }
const holder: Plan = { ...once, starts: "hold" }
const waiter: Plan = { ...once, starts: "look" }
const arriving: Plan = { ...once, starts: "enroll" }
const dies = { dies: true }
const cancels = { cancels: true }

describe("the protocol, in every interleaving", () => {
  it("excludes, ends and leaves the lock free with two threads that come back (T1, T2, L1)", () => {
    expect(explore({ threads: [{ rounds: 2 }, { rounds: 2 }], deaths: 0 })).toBeGreaterThan(5_000)
  })

  it("does so with a holder, a waiter and a thread that arrives (T1, T2, L1)", () => {
    expect(explore({ threads: [holder, waiter, arriving], deaths: 0 })).toBeGreaterThan(10_000)
  })

  it("passes the lock on past threads that withdraw at any moment (T4, L4)", () => {
    explore({ threads: [once, { ...once, ...cancels }], deaths: 0 })
    explore({ threads: [holder, { ...waiter, ...cancels }, { ...arriving, ...cancels }], deaths: 0 })
  })

  it("goes on, and marks what a dead holder left, wherever one of two dies, or two one after another (T1, T2, T5)", () => {
    explore({ threads: [once, { ...once, ...dies }], deaths: 1 })
    // The second death may be that of the thread that repairs the first.
    explore({ threads: [once, { ...once, ...dies, ...cancels }], deaths: 2 })
  })

  it("goes on wherever the holder dies while one waits and one arrives (T1, T2, T5)", () => {
    explore({ threads: [{ ...holder, ...dies }, waiter, arriving], deaths: 1 })
  })

  it("goes on wherever a waiter dies or withdraws, whether it is next or has just come (T1, T2, T4, T5)", () => {
    explore({ threads: [holder, { ...waiter, ...dies, ...cancels }, waiter], deaths: 1 })
    explore({ threads: [holder, waiter, { ...arriving, ...dies }], deaths: 1 })
  })

  it.runIf(IS_FULL).each<[string, Scope]>([
    ["three threads from the start", { threads: [once, once, once], deaths: 0 }],
    [
      "two that arrive and withdraw",
      { threads: [holder, { ...arriving, ...cancels }, { ...arriving, ...cancels }], deaths: 0 },
    ],
    ["a holder that dies, two that arrive", { threads: [{ ...holder, ...dies }, arriving, arriving], deaths: 1 }],
    ["a waiter that dies, one that arrives", { threads: [holder, { ...waiter, ...dies }, arriving], deaths: 1 }],
    ["one of two that arrive dies", { threads: [holder, { ...arriving, ...dies }, arriving], deaths: 1 }],
    ["one dies or withdraws", { threads: [holder, { ...arriving, ...dies, ...cancels }, arriving], deaths: 1 }],
  ])("goes on with %s (T1, T2, T4, T5)", { timeout: FULL_BOUND_MS }, (_name, scope) => {
    console.info(`${String(explore(scope))} states`)
  })

  it("is seen to fail without wakes, without comparing before exchanging, and without repair", () => {
    expect(() => explore({ threads: [once, once], deaths: 0, broken: "no wake" })).toThrow(/sleeps for ever/)
    expect(() => explore({ threads: [once, once], deaths: 0, broken: "no comparing" })).toThrow(/hold at once/)
    const dying = { ...once, ...dies }
    expect(() => explore({ threads: [once, dying], deaths: 1, broken: "no repair" })).toThrow(
      /sleeps for ever|not free/,
    )
  })
})

describe("the protocol, step by step", () => {
  it("grants in the order of tickets, and skips withdrawn ones (T3, T4)", () => {
    const words = plainWords(4)
    expect(tryTake(words, 0)).toBe("taken")
    for (const slot of [2, 1, 3]) enroll(words, slot)
    expect(viewWaiting(words)).toEqual([2, 1, 3])
    withdraw(words, 1)
    release(words, 0)
    expect([takeTurn(words, 1), takeTurn(words, 3), tryTake(words, 0), takeTurn(words, 2)]).toEqual([
      "busy",
      "busy",
      "busy",
      "taken",
    ])
    release(words, 2)
    expect(takeTurn(words, 3)).toBe("taken")
    release(words, 3)
    expect(viewOwner(words)).toEqual({ slot: null, isAbandoned: false })
  })

  it("orders tickets across the wrap of their counter (T3)", () => {
    const words = plainWords(3)
    words.store(LAST_TICKET_AT, -2)
    expect(tryTake(words, 0)).toBe("taken")
    enroll(words, 2)
    enroll(words, 1)
    expect(viewWaiting(words)).toEqual([2, 1])
    release(words, 0)
    expect(takeTurn(words, 1)).toBe("busy")
    expect(takeTurn(words, 2)).toBe("taken")
  })

  it("never gives a token twice, also when its low half wraps (L2)", () => {
    const words = plainWords(1)
    expect([nextToken(words), nextToken(words)]).toEqual([1, 2])
    words.store(TOKEN_LOW_AT, -2)
    expect([nextToken(words), nextToken(words)]).toEqual([2 ** 32 - 1, 2 ** 32])
    expect(nextToken(words)).toBe(2 ** 32 + 1)
  })

  it("keeps the mark of a dead holder on a free lock until somebody takes it (T5)", () => {
    const words = plainWords(2)
    expect(tryTake(words, 0)).toBe("taken")
    repair(words, 0)
    expect(viewOwner(words)).toEqual({ slot: null, isAbandoned: true })
    expect(tryTake(words, 1)).toBe("abandoned")
    release(words, 1)
    expect(tryTake(words, 1)).toBe("taken")
  })
})

/** What a thread of the exploration does. */
interface Plan {
  /** Where it begins: holding the lock, past trying it, or with its ticket. Default: trying to take it. */
  readonly starts?: "hold" | "enroll" | "look"
  /** How often it takes the lock. */
  readonly rounds: number
  /** It may give up at any moment it waits. */
  readonly cancels?: boolean
  /** It may end before any step. */
  readonly dies?: boolean
}

interface Scope {
  readonly threads: readonly Plan[]
  /** How many threads may end, repairs included. */
  readonly deaths: number
  readonly broken?: "no wake" | "no comparing" | "no repair"
}

type Phase = "try" | "enroll" | "look" | "sleep" | "withdraw" | "hold" | "release" | "repair" | "done"

interface Agent {
  readonly slot: number
  readonly plan: Plan
  readonly phase: Phase
  readonly rounds: number
  /** The results of the phase's operations so far. */
  readonly log: readonly number[]
  /** The wake counter as read before the last look. */
  readonly seen: number
  readonly isAsleep: boolean
  readonly isDead: boolean
}

interface State {
  readonly memory: readonly number[]
  readonly agents: readonly Agent[]
  readonly deaths: number
  /** The holder died and nobody took the lock since. */
  readonly isAbandoned: boolean
}

const PAUSED = Symbol("paused")

/** Visits every reachable state and answers how many there are. @throws for the first one that breaks a promise. */
function explore(scope: Scope): number {
  const agents = scope.threads.map((plan, slot): Agent => newAgent(slot, plan, plan.starts ?? "try"))
  const first: State = { memory: modelMemory(scope.threads), agents, deaths: 0, isAbandoned: false }
  const visited = new Set([keyOf(first)])
  const open = [first]
  for (let state = open.pop(); state !== undefined; state = open.pop()) {
    const nexts = successors(state, scope)
    if (nexts.length === 0) checkEnd(state)
    for (const next of nexts) {
      checkExclusion(next)
      const key = keyOf(next)
      if (visited.has(key)) continue
      visited.add(key)
      open.push(next)
    }
  }
  return visited.size
}

function newAgent(slot: number, plan: Plan, phase: Phase): Agent {
  return { slot, plan, phase, rounds: plan.rounds, log: [], seen: 0, isAsleep: false, isDead: false }
}

function successors(state: State, scope: Scope): State[] {
  const nexts: State[] = []
  for (const [at, agent] of state.agents.entries()) {
    if (agent.isDead || agent.phase === "done") continue
    if (!agent.isAsleep) nexts.push(step(state, at, scope))
    const isWaiting = agent.phase === "sleep" || (agent.phase === "look" && agent.log.length === 0)
    if (agent.plan.cancels === true && isWaiting) {
      nexts.push(replace(state, at, { ...agent, phase: "withdraw", isAsleep: false }))
    }
    if (agent.plan.dies === true && state.deaths < scope.deaths) nexts.push(kill(state, at, scope))
  }
  return nexts
}

function kill(state: State, at: number, scope: Scope): State {
  const agent = agentAt(state, at)
  const wasHolding = agent.phase !== "repair" && state.memory[OWNER_AT] === (agent.slot + 1) << 2
  const killed = replace(state, at, { ...agent, isDead: true, isAsleep: false, log: [], seen: 0 })
  // A repair cut off is done again, from the start, by the next guardian.
  const repairs = scope.broken === "no repair" ? [] : [newAgent(agent.slot, agent.plan, "repair")]
  return {
    ...killed,
    agents: [...killed.agents, ...repairs],
    deaths: state.deaths + 1,
    isAbandoned: state.isAbandoned || wasHolding,
  }
}

/** One operation of one thread, or one move between phases. */
function step(state: State, at: number, scope: Scope): State {
  const agent = agentAt(state, at)
  if (agent.phase === "hold") return replace(state, at, { ...agent, phase: "release" })
  if (agent.phase === "sleep") {
    const isChanged = state.memory[wakeAt(agent.slot)] !== agent.seen
    return replace(state, at, isChanged ? { ...agent, phase: "look", seen: 0 } : { ...agent, isAsleep: true })
  }
  const words = new ReplayedWords([...state.memory], [...agent.log], scope.broken)
  try {
    const done = runPhase(words, agent)
    const checked = done.taken === undefined ? state : checkMark(state, done.taken)
    const moved = replace({ ...checked, memory: words.memory }, at, { ...agent, log: [], ...done.next })
    return wakeAll(moved, words.notified)
  } catch (thrown) {
    if (thrown !== PAUSED) throw thrown
    return wakeAll(replace({ ...state, memory: words.memory }, at, { ...agent, log: words.log }), words.notified)
  }
}

interface PhaseEnd {
  readonly next: Partial<Agent>
  readonly taken?: Taken
}

function runPhase(words: ReplayedWords, agent: Agent): PhaseEnd {
  const { slot, rounds } = agent
  switch (agent.phase) {
    case "try": {
      const taken = tryTake(words, slot)
      return taken === "busy" ? { next: { phase: "enroll" } } : { next: { phase: "hold" }, taken }
    }
    case "enroll":
      enroll(words, slot)
      return { next: { phase: "look" } }
    case "look": {
      const seen = words.load(wakeAt(slot))
      const taken = takeTurn(words, slot)
      return taken === "busy" ? { next: { phase: "sleep", seen } } : { next: { phase: "hold" }, taken }
    }
    case "withdraw":
      withdraw(words, slot)
      return { next: { phase: "done", seen: 0 } }
    case "release":
      release(words, slot)
      return { next: rounds > 1 ? { phase: "try", rounds: rounds - 1 } : { phase: "done" } }
    case "repair":
      repair(words, slot)
      return { next: { phase: "done" } }
    case "sleep":
    case "hold":
    case "done":
      throw new Error(`${agent.phase} is no phase of the protocol`)
  }
}

function wakeAll(state: State, notified: number | undefined): State {
  if (notified === undefined) return state
  const agents = state.agents.map((agent): Agent => {
    const isWoken = agent.isAsleep && wakeAt(agent.slot) === notified
    return isWoken ? { ...agent, phase: "look", seen: 0, isAsleep: false } : agent
  })
  return { ...state, agents }
}

function checkMark(state: State, taken: Taken): State {
  const expected: Taken = state.isAbandoned ? "abandoned" : "taken"
  if (taken !== expected) throw new Error(`T5: expected the lock to be ${expected}, found ${taken}: ${keyOf(state)}`)
  return { ...state, isAbandoned: false }
}

function checkExclusion(state: State): void {
  const holders = state.agents.filter(({ phase, isDead }) => phase === "hold" && !isDead)
  if (holders.length > 1) throw new Error(`T1: ${String(holders.length)} threads hold at once: ${keyOf(state)}`)
}

/** Nobody can move: everybody alive must be through, and the lock free without a waiter. */
function checkEnd(state: State): void {
  const stuck = state.agents.find(({ phase, isDead }) => phase !== "done" && !isDead)
  if (stuck !== undefined) throw new Error(`T2: thread ${String(stuck.slot)} sleeps for ever: ${keyOf(state)}`)
  const words = new ReplayedWords([...state.memory], [], undefined)
  words.isFree = true
  if (viewOwner(words).slot !== null || viewWaiting(words).length > 0) {
    throw new Error(`T2: the lock is not free at the end: ${keyOf(state)}`)
  }
}

function replace(state: State, at: number, agent: Agent): State {
  return { ...state, agents: state.agents.with(at, agent) }
}

function agentAt(state: State, at: number): Agent {
  const agent = state.agents[at]
  if (agent === undefined) throw new Error(`there is no agent ${String(at)}`)
  return agent
}

/** All that the future depends on: of a wake counter, only whether it has changed since it was looked at. */
function keyOf({ memory, agents, deaths, isAbandoned }: State): string {
  const words = [...memory]
  const parts = agents.map(({ slot, phase, rounds, log, seen, isAsleep, isDead }) => {
    const looked = phase === "sleep" ? seen : phase === "look" ? log[0] : undefined
    if (phase !== "repair")
      words[wakeAt(slot)] = looked === undefined || isAsleep || looked === memory[wakeAt(slot)] ? 0 : 1
    const known = phase === "look" ? log.map((result, at) => (at === 0 ? 0 : result)) : log
    return `${phase},${String(rounds)},${known.join(".")},${isAsleep ? "z" : ""}${isDead ? "x" : ""}`
  })
  return `${words.join(" ")}|${parts.join("|")}|${String(deaths)}${isAbandoned ? "a" : ""}`
}

/** Answers from a log, then does one operation on the memory, then stops. */
class ReplayedWords implements Words {
  readonly memory: number[]
  readonly log: number[]
  readonly #broken: Scope["broken"]
  readonly #done: number
  #at = 0
  /** Where the latest look at the owner is in the log, and whether `settle` tried to change what was seen. */
  #roundAt = 0
  #hasSettled = false
  notified: number | undefined
  /** Reading is no step: for looking at an end state. */
  isFree = false

  constructor(memory: number[], log: number[], broken: Scope["broken"]) {
    this.memory = memory
    this.log = log
    this.#broken = broken
    this.#done = log.length
  }

  load(at: number): number {
    // Set before the exploration begins and never changed: reading it commutes with everything.
    if (at === USED_AT || this.isFree) return this.#read(at)
    if (at === OWNER_AT) this.#forgetRound()
    return this.#step(() => this.#read(at))
  }

  store(at: number, value: number): void {
    this.#step(() => (this.memory[at] = value))
  }

  compareExchange(at: number, expected: number, replacement: number): number {
    // Whatever else changes the owner has "held" on one side.
    this.#hasSettled = at === OWNER_AT && !isHeldWord(expected) && !isHeldWord(replacement)
    return this.#step(() => {
      const found = this.#read(at)
      if (this.#broken === "no comparing") {
        this.memory[at] = replacement
        return expected
      }
      if (found === expected) this.memory[at] = replacement
      return found
    })
  }

  add(at: number, amount: number): number {
    return this.#step(() => {
      const found = this.#read(at)
      this.memory[at] = found + amount
      // Nobody looks at what a wake counter was before, so the log need not tell one count from another.
      return at === LAST_TICKET_AT ? found : 0
    })
  }

  notify(at: number): void {
    this.#step(() => {
      if (this.#broken !== "no wake") this.notified = at
      return 0
    })
  }

  /**
   * `settle` goes round by looking at the owner again after it tried to change it, and knows nothing of earlier rounds.
   * Its log need not either: the log is cut back to where the round before began.
   */
  #forgetRound(): void {
    if (this.#hasSettled && this.#at === this.log.length && this.#at > this.#done) {
      this.log.length = this.#roundAt
      throw PAUSED
    }
    this.#hasSettled = false
    this.#roundAt = this.#at
  }

  #read(at: number): number {
    return this.memory[at] ?? 0
  }

  #step(operation: () => number): number {
    const at = this.#at
    this.#at += 1
    if (at < this.#done) return this.log[at] ?? 0
    if (at > this.#done) throw PAUSED
    const result = operation()
    this.log.push(result)
    return result
  }
}

function isHeldWord(owner: number): boolean {
  return owner >> 2 !== 0 && (owner & 1) === 0
}

function modelMemory(threads: readonly Plan[]): number[] {
  const memory = Array.from({ length: threadAt(threads.length) }, () => 0)
  memory[USED_AT] = threads.length
  for (const [slot, { starts }] of threads.entries()) {
    if (starts !== "look") continue
    memory[LAST_TICKET_AT] = slot
    memory[ticketAt(slot)] = slot
  }
  memory[OWNER_AT] = (threads.findIndex(({ starts }) => starts === "hold") + 1) << 2
  return memory
}

/** Real words, with every slot in use, for going through the protocol step by step. */
function plainWords(count: number): Words {
  const words = new SharedWords(new SharedArrayBuffer(lockBytes(count)))
  words.store(USED_AT, count)
  return words
}
