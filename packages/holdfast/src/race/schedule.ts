/**
 * One run of a scenario, every event of which a chooser picks.
 *
 *     parked ──picked──▶ happening ──all settled──▶ observed ──▶ the next choice
 *
 * 1. One event happens at a time, and before the next is picked every promise has settled: what an actor does between two
 *    of its steps is one indivisible piece, as it is between two awaits.
 * 2. Whoever belongs to no actor is never parked: a scenario builds its world and checks what came of it undisturbed.
 * 3. A killed actor takes no further step, and no timer it armed goes off. A frozen one holds up nobody's time.
 * 4. Only real choices are recorded, so that a replay is as short as it can be.
 */
import { AsyncLocalStorage } from "node:async_hooks"
import { createSimulatedEnv, type SimulatedEnv } from "../env/simulated-env.ts"
import { nextTurn } from "../env/turn.ts"
import { type Access, ANY_ACCESS, showValue } from "./access.ts"
import { createActorsEnv, THE_TIME } from "./actors-env.ts"
import { type Actor, Actors, type Fault, killingOf, type PossibleFault } from "./actors.ts"
import { type Call, CallsUnderWay } from "./calls-under-way.ts"
import { type Candidate, type Chooser, EndlessError, HangError, ScenarioError } from "./choices/chooser.ts"
import type { TraceEntry } from "./trace.ts"

/** Bounds and conditions of one schedule. */
export interface ScheduleOptions {
  readonly seed: number
  /** How many events a schedule may have before it counts as never ending. */
  readonly maxSteps: number
  readonly timersAreSteps: boolean
  /** How many faults may befall the actors of one schedule. */
  readonly maxFaults: number
  /** Whether what is not declared or tracked touches nothing; otherwise it may touch anything. */
  readonly isDeclared: boolean
  /** Whether values are noted, too, for a timeline: that takes longer than the rest of a schedule. */
  readonly isRecording: boolean
}

/** How a schedule ended. A redundant one was cut off because an equal one has run. */
export type ScheduleEnd =
  { readonly kind: "passed" | "redundant" } | { readonly kind: "failed"; readonly error: unknown }

interface Parked extends Candidate {
  readonly owner: Actor
  readonly parent: number
  readonly accesses: readonly Access[]
  readonly resume: () => void
}

interface Position {
  readonly schedule: Schedule
  readonly actor: Actor
  readonly work: Call | null
}

type Entry = { -readonly [Key in keyof TraceEntry]: TraceEntry[Key] } & { accesses: Access[] }

/** Who runs, followed through promises: so a service under test need not know that it is explored. */
const current = new AsyncLocalStorage<Position>()

export class Schedule {
  readonly choices: number[] = []
  readonly trace: Entry[] = []
  /** How often an actor was put aside that could have gone on. */
  preemptions = 0
  readonly #chooser: Chooser
  readonly #options: ScheduleOptions
  // In the order they parked, which the choices so far determine: the meaning of a choice depends on nothing else.
  readonly #parked: Parked[] = []
  readonly #actors = new Actors()
  // Made when it is asked for: most scenarios never do, and they are run by the ten thousands.
  #inner: SimulatedEnv | null = null
  #env: SimulatedEnv | null = null
  #storeEnv: SimulatedEnv | null = null
  #end: ScheduleEnd | null = null
  #faults = 0
  #timerArmedBy: Actor | null = null
  #isBarrier = false
  #isOver = false
  #eventId = ""
  #lastActor: Actor | null = null
  /** The number of the event that happens, and of the one during which it became possible. */
  #parent = -1
  #eventParent = -1
  readonly #calls = new CallsUnderWay()
  /** What the running event touches that no timeline shows: time, what the scenario itself does, what a store hands on. */
  #besides: Access[] = []

  constructor(chooser: Chooser, options: ScheduleOptions) {
    this.#chooser = chooser
    this.#options = options
  }

  /** The time, timers, randomness and ids of this schedule. Its timers go off in the name of whoever armed them. */
  get env(): SimulatedEnv {
    this.#env ??= this.#createEnv({ isStore: false })
    return this.#env
  }

  /** The same for what outlives actors: the timers of a store go off whoever made it arm them, dead or not. */
  get storeEnv(): SimulatedEnv {
    this.#storeEnv ??= this.#createEnv({ isStore: true })
    return this.#storeEnv
  }

  /** Whether code between steps shares only what is declared and tracked. */
  get isDeclared(): boolean {
    return this.#options.isDeclared
  }

