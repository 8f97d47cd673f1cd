/**
 * The model check: random sequences of commands, executed on a store and on a plain kernel side by side. Outcomes and
 * events must be equal step by step; the kernel is the one definition of what they should be.
 *
 * A failure prints its seed and path. The whole run is repeated, or one failure replayed and shrunk again, by
 *
 *     HOLDFAST_MODEL=SEED/RUNS npx vitest run packages/holdfast/test/model
 *     HOLDFAST_MODEL=SEED/RUNS/PATH npx vitest run packages/holdfast/test/model -t STORE
 *
 * and a nightly run takes a seed of its own: HOLDFAST_MODEL=$RANDOM/5000.
 */
import { deepStrictEqual } from "node:assert"
import { isDeepStrictEqual } from "node:util"
import fc from "fast-check"
import { describe, it } from "vitest"
import { Kernel } from "../../src/kernel/index.ts"
import type { Command, Outcome, SessionId, StoreEvent } from "../../src/kernel/index.ts"
import type { Store, StoreOutcome } from "../../src/store/index.ts"
import { EVENTS, OUTCOMES, REFUSALS } from "../conformance/port-words.ts"
import type { StoreHarness, StoreWorld } from "../conformance/store-harness.ts"
import { canonicalize, TokenLabels, translate } from "./canonical.ts"
import { Knowledge } from "./knowledge.ts"
import { type Act, LINK_COUNT, resolveStep, sequenceArbitrary, type Step } from "./step.ts"

const DEFAULT_SEED = 20_261_121
const STEP_BOUND = 300
/** An event the model gave and the store has not, after this long in real time; shrinking is less patient. */
const EVENT_BOUND_MS = 2_000
const SHRINKING_EVENT_BOUND_MS = 100

export interface ModelCheckOptions {
  readonly seed: number
  /** How many sequences of up to 300 steps. */
  readonly runs: number
  /** Replays one failure. */
  readonly path?: string | undefined
  /** False leaves a failure as long as it was found. */
  readonly shrink?: boolean
}

export interface StoreModelOptions {
  readonly runs: number
  /** For a store so slow that a few sequences must do, not all that a port can say will have come up. Default false. */
  readonly isSlow?: boolean
}

/** Defines the model check of a store. */
export function testStoreModel(harness: StoreHarness, { runs: defaultRuns, isSlow = false }: StoreModelOptions): void {
  const [seed, runs, path] = process.env["HOLDFAST_MODEL"]?.split("/") ?? []
  describe(`the model check of ${harness.name}`, () => {
    it("gives the outcomes and events of the kernel, step by step (L1-L8, C1-C4, O1-O6, O8-O10)", async () => {
      const seen = await checkStoreModel(harness, {
        seed: Number(seed ?? DEFAULT_SEED),
        runs: Number(runs ?? defaultRuns),
        path,
        shrink: !isSlow,
      })
      if (seed === undefined && !isSlow) seen.expectEverything(harness)
    }, 600_000)
  })
}

/** Runs the check; rejects with the difference, the shortest sequence that shows it, and how to replay it. */
export async function checkStoreModel(harness: StoreHarness, options: ModelCheckOptions): Promise<Seen> {
  const { seed, runs, path, shrink = true } = options
  const seen = new Seen()
  const sequences = sequenceArbitrary(harness.capabilities, STEP_BOUND)
  const details = await fc.check(
    fc.asyncProperty(sequences, async (sequence) => {
      await runSequence(harness, sequence, seen)
    }),
    { seed, numRuns: runs, endOnFailure: !shrink, ...(path === undefined ? {} : { path }) },
  )
  if (details.failed) {
    const failure = details.errorInstance
    const [message, cause] = failure instanceof Error ? [failure.message, failure.cause] : [String(failure), failure]
    const again = `HOLDFAST_MODEL=${String(seed)}/${String(runs)}/${details.counterexamplePath ?? ""}`
    throw new Error(`${harness.name}: ${message}\nreplay: ${again}`, { cause })
  }
  console.info(`model check of ${harness.name}: seed ${String(seed)}, ${seen.describe()}`)
  return seen
}

async function runSequence(harness: StoreHarness, sequence: readonly Step[], seen: Seen): Promise<void> {
  const world = await harness.open()
  const check = new SideBySide(harness, world, seen)
  try {
    for (const step of sequence) await check.take(step)
  } finally {
    await check.close()
    await world.close()
  }
}

