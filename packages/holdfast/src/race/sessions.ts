/** Holdfast sessions whose every command is a step, on one memory store of the schedule's own. */
import { Holdfast } from "../runtime/index.ts"
import type { Command, SessionId, StoreEvent, Transition } from "../kernel/index.ts"
import type { Store, StoreOutcome } from "../store/index.ts"
import { MemoryStore } from "../stores/memory/index.ts"
import { ScenarioError } from "./choices/chooser.ts"
import { CommandAccesses } from "./command-access.ts"
import { describeOutcome, isTurnedDown } from "./outcome-label.ts"
import type { Schedule } from "./schedule.ts"

/** What opens a session of the schedule's store. */
export function createSessions(schedule: Schedule): (label?: string) => Promise<Holdfast> {
  let shared: { readonly store: MemoryStore; readonly accesses: CommandAccesses } | null = null
  let opened = 0
  return async (label) => {
    shared ??= { store: new MemoryStore({ env: schedule.storeEnv, check: false }), accesses: new CommandAccesses() }
    opened += 1
    const { store, accesses } = shared
    const name = label ?? schedule.runningActor() ?? `session ${String(opened)}`
    const stepped = new SteppedStore(schedule, store, accesses)
    return await Holdfast.connect({ store: stepped, env: schedule.env, label: name })
  }
}

/** A connection each command of which waits until the explorer picks it. It takes effect and is answered at once then. */
class SteppedStore implements Store {
  readonly id: string
  readonly #schedule: Schedule
  readonly #inner: Store
  readonly #accesses: CommandAccesses
  #owner: string | null = null

  constructor(schedule: Schedule, store: MemoryStore, accesses: CommandAccesses) {
    this.id = store.id
    this.#schedule = schedule
    this.#inner = store.connect()
    this.#accesses = accesses
  }

  execute(command: Command): StoreOutcome | Promise<StoreOutcome> {
    if (command.kind === "openSession") this.#dieWith(command.session)
    const actor = this.#schedule.runningActor()
    const { label, touched } = this.#accesses.of(command)
    // Outside of actors nothing is a step, and nothing waits.
    if (actor === null) {
      this.#schedule.touch(touched)
      return this.#apply(command)
    }
    this.#checkOwner(actor)
    return this.#schedule.perform(label, touched, () => {
      const outcome = this.#apply(command)
      this.#schedule.noteOutcome(() => describeOutcome(outcome), isTurnedDown(outcome))
      return outcome
    })
  }

  onEvent(handler: (event: StoreEvent) => void): void {
    // What an event sets going here, such as a body handed over, is the doing of whoever opened the session.
    const asOpener = this.#schedule.asRunning()
    this.#inner.onEvent((event) => {
      this.#schedule.touch(this.#accesses.learn(event))
      asOpener(() => {
        handler(event)
      })
    })
  }

  onTransition(handler: ((transition: Transition) => void) | null): void {
    this.#inner.onTransition(handler)
  }

  async close(): Promise<void> {
    await this.#inner.close()
  }

  /** What one session remembers and combines is shared by whoever uses it, and no command tells of it. */
  #checkOwner(actor: string): void {
    this.#owner ??= actor
    if (this.#owner === actor || !this.#schedule.isDeclared) return
    throw new ScenarioError(
      `with shares: "declared" a session belongs to one actor, but "${actor}" uses that of "${this.#owner}"; open one in each, or explore with shares: "anything"`,
    )
  }

  #apply(command: Command): StoreOutcome {
    const outcome = this.#inner.execute(command)
    if (outcome instanceof Promise) throw new Error("expected the memory store to answer at once, found a promise")
    this.#accesses.learnOutcome(command, outcome)
    return outcome
  }

  /** Ends the session as the death of its process would, when the actor that opened it is killed. */
  #dieWith(session: SessionId): void {
    this.#schedule.onKilled(() => {
      this.#apply({ kind: "endSession", session, reason: "died", unstarted: [] })
    })
  }
}