  /** Runs to its end. */
  async run(scenario: () => Promise<void>): Promise<ScheduleEnd> {
    try {
      return await this.#runEvents(scenario)
    } finally {
      this.#isOver = true
    }
  }

  async #runEvents(scenario: () => Promise<void>): Promise<ScheduleEnd> {
    current.exit(() => {
      scenario().then(
        () => (this.#end ??= { kind: "passed" }),
        (error: unknown) => (this.#end ??= { kind: "failed", error }),
      )
    })
    for (;;) {
      await nextTurn()
      if (this.#calls.count > 0) await this.#calls.ended()
      try {
        this.#observe()
        if (this.#end !== null) {
          if (this.#end.kind === "passed") this.#chooser.checkEnded()
          return this.#end
        }
        if (!this.#takeNext()) return { kind: "redundant" }
      } catch (error) {
        return { kind: "failed", error }
      }
    }
  }

  /** Runs `body` as an actor. It resolves with undefined when the actor is killed. */
  async runActor<T>(name: string, faults: readonly Fault[], body: () => Promise<T>): Promise<T | undefined> {
    const actor = this.#actors.start(name, faults)
    actor.running += 1
    const run = current.run({ schedule: this, actor, work: null }, body)
    try {
      return await (faults.includes("kill") ? Promise.race([run, killingOf(actor)]) : run)
    } finally {
      actor.running -= 1
    }
  }

  /** Parks the running actor, or the named one, until its step is picked; whoever is no actor goes on at once. */
  async step(label: string, accesses: readonly Access[] | null, actorName?: string): Promise<void> {
    const position = this.#position()
    const actor = actorName === undefined ? position?.actor : this.#actors.of(actorName, [])
    if (actor === undefined) return
    await this.#park(actor, { kind: "step", label, accesses, work: position?.work ?? null })
  }

  /** Parks until the call is picked, lets it take effect, and parks until its answer is: at once where it needs no promise. */
  async perform<T>(label: string, accesses: readonly Access[] | null, call: () => T | Promise<T>): Promise<T> {
    const position = this.#position()
    if (position === undefined) {
      this.touch(accesses ?? [ANY_ACCESS])
      return await this.#performAtOnce(call)
    }
    const { actor } = position
    await this.#park(actor, { kind: "step", label, accesses: accesses ?? [ANY_ACCESS], work: position.work })
    const entry = this.#options.isRecording ? this.trace.at(-1) : undefined
    const work: Call = { isBusy: false }
    let isLate = false
    this.#calls.begin(work)
    try {
      const answer = current.run({ ...position, work }, call)
      if (!isThenable(answer)) {
        if (entry !== undefined) entry.result ??= showValue(answer)
        return answer
      }
      isLate = true
      const value = await answer
      if (entry !== undefined) entry.result = showValue(value)
      return value
    } catch (error) {
      if (entry !== undefined) entry.result = showThrown(error)
      throw error
    } finally {
      this.#calls.pause(work)
      if (isLate) await this.#park(actor, { kind: "answer", label, accesses: [], work: position.work })
    }
  }

  /** What a scenario does itself is no step, but is waited for like one. */
  async #performAtOnce<T>(call: () => T | Promise<T>): Promise<T> {
    const work: Call = { isBusy: false }
    this.#calls.begin(work)
    try {
      return await call()
    } finally {
      this.#calls.pause(work)
    }
  }

  /** One of several values, each of which some schedule gets. */
  pick<T>(label: string, values: readonly T[]): T {
    const actor = this.#position()?.actor.name ?? ""
    // What an abandoned schedule left behind is not to choose for another.
    if (this.#isOver) return values[0] as T // Nobody sees what comes of it.
    if (values.length === 0) throw new ScenarioError(`pick "${label}" takes at least one value, found none`)
    const candidates = values.map((value, index) => ({
      id: `${label}#${String(index)}`,
      actor,
      label: `${label} = ${showValue(value)}`,
      kind: "value" as const,
      isOptional: false,
    }))
    const index = this.#choose(candidates, false) ?? 0
    return values[index] as T // The index is one of those offered.
  }

  /** Notes what the running event touches; what the scenario itself touches meanwhile is shown nowhere. */
  record(resource: string, mode: Access["mode"], value: unknown): void {
    if (this.#position() === undefined) {
      this.touch([{ resource, mode, value: null }])
      return
    }
    this.trace.at(-1)?.accesses.push({ resource, mode, value: this.#options.isRecording ? showValue(value) : null })
  }

  /** As {@link record}, of what no timeline need show. */
  touch(accesses: readonly Access[]): void {
    for (const access of accesses) this.#besides.push(access)
  }

  /** Notes what the running call came to; where it changed nothing, it only read what it touched. */
  noteOutcome(show: () => string, isTurnedDown: boolean): void {
    const entry = this.trace.at(-1)
    if (entry === undefined || this.#position() === undefined) return
    if (isTurnedDown) entry.accesses = entry.accesses.map((access) => ({ ...access, mode: "read" }))
    if (this.#options.isRecording) entry.result = show()
  }

  /** Whom the running code belongs to, if it is an actor's. */
  runningActor(): string | null {
    return this.#position()?.actor.name ?? null
  }

  /** What runs code later as whoever runs now, unless that actor is dead by then. */
  asRunning(): (code: () => void) => void {
    const position = this.#position()
    if (position === undefined)
      return (code) => {
        current.exit(code)
      }
    return (code) => {
      if (!position.actor.isDead) current.run({ ...position, work: null }, code)
    }
  }

  /** Calls `end` when the running actor is killed: what dies with its process. */
  onKilled(end: () => void): void {
    this.#position()?.actor.onKilled.add(end)
  }

  #position(): Position | undefined {
    const position = current.getStore()
    // What an abandoned schedule left behind belongs to it alone.
    return position?.schedule === this ? position : undefined
  }

  async #park(
    actor: Actor,
    event: {
      readonly kind: "step" | "answer"
      readonly label: string
      readonly accesses: readonly Access[] | null
      readonly work: Call | null
    },
  ): Promise<void> {
    const { kind, label, work } = event
    // A call that waits for a step of its own is not what others have to wait for.
    const wasBusy = work !== null && this.#calls.pause(work)
    await new Promise<void>((resume) => {
      if (actor.isDead) return
      const accesses = event.accesses ?? []
      const id = `${actor.name}#${String(actor.parks)}`
      actor.parks += 1
      const parent = this.#parent
      this.#parked.push({
        id,
        actor: actor.name,
        label,
        kind,
        isOptional: false,
        owner: actor,
        parent,
        accesses,
        resume,
      })
    })
    if (wasBusy) this.#calls.begin(work)
  }

  #observe(): void {
    const entry = this.trace.at(-1)
    if (this.#eventId === "" || entry === undefined) return
    const isUndeclared = !this.#options.isDeclared || entry.kind === "timer" || entry.kind === "fault"
    // What goes on behind a scenario that is over was not waited for, and its end may rest on it.
    const isCutOff = this.#end !== null && this.#parked.length > 0
    const accesses = isUndeclared || isCutOff ? [ANY_ACCESS] : [...entry.accesses, ...this.#besides]
    this.#chooser.observe({
      id: this.#eventId,
      actor: entry.kind === "timer" ? this.#eventId : entry.actor,
      parent: this.#eventParent,
      accesses,
      isBarrier: this.#isBarrier,
    })
    this.#eventId = ""
    if (!isCutOff) return
    // As if each of them came last: whether one comes before the end is to be tried.
    for (const { id, actor, parent } of this.#parked) {
      this.#chooser.observe({ id, actor, parent, accesses: [ANY_ACCESS], isBarrier: false })
    }
  }

  /** Lets the next event happen; false when that would only repeat what was seen. */
  #takeNext(): boolean {
    const { maxSteps } = this.#options
    if (this.trace.length === maxSteps) {
      throw new EndlessError(
        `expected the scenario to finish within ${maxSteps} steps; ${this.#actors.describeOutstanding()}; does somebody ask again and again, where it could wait? Otherwise raise maxSteps`,
      )
    }
    const last = this.#lastActor
    const going = last === null || last.isFrozen ? -1 : this.#parked.findIndex(({ owner }) => owner === last)
    // Whoever ran goes on first, so that the first choice everywhere is the schedule without preemption.
    if (going > 0) this.#parked.unshift(...this.#parked.splice(going, 1))
    const candidates: Candidate[] = this.#parked.slice()
    const hasTimer = (this.#inner?.pendingTimerCount ?? 0) > 0 && (this.#options.timersAreSteps || this.#isIdle())
    if (hasTimer) candidates.push({ ...THE_NEXT_TIMER, isOptional: this.#parked.length > 0 })
    if (candidates.length === 0) {
      throw new HangError(
        `the scenario hangs: it has not finished, but no step is parked and no timer is pending (real timers, input and output outside of steps are not seen: take timers from env or explore with globals: "simulated", and put the rest into steps or wrap it); ${this.#actors.describeOutstanding()}`,
      )
    }
    const faults = this.#faults < this.#options.maxFaults ? this.#actors.possibleFaults() : NO_FAULTS
    for (const fault of faults) candidates.push(fault)
    const index = this.#choose(candidates, going >= 0)
    if (index === null) return false
    if (going >= 0 && index > 0 && candidates[index]?.kind !== "fault") this.preemptions += 1
    this.#parent = this.trace.length
    this.#besides = []
    this.#eventId = candidates[index]?.id ?? ""
    this.#isBarrier = false
    const [parked] = this.#parked.splice(index, 1)
    if (parked !== undefined) this.#resume(parked)
    else if (hasTimer && index === candidates.length - faults.length - 1) this.#fireTimer(this.#parked.length === 0)
    else this.#befall(faults[index - (candidates.length - faults.length)])
    return true
  }

  #choose(candidates: readonly Candidate[], goesOn: boolean): number | null {
    const index = this.#chooser.choose(candidates, goesOn)
    if (index !== null && candidates.length > 1) this.choices.push(index)
    return index
  }

  #resume({ owner, kind, label, accesses, parent, resume }: Parked): void {
    this.#note(kind === "answer" ? "answer" : "step", owner.name, label, accesses)
    this.#eventParent = parent
    owner.lastLabel = label
    // Whoever is no longer frozen holds up time again.
    if (owner.isFrozen) this.touch([THE_TIME])
    owner.isFrozen = false
    this.#lastActor = owner
    resume()
  }

  #fireTimer(isBarrier: boolean): void {
    this.#isBarrier = isBarrier
    this.#eventParent = -1
    const entry = this.#note("timer", "", "the next timer", [])
    this.#timerArmedBy = null
    try {
      this.#inner?.fireNextTimer()
    } finally {
      // Also when the callback throws: it is then the entry that explains the failure.
      entry.atMs = this.#now()
      entry.actor = (this.#timerArmedBy as Actor | null)?.name ?? ""
    }
  }

  #note(kind: TraceEntry["kind"], actor: string, label: string, accesses: readonly Access[]): Entry {
    const entry = { kind, actor, label, atMs: this.#now(), accesses: accesses.slice(), result: null }
    this.trace.push(entry)
    return entry
  }

  #createEnv({ isStore }: { readonly isStore: boolean }): SimulatedEnv {
    this.#inner ??= createSimulatedEnv({ seed: this.#options.seed })
    return createActorsEnv(this.#inner, {
      runningActor: () => this.#position()?.actor.name ?? null,
      touch: (access) => {
        this.touch([access])
      },
      asArmer: () => this.#asArmer(isStore),
      seed: this.#options.seed,
    })
  }

  /** Timers belong to whoever armed them, and go off in their name. */
  #asArmer(outlivesActors: boolean): (callback: () => void) => void {
    const position = this.#position()
    return (callback) => {
      this.#timerArmedBy = position?.actor ?? null
      if (position === undefined) callback()
      else if (!position.actor.isDead) current.run(position, callback)
      else if (outlivesActors) current.exit(callback)
    }
  }