/** A store and the model, fed the same commands. */
class SideBySide {
  readonly #harness: StoreHarness
  readonly #world: StoreWorld
  readonly #seen: Seen
  readonly #model = new Kernel({ backed: false })
  readonly #known = new Knowledge()
  readonly #links: (Store | null)[] = Array.from({ length: LINK_COUNT }, () => null)
  /** What the model and the store said to each session and was not compared yet. */
  readonly #expected = new Map<SessionId, StoreEvent[]>()
  readonly #told = new Map<SessionId, StoreEvent[]>()
  readonly #trace: string[] = []
  readonly #modelLabels: TokenLabels | null
  readonly #storeLabels: TokenLabels | null
  #bell: () => void = () => undefined

  constructor(harness: StoreHarness, world: StoreWorld, seen: Seen) {
    this.#harness = harness
    this.#world = world
    this.#seen = seen
    const isExact = harness.capabilities.has("exact")
    this.#modelLabels = isExact ? null : new TokenLabels()
    this.#storeLabels = isExact ? null : new TokenLabels()
  }

  async take(step: Step): Promise<void> {
    const act = resolveStep(step, this.#known, this.#harness.capabilities)
    if (act === null) return
    this.#seen.steps += 1
    this.#trace.push(describeAct(act))
    try {
      if (act.kind === "command") await this.#command(act.link, act.command)
      else if (act.kind === "close") await this.#close(act.link)
      else await this.#advance(act.ms)
      await this.#compareEvents()
    } catch (error) {
      this.#seen.hasFailed = true
      const reason = error instanceof Error ? error.message : String(error)
      throw new Error(`${reason}\nafter\n  ${this.#trace.join("\n  ")}`, { cause: error })
    }
  }

  async close(): Promise<void> {
    for (const store of this.#links) await store?.close()
  }

  async #command(link: number, command: Command): Promise<void> {
    const expected = this.#apply(command, link)
    const store = await this.#link(link)
    const outcome = await store.execute(this.#toStore(command))
    this.#seen.outcome(outcome)
    this.#compare(expected, outcome)
  }

  #apply(command: Command, link: number): Outcome {
    const outcome = this.#model.apply(command, this.#world.now())
    this.#known.learn(command, outcome, link)
    this.#hear()
    return outcome
  }

  /** Closing a connection ends its sessions, in the order they were opened. */
  async #close(link: number): Promise<void> {
    const store = this.#links[link]
    this.#links[link] = null
    for (const { id } of this.#known.sessions.filter((session) => session.link === link)) {
      this.#apply({ kind: "endSession", session: id, reason: "died", unstarted: [] }, link)
    }
    await store?.close()
  }

  /** Time passes for the model as it does for a store that wakes at each deadline. */
  async #advance(ms: number): Promise<void> {
    const until = this.#world.now() + ms
    for (;;) {
      const due = Math.min(this.#model.nextDeadline() ?? Infinity, this.#model.nextExpiry() ?? Infinity)
      if (due > until) break
      this.#model.apply({ kind: "advanceTime" }, Math.max(due, this.#world.now()))
      this.#hear()
    }
    await this.#world.advance(ms)
  }

  async #link(at: number): Promise<Store> {
    const known = this.#links[at]
    if (known != null) return known
    const store = await this.#world.connect()
    this.#links[at] = store
    store.onEvent((event) => {
      append(this.#told, event)
      this.#bell()
    })
    return store
  }

  #hear(): void {
    for (const event of this.#model.takeEvents()) {
      this.#known.hear(event)
      this.#seen.event(event)
      append(this.#expected, event)
    }
  }

  #toStore(command: Command): Command {
    if (this.#modelLabels === null || this.#storeLabels === null) return command
    return translate(command, this.#modelLabels, this.#storeLabels)
  }

  #compare(expected: unknown, found: unknown): void {
    const [model, store] = [canonicalize(expected, this.#modelLabels), canonicalize(found, this.#storeLabels)]
    // The quick comparison first: it runs thousands of times; the slow one prints the difference.
    if (!isDeepStrictEqual(store, model)) deepStrictEqual(store, model)
  }

  /** Every open session was told the same, in the same order; one that has ended may have been told less. */
  async #compareEvents(): Promise<void> {
    for (const { id } of this.#known.sessions) {
      const expected = this.#countable(this.#expected.get(id) ?? [])
      if (expected.length > 0)
        await this.#until(() => this.#countable(this.#told.get(id) ?? []).length >= expected.length)
      this.#compare(expected, this.#countable(this.#told.get(id) ?? []))
    }
    this.#expected.clear()
    this.#told.clear()
  }

  #countable(events: readonly StoreEvent[]): readonly StoreEvent[] {
    const { capabilities } = this.#harness
    const counted = capabilities.has("every-version")
      ? events
      : events.filter((event) => event.kind !== "cellChanged" && event.kind !== "runChanged")
    return capabilities.has("one-order") ? counted : counted.toSorted(bySubject)
  }

  async #until(isReached: () => boolean): Promise<void> {
    if (isReached()) return
    await new Promise<void>((resolve) => {
      // When the time is up the comparison that follows says what is missing.
      const timer = setTimeout(resolve, this.#seen.hasFailed ? SHRINKING_EVENT_BOUND_MS : EVENT_BOUND_MS)
      this.#bell = () => {
        if (!isReached()) return
        clearTimeout(timer)
        resolve()
      }
    })
    this.#bell = () => undefined
  }
}

/** What a check came across, so that a generator that misses the point is noticed. */
export class Seen {
  steps = 0
  hasFailed = false
  /** Runs that failed because their executors died. */
  crashed = 0
  readonly events = new Set<string>()
  readonly #outcomes = new Map<string, number>()
  readonly #refusals = new Set<string>()

  outcome(outcome: StoreOutcome): void {
    this.#outcomes.set(outcome.kind, (this.#outcomes.get(outcome.kind) ?? 0) + 1)
    if (outcome.kind === "refused") this.#refusals.add(outcome.code)
  }

  event(event: StoreEvent): void {
    this.events.add(event.kind)
    if (event.kind !== "runSettled" || event.settlement.kind !== "failed") return
    if (event.settlement.failure.code === "RUN_CRASHED") this.crashed += 1
  }

  describe(): string {
    const refused = Math.round((100 * (this.#outcomes.get("refused") ?? 0)) / Math.max(1, this.steps))
    return `${String(this.steps)} steps, ${String(refused)} % refused, ${String(this.#outcomes.size)} kinds of outcome, ${String(this.events.size)} of event, ${String(this.#refusals.size)} of refusal, ${String(this.crashed)} waiters of runs that crashed`
  }

  /** A check that never came across an outcome proved nothing about it. */
  expectEverything(harness: StoreHarness): void {
    if (!["locks", "runs", "cells", "inspect", "virtual-time"].every((each) => harness.capabilities.has(each as never)))
      return
    deepStrictEqual(
      Object.keys(OUTCOMES).filter((kind) => !this.#outcomes.has(kind)),
      [],
    )
    deepStrictEqual(this.crashed > 0, true, "no run crashed for good")
    // A wait that loses its hope later takes a worker, a waiter and a death in one order: the conformance suite has it.
    const events = Object.keys(EVENTS).filter((kind) => kind !== "requestRefused")
    deepStrictEqual(
      events.filter((kind) => !this.events.has(kind)),
      [],
    )
    // Sessions that have ended are not asked anything here.
    const codes = Object.keys(REFUSALS).filter((code) => code !== "SESSION_LOST")
    deepStrictEqual(
      codes.filter((code) => !this.#refusals.has(code)),
      [],
    )
  }
}

function append(to: Map<SessionId, StoreEvent[]>, event: StoreEvent): void {
  const events = to.get(event.session)
  if (events === undefined) to.set(event.session, [event])
  else events.push(event)
}

/** Leaves the order of events about one request, or of one kind, as it is. */
function bySubject(one: StoreEvent, other: StoreEvent): number {
  const [left, right] = [subjectOf(one), subjectOf(other)]
  if (left === right) return 0
  return left < right ? -1 : 1
}

function subjectOf(event: StoreEvent): string {
  return "request" in event ? `request ${String(event.request)}` : event.kind
}

function describeAct(act: Act): string {
  return act.kind === "command" ? JSON.stringify(act.command) : JSON.stringify(act)
}