  #now(): number {
    return this.#inner?.clock.monotonic() ?? 0
  }

  /** Whether nobody's step holds up time. */
  #isIdle(): boolean {
    return this.#parked.every(({ owner }) => owner.isFrozen)
  }

  #befall(befalling: PossibleFault | undefined): void {
    if (befalling === undefined) return
    const { victim, fault, label } = befalling
    this.#faults += 1
    this.#eventParent = -1
    this.#note("fault", victim.name, label, [])
    if (fault === "freeze") {
      victim.isFrozen = true
      return
    }
    victim.isDead = true
    for (let index = this.#parked.length - 1; index >= 0; index--) {
      if (this.#parked[index]?.owner === victim) this.#parked.splice(index, 1)
    }
    for (const end of victim.onKilled) end()
  }
}

const NO_FAULTS: readonly PossibleFault[] = []

const THE_NEXT_TIMER = {
  id: "the next timer",
  actor: "the next timer",
  label: "the next timer",
  kind: "timer",
} as const

/** Promises of other realms and of libraries of their own, such as query builders, answer late, too. */
function isThenable<T>(answer: T | PromiseLike<T>): answer is PromiseLike<T> {
  if ((typeof answer !== "object" && typeof answer !== "function") || answer === null) return false
  return "then" in answer && typeof answer.then === "function"
}

function showThrown(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : `thrown: ${showValue(error)}`
}
